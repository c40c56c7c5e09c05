"""What a feed that stands by has found outlives a takeover that the database interrupts."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from msgspec import structs

from altmonitor.app.feed_role import FeedCluster, FeedRole
from altmonitor.app.leadership import GivenWay, Takeover
from altmonitor.app.leftovers import Leftovers
from altmonitor.app.market_reach import FeedReach, MarketSource
from altmonitor.app.operator_notices import OperatorNotices
from altmonitor.core.alert import Alert
from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.errors import LeadershipLost, StorageError
from altmonitor.core.types import Destination
from altmonitor.render.notices import BackAfter, BlindSince
from altmonitor.settings.state import State
from altmonitor.storage.database_store import StoreOptions
from altmonitor.storage.hand_over import MemoryHandOver
from altmonitor.storage.leases import MemoryLeases
from altmonitor.storage.posts import MemoryPosts
from tests.movable_clock import T0, MovableClock
from tests.storage.samples import PRIVATE, pump


class Database:
    """What both the store and the settings are read from. is_away: it does not answer."""

    def __init__(self) -> None:
        self.is_away = False
        self.is_history_away = False
        self.stored: list[tuple[Alert, tuple[Destination, ...]]] = []
        self.seen_until_ms = T0
        self.put_here: list[Alert] = []
        self.meta: dict[str, str] = {}

    def _ask(self) -> None:
        if self.is_away:
            raise StorageError("away")

    async def reload(self) -> None:
        self._ask()

    async def stored_since(self, event_ms: int) -> Sequence[tuple[Alert, tuple[Destination, ...]]]:
        self._ask()
        return [one for one in self.stored if one[0].event_ms >= event_ms]

    async def stored_meta(self, keys: Collection[str]) -> Mapping[str, str]:
        self._ask()
        return {key: self.meta.get(key, str(self.seen_until_ms)) for key in keys}

    async def meta_set(self, key: str, value: str) -> None:
        self._ask()
        self.meta[key] = value

    async def alerts_of(self, keys: Collection[str]) -> Mapping[str, Alert]:
        self._ask()
        if self.is_history_away:
            raise StorageError("away")
        return {alert.key: alert for alert, _ in self.stored if alert.key in keys}

    async def read(self) -> tuple[int, State]:
        self._ask()
        return 1, State()

    async def taken_over(self, keys: Sequence[str]) -> None:
        self._ask()

    async def run(self) -> None:
        self._ask()

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        self.put_here.append(alert)


class Bench:
    def __init__(self) -> None:
        self.clock, self.database = MovableClock(), Database()
        self.leftovers = Leftovers(MemoryHandOver(), clock=self.clock)
        self.leases = MemoryLeases(self.clock)
        self.reach = FeedReach()
        cluster = FeedCluster(
            name="second",
            leases=self.leases,
            posts=MemoryPosts(),
            open_store=lambda options, fence: cast(Any, self.database),
            open_state=lambda fence: cast(Any, self.database),
            hand_over=MemoryHandOver(),
            leftovers=self.leftovers,
        )
        notices = OperatorNotices(clock=self.clock, publish=lambda notice, to: None)
        self.role = FeedRole(
            cluster,
            clock=self.clock,
            store_options=StoreOptions(),
            is_blind=lambda: False,
            reach=lambda: self.reach,
            main="binance",
            sweep_s=60.0,
            notices=notices,
        )

    def find(self, symbol: str, at_ms: int = T0) -> None:
        self.role.sink.put(pump(symbol, at_ms=at_ms), to=[PRIVATE])


async def test_a_database_that_is_away_at_the_takeover_is_asked_again_and_what_was_found_is_told_then() -> None:
    bench = Bench()
    bench.find("SOLUSDT")
    winning = asyncio.create_task(bench.role.win())
    await bench.clock.advance(0.5)
    assert winning.done()
    bench.database.is_away = True
    opening = asyncio.create_task(bench.role.open())
    await bench.clock.advance(2)
    bench.find("XRPUSDT")
    assert bench.database.put_here == []
    bench.database.is_away = False
    await bench.clock.advance(2)
    assert len(opening.result()) == 2
    assert [alert.symbol for alert in bench.database.put_here] == ["SOLUSDT", "XRPUSDT"]
    assert list(bench.role.sink.kept()) == []


async def test_one_that_loses_the_lead_before_it_could_tell_hands_over_what_it_found() -> None:
    bench = Bench()
    winning = asyncio.create_task(bench.role.win())
    await bench.clock.advance(0.5)
    assert winning.done()
    bench.find("SOLUSDT")
    await bench.role.leave()
    assert bench.leftovers.waiting == 1


async def test_one_that_never_led_hands_over_nothing() -> None:
    bench = Bench()
    bench.find("SOLUSDT")
    await bench.role.leave()
    assert bench.leftovers.waiting == 0


async def test_what_the_leader_stores_after_a_long_outage_is_followed_however_old_it_is() -> None:
    bench = Bench()
    told: list[str] = []
    bench.role.on_told = lambda news: told.extend(alert.symbol for alert, _ in news)
    await bench.leases.acquire(["feed"], holder="first", for_s=3600.0)
    winning = asyncio.create_task(bench.role.win())
    await bench.clock.advance(2)
    bench.database.is_away = True
    await bench.clock.advance(200)
    bench.database.stored.append((pump("SOLUSDT", at_ms=T0 + 60_000), (PRIVATE,)))
    bench.database.is_away = False
    await bench.clock.advance(3)
    assert told == ["SOLUSDT"]
    winning.cancel()
    await asyncio.wait({winning})


async def test_while_it_stands_by_it_forgets_what_is_known_to_be_stored_and_nothing_else() -> None:
    bench = Bench()
    await bench.leases.acquire(["feed"], holder="first", for_s=3600.0)
    winning = asyncio.create_task(bench.role.win())
    bench.find("SOLUSDT")
    bench.find("XRPUSDT", T0 + 180_000)
    bench.database.is_away = True
    bench.database.seen_until_ms = T0 + 240_000
    await bench.clock.advance(200)
    assert len(bench.role.sink.kept()) == 2
    bench.database.is_away = False
    await bench.clock.advance(3)
    assert [alert.symbol for alert, _ in bench.role.sink.kept()] == ["XRPUSDT"]
    winning.cancel()
    await asyncio.wait({winning})


async def test_why_the_lead_was_given_away_is_known_to_the_next_feed_and_to_none_after_it() -> None:
    bench = Bench()
    winning = asyncio.create_task(bench.role.win())
    await bench.clock.advance(0.5)
    assert winning.result() == Takeover()
    figures, banned = MarketSource("binance", "figures"), Cause(CauseCode.BANNED, "Way too many requests")
    bench.reach = FeedReach(lacks={figures: banned})
    await bench.leases.acquire(["feed-has:binance:figures:third#1"], holder="third#1", for_s=60.0)
    keeping = asyncio.create_task(bench.role.leadership.keep())
    await bench.clock.advance(1)
    assert isinstance(keeping.exception(), LeadershipLost)
    why = await bench.role.why(Takeover(before="second", token=1))
    assert why == GivenWay(by="second", token=1, lacks=figures, cause=banned)
    assert await bench.role.why(Takeover(before="second", token=2)) is None
    assert await bench.role.why(Takeover(before="third", token=1)) is None
    bench.database.meta["feed_given_way"] = '{"by": "second", "token": 1, "lacks": ["kraken", "dreams"]}'
    assert await bench.role.why(Takeover(before="second", token=1)) is None


async def test_a_feed_that_leads_forgets_processes_that_ended_an_hour_ago_and_no_lease_that_guards_writing() -> None:
    bench = Bench()
    gone = ["feed-sees:old#1", "feed-has:binance:prices:old#1", "notifier:old#2", "notify:7", "feed"]
    await bench.leases.acquire(gone, holder="old#1", for_s=3.0)
    await bench.leases.acquire(["notifier:now#3"], holder="now#3", for_s=9_000.0)
    pruning = asyncio.create_task(bench.role.loops()["posts"]())
    await bench.clock.advance(3_000.0)
    assert len(await bench.leases.holders()) == 6
    await bench.clock.advance(1_300.0)
    assert set(await bench.leases.holders()) == {"notifier:now#3", "notify:7", "feed"}
    pruning.cancel()
    await asyncio.wait({pruning})


async def test_notices_are_said_by_the_feed_that_leads_and_blindness_when_it_is_known_to_be_everybodys() -> None:
    bench = Bench()
    said: list[str] = []
    blind = BlindSince(at_ms=T0, reasons=(), since_ms=T0, symbols=500)
    elsewhere = BlindSince(at_ms=T0, reasons=(), since_ms=T0, symbols=300, venue="okx")
    back = BackAfter(at_ms=T0, since_ms=T0, missed_minutes=0, is_filled=False)
    bench.role.tell(back, lambda: said.append("standing by"))
    winning = asyncio.create_task(bench.role.win())
    await bench.clock.advance(0.5)
    assert winning.done()
    bench.role.tell(blind, lambda: said.append("blind"))
    bench.role.tell(elsewhere, lambda: said.append("blind at OKX"))
    assert said == ["blind at OKX"]
    bench.role.tell(structs.replace(back, venue="okx"), lambda: said.append("back at OKX"))
    assert said == ["blind at OKX", "back at OKX"], "that says nothing of the other exchange"
    bench.role.tell(back, lambda: said.append("back"))
    assert said == ["blind at OKX", "back at OKX", "blind", "back"]
