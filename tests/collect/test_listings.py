"""Comings and goings of contracts, each told once."""

from __future__ import annotations

from altmonitor.collect.listings import ListingNews, Listings
from altmonitor.market.contracts import Contract
from tests.movable_clock import T0, MovableClock

DAY_MS = 86_400_000


class Desk:
    def __init__(self) -> None:
        self.news: list[tuple[str, str, int]] = []
        self.old_names: list[str] = []
        self.listings = Listings(clock=MovableClock(T0), on_news=self.tell)

    def tell(self, news: ListingNews) -> None:
        self.news.append((news.symbol, news.what, news.at_ms))
        self.old_names.append(news.old_name)

    def follow(self, *names: str, ends: dict[str, int] | None = None) -> list[tuple[str, str, int]]:
        contracts = {
            name: Contract(
                symbol=name,
                status="TRADING",
                contract_type="PERPETUAL",
                quote_asset="USDT",
                onboard_ms=T0 - 5,
                delivery_ms=(ends or {}).get(name, 4_133_404_800_000),
            )
            for name in names
        }
        before = len(self.news)
        self.listings.follow(contracts, names)
        return self.news[before:]


def test_what_is_there_at_first_is_no_news_and_a_newcomer_is_told_once() -> None:
    desk = Desk()
    assert desk.follow("AUSDT", "BUSDT") == []
    assert desk.follow("AUSDT", "BUSDT", "NEWUSDT") == [("NEWUSDT", "listed", T0 - 5)]
    assert desk.follow("AUSDT", "BUSDT", "NEWUSDT") == []


def test_an_announced_end_is_told_once_also_at_first_and_again_when_it_is_moved() -> None:
    desk = Desk()
    assert desk.follow("AUSDT", "BUSDT", ends={"AUSDT": T0 + DAY_MS}) == [("AUSDT", "announced", T0 + DAY_MS)]
    assert desk.follow("AUSDT", "BUSDT", ends={"AUSDT": T0 + DAY_MS}) == []
    assert desk.follow("AUSDT", "BUSDT", ends={"AUSDT": T0 + 2 * DAY_MS}) == [("AUSDT", "announced", T0 + 2 * DAY_MS)]
    assert desk.follow("BUSDT") == [("AUSDT", "gone", T0 + 2 * DAY_MS)]


def test_a_placeholder_far_away_or_past_is_no_end() -> None:
    assert Desk().follow("AUSDT", "BUSDT", ends={"AUSDT": T0 - 1, "BUSDT": 0}) == []


def test_a_list_that_changed_as_a_whole_is_not_told_contract_by_contract() -> None:
    desk = Desk()
    desk.follow("AUSDT")
    assert desk.follow("AUSDT", *(f"X{number}USDT" for number in range(30))) == []


def test_a_contract_that_goes_on_under_another_multiple_is_one_piece_of_news_and_other_coins_are_two() -> None:
    desk = Desk()
    desk.follow("AUSDT", "1000PEPEUSDT", "MATICUSDT", ends={"1000PEPEUSDT": T0 + DAY_MS})
    assert desk.follow("AUSDT", "PEPEUSDT", "POLUSDT") == [
        ("PEPEUSDT", "renamed", T0 - 5),
        ("POLUSDT", "listed", T0 - 5),
        ("MATICUSDT", "gone", 0),
    ]
    assert desk.old_names[-3:] == ["1000PEPEUSDT", "", ""]
    assert desk.follow("AUSDT", "PEPEUSDT", "POLUSDT") == []


def test_two_contracts_of_one_coin_that_change_places_are_told_each_by_itself() -> None:
    desk = Desk()
    desk.follow("AUSDT", "1000PEPEUSDT", "1000000PEPEUSDT")
    news = desk.follow("AUSDT", "PEPEUSDT")
    assert [(symbol, what) for symbol, what, _ in news] == [
        ("PEPEUSDT", "listed"),
        ("1000000PEPEUSDT", "gone"),
        ("1000PEPEUSDT", "gone"),
    ]


def test_a_key_holds_the_date_the_exchange_gives_and_else_the_day_whenever_the_list_was_read() -> None:
    day_ms = T0 // DAY_MS * DAY_MS
    gone = ListingNews(symbol="OLDUSDT", what="gone", at_ms=0)
    assert {gone.key(day_ms + ms) for ms in (0, 1, 40_000_000, DAY_MS - 1)} == {f"listing:OLDUSDT:gone:{day_ms}"}
    assert gone.key(day_ms + DAY_MS) == f"listing:OLDUSDT:gone:{day_ms + DAY_MS}", "it may come and go again"
    dated = ListingNews(symbol="NEWUSDT", what="listed", at_ms=T0 - 5)
    assert dated.key(T0) == dated.key(T0 + DAY_MS) == f"listing:NEWUSDT:listed:{T0 - 5}"
