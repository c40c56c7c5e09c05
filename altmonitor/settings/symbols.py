"""What people type for a contract → the exchange's own spelling, or the nearest ones.

Symbols are opaque: a word that is listed as it stands wins over every rule below.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from altmonitor.market.contracts import base_of

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
