"""What only the shell of this wizard knows, and what runs elsewhere would not: proxies, addresses, settings."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from altmonitor.config import VARIABLES
from altmonitor.core.errors import ConfigError
from altmonitor.core.proxies import PROXY_VARIABLES
from altmonitor.core.tls import TLS_VARIABLES
from altmonitor.ops.wizard import env_file
from altmonitor.ops.wizard.reasons import reason
from altmonitor.ops.wizard.session import WizardSession

_ANSWERED = frozenset({"TG_BOT_TOKEN", "TG_CHAT_ID"})
"""Written already, as they were asked and tried."""
_OF_THIS_MACHINE = ("_FILE", "_PATH", "API_HOST", "API_PORT")
_CARRIED = tuple(
    variable.name
    for variable in VARIABLES
    if variable.name not in _ANSWERED and not variable.name.endswith(_OF_THIS_MACHINE)
)


def only_in_shell(environ: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Name → value as it counts here. given: what stands in the file."""
    found = {}
    for name in (*PROXY_VARIABLES, *_CARRIED):
        small = name.lower() if name in PROXY_VARIABLES else name
        value = (environ.get(small) or environ.get(name) or "").strip()
        standing = given.get(small) or given.get(name) or ""
        if value and value != standing:
            found[name] = value
    return found


def is_this_machine(value: str) -> bool:
    """An address that means another machine inside a container, or over there."""
    host = urlsplit(value if "://" in value else f"//{value}").hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def carry(session: WizardSession, *, where: str, is_container: bool, is_usual: bool) -> None:
    """Asks whether it is to be written, too. where: key of the text that names what would not see it. is_usual: yes is
    what Enter takes."""
    found = only_in_shell(session.environ, session.given)
    if found:
        session.say("carry_found", sign="!", where=session.text(where), file=session.env_file, names=_shown(found))
        if session.terminal.confirm(session.text("carry_ask", file=session.env_file), default=is_usual):
            _write(session, found)
    standing = {**session.given, **(found if not found.items() - session.given.items() else {})}
    here = [
        name
        for name, value in standing.items()
        if (name.upper() in PROXY_VARIABLES[:3] or name.endswith("_URL")) and is_this_machine(value)
    ]
    if here and is_container:
        session.say("carry_loopback", sign="!", names=", ".join(here))
    files = [name for name in TLS_VARIABLES if session.environ.get(name)]
    if files and is_container:
        session.say("carry_certificates", sign="!", names=", ".join(files))


def _write(session: WizardSession, found: Mapping[str, str]) -> None:
    try:
        env_file.write(session.env_file, found)
        session.read_env_file()
    except ConfigError as problem:
        session.say("not_written", sign="✗", why=reason(session.terminal.texts, problem))
        return
    session.say("written", sign="✓", file=session.env_file)


def _shown(found: Mapping[str, str]) -> str:
    """Addresses without their login; of anything else the name is enough."""
    return ", ".join(
        f"{name}={value.rpartition('@')[2] if '@' in value else value}"
        if name in PROXY_VARIABLES[:3] or name.endswith("_URL")
        else name
        for name, value in found.items()
    )
