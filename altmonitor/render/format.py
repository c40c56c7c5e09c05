"""Numbers, times and names as a person reads them; the same signs in every message.

Unknown values (None, NaN, infinite, impossible) are `n/a` in every language, negative ones carry a real minus sign,
nothing is ever printed with an exponent. Rounding is half away from zero, on the decimal digits the number was sent
with; of what was computed, on those that a float can tell.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeGuard

from altmonitor.core.types import Destination
from altmonitor.render.texts import say

NA = "n/a"
MINUS = "−"
MESSAGE_UNITS_MAX = 4096
"""Longest Telegram text, UTF-16 code units. Source: https://core.telegram.org/bots/api#sendmessage"""

SYMBOL_CHARS_MAX = 64
"""The longest real symbol has about 20; more would be a broken answer and must not burst a message."""

_UNITS = {
    "en": {"d": " d", "h": " h", "min": " min", "s": " s"},
    "zh": {"d": " 天", "h": " 小时", "min": " 分钟", "s": " 秒"},
    "ru": {"d": " д", "h": " ч", "min": " мин", "s": " с"},
}
_LARGEST = 1e18  # nothing on an exchange is larger, and a message must not be burst by 300 digits
_SMALLEST_PRICE = 1e-18
_COMPUTED_DECIMALS, _COMPUTED_MAX = 9, 10**6  # beyond that a float has no nine decimals to tell


def price(value: float | None) -> str:
    """`65,432.1`, `2.556`, `0.006161`, `0.000000031`.

    From 1 up to 4 decimals; from 1,000 2, unless the value has no more than 4 of its own (then it is a quote, not an
    average, and is echoed); below 1 five significant digits. Zero and below are no prices: n/a.
    """
    if not _is_known(value) or value < _SMALLEST_PRICE:
        return NA
    number = _decimal(value)
    if value < 1:
        return _trimmed(_round(number, 4 - number.adjusted()))
    decimals = 4 if value < 1000 or _round(number, 4) == number else 2
    return _trimmed(_round(number, decimals))


def usd(value: float | None, *, is_signed: bool = False) -> str:
    """`$950`, `$1.5K`, `$4.20M`, `$1.50B`; the sign stands before the dollar. is_signed: also a plus."""
    return _scaled(value, {"": 0, "K": 1, "M": 2, "B": 2}, prefix="$", is_signed=is_signed)


def quantity(value: float | None, *, is_signed: bool = False) -> str:
    """Coins or contracts: `950`, `1.5K`, `4.2M`, `1.5B`."""
    return _scaled(value, {"": 0, "K": 1, "M": 1, "B": 1}, prefix="", is_signed=is_signed)


def pct(value: float | None, decimals: int = 2) -> str:
    """Already percent, signed: 4.05 → `+4.05 %`. What rounds to zero has no sign."""
    shown = signed(value, decimals)
    return shown if shown == NA else f"{shown} %"


def unsigned_pct(value: float | None, decimals: int = 1) -> str:
    """Already percent, of something that has no direction: 7.4 → `7.4 %`."""
    return f"{_minus(_round(_computed(value), decimals))} %" if _is_known(value) else NA


def share(value: float | None, decimals: int = 0) -> str:
    """A fraction 0…1 as unsigned percent: 0.62 → `62 %`."""
    if not _is_known(value):
        return NA
    return f"{_minus(_round(_computed(value * 100), decimals))} %"


def signed(value: float | None, decimals: int = 2) -> str:
    """`+3.10`, `−5.21`, `0.00`."""
    if not _is_known(value):
        return NA
    number = _round(_computed(value), decimals)
    return f"+{number:,f}" if number > 0 else _minus(number)


def multiple(value: float | None) -> str:
    """`8.3×`; from 100 on without a decimal."""
    if not _is_known(value):
        return NA
    return f"{_minus(_round(_computed(value), 1 if abs(value) < 100 else 0))}×"


def ratio(value: float | None) -> str:
    """Long/short ratio: two decimals."""
    return _minus(_round(_computed(value), 2)) if _is_known(value) else NA


def exact(value: float) -> str:
    """A setting as it is kept, no digit lost or added: 2.75 → `2.75`, 3.0 → `3`, -3.0 → `−3`."""
    if not math.isfinite(value):
        return NA
    return _trimmed(_decimal(value), is_grouped=False)


def duration(seconds: float | None, lang: str = "en") -> str:
    """The two largest units: `42 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`. Negative is 0 s."""
    if not _is_known(seconds):
        return NA
    units = _UNITS[lang]
    total = max(0, round(seconds))
    if total < 60:
        return f"{total}{units['s']}"
    if total < 3600:
        large, small = (total // 60, "min"), (total % 60, "s")
    elif total < 86_400:
        large, small = (total // 3600, "h"), (total % 3600 // 60, "min")
    else:
        large, small = (total // 86_400, "d"), (total % 86_400 // 3600, "h")
    return " ".join(f"{amount}{units[unit]}" for amount, unit in (large, small) if amount)


def span(seconds: float | None, lang: str = "en", *, decimals: int = 1) -> str:
    """A measured window: `60 s`, `58.7 s`, `298 s`; a decimal only where there is one."""
    if not _is_known(seconds):
        return NA
    return f"{_trimmed(_round(_decimal(seconds), decimals))}{_UNITS[lang]['s']}"


def age(seconds: float | None, lang: str = "en") -> str:
    """How old something is, one unit: `42 s`, `3 min`, `5 h`, `2 d`. Under 2 of a unit the smaller one is used."""
    if not _is_known(seconds):
        return NA
    total = max(0, round(seconds))
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if total >= 2 * length_s:
            return f"{total // length_s}{_UNITS[lang][unit]}"
    return f"{total}{_UNITS[lang]['s']}"


def plural(count: int, lang: str = "en") -> str:
    """Which form of a word stands beside a number: `one`, `few` (Russian 2, 3, 4, 22 …) or `many`."""
    if lang == "ru":
        if count % 10 == 1 and count % 100 != 11:
            return "one"
        return "few" if 2 <= count % 10 <= 4 and not 12 <= count % 100 <= 14 else "many"
    return "one" if count == 1 else "many"


def ordinal(count: int, lang: str = "en") -> str:
    """`1st`, `2nd`, `3rd`, `11th`, `21st`; `3-й`; in Chinese the number alone."""
    if lang != "en":
        return f"{count}-й" if lang == "ru" else str(count)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{'th' if 10 < count % 100 < 14 else ending}"


def when(unix_ms: float | None, tz: tzinfo, *, reference_ms: float | None = None) -> str:
    """`23:00:39 UTC`, `07:00:39 UTC+08`; `2026-08-28 07:00:39 UTC+08` when not on the reference's day there.

    The zone is an offset because abbreviations are not unique (CST is China and Chicago). reference_ms None: no date.
    """
    moment = _moment(unix_ms, tz)
    if moment is None:
        return NA
    reference = moment if reference_ms is None else _moment(reference_ms, tz)
    is_same_day = reference is not None and reference.date() == moment.date()
    return moment.strftime("%H:%M:%S " if is_same_day else "%Y-%m-%d %H:%M:%S ") + zone(moment)


def is_same_day(unix_ms: float, other_ms: float, tz: tzinfo) -> bool:
    """In that zone; False for what no calendar holds."""
    moment, other = _moment(unix_ms, tz), _moment(other_ms, tz)
    return moment is not None and other is not None and moment.date() == other.date()


def date_and_time(unix_ms: float | None, tz: tzinfo) -> str:
    """Always with the date: `2026-08-28 23:00:39 UTC`."""
    moment = _moment(unix_ms, tz)
    return NA if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S ") + zone(moment)


def period(start_ms: float | None, end_ms: float | None, tz: tzinfo, *, is_dated: bool) -> str:
    """`22:59:41 – 23:00:39 UTC`; a day is named where is_dated or the two differ, the zone once where it is one."""
    start, end = _moment(start_ms, tz), _moment(end_ms, tz)
    if start is None or end is None:
        return NA
    is_dated = is_dated or start.date() != end.date()
    first = start.strftime("%Y-%m-%d %H:%M:%S" if is_dated else "%H:%M:%S")
    if start == end:
        return f"{first} {zone(start)}"
    if zone(start) != zone(end):  # the clocks were changed in between
        first = f"{first} {zone(start)}"
    last = end.strftime("%Y-%m-%d %H:%M:%S" if start.date() != end.date() else "%H:%M:%S")
    return f"{first} – {last} {zone(end)}"


def clock_minute(unix_ms: float | None, tz: tzinfo, *, is_dated: bool = False) -> str:
    """`23:00` or `08-28 23:00`, for a further time in a text that names zone and year already."""
    moment = _moment(unix_ms, tz)
    return NA if moment is None else moment.strftime("%m-%d %H:%M" if is_dated else "%H:%M")


def zone(moment: datetime) -> str:
    """`UTC`, `UTC+08`, `UTC−03:30`: the offset in force at that moment."""
    offset = moment.utcoffset()
    minutes = 0 if offset is None else int(offset.total_seconds() // 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else MINUS}{hours:02d}" + (f":{rest:02d}" if rest else "")


def escape(text: str) -> str:
    """Safe inside Telegram's HTML, text and quoted attributes alike. Characters that cannot be shown become �."""
    shown = "".join(char if char.isprintable() or char.isspace() else "\ufffd" for char in text)
    return html.escape(shown, quote=False).replace('"', "&quot;")


def symbol_text(symbol: str) -> str:
    """A symbol on one line, escaped; cut with … where no real symbol could be that long."""
    line = " ".join(symbol.split())
    return escape(line if len(line) <= SYMBOL_CHARS_MAX else line[: SYMBOL_CHARS_MAX - 1] + "…")


def utf16_len(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _is_known(value: float | None) -> TypeGuard[float]:
    return value is not None and abs(value) < _LARGEST  # False for NaN too


def _decimal(value: float) -> Decimal:
    return Decimal(repr(float(value)))  # float(): numpy's numbers have another repr


def _computed(value: float) -> Decimal:
    """Of a quotient: what a float cannot hold at its end must not decide on a half. 3.0499999999999972 is 3.05."""
    number = _decimal(value)
    return _round(number, _COMPUTED_DECIMALS) if abs(number) < _COMPUTED_MAX else number


def _round(number: Decimal, decimals: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _minus(number: Decimal) -> str:
    return f"{MINUS if number < 0 else ''}{abs(number):,f}"


def _trimmed(number: Decimal, *, is_grouped: bool = True) -> str:
    shown = f"{abs(number):,f}" if is_grouped else f"{abs(number):f}"
    if "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return f"{MINUS if number < 0 else ''}{shown}"


def _scaled(value: float | None, decimals_of: dict[str, int], *, prefix: str, is_signed: bool) -> str:
    if not _is_known(value):
        return NA
    scaled = abs(_decimal(value))
    shown = Decimal(0)
    unit = ""
    for unit, decimals in decimals_of.items():
        shown = _round(scaled, decimals)
        if shown < 1000:  # compared after rounding: 999,960 is $1.00M, not $1000.0K
            break
        if unit != "B":
            scaled /= 1000
    sign = "" if shown == 0 else MINUS if value < 0 else "+" if is_signed else ""
    return f"{sign}{prefix}{shown:,f}{unit}"


def _moment(unix_ms: float | None, tz: tzinfo) -> datetime | None:
    """None also for a number no calendar holds: a broken stamp must not stop a message."""
    if not _is_known(unix_ms):
        return None
    try:
        return datetime.fromtimestamp(unix_ms // 1000, tz)
    except (OverflowError, ValueError, OSError):
        return None


# ---
# The reader's language and zone, and how facts stand side by side.


SEPARATOR = " · "


def no_name(destination: Destination) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """lang: one of `types.LANGUAGES`. tz: zone of every time in the text. name_of: what a chat and its topic are
    called, not escaped; '' where nobody knows. has_outcome_line: alerts say how those like them went on."""

    lang: str
    tz: tzinfo
    name_of: Callable[[Destination], str] = no_name
    has_outcome_line: bool = True

    def say(self, key: str, **values: object) -> str:
        return say(self.lang, key, **values)


def joined(*facts: str | None) -> str:
    """What is known, side by side; None and '' are left out."""
    return SEPARATOR.join(fact for fact in facts if fact)


def sentences(*texts: str, lang: str) -> str:
    """One after the other; Chinese ones without a space in between."""
    return ("" if lang == "zh" else " ").join(text for text in texts if text)


def capital(line: str) -> str:
    return line[:1].upper() + line[1:]


def fact_line(*facts: str | None) -> str:
    """The same as a line of its own, beginning with a capital."""
    return capital(joined(*facts))


# ---
# HTML → the same text without markup, for a message whose markup the chat service refused.


_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def without_markup(text: str) -> str:
    """Escaped again, so that it may be sent as HTML."""
    return html.escape(html.unescape(_TAG.sub("", text)), quote=False)


def place(destination: Destination, style: Style) -> str:
    """`Desk · Majors (-1001234/7)`, or the number alone. Escaped."""
    number, name = f"<code>{destination}</code>", style.name_of(destination)
    return f"{escape(name)} ({number})" if name else number


def one_line(text: str) -> str:
    """What a person would read in it, on one line, for the log. Not escaped."""
    return " · ".join(line for line in html.unescape(_TAG.sub("", text)).splitlines() if line.strip())
