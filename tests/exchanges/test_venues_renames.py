"""A contract that is delisted and listed anew under another multiple of its coin: told once, and no row moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from altmonitor.collect.listings import ListingNews, Listings
from altmonitor.core.types import Venue
from altmonitor.core.venue_names import coin_of
from altmonitor.market.contracts import is_watched
from altmonitor.sim.script import Delisting, Listing
from tests.exchanges.feed_kit import T0
from tests.exchanges.test_venues_rest import HELD_SHARE, VENUES
from tests.exchanges.venue_kit import VenueStage, venue_stage

OLD_NAMES: dict[Venue, str] = {"bybit": "1000SHIBUSDT", "okx": "SHIBUSDT", "hyperliquid": "1000SHIBUSDT"}
AT_MS = T0 + 120_000
RENAMED = (Delisting("1000SHIBUSDT", AT_MS), Listing("10000SHIBUSDT", AT_MS))


async def follow(s: VenueStage, listings: Listings) -> set[str]:
    contracts = {c.symbol: c for c in await s.adapter.rest.contracts()}
    watched = {symbol for symbol, contract in contracts.items() if is_watched(contract, tradfi=False)}
    listings.follow(contracts, watched)
    return watched


async def shifted(s: VenueStage) -> list[str]:
    """Contracts whose open interest or funding is not that of the market they are made from."""
    assert s.adapter.oi_table is not None
    found = {row.symbol: row for row in await s.adapter.oi_table.open_interests()}
    wrong = []
    for symbol, row in found.items():
        if coin_of(symbol) != symbol.removesuffix("USDT") or s.market.contract(symbol) is None:
            continue  # of a thousand coins: told in other units by some
        held = s.market.open_interest(symbol, row.time_ms) * HELD_SHARE[s.venue]
        if row.contracts != pytest.approx(held, rel=0.02):
            wrong.append(f"{symbol}: {row.contracts} for {held}")
    return wrong


@pytest.mark.parametrize("venue", VENUES)
async def test_a_renamed_contract_is_told_once_and_no_other_contracts_figures_move(
    venue: Venue, tmp_path: Path
) -> None:
    news: list[ListingNews] = []
    async with venue_stage(venue, tmp_path, script=RENAMED) as s:
        listings = Listings(clock=s.clock, on_news=news.append)
        before = await follow(s, listings)
        assert OLD_NAMES[venue] in before
        assert await shifted(s) == []
        await s.until_covered()
        await s.clock.sleep(max(0.0, (AT_MS - s.clock.now_ms()) / 1000) + 30)
        assert await shifted(s) == []  # the list is an old one still, the table a new one
        after = await follow(s, listings)
        await follow(s, listings)
        assert await shifted(s) == []
        s.feed.set_symbols(after)
        s.sink.heard.clear()
        await s.until(lambda: s.sink.heard["10000SHIBUSDT"] > 2, within_s=120)
    assert [(one.symbol, one.what, one.old_name) for one in news] == [("10000SHIBUSDT", "renamed", OLD_NAMES[venue])]
    assert after - before == {"10000SHIBUSDT"}
    assert before - after == {OLD_NAMES[venue]}
