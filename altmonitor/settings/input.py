"""What people type where a number belongs → a number, or the reason why not.

Read: `5`, `5%`, `+5`, `2,5`, `.5` and every dash a phone may put for a minus. Refused, never guessed: exponents, digits
of other scripts (but for full-width ones, see `plain_text`), thousands separators, `nan`, `inf`.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from altmonitor.market.contracts import base_of
from altmonitor.settings.settings import Setting, Unit

CHARS_MAX = 24
"""Longer than any number in range that a person would type; 400 digits end here, before any conversion."""

DURATION_MAX_S = 365 * 86_400

_MINUS = dict.fromkeys(map(ord, "−‐‑‒–—﹣－"), "-")
_PLUS = {ord("＋"): "+"}
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d{1,10})?|[.,]\d{1,10})", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_DURATION_PART = re.compile(r"(\d{1,9}(?:[.,]\d{1,3})?)个?([a-zа-яё秒分钟小时天日周星期]{1,8})", re.IGNORECASE)
_MONEY = re.compile(r"(\$?)(.+?)(k|m|b|bn|mn)?(\$|usdt|usd)?", re.IGNORECASE | re.DOTALL)
_SCALE = {"k": 1e3, "m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9}
_UNITS_OF_S = {
    1: "s sec secs second seconds с сек секунд секунда секунды секунду 秒",
    60: "m min mins minute minutes м мин минут минута минуты минуту 分 分钟",
    3600: "h hr hrs hour hours ч час часа часов 时 小时",
    86_400: "d day days д день дня дней сут суток 天 日",
    604_800: "w wk week weeks н нед недель неделя недели неделю 周 星期",
}
_UNIT_S = {name: seconds for seconds, names in _UNITS_OF_S.items() for name in names.split()}
ON_WORDS = frozenset({"on", "вкл", "вкл.", "开", "开启", "打开"})
OFF_WORDS = frozenset({"off", "выкл", "выкл.", "откл", "关", "关闭"})

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}


class NotRead(Enum):
    """Why a word is not the number asked for. The value is the key of the text that says so."""

    NOT_A_NUMBER = "not_a_number"
    TOO_LONG = "too_long"
    THOUSANDS = "thousands"
    WRONG_UNIT = "wrong_unit"
    NOT_WHOLE = "not_whole"
    OUT_OF_RANGE = "out_of_range"
    NO_OFF = "no_off"


def plain_text(text: str) -> str:
    """Full-width signs, digits and letters (`／ｍｕｔｅ　２ｈ`) as plain ones; what cannot be seen in a word goes."""
    return _INVISIBLE_BESIDE.sub("", text.translate(_FULL_WIDTH))


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
    """The value to be kept for this setting; `off` where it can be off, a time where it is one."""
    if word.lower() in OFF_WORDS:
        return 0 if setting.is_whole and not setting.low else 0.0 if setting.has_off else NotRead.NO_OFF
    typed = _typed(word, setting.unit)
    if isinstance(typed, NotRead):
        return typed
    if setting.is_whole and typed != int(typed):
        return NotRead.NOT_WHOLE
    value = setting.stored(typed)
    return NotRead.OUT_OF_RANGE if value is None else value


def _typed(word: str, unit: Unit) -> float | NotRead:
    match unit:
        case Unit.USD:
            return read_money(word)
        case Unit.SECONDS if is_duration(word):
            return read_duration(word, least_s=0)
        case _:
            return read_number(word, unit)


def read_whole(word: str, *, low: int, high: int) -> int | NotRead:
    typed = read_number(word)
    if isinstance(typed, NotRead):
        return typed
    if typed != int(typed):
        return NotRead.NOT_WHOLE
    return int(typed) if low <= typed <= high else NotRead.OUT_OF_RANGE


def is_duration(word: str) -> bool:
    """`30s`, `15m`, `2h`, `7d`, `1w`, `1h30m`, `2часа`, `30分钟`: shape only, see `read_duration`."""
    return _duration_parts(word) is not None


def read_duration(word: str, *, least_s: int = 1) -> int | NotRead:
    """Seconds, `least_s` … one year."""
    parts = _duration_parts(word)
    if parts is None:
        return NotRead.NOT_A_NUMBER
    seconds = sum(float(number.replace(",", ".")) * _UNIT_S[unit] for number, unit in parts)
    return int(seconds) if least_s <= seconds <= DURATION_MAX_S else NotRead.OUT_OF_RANGE


def is_time_unit(word: str) -> bool:
    """`h`, `min`, `часа`, `小时`: what may stand alone behind a number."""
    return word.lower().removeprefix("个") in _UNIT_S


def _duration_parts(word: str) -> list[tuple[str, str]] | None:
    parts = [(match[1], match[2].lower()) for match in _DURATION_PART.finditer(word)]
    is_whole = _DURATION_PART.sub("", word) == ""
    return parts if parts and is_whole and all(unit in _UNIT_S for _, unit in parts) else None


# ---
# What people type for a contract → the exchange's own spelling, or the nearest ones.
#
# Symbols are opaque: a word that is listed as it stands wins over every rule below.


WORD_CHARS_MAX = 40
SUGGESTIONS_MAX = 3

_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}  # str.upper() would turn ß into SS and ı into I
_SEPARATORS = re.compile(r"[\s,，、;；]+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe0f\ufeff]")
_MARKS = "[\u200b-\u200f\u2060\ufe0f\ufeff]"
"""Not those that turn the order of what is read around."""
_INVISIBLE_BESIDE = re.compile(rf"(?<=\S){_MARKS}+|{_MARKS}+(?=\S)")
_MULTIPLIER = re.compile(r"^(?:10+|1M)(?=\D)", re.ASCII)
_MULTIPLIERS = ("1000", "10000", "1000000", "1M")
_LOOK_ALIKES = str.maketrans(
    "АВЕЅІЈКМНОРСТУХЗЬаеѕіјкмнорстухвьΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABESIJKMHOPCTYX3baesijkmhopctyxbbABEZHIKMNOPTYX"
)
"""Cyrillic and Greek letters that look like Latin ones, as they come from names that were copied."""
_KEYS_RU, _KEYS_EN = "йцукенгшщзхъфывапролджэячсмитьбюё", "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
_KEYBOARD = str.maketrans(_KEYS_RU + _KEYS_RU.upper(), _KEYS_EN + _KEYS_EN.upper())
_COIN_NAMES: Mapping[str, str] = MappingProxyType(
    {
        name: base
        for base, names in {
            "BTC": "bitcoin биткоин биткойн биток 比特币 大饼",
            "ETH": "ethereum ether эфир эфириум 以太坊 以太",
            "SOL": "solana солана",
            "XRP": "ripple рипл 瑞波",
            "DOGE": "dogecoin догикоин доги доге 狗狗币",
            "BNB": "binance бинанс 币安币",
            "ADA": "cardano кардано",
            "LTC": "litecoin лайткоин лайт 莱特币",
            "TRX": "tron трон 波场",
            "SHIB": "shiba шиба 柴犬币",
            "PEPE": "пепе 佩佩",
            "LINK": "chainlink линк",
            "AVAX": "avalanche авакс",
            "DOT": "polkadot полкадот 波卡",
            "TON": "toncoin тон",
        }.items()
        for name in names.split()
    }
)
"""Coins by name rather than ticker; suggested, not taken."""
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
    """The listed symbol this word means, also one in letters that only look Latin; None when there is none."""
    found = next((name for name in (word, _plain(word), spelled(word)) if name in listed), None)
    if found is not None or word.isascii():
        return found
    latin = latin_letters(word)
    return find(latin, listed) if latin.isascii() else None


def latin_letters(word: str) -> str:
    """`ВТС` typed with Cyrillic letters → `BTC`; other letters stay."""
    return word.translate(_LOOK_ALIKES)


def latin_keys(text: str) -> str:
    """What was meant where the keyboard stood on Russian: `ыщд` → `sol`."""
    return text.translate(_KEYBOARD)


def nearest(word: str, listed: Collection[str]) -> tuple[str, ...]:
    """Listed symbols this word may mean: multiplied coins first, then other quotes, beginnings, spelling."""
    word = word[:WORD_CHARS_MAX]
    name = spelled(_COIN_NAMES.get(word.lower()) or latin_keys(word))
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
