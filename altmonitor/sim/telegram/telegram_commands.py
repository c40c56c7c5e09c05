"""Menus of commands by scope and language, as a bot sets them.

Source: https://core.telegram.org/bots/api#botcommandscope (read 2026-11-21)
"""

from __future__ import annotations

import json
import re

from altmonitor.sim.telegram.telegram_params import Params
from altmonitor.sim.telegram.values import bad_request

COMMANDS_MAX = 100
SCOPES = (
    "default",
    "all_private_chats",
    "all_group_chats",
    "all_chat_administrators",
    "chat",
    "chat_administrators",
    "chat_member",
)
_NAME = re.compile(r"[a-z0-9_]{1,32}")
_LANGUAGE = re.compile(r"[a-z]{2}")


class CommandMenus:
    """commands: (scope as JSON text, language code or '') → [{command, description}]."""

    def __init__(self) -> None:
        self.commands: dict[tuple[str, str], list[dict[str, str]]] = {}

    def set(self, params: Params) -> None:
        given = params.structure("commands")
        if not isinstance(given, list):
            raise bad_request("can't parse list of commands")
        if len(given) > COMMANDS_MAX:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        self.commands[_key(params)] = [_command(Params(row if isinstance(row, dict) else {})) for row in given]

    def get(self, params: Params) -> list[dict[str, str]]:
        return self.commands.get(_key(params), [])

    def delete(self, params: Params) -> None:
        self.commands.pop(_key(params), None)


def _command(command: Params) -> dict[str, str]:
    name, description = command.text("command"), command.text("description")
    if not _NAME.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}


def _key(params: Params) -> tuple[str, str]:
    scope = params.structure("scope") or {"type": "default"}
    if not isinstance(scope, dict) or scope.get("type") not in SCOPES:
        raise bad_request("can't parse BotCommandScope: invalid value specified")
    language = params.text("language_code")
    if language and not _LANGUAGE.fullmatch(language):
        raise bad_request("invalid language code specified")
    return json.dumps(scope, sort_keys=True), language
