"""Sends standard input to the chat. Runs on the server, inside the release that was just found well.

The token stays in the environment or the file it is in; it is in no argument and in no line that is printed.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from altmonitor import config as configuration
from altmonitor.core.errors import ConfigError

TIMEOUT_S = 20.0


def send(text: str, environ: Mapping[str, str], env_file: Path | None) -> str:
    """Returns why it could not be sent, without any secret; empty when the chat has it. Proxies are honoured."""
    try:
        config, _ = configuration.load(environ, env_file=env_file)
    except ConfigError as problem:
        return "; ".join(problem.problems)
    if config.tg_chat_id is None or not config.tg_bot_token:
        return "TG_BOT_TOKEN or TG_CHAT_ID is not set"
    body: dict[str, object] = {"chat_id": config.tg_chat_id.chat_id, "text": text, "disable_notification": True}
    if config.tg_chat_id.topic_id is not None:
        body["message_thread_id"] = config.tg_chat_id.topic_id
    address = f"{config.telegram_api_url}/bot{config.tg_bot_token.reveal()}/sendMessage"
    request = urllib.request.Request(  # noqa: S310 — the configuration admits http(s) only
        address, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 — as above
            is_sent = json.load(answer).get("ok") is True
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return f"Telegram refused it with status {refusal.code}"
    except urllib.error.URLError as problem:
        return f"Telegram cannot be reached: {problem.reason}"
    except (OSError, ValueError, http.client.HTTPException) as problem:
        return f"Telegram cannot be reached: {type(problem).__name__}"
    return "" if is_sent else "Telegram did not confirm it"


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    env_file = Path(arguments[1]) if list(arguments[:1]) == ["--env-file"] else None
    if env_file is not None:
        for name, value in configuration.variables_for_libraries(env_file).items():
            os.environ.setdefault(name, value)
    trouble = send(sys.stdin.read(), environ, env_file)
    if trouble:
        print(trouble, file=sys.stderr)  # noqa: T201
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
