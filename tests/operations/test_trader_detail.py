"""One trader at a glance: three questions at once, what is not offered is null with its reason, who knows the id."""

from __future__ import annotations

import asyncio

import pytest

from altmonitor.core.errors import UnknownTrader
from altmonitor.interfaces.traders import NamedTraders, PositionsRequest, TraderAnswer, TraderHistoryRequest
from altmonitor.operations.errors import BadArgument, NotFound, Unavailable
from altmonitor.positioning.traders import Trader, TraderOrder, TraderPosition
from tests.operations.operations_kit import Bench
from tests.operations.standing_traders import CODES, StandingTraders
from tests.operations.test_confirm import asked


def bench_of(*traders: StandingTraders) -> Bench:
    bench = Bench()
    bench.traders = list(traders)
    return bench


async def test_k23_performance_positions_and_orders_are_one_answer() -> None:
    one = StandingTraders(name="okx_key")
    found = await asked("get_trader_detail", bench_of(one).context(), authorId=CODES[3], limit=2)
    assert (found.provider, found.author_id) == ("okx_key", CODES[3])
    assert found.performance.author_id == CODES[3]
    assert [position.inst_id for position in found.positions] == ["ETH-USDT-SWAP"]
    assert len(found.orders) == 2
    assert len(one.asked) == 3
    assert found.sources


class Together(StandingTraders):
    """Answers only once all three questions are there."""

    waits = asyncio.Barrier(3)

    async def performance(self, request: NamedTraders) -> TraderAnswer[Trader]:
        await self.waits.wait()
        return await super().performance(request)

    async def positions(self, request: PositionsRequest) -> TraderAnswer[TraderPosition]:
        await self.waits.wait()
        return await super().positions(request)

    async def orders_history(self, request: TraderHistoryRequest) -> TraderAnswer[TraderOrder]:
        await self.waits.wait()
        return await super().orders_history(request)


async def test_k23_the_three_are_asked_at_the_same_time() -> None:
    async with asyncio.timeout(5):
        found = await asked("get_trader_detail", bench_of(Together(name="okx_key")).context(), authorId=CODES[0])
    assert found.performance is not None


async def test_k23_what_a_provider_does_not_offer_is_null_with_who_does() -> None:
    few = StandingTraders(refuses=frozenset({"orders_history"}))
    found = await asked("get_trader_detail", bench_of(few).context(), authorId=CODES[0])
    assert found.orders is None
    assert found.positions is not None
    assert any(note.startswith("orders: okx_copy does not offer") for note in found.notes)
    none = StandingTraders(refuses=frozenset({"orders_history", "positions", "performance"}))
    with pytest.raises(BadArgument, match="does not offer"):
        await asked("get_trader_detail", bench_of(none).context(), authorId=CODES[0])


class Stranger(StandingTraders):
    async def positions(self, request: PositionsRequest) -> TraderAnswer[TraderPosition]:
        raise UnknownTrader("okx knows no such trader")


async def test_k23_who_does_not_know_the_id_is_passed_over_and_the_last_one_says_so() -> None:
    both = bench_of(Stranger(name="okx_key"), StandingTraders())
    assert (await asked("get_trader_detail", both.context(), authorId=CODES[0])).provider == "okx_copy"
    with pytest.raises(NotFound, match="okx knows no such trader"):
        await asked("get_trader_detail", bench_of(Stranger(name="okx_key")).context(), authorId=CODES[0])
    with pytest.raises(NotFound, match="an address 0x… or a code of OKX is needed"):
        await asked("get_trader_detail", bench_of(StandingTraders()).context(), authorId="0x" + "1" * 40)
    with pytest.raises(Unavailable, match="asks no provider"):
        await asked("get_trader_detail", bench_of().context(), authorId=CODES[0])
    with pytest.raises((BadArgument, Unavailable), match="okx_key"):
        await asked("get_trader_detail", bench_of(StandingTraders()).context(), authorId=CODES[0], provider="okx_key")
