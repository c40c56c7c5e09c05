"""What a pressed button brings back: signed, so that only what this program put under a message is carried out.

Two forms, 64 bytes at most: `<action>:<alert id>:<signature>` under an alert, `!<age>:<typed command>:<signature>`
under an answer. Source: https://core.telegram.org/bots/api#inlinekeyboardbutton (callback_data, 1-64 bytes)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass

from altmonitor.interfaces.storage import MetaStore

log = logging.getLogger(__name__)

DATA_BYTES_MAX = 64
KEY_NAME = "button_key"
ACTIONS = ("mute", "chart", "why")
COMMAND_LIFE_MS = 3_600_000
"""So long a button under an answer stands for its command; the settings it spoke of may have changed since."""

_SIGNATURE_BYTES = 9
_EPOCH_MINUTE = 28_000_000  # keeps the written minute short: 2023-03


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAction:
    """action: one of `ACTIONS`."""

    action: str
    alert_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCommand:
    """Pressing it is typing this."""

    text: str


class Outdated(Exception):
    """It was ours, but stands for nothing any more."""


class ButtonSigner:
    """One key for the life of the database. Raises ValueError for a key that was not made by `new_key`."""

    def __init__(self, key: str) -> None:
        self._key = bytes.fromhex(key)
        if len(self._key) < 16:
            raise ValueError("the key of the buttons is too short")

    def __repr__(self) -> str:
        return "Seal(***)"

    def action(self, action: str, alert_id: int) -> str:
        return self._signed(f"{action}:{alert_id}")

    def command(self, text: str, *, now_ms: int) -> str | None:
        """None: the command is too long to stand behind a button."""
        minute = now_ms // 60_000 - _EPOCH_MINUTE
        data = self._signed(f"!{minute:x}:{text}")
        return data if len(data.encode()) <= DATA_BYTES_MAX else None

    def read(self, data: str, *, now_ms: int) -> AlertAction | TypedCommand | None:
        """None: not signed by us. Raises Outdated."""
        body, _, signature = data.rpartition(":")
        given = signature.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._signature(body).encode()):
            return None
        head, _, rest = body.partition(":")
        if head.startswith("!"):
            age_ms = now_ms - (int(head[1:], 16) + _EPOCH_MINUTE) * 60_000
            if age_ms > COMMAND_LIFE_MS:
                raise Outdated
            return TypedCommand(text=rest)
        return AlertAction(action=head, alert_id=int(rest))

    def _signed(self, body: str) -> str:
        return f"{body}:{self._signature(body)}"

    def _signature(self, body: str) -> str:
        code = hmac.new(self._key, body.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(code[:_SIGNATURE_BYTES]).decode()


def new_key() -> str:
    return secrets.token_hex(32)


async def kept_signer(memory: MetaStore) -> ButtonSigner | None:
    """For a process that makes no key; None: nobody has made one yet. Raises StorageError."""
    known = await memory.meta_get(KEY_NAME)
    try:
        return None if known is None else ButtonSigner(known)
    except ValueError:
        return None


async def stored_signer(memory: MetaStore) -> ButtonSigner:
    """Made once and kept. Raises StorageError. A key that was damaged is replaced: older buttons are then unknown."""
    known = await memory.meta_get(KEY_NAME)
    if known is not None:
        try:
            return ButtonSigner(known)
        except ValueError:
            log.warning("the key of the buttons was damaged; those under older messages are not known any more")
    key = new_key()
    await memory.meta_set(KEY_NAME, key)
    return ButtonSigner(key)
