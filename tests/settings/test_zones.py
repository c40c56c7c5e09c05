"""What people type for a time zone, in three languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from altmonitor.settings.zones import find_zone, is_zone_name, nearest_zones, zone_of, zone_text

READ = {
    "Europe/Berlin": ("Europe/Berlin", "europe/berlin", "berlin", "BERLIN", "Berlin time", "Берлин", "柏林"),
    "America/New_York": ("New York", "new_york", "NYC", "ET", "Нью-Йорк", "纽约"),
    "America/Sao_Paulo": ("Rio de Janeiro", "São Paulo"),
    "Asia/Shanghai": ("Beijing", "Пекин", "北京", "北京时间", "上海"),
    "Asia/Kolkata": ("Mumbai", "Мумбаи", "孟买", "India"),
    "Europe/Moscow": ("МСК", "msk", "Москва", "Санкт-Петербург", "莫斯科"),
    "UTC": ("UTC", "utc+0", "Z", "GMT"),
    "UTC+3": ("UTC+3", "utc +3", "+3", "GMT+03:00", "+0300", "ＵＴＣ＋３"),
    "UTC+5:30": ("UTC+5:30", "+5:30", "+0530", "UTC+5.5", "utc+5,5"),
    "UTC+5": ("МСК+2", "msk+2"),
    "UTC+8": ("东八区",),
    "UTC-3:30": ("UTC−3:30", "GMT-03:30"),
    "UTC+14": ("UTC+14",),
    "UTC+5:45": ("UTC+5:45",),
}
NOT_READ = {
    "UTC+15": (),
    "UTC-13": (),
    "UTC+3:17": (),
    "../../etc/passwd": (),
    "": (),
    "-2h": (),
    "Xyzzy": (),
    "8": ("UTC+8", "UTC-8"),
    "UTC8": ("UTC+8", "UTC-8"),
    "Berln": ("Europe/Berlin",),
    "Mumbay": ("Asia/Kolkata",),
    "moskow": ("Europe/Moscow",),
    "new yrok": ("America/New_York",),
    "CST": ("Asia/Shanghai", "America/Chicago"),
    "IST": ("Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"),
    "сша": ("America/New_York", "America/Chicago", "America/Los_Angeles"),
}


def test_offsets_cities_and_countries_are_read_in_three_languages() -> None:
    wrong = [(typed, find_zone(typed)) for zone, words in READ.items() for typed in words if find_zone(typed) != zone]
    assert wrong == []


def test_what_is_no_zone_or_several_is_not_guessed_and_only_likely_ones_are_suggested() -> None:
    wrong = {typed: (find_zone(typed), nearest_zones(typed)) for typed in NOT_READ}
    assert wrong == {typed: (None, near) for typed, near in NOT_READ.items()}


def test_a_zone_is_shown_as_people_write_it_also_one_an_older_version_kept() -> None:
    names = ("UTC", "Europe/Berlin", "UTC+3", "UTC-3:30", "Etc/GMT-3", "Etc/GMT+5")
    shown = ["UTC", "Europe/Berlin", "UTC+3", "UTC−3:30", "UTC+3", "UTC−5"]
    assert [zone_text(name) for name in names] == shown


def test_an_offset_is_a_zone() -> None:
    moment = datetime(2026, 7, 1, tzinfo=UTC)
    offsets = {"UTC+5:30": 330, "UTC-3:30": -210, "Etc/GMT-3": 180, "UTC": 0, "Europe/Berlin": 120}
    found = {name: moment.astimezone(zone_of(name)).utcoffset() for name in offsets}
    assert found == {name: timedelta(minutes=minutes) for name, minutes in offsets.items()}
    with pytest.raises(KeyError):
        zone_of("Mars/Base")


def test_only_names_that_could_have_been_given_may_have_been_kept() -> None:
    kept = ("UTC", "GMT", "PRC", "Etc/GMT-3", "UTC+5:30", "Asia/Shanghai")
    assert [name for name in kept if not is_zone_name(name)] == []
    assert [name for name in ("Beijing", "utc+3", "../x", "UTC+99") if is_zone_name(name)] == []
