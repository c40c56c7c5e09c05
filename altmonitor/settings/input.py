"""What people type where a number belongs → a number, or the reason why not.

Read: `5`, `5%`, `+5`, `2,5`, `.5` and every dash a phone may put for a minus. Refused, never guessed: exponents, digits
of other scripts, thousands separators, `nan`, `inf`.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum

from altmonitor.market.contracts import base_of
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


# ---
# What people type for a contract → the exchange's own spelling, or the nearest ones.
#
# Symbols are opaque: a word that is listed as it stands wins over every rule below.


WORD_CHARS_MAX = 40
SUGGESTIONS_MAX = 3

_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}  # str.upper() would turn ß into SS and ı into I
_SEPARATORS = re.compile(r"[\s,，、;；]+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MULTIPLIER = re.compile(r"^(?:10+|1M)(?=\D)", re.ASCII)
_MULTIPLIERS = ("1000", "10000", "1000000", "1M")
_OTHER_QUOTES = ("USDC", "FDUSD", "BUSD", "TUSD", "USD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """A word that names no contract. given: as typed. suggestions: nearest first, length ≤ 3, may be empty."""

    given: str
    suggestions: tuple[str, ...]


def split_words(words: Iterable[str]) -> tuple[str, ...]:
    """`SOL,doge，pepe` is three words; commas of any keyboard separate."""
    return tuple(part for word in words for part in _SEPARATORS.split(word) if part)


def spelled(word: str) -> str:
    """`sol`, `SOL/USDT`, `sol-usdt`, `sol:usdt`, `SOL/USDT:USDT`, `$sol`, `SOLUSDT.P` → `SOLUSDT`.

    '' when nothing is left. Only the spelling; whether such a contract exists is another question.
    """
    name = _plain(word).removeprefix("BINANCE:").removesuffix(".P").removesuffix("-SWAP").removesuffix(":USDT")
    name = re.sub(r"[/_:\-]", "", name)
    if not name or name == "USDT":
        return ""
    if name.endswith("USDT") or any(name.endswith(quote) and len(name) > len(quote) for quote in _OTHER_QUOTES[:-1]):
        return name
    return name + "USDT"


def find(word: str, listed: Collection[str]) -> str | None:
    """The listed symbol this word means; None when there is none."""
    return next((name for name in (word, _plain(word), spelled(word)) if name in listed), None)


def nearest(word: str, listed: Collection[str]) -> tuple[str, ...]:
    """Listed symbols this word may mean: multiplied coins first, then other quotes, beginnings, spelling."""
    name = spelled(word[:WORD_CHARS_MAX])
    base = base_of(name)
    for quote in _OTHER_QUOTES:
        if base.endswith(quote) and len(base) > len(quote):
            base = base.removesuffix(quote)
            break
    if not base:
        return ()
    bare = _MULTIPLIER.sub("", base)
    found = [f"{base}USDT", *(f"{multiplier}{bare}USDT" for multiplier in _MULTIPLIERS), f"{bare}USDT"]
    found = [symbol for symbol in found if symbol in listed]
    bases = {base_of(symbol): symbol for symbol in sorted(listed)}
    starts = sorted(
        (other for other in bases if _MULTIPLIER.sub("", other).startswith(bare)), key=lambda o: (len(o), o)
    )
    heads = sorted((other for other in bases if len(other) > 2 and bare.startswith(other)), key=len, reverse=True)
    alike = difflib.get_close_matches(base, bases, n=SUGGESTIONS_MAX, cutoff=0.7)
    found += [bases[other] for other in (*starts[:SUGGESTIONS_MAX], *heads[:1], *alike)]
    return tuple(dict.fromkeys(found))[:SUGGESTIONS_MAX]


def _plain(word: str) -> str:
    """Full-width letters become plain ones, a–z capital; cashtag signs and invisible characters go."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", word[: 2 * WORD_CHARS_MAX]))
    return text.strip().lstrip("$#").translate(_UPPER)
