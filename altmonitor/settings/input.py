"""What people type where a number belongs → a number, or the reason why not.

Read: `5`, `5%`, `+5`, `2,5`, `.5` and every dash a phone may put for a minus. Refused, never guessed: exponents, digits
of other scripts, thousands separators, `nan`, `inf`.
"""

from __future__ import annotations

import re
from enum import Enum

from altmonitor.settings.settings import Setting, Unit

CHARS_MAX = 24
"""Longer than any number in range that a person would type; 400 digits end here, before any conversion."""

DURATION_MAX_S = 365 * 86_400

_MINUS = dict.fromkeys(map(ord, "−‐‑‒–—﹣－"), "-")
_PLUS = {ord("＋"): "+"}
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d{1,10})?|[.,]\d{1,10})", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII | re.IGNORECASE)
_MONEY = re.compile(r"(\$?)(.+?)(k|m|b|bn|mn)?(\$|usdt|usd)?", re.IGNORECASE | re.DOTALL)
_SCALE = {"k": 1e3, "m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9}
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class NotRead(Enum):
    """Why a word is not the number asked for. The value is the key of the text that says so."""

    NOT_A_NUMBER = "not_a_number"
    TOO_LONG = "too_long"
    THOUSANDS = "thousands"
    WRONG_UNIT = "wrong_unit"
    NOT_WHOLE = "not_whole"
    OUT_OF_RANGE = "out_of_range"


def read_number(word: str, unit: Unit | None = None) -> float | NotRead:
    """unit: whose suffix may stand behind the number; None: a bare number only."""
    text = word.translate(_MINUS | _PLUS)
    for known in Unit:
        suffix = next((s for s in known.suffixes if text.lower().endswith(s)), None)
        if suffix is not None and len(text) > len(suffix):
            if _NUMBER.fullmatch(text[: -len(suffix)]) and known is not unit:
                return NotRead.WRONG_UNIT
            text = text[: -len(suffix)]
            break
    if len(text) > CHARS_MAX:
        return NotRead.TOO_LONG
    if _THOUSANDS.fullmatch(text):
        return NotRead.THOUSANDS  # 1,000 is a thousand to one reader and one to the next
    if not _NUMBER.fullmatch(text):
        return NotRead.NOT_A_NUMBER
    return float(text.replace(",", ".")) + 0.0  # + 0.0: minus zero becomes zero


def read_money(word: str) -> float | NotRead:
    """`2000000`, `2M`, `$500k`, `1.5b`, `2M USDT` without the space."""
    match = _MONEY.fullmatch(word[: 2 * CHARS_MAX])
    if match is None or (match[1] and match[4]):
        return NotRead.NOT_A_NUMBER
    typed = read_number(match[2])
    return typed if isinstance(typed, NotRead) else typed * _SCALE.get((match[3] or "").lower(), 1.0)


def read_setting(word: str, setting: Setting) -> float | int | NotRead:
    """The value to be kept for this setting; `off` where it can be off."""
    if setting.has_off and word.lower() == "off":
        return 0.0
    typed = read_money(word) if setting.unit is Unit.USD else read_number(word, setting.unit)
    if isinstance(typed, NotRead):
        return typed
    if setting.is_whole and typed != int(typed):
        return NotRead.NOT_WHOLE
    value = setting.stored(typed)
    return NotRead.OUT_OF_RANGE if value is None else value


def read_whole(word: str, *, low: int, high: int) -> int | NotRead:
    typed = read_number(word)
    if isinstance(typed, NotRead):
        return typed
    if typed != int(typed):
        return NotRead.NOT_WHOLE
    return int(typed) if low <= typed <= high else NotRead.OUT_OF_RANGE


def is_duration(word: str) -> bool:
    """`30s`, `15m`, `2h`, `7d`: shape only, see `read_duration`."""
    return _DURATION.fullmatch(word) is not None


def read_duration(word: str) -> int | NotRead:
    """Seconds, 1 … one year."""
    match = _DURATION.fullmatch(word)
    if match is None:
        return NotRead.NOT_A_NUMBER
    seconds = int(match[1]) * _UNIT_S[match[2].lower()]
    return seconds if 1 <= seconds <= DURATION_MAX_S else NotRead.OUT_OF_RANGE
