"""A day as people write it → that day in the calendar of whoever wrote it: the last such one, or the next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from types import MappingProxyType

DAY_CHARS_MAX = 32

_DAYS_AGO: Mapping[str, int] = MappingProxyType(
    {
        name: days
        for days, names in {
            0: "today сегодня 今天 今日",
            1: "yesterday вчера 昨天 昨日",
            2: "позавчера 前天 前日",
            3: "大前天",
        }.items()
        for name in names.split()
    }
)
_DAYS_AHEAD: Mapping[str, int] = MappingProxyType(
    {
        name: days
        for days, names in {1: "tomorrow завтра 明天 明日", 2: "послезавтра 后天"}.items()
        for name in names.split()
    }
)
_WEEKDAYS: Mapping[str, int] = MappingProxyType(
    {
        name: number
        for number, names in enumerate(
            (
                "monday mon понедельник пн 星期一 周一 礼拜一",
                "tuesday tue вторник вт 星期二 周二 礼拜二",
                "wednesday wed среда среду ср 星期三 周三 礼拜三",
                "thursday thu четверг чт 星期四 周四 礼拜四",
                "friday fri пятница пятницу пт 星期五 周五 礼拜五",
                "saturday sat суббота субботу сб 星期六 周六 礼拜六",
                "sunday воскресенье вс 星期日 星期天 周日 周天 礼拜天",  # not `sun`: that is a coin
            )
        )
        for name in names.split()
    }
)
_MONTHS: Mapping[str, int] = MappingProxyType(
    {
        name: number
        for number, names in enumerate(
            (
                "january jan январь января янв",
                "february feb февраль февраля фев",
                "march mar март марта мар",
                "april apr апрель апреля апр",
                "may май мая",
                "june jun июнь июня июн",
                "july jul июль июля июл",
                "august aug август августа авг",
                "september sep sept сентябрь сентября сен сент",
                "october oct октябрь октября окт",
                "november nov ноябрь ноября ноя нояб",
                "december dec декабрь декабря дек",
            ),
            start=1,
        )
        for name in names.split()
    }
)

_YEAR_FIRST = re.compile(r"(20\d\d)([-./])(\d\d?)\2(\d\d?)", re.ASCII)
_DOTTED = re.compile(r"(\d\d?)\.(\d\d?)(?:\.(20\d\d|\d\d)?)?", re.ASCII)
_ANY_ORDER = re.compile(r"(\d\d?)([-/])(\d\d?)(?:\2(20\d\d))?", re.ASCII)
_CHINESE = re.compile(r"(?:(20\d\d)年)?(\d\d?)月(\d\d?)[日号]?", re.ASCII)
_DAY_AND_NAME = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th|-?го)?[ .-]*([^\W\d]+)[., -]*(20[0-9]{2})?")
_NAME_AND_DAY = re.compile(r"([^\W\d]+)[. -]*([0-9]{1,2})(?:st|nd|rd|th)?[, -]*(20[0-9]{2})?")

_AGO = re.compile(r"([0-9]{1,3}) ?(?:days?|d|день|дня|дней|дн\.?|天) ?(?:ago|назад|前)")

_YEARS_APART = 8
"""The 29th of February comes again within so many."""


def is_day(text: str) -> bool:
    """By its shape: also the 31st of February."""
    word = text.lower()
    is_word = word in _DAYS_AGO or word in _DAYS_AHEAD or word in _WEEKDAYS
    return is_word or bool(_AGO.fullmatch(word)) or (len(word) <= DAY_CHARS_MAX and bool(_readings(word)))


def past_day(text: str, *, today: date) -> date | None:
    """`2026-11-29`, `29.11`, `29.11.2026`, `11/29`, `29 Nov`, `11月29日`, `yesterday`, `monday`: the last day it was
    so, today included. None: no such day, one still to come, or `5/6`, which two readers read differently."""
    word = text.lower()
    if not is_day(word):
        return None
    if word in _DAYS_AGO:
        return today - timedelta(days=_DAYS_AGO[word])
    if ago := _AGO.fullmatch(word):
        return today - timedelta(days=int(ago[1]))
    if word in _WEEKDAYS:
        return today - timedelta(days=(today.weekday() - _WEEKDAYS[word]) % 7)
    return _one({day for year, month, on in _readings(word) if (day := _last(year, month, on, today=today))})


def next_day(text: str, *, today: date) -> date | None:
    """The same forms, and `tomorrow`: the next day it is so, today included; with its year also one that is over. None:
    no such day, or two readers read it differently."""
    word = text.lower()
    if not is_day(word) or _DAYS_AGO.get(word, 0) > 0 or _AGO.fullmatch(word):
        return None
    if word in _DAYS_AGO or word in _DAYS_AHEAD:
        return today + timedelta(days=_DAYS_AHEAD.get(word, 0))
    if word in _WEEKDAYS:
        return today + timedelta(days=(_WEEKDAYS[word] - today.weekday()) % 7)
    return _one({day for year, month, on in _readings(word) if (day := _next(year, month, on, today=today))})


def _one(found: set[date]) -> date | None:
    return found.pop() if len(found) == 1 else None


def bounds_ms(day: date, zone: tzinfo) -> tuple[int, int]:
    """Unix ms of the day's first moment in that zone and of the next day's: 23 or 25 h apart where clocks are set."""
    begin, end = (datetime.combine(on, time(), zone).astimezone(UTC) for on in (day, day + timedelta(days=1)))
    return int(begin.timestamp() * 1000), int(end.timestamp() * 1000)


def _readings(word: str) -> list[tuple[int | None, int, int]]:
    """Year (None: not said), month, day; more than one where the order is not known."""
    if match := _YEAR_FIRST.fullmatch(word):
        return [(int(match[1]), int(match[3]), int(match[4]))]
    if match := _DOTTED.fullmatch(word):
        return [(_year(match[3]), int(match[2]), int(match[1]))]
    if match := _ANY_ORDER.fullmatch(word):
        first, second, year = int(match[1]), int(match[3]), _year(match[4])
        return [(year, first, second), (year, second, first)]
    if match := _CHINESE.fullmatch(word):
        return [(_year(match[1]), int(match[2]), int(match[3]))]
    for pattern, name, number in ((_DAY_AND_NAME, 2, 1), (_NAME_AND_DAY, 1, 2)):
        if (match := pattern.fullmatch(word)) and match[name] in _MONTHS:
            return [(_year(match[3]), _MONTHS[match[name]], int(match[number]))]
    return []


def _year(written: str | None) -> int | None:
    return None if not written else int(written) + (2000 if len(written) == 2 else 0)


def _last(year: int | None, month: int, day: int, *, today: date) -> date | None:
    years = range(today.year, today.year - _YEARS_APART, -1) if year is None else (year,)
    return next((on for on in _dates(years, month, day) if on <= today), None)


def _next(year: int | None, month: int, day: int, *, today: date) -> date | None:
    years = range(today.year, today.year + _YEARS_APART) if year is None else (year,)
    return next((on for on in _dates(years, month, day) if on >= today or year is not None), None)


def _dates(years: Iterable[int], month: int, day: int) -> Iterator[date]:
    for year in years:
        with suppress(ValueError):
            yield date(year, month, day)
