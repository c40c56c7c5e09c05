"""Days of the past as people write them."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from altmonitor.settings.days import bounds_ms, is_day, next_day, past_day

MONDAY = date(2026, 11, 30)
READ = {
    "2026-11-29": "2026-11-29",
    "2026-1-5": "2026-01-05",
    "2026/11/29": "2026-11-29",
    "2026.11.29": "2026-11-29",
    "29.11.2026": "2026-11-29",
    "29.11.26": "2026-11-29",
    "29.11": "2026-11-29",
    "29.11.": "2026-11-29",
    "1.12": "2025-12-01",  # this year's is still to come
    "11-28": "2026-11-28",
    "28-11": "2026-11-28",
    "11/28": "2026-11-28",
    "28/11/2025": "2025-11-28",
    "5/5": "2026-05-05",
    "29.02": "2024-02-29",
    "28 Nov": "2026-11-28",
    "28nov": "2026-11-28",
    "28-nov-2025": "2025-11-28",
    "nov 28": "2026-11-28",
    "November 28, 2025": "2025-11-28",
    "28th november": "2026-11-28",
    "1st dec": "2025-12-01",
    "28 ноября": "2026-11-28",
    "28 нояб. 2025": "2025-11-28",
    "28-го ноября": "2026-11-28",
    "11月28日": "2026-11-28",
    "2025年11月28号": "2025-11-28",
    "2 days ago": "2026-11-28",
    "1d ago": "2026-11-29",
    "3 дня назад": "2026-11-27",
    "2天前": "2026-11-28",
    "today": "2026-11-30",
    "Yesterday": "2026-11-29",
    "вчера": "2026-11-29",
    "Позавчера": "2026-11-28",
    "昨天": "2026-11-29",
    "前天": "2026-11-28",
    "monday": "2026-11-30",
    "вт": "2026-11-24",
    "周日": "2026-11-29",
}
NO_DAYS = (
    "",
    "sol",
    "5",
    "20",
    "2,5",
    "2.5 %",
    "28 sol",
    "12:05",
    "2026",
    "²⁹.11",
    "1" * 400,
    "nov",
    "sun",
)
NO_SUCH_DAYS = (
    "31.02",
    "2026-02-30",
    "2026-12-01",
    "5/6",
    "05-06",
    "0.1",
    "32.1",
    "1.13",
    "13/13",
    "30 feb",
    "13月1日",
)


def test_a_day_is_read_as_people_write_it_and_is_the_last_such_one() -> None:
    found = {text: str(past_day(text, today=MONDAY)) for text in READ}
    assert found == READ


def test_what_is_no_day_is_not_taken_for_one() -> None:
    assert [text for text in NO_DAYS if is_day(text) or past_day(text, today=MONDAY) is not None] == []


def test_a_day_that_does_not_exist_is_still_to_come_or_could_be_two_is_none() -> None:
    wrong = {text: past_day(text, today=MONDAY) for text in NO_SUCH_DAYS if past_day(text, today=MONDAY) is not None}
    assert wrong == {}
    assert [text for text in NO_SUCH_DAYS if not is_day(text)] == []


def test_of_days_to_come_the_next_one_counts() -> None:
    asked = ["today", "tomorrow", "послезавтра", "明天", "monday", "вт", "周日", "24.12", "24dec", "29.11", "29.02"]
    assert [str(next_day(text, today=MONDAY)) for text in asked] == [
        "2026-11-30", "2026-12-01", "2026-12-02", "2026-12-01", "2026-11-30", "2026-12-01", "2026-12-06",
        "2026-12-24", "2026-12-24", "2027-11-29", "2028-02-29",
    ]  # fmt: skip
    assert str(next_day("2025-01-01", today=MONDAY)) == "2025-01-01", "with its year it is what it is"
    assert [next_day(text, today=MONDAY) for text in ("yesterday", "31.02", "5/6", "sol")] == [None] * 4


def test_a_day_lasts_from_midnight_to_midnight_also_where_clocks_are_set() -> None:
    hours = {
        (zone, str(day)): (end - begin) / 3_600_000
        for zone, day in (
            ("UTC", date(2026, 11, 29)),
            ("Europe/Berlin", date(2026, 3, 29)),
            ("Europe/Berlin", date(2026, 10, 25)),
            ("Asia/Kolkata", date(2026, 11, 29)),
        )
        for begin, end in [bounds_ms(day, ZoneInfo(zone))]
    }
    assert list(hours.values()) == [24, 23, 25, 24]
    assert bounds_ms(date(2026, 11, 29), ZoneInfo("Asia/Kolkata"))[0] == 1_795_890_600_000  # 28th, 18:30 UTC
