"""What to do when there is no bot yet, by the way this altmonitor came here: a clone, a package, a container."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import altmonitor
from altmonitor.ops.origin import WIZARD, Origin, origin


def no_bot_yet(environ: Mapping[str, str], *, source: Path | None = None, here: Path | None = None) -> str:
    """The wizard first, then the same by hand. here: None for the folder one stands in."""
    folder = Path(altmonitor.__file__).parent.parent if source is None else source
    here = Path.cwd() if here is None else here
    asks = "asks for a bot and a chat, tries both, writes .env"
    match origin(environ, folder):
        case Origin.CONTAINER:
            wizard = f"on the machine, beside docker-compose.yml: python3 {WIZARD}   ({asks}, starts the container)"
            file, again = ".env beside docker-compose.yml", "\n  4. docker compose up -d"
        case Origin.CLONE:
            path = WIZARD if folder == here else shlex.quote(str(folder / WIZARD))
            wizard, again = f"python3 {path}   ({asks}, starts)", ""
            file = ".env here" if folder == here else f"{folder / '.env'}, start it in that folder"
            file += " (an example: .env.example)"
        case Origin.PACKAGE:
            wizard, file = f"altmonitor setup   ({asks}, starts)", f"{here / '.env'}, and start it in that folder"
            again = (
                f"\n     (alerts and settings are kept there, too: {here}; DB_FILE and STATE_FILE name other places)"
            )
    return f"""\
altmonitor needs a Telegram bot to send alerts with. The wizard does everything:
  {wizard}
or by hand:
  1. write to @BotFather in Telegram, send /newbot, and copy the token it gives you
  2. write any message to your new bot, and find your chat id (for instance with @userinfobot)
  3. put both into {file}:
       TG_BOT_TOKEN=123456:ABC…
       TG_CHAT_ID=123456789{again}
To see it without Telegram: altmonitor run --dry-run (real market), or altmonitor demo (simulated market)."""


def places(database: Path, state: Path, database_url: str = "") -> str:
    """For the log: where things are, since a relative path depends on the folder one stands in."""
    if database_url:
        parts = urlsplit(database_url)
        return f"alerts and live settings are kept in PostgreSQL at {parts.netloc.rpartition('@')[2]}{parts.path}"
    return f"alerts are kept in {os.path.abspath(database)}, live settings in {os.path.abspath(state)}"
