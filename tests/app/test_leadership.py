"""Who of several feeds writes, on a clock that is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from msgspec import structs

from altmonitor.app.leadership import GivenWay, HeldSink, Leadership, Takeover
from altmonitor.app.market_reach import FeedReach, MarketSource
from altmonitor.core.alert import Alert, Details, Kind
from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.errors import LeadershipLost, StorageError
from altmonitor.core.types import Destination
from altmonitor.storage.leases import MemoryLeases
from tests.fakes import ListSink
from tests.movable_clock import T0, MovableClock

PRICES, FIGURES, ELSEWHERE = (
    MarketSource("binance", "prices"),
    MarketSource("binance", "figures"),
    MarketSource("okx", "figures"),
)
BANNED = Cause(CauseCode.BANNED, "Way too many requests")
WHOLE = FeedReach(now=frozenset({PRICES, FIGURES}), steadily=frozenset({PRICES, FIGURES}))
REFUSED = FeedReach(now=frozenset({PRICES}), steadily=frozenset({PRICES}), lacks={FIGURES: BANNED})
CHAT, OTHER = Destination(chat_id=77), Destination(chat_id=78)


class Cluster:
    """Feeds over one table of leases."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.leases = FailingLeases(self.clock)
        self.blind: set[str] = set()
        self.reach: dict[str, FeedReach] = {}
        self.given: list[GivenWay] = []
        self.is_full = False
        self.followed: list[str] = []

    def feed(self, name: str) -> Leadership:
        async def follow() -> None:
            self.followed.append(name)

        async def given(why: GivenWay) -> None:
            if self.is_full:
                raise StorageError("the disk is full")
            self.given.append(why)

        return Leadership(
            self.leases,
            name=name,
            clock=self.clock,
            follow=follow,
            is_blind=lambda: name in self.blind,
            reach=lambda: self.reach.get(name, FeedReach()),
            on_give_way=given,
        )

    @asynccontextmanager
    async def leading(self, feed: Leadership) -> AsyncIterator[asyncio.Task[None]]:
        await feed.win()
        task = asyncio.create_task(feed.keep())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(LeadershipLost):
                await asyncio.gather(task, return_exceptions=True)

    async def taken_over(self, feed: Leadership, *, within_s: float) -> Takeover:
        winning = asyncio.create_task(feed.win())
        await self.clock.advance(within_s)
        assert winning.done(), f"{feed.name} does not lead after {within_s} s"
        return winning.result()


class FailingLeases(MemoryLeases):
    is_away = False

    async def acquire(self, names: Collection[str], *, holder: str, for_s: float) -> Mapping[str, int]:
        if self.is_away:
            raise StorageError("away")
        return await super().acquire(names, holder=holder, for_s=for_s)

    async def renew(self, held: Mapping[str, int], *, for_s: float) -> frozenset[str]:
        if self.is_away:
            raise StorageError("away")
        return await super().renew(held, for_s=for_s)


async def test_the_first_feed_leads_and_the_second_follows_and_takes_over_within_five_seconds_of_its_death() -> None:
    cluster = Cluster()
    first, second = cluster.feed("first"), cluster.feed("second")
    async with cluster.leading(first):
        winning = asyncio.create_task(second.win())
        await cluster.clock.advance(20)
        assert not winning.done()
        assert cluster.followed.count("second") > 50
    await cluster.clock.advance(4.5)
    won = winning.result()
    assert won.before == "first"
    assert 3.0 <= won.silent_s <= 4.5
    assert (first.token, second.token) == (1, 2)


async def test_who_was_held_up_while_another_took_over_learns_it_and_leads_no_more() -> None:
    cluster = Cluster()
    first, second = cluster.feed("first"), cluster.feed("second")
    async with cluster.leading(first) as keeping:
        cluster.clock.stop(10)
        assert (await second.win()).before == "first"
        await cluster.clock.advance(1)
        with pytest.raises(LeadershipLost):
            keeping.result()
    assert not first.is_leading


async def test_a_database_that_was_away_for_longer_than_the_lease_takes_it_from_nobody() -> None:
    cluster = Cluster()
    first = cluster.feed("first")
    async with cluster.leading(first) as keeping:
        cluster.leases.is_away = True
        await cluster.clock.advance(30)
        cluster.leases.is_away = False
        await cluster.clock.advance(2)
        assert not keeping.done()
    assert first.token == 2


async def test_an_orderly_end_leaves_no_gap() -> None:
    cluster = Cluster()
    first, second = cluster.feed("first"), cluster.feed("second")
    async with cluster.leading(first):
        winning = asyncio.create_task(second.win())
        await cluster.clock.advance(5)
        await first.resign()
        await cluster.clock.advance(0.5)
    assert winning.result().silent_s <= 1.0


async def test_a_leader_that_sees_nothing_gives_way_to_one_that_does_and_only_to_that() -> None:
    cluster = Cluster()
    first, second = cluster.feed("first"), cluster.feed("second")
    async with cluster.leading(first) as keeping:
        winning = asyncio.create_task(second.win())
        cluster.blind |= {"first", "second"}
        await cluster.clock.advance(20)
        assert not keeping.done()
        assert not winning.done()
        cluster.blind -= {"second"}
        await cluster.clock.advance(2)
        with pytest.raises(LeadershipLost):
            keeping.result()
        assert winning.result().before == "first"
    assert cluster.given == [GivenWay(by="first", token=1, lacks=PRICES)]


async def test_that_nothing_is_seen_is_said_when_no_other_feed_sees_either_and_never_where_one_does() -> None:
    cluster = Cluster()
    first, second = cluster.feed("first"), cluster.feed("second")
    said: list[str] = []
    async with cluster.leading(first) as keeping:
        winning = asyncio.create_task(second.win())
        await cluster.clock.advance(5)
        cluster.blind |= {"first", "second"}
        first.when_nobody_sees(lambda: said.append("both are blind"))
        await cluster.clock.advance(4)
        assert said == [], "the other one said three seconds ago that it sees"
        assert not keeping.done()
        await cluster.clock.advance(2)
        assert said == ["both are blind"]
        assert not keeping.done()
        cluster.blind -= {"first", "second"}
        await cluster.clock.advance(20)
        cluster.blind |= {"first"}
        first.when_nobody_sees(lambda: said.append("alone"))
        await cluster.clock.advance(7)
        assert keeping.done()
        assert winning.result().before == "first"
    assert said == ["both are blind"]


async def test_a_leader_whom_the_exchange_refuses_gives_way_to_one_that_it_answers_and_says_why() -> None:
    cluster = Cluster()
    first, second = cluster.feed("first"), cluster.feed("second")
    cluster.reach["first"] = cluster.reach["second"] = WHOLE
    async with cluster.leading(first) as keeping:
        winning = asyncio.create_task(second.win())
        await cluster.clock.advance(20)
        assert not winning.done()
        cluster.reach["first"] = REFUSED
        await cluster.clock.advance(2)
        with pytest.raises(LeadershipLost, match="gets no figures"):
            keeping.result()
        assert winning.result() == Takeover(before="first", token=1, silent_s=winning.result().silent_s)
        assert winning.result().silent_s <= 1.0
    assert cluster.given == [GivenWay(by="first", token=1, lacks=FIGURES, cause=BANNED)]


async def test_two_feeds_that_the_exchange_refuses_alike_leave_the_lead_where_it_is() -> None:
    cluster = Cluster()
    first, second = cluster.feed("first"), cluster.feed("second")
    cluster.reach["first"] = cluster.reach["second"] = REFUSED
    async with cluster.leading(first) as keeping:
        winning = asyncio.create_task(second.win())
        await cluster.clock.advance(900)
        assert not keeping.done()
        assert not winning.done()


async def test_a_leader_that_could_not_write_why_and_lost_its_lease_for_a_moment_gives_way_all_the_same() -> None:
    cluster = Cluster()
    first = cluster.feed("first")
    cluster.is_full = True
    async with cluster.leading(first) as keeping:
        has = [f"feed-has:binance:{what}:b" for what in ("prices", "figures")]
        await cluster.leases.acquire(has, holder="b", for_s=900)
        cluster.reach["first"] = REFUSED
        await cluster.clock.advance(2)
        cluster.leases.is_away = True
        await cluster.clock.advance(4)
        cluster.leases.is_away = cluster.is_full = False
        await cluster.clock.advance(2)
        with pytest.raises(LeadershipLost, match="gets no figures"):
            keeping.result()
    assert cluster.given == [GivenWay(by="first", token=2, lacks=FIGURES, cause=BANNED)]


async def test_nobody_gives_way_to_a_feed_that_lacks_something_else() -> None:
    cluster = Cluster()
    first, second = cluster.feed("first"), cluster.feed("second")
    cluster.reach["first"] = FeedReach(now=frozenset({PRICES, ELSEWHERE}), lacks={FIGURES: BANNED})
    cluster.reach["second"] = WHOLE
    async with cluster.leading(first) as keeping:
        winning = asyncio.create_task(second.win())
        await cluster.clock.advance(60)
        assert not winning.done()
        cluster.reach["second"] = FeedReach(now=WHOLE.now, steadily=WHOLE.steadily | {ELSEWHERE})
        await cluster.clock.advance(2)
        assert winning.done()
        assert keeping.done()


async def test_what_was_given_away_is_not_given_back_within_ten_minutes() -> None:
    cluster = Cluster()
    first, second = cluster.feed("first"), cluster.feed("second")
    cluster.reach = {"first": REFUSED, "second": WHOLE}
    async with cluster.leading(first):
        winning = asyncio.create_task(second.win())
        await cluster.clock.advance(2)
        assert winning.done()
    keeping, again = asyncio.create_task(second.keep()), asyncio.create_task(first.win())
    cluster.reach = {"first": WHOLE, "second": REFUSED}
    await cluster.clock.advance(590)
    assert not keeping.done()
    assert not again.done()
    await cluster.clock.advance(20)
    assert [one.by for one in cluster.given] == ["first", "second"]
    assert again.result().before == "second"
    with pytest.raises(LeadershipLost):
        keeping.result()


async def test_a_lead_that_is_free_is_left_to_the_feed_that_has_more_and_taken_when_that_one_is_gone() -> None:
    cluster = Cluster()
    poor, whole = cluster.feed("poor"), cluster.feed("whole")
    cluster.reach = {"poor": REFUSED, "whole": WHOLE}
    async with cluster.leading(whole):
        winning = asyncio.create_task(poor.win())
        await cluster.clock.advance(20)
        await whole.resign()
        await cluster.clock.advance(1)
        assert not winning.done(), "the other one is there, and has more"
    await cluster.clock.advance(3.5)
    assert winning.done()


async def test_a_reason_that_cannot_be_stored_keeps_the_lead_until_it_can() -> None:
    cluster = Cluster()
    first, second = cluster.feed("first"), cluster.feed("second")
    cluster.reach = {"first": REFUSED, "second": WHOLE}
    cluster.is_full = True
    async with cluster.leading(first) as keeping:
        winning = asyncio.create_task(second.win())
        await cluster.clock.advance(60)
        assert not keeping.done()
        assert not winning.done()
        cluster.is_full = False
        await cluster.clock.advance(2)
        assert [one.by for one in cluster.given] == ["first"]
        assert winning.done()


def alert(key: str, *, event_ms: int = T0, kind: Kind = "price", **known: Any) -> Alert:
    is_price = kind == "price"
    return Alert(
        **{
            "key": key,
            "ts": event_ms / 1000,
            "event_ms": event_ms,
            "candle_ms": T0 if is_price else None,
            "symbol": "SOLUSDT",
            "kind": kind,
            "direction": "PUMP" if is_price else "UP",
            **known,
        }
    )


def test_what_was_found_while_standing_by_is_told_at_the_takeover_unless_the_leader_had_told_it() -> None:
    sink = ListSink()
    held = HeldSink(sink)
    held.put(alert("price:told"), to=[CHAT])
    held.put(alert("price:missed", event_ms=T0 + 1, candle_ms=T0 + 60_000), to=[CHAT])
    held.put(alert("oi:mine", event_ms=T0 + 70_000, kind="oi"), to=[CHAT])
    assert sink.alerts == []

    told = [alert("price:told"), alert("oi:theirs", event_ms=T0 + 30_000, kind="oi")]
    told_now = held.open(told=[(one, [CHAT]) for one in told])
    held.put(alert("price:now"), to=[CHAT])

    assert len(told_now) == 1
    assert [one.key for one in sink.alerts] == ["price:missed", "price:now"]
    assert list(held.kept()) == []


def test_nothing_found_is_forgotten_before_it_is_known_to_be_stored_however_long_the_database_is_away() -> None:
    sink = ListSink()
    held = HeldSink(sink)
    for second in (0, 30, 300):
        held.put(alert(f"price:{second}", event_ms=T0 + second * 1000, candle_ms=T0 + second * 1000), to=[CHAT])
    held.forget({})
    held.forget({"bybit": T0 + 3_600_000})
    held.forget({"binance": T0 + 60_000})
    assert [one.key for one, _ in held.kept()] == ["price:0", "price:30", "price:300"]
    held.forget({"binance": T0 + 90_001})
    held.open(told=[])
    assert [one.key for one in sink.alerts] == ["price:300"]


def test_what_is_forgotten_and_was_told_nobody_is_named_by_whatever_key_it_was_told() -> None:
    held = HeldSink(ListSink())
    same_key, same_event, alone = alert("oi:1", kind="oi"), alert("oi:2", kind="oi"), alert("oi:3", kind="oi")
    for one, symbol in ((same_key, "SOLUSDT"), (same_event, "XRPUSDT"), (alone, "ADAUSDT")):
        held.put(structs.replace(one, symbol=symbol), to=[CHAT, OTHER])
    theirs = alert("oi:theirs", event_ms=T0 + 60_000, kind="oi", symbol="XRPUSDT")
    told = [(same_key, [CHAT, OTHER]), (theirs, [CHAT, OTHER])]
    assert held.forget({"binance": T0 + 89_999}, told=told) == []
    assert [one.symbol for one in held.forget({"binance": T0 + 90_001}, told=told)] == ["ADAUSDT"]
    assert list(held.kept()) == []
    held.put(structs.replace(same_event, symbol="XRPUSDT"), to=[CHAT, OTHER])
    assert len(held.forget({"binance": T0 + 90_001}, told=[(theirs, [CHAT])])) == 1, "the other chat was told nothing"


def test_a_move_that_one_feed_saw_and_the_other_found_in_its_closed_candle_is_told_once() -> None:
    sink = ListSink()
    held = HeldSink(sink)
    late = alert("price:1m", candle_ms=T0)
    escalation = alert("price:x1", candle_ms=T0, details=Details(told_before_pct=3.5))
    other_chat = alert("price:1m@78", candle_ms=T0)
    other_minute = alert("price:later", candle_ms=T0 + 60_000)
    for one, to in ((late, CHAT), (escalation, CHAT), (other_chat, OTHER), (other_minute, CHAT)):
        held.put(one, to=[to])
    held.open(told=[(alert("price:60s", candle_ms=T0, note="60s"), [CHAT])])
    assert [one.key for one in sink.alerts] == ["price:x1", "price:1m@78", "price:later"]


def test_a_figure_that_is_read_every_five_minutes_is_matched_within_so_long_and_kept_so_long() -> None:
    sink = ListSink()
    held = HeldSink(sink, sweep_s=300.0)
    mine = alert("oi:SOLUSDT:UP:5m:mine", kind="oi")
    next_one = alert("oi:SOLUSDT:UP:5m:next", event_ms=T0 + 900_000, kind="oi")
    funding = alert("funding:SOLUSDT:UP:8h:mine", kind="funding")
    for one in (mine, next_one, funding):
        held.put(one, to=[CHAT])
    held.forget({"binance": T0 + 449_000})
    assert [one.key for one, _ in held.kept()] == [mine.key, next_one.key], "tables are read once a minute"
    held.open(told=[(alert("oi:SOLUSDT:UP:5m:theirs", event_ms=T0 + 290_000, kind="oi"), [CHAT])])
    assert [one.key for one in sink.alerts] == [next_one.key]


def test_what_has_no_candle_and_no_sample_is_the_same_when_only_its_moment_differs() -> None:
    sink = ListSink()
    held = HeldSink(sink)
    for key, at_s in (
        ("listing:SOLUSDT:gone:2", 20),
        ("listing:SOLUSDT:listed:2", 20),
        ("listing:SOLUSDT:gone:9", 600),
    ):
        held.put(alert(key, event_ms=T0 + at_s * 1000, kind="listing"), to=[CHAT])
    held.open(told=[(alert("listing:SOLUSDT:gone:1", kind="listing"), [CHAT])])
    assert [one.key for one in sink.alerts] == ["listing:SOLUSDT:listed:2", "listing:SOLUSDT:gone:9"]
