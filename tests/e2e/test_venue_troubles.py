"""Every exchange's troubles one after the other beside Binance: what is told of each, once and in the chat's words, and
that nothing of it reaches Binance.

Refusals with their pauses: test_venues.py. Renamed contracts: exchanges/test_venues_renames.py. Wallets that cannot be
reached: collect/test_wallets.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import pytest

from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.sim.control import ExchangeFaults, RestFault
from tests.e2e.stage import Stage, stage
from tests.e2e.test_venues import all_live
from tests.exchanges.test_venues_rest import EMPTY, TABLE, every_venue

SKEW_MS: Final = 400_000
"""On a clock that runs forty times as fast a smaller one is the machine's own."""
Trouble = Callable[[Stage, Venue], AbstractContextManager[None]]


def faults(here: Stage, venue: Venue) -> ExchangeFaults:
    return here.exchange.venues[venue].faults


@contextmanager
def garbage(here: Stage, venue: Venue) -> Iterator[None]:
    faults(here, venue).garbage = True
    yield
    faults(here, venue).garbage = False


@contextmanager
def dropped(here: Stage, venue: Venue) -> Iterator[None]:
    faults(here, venue).drop_all()
    yield


@contextmanager
def closed(here: Stage, venue: Venue) -> Iterator[None]:
    faults(here, venue).close_all(1001, "maintenance")
    yield


@contextmanager
def mute(here: Stage, venue: Venue) -> Iterator[None]:
    faults(here, venue).mute = True
    yield
    faults(here, venue).mute = False


@contextmanager
def skewed(here: Stage, venue: Venue) -> Iterator[None]:
    faults(here, venue).clock_skew_ms = SKEW_MS
    yield
    faults(here, venue).clock_skew_ms = 0


def table(fault: Callable[[Venue], RestFault]) -> Trouble:
    @contextmanager
    def spoiled(here: Stage, venue: Venue) -> Iterator[None]:
        here.exchange.faults.rest[TABLE[venue]] = fault(venue)
        yield
        del here.exchange.faults.rest[TABLE[venue]]

    return spoiled


TROUBLES: Final[dict[str, tuple[Trouble, float]]] = {
    "odd frames": (garbage, 40),
    "connections dropped": (dropped, 40),
    "connections closed": (closed, 40),
    "truncated tables": (table(lambda venue: RestFault(truncate=True)), 40),
    "empty tables": (table(lambda venue: RestFault(status=200, body=EMPTY[venue])), 40),
    "tables truncated for long": (table(lambda venue: RestFault(truncate=True)), 240),
    "acknowledged and mute": (mute, 100),
    "a clock that is ahead": (skewed, 660),
}
"""What goes wrong, and for how many seconds; clocks are compared once in ten minutes."""
TOLD: Final = {
    "tables truncated for long": ["Открытый интерес больше не приходит", "Открытый интерес снова приходит"],
    "acknowledged and mute": ["НЕТ ДАННЫХ", "снова идут"],
    "a clock that is ahead": ["Часы этой машины"],
}
"""The only messages there may be, each once."""
LEAP: Final = "снова идут"
"""Time that leaps in the data is time that was not seen."""


@every_venue
@pytest.mark.timeout(400)
async def test_each_trouble_of_an_exchange_is_told_once_or_mended_in_silence_and_binance_goes_on(
    venue: Venue, tmp_path: Path
) -> None:
    findings = []
    title = f"{VENUE_TITLES[venue]}\n"
    async with stage(tmp_path, speed=40, VENUES=f"binance,{venue}", CHART="false", ALERT_LANG="ru") as here:
        await all_live(here)
        here_feed, there_feed = here.app.market.feed, here.app.markets.others[0].feed
        for name, (trouble, for_s) in TROUBLES.items():
            before, frames = len(here.messages), here_feed.status().frames
            with trouble(here, venue):
                await here.clock.sleep(for_s)
                seen = here_feed.status()
                if seen.is_blind or seen.frames <= frames:
                    findings.append(f"{name}: Binance stands still")
            await here.until(lambda: not there_feed.status().is_blind, within_s=200)
            await here.clock.sleep(90 if name == "tables truncated for long" else 10)
            texts = [
                message.text for message in here.messages[before:] if not message.text.startswith("✅")
            ]  # the start
            expected = TOLD.get(name, [])
            if venue == "hyperliquid" and "tables" in name:  # it pushes them, and nothing is missing
                expected = []
            findings += [f"{name}: {text}" for text in texts if not text.startswith(title)]
            if [sum(said in text for text in texts) for said in expected] != [1] * len(expected):
                findings.append(f"{name}: {texts}")
            more = [text for text in texts if not any(said in text for said in expected)]
            findings += [
                f"{name}: {text}" for text in more if expected != TOLD["a clock that is ahead"] or LEAP not in text
            ]
    assert findings == []
