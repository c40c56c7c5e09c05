"""Which symbols are watched: at the start whatever the exchange does, then as the exchange says."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from altmonitor.collect.universe import Universe
from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import BadAnswer, ExchangeBlocked, ExchangeUnreachable
from altmonitor.market.contracts import Contract, ContractNews
from tests.collect.fake_rest import FakeRest, contract
from tests.movable_clock import T0, MovableClock, at_work

LISTED = [
    contract("BTCUSDT"),
    contract("币安人生USDT"),
    contract("SOLUSDT"),
    contract("OLDUSDT", status="SETTLING"),
    contract("SOONUSDT", status="PENDING_TRADING"),
    contract("BTCUSDC", quote="USDC"),
    contract("BTCUSDT_261225", kind="CURRENT_QUARTER"),
    contract("AAPLUSDT", kind="TRADIFI_PERPETUAL"),
]
WATCHED = frozenset({"BTCUSDT", "币安人生USDT", "SOLUSDT"})


def news(symbol: str, status: str, *, at_ms: int = T0, kind: str = "PERPETUAL") -> ContractNews:
    return ContractNews(event_ms=at_ms, symbol=symbol, status=status, contract_type=kind)


class Desk:
    def __init__(self, *, file: Path | None = None, tradfi: bool = False, listed: list[Contract] | None = None) -> None:
        self.clock = MovableClock()
        self.rest = FakeRest(self.clock)
        self.rest.takes_s = 0.0
        self.rest.listed = list(LISTED if listed is None else listed)
        self.changes: list[tuple[frozenset[str], frozenset[str], frozenset[str]]] = []
        self.universe = Universe(
            self.rest,
            clock=self.clock,
            tradfi=tradfi,
            refresh_s=3_600.0,
            on_change=lambda symbols, added, removed: self.changes.append((symbols, added, removed)),
            file=file,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Desk]:
        async with at_work(self.universe.run(), on=self.clock):
            yield self


async def pass_time(desk: Desk, seconds: float) -> None:
    """File work runs in threads, which a moved clock does not wait for by itself."""
    await desk.clock.advance(seconds)
    for _ in range(20):
        await asyncio.sleep(0.005)
    await desk.clock.settle()


async def test_trading_usdt_perpetuals_are_watched_and_nothing_else() -> None:
    desk = Desk()
    assert await desk.universe.start() == WATCHED
    assert desk.changes == [(WATCHED, WATCHED, frozenset())]
    assert desk.universe.symbols == WATCHED


async def test_stock_perpetuals_are_watched_when_asked_for() -> None:
    assert await Desk(tradfi=True).universe.start() == WATCHED | {"AAPLUSDT"}


@pytest.mark.parametrize(
    "problem", [ExchangeUnreachable("503"), ExchangeBlocked("418", until_ms=T0 + 1), BadAnswer("html")]
)
async def test_a_failing_list_at_the_start_is_asked_for_again_with_growing_pauses(problem: Exception) -> None:
    desk = Desk()
    desk.rest.failing = lambda what, symbol: problem  # type: ignore[assignment, return-value]
    assert await desk.universe.start() == frozenset()
    async with desk.running():
        await desk.clock.advance(600.0)
        asked = desk.rest.of("contracts")
        assert 10 <= len(asked) <= 30
        assert desk.universe.status().failures_in_row >= 10
        desk.rest.failing = lambda what, symbol: None
        desk.rest.blocked_until_ms = 0
        await desk.clock.advance(61.0)
    assert desk.universe.symbols == WATCHED
    assert desk.universe.status().failures_in_row == 0


async def test_the_list_of_the_last_run_is_used_when_the_exchange_does_not_answer(tmp_path: Path) -> None:
    file = tmp_path / "symbols.json"
    await Desk(file=file).universe.start()
    desk = Desk(file=file)
    desk.rest.takes_s = 1_000.0  # swallowed
    starting = asyncio.create_task(desk.universe.start())
    await pass_time(desk, 8.0)
    assert await starting == WATCHED
    assert desk.universe.status().is_from_file
    desk.rest.takes_s = 0.0
    desk.rest.listed.append(contract("NEWUSDT"))
    async with desk.running():
        await pass_time(desk, 2.0)
    assert desk.changes[-1] == (WATCHED | {"NEWUSDT"}, frozenset({"NEWUSDT"}), frozenset())
    assert not desk.universe.status().is_from_file


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"\xff", b'{"version":1,"saved_ms":1,"contracts":[{"symbol":7}]}', b'{"x":' + b"[" * 100_000],
    ids=["empty", "list", "no text", "wrong type", "deep"],
)
async def test_a_damaged_kept_list_is_reported_and_not_used(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "symbols.json"
    file.write_bytes(content)
    desk = Desk(file=file)
    desk.rest.failing = lambda what, symbol: ExchangeUnreachable("503")
    with caplog.at_level(logging.WARNING):
        assert await desk.universe.start() == frozenset()
    assert "symbols.json" in caplog.text


async def test_a_kept_list_that_cannot_be_written_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(file=tmp_path / "gone" / "symbols.json")
    assert await desk.universe.start() == WATCHED
    assert "cannot be kept" in caplog.text


async def test_the_kept_list_is_whole_json(tmp_path: Path) -> None:
    file = tmp_path / "symbols.json"
    await Desk(file=file).universe.start()
    assert {row["symbol"] for row in json.loads(file.read_text("utf-8"))["contracts"]} == WATCHED | {"AAPLUSDT"}
    assert os.listdir(tmp_path) == ["symbols.json"]


async def test_the_list_is_read_every_hour() -> None:
    desk = Desk()
    await desk.universe.start()
    async with desk.running():
        desk.rest.listed.append(contract("NEWUSDT"))
        desk.rest.listed.remove(contract("SOLUSDT"))
        await desk.clock.advance(3_599.0)
        assert len(desk.rest.asked) == 1
        await desk.clock.advance(2.0)
    assert desk.changes[1:] == [
        (frozenset({"BTCUSDT", "币安人生USDT", "NEWUSDT"}), frozenset({"NEWUSDT"}), frozenset({"SOLUSDT"}))
    ]


async def test_a_listing_told_by_the_stream_is_watched_at_once_and_verified_soon() -> None:
    desk = Desk()
    await desk.universe.start()
    async with desk.running():
        desk.universe.on_contract(news("NEWUSDT", "TRADING"))
        assert desk.changes[-1][1] == {"NEWUSDT"}
        assert len(desk.rest.asked) == 1
        await desk.clock.advance(6.0)
        assert len(desk.rest.asked) == 2
        assert "NEWUSDT" in desk.universe.symbols  # the list may be a day old and not know it


async def test_the_list_decides_about_the_quote_asset_and_the_type() -> None:
    desk = Desk()
    await desk.universe.start()
    desk.rest.listed += [contract("FAKEUSDT", quote="FUSDT"), contract("MSFTUSDT", kind="TRADIFI_PERPETUAL")]
    async with desk.running():
        desk.universe.on_contract(news("FAKEUSDT", "TRADING"))
        desk.universe.on_contract(news("MSFTUSDT", "TRADING"))
        assert desk.universe.symbols == WATCHED | {"FAKEUSDT", "MSFTUSDT"}
        await desk.clock.advance(6.0)
    assert desk.universe.symbols == WATCHED


async def test_a_delisting_told_by_the_stream_counts_although_the_list_lags_behind() -> None:
    desk = Desk()
    await desk.universe.start()
    async with desk.running():
        desk.universe.on_contract(news("SOLUSDT", "SETTLING"))
        assert desk.changes[-1][2] == {"SOLUSDT"}
        await desk.clock.advance(7_300.0)
        assert "SOLUSDT" not in desk.universe.symbols
        await desk.clock.advance(27 * 3_600.0)  # a day later the list is right after all
        assert "SOLUSDT" in desk.universe.symbols


async def test_once_the_list_agrees_with_the_stream_the_list_may_change_again() -> None:
    desk = Desk()
    await desk.universe.start()
    async with desk.running():
        desk.universe.on_contract(news("NEWUSDT", "TRADING"))
        desk.rest.listed.append(contract("NEWUSDT"))
        await desk.clock.advance(10.0)
        desk.rest.listed[-1] = contract("NEWUSDT", status="SETTLING")
        await desk.clock.advance(3_601.0)
    assert desk.universe.symbols == WATCHED


async def test_what_does_not_concern_us_changes_nothing_and_asks_nothing() -> None:
    desk = Desk()
    await desk.universe.start()
    async with desk.running():
        for _ in range(50):
            desk.universe.on_contract(news("BTCUSDT", "TRADING"))  # a bracket change
        desk.universe.on_contract(news("BTCUSD_PERP", "TRADING"))
        desk.universe.on_contract(news("ETHUSDC", "TRADING"))
        desk.universe.on_contract(news("BTCUSDT_261225", "TRADING", kind="CURRENT_QUARTER"))
        await desk.clock.advance(60.0)
    assert len(desk.changes) == 1
    assert len(desk.rest.asked) == 1


async def test_older_news_does_not_undo_newer_news() -> None:
    desk = Desk()
    await desk.universe.start()
    desk.universe.on_contract(news("SOLUSDT", "SETTLING", at_ms=T0 + 5))
    desk.universe.on_contract(news("SOLUSDT", "TRADING", at_ms=T0 + 4))
    assert "SOLUSDT" not in desk.universe.symbols


async def test_news_before_the_first_list_waits_for_it() -> None:
    desk = Desk()
    desk.universe.on_contract(news("NEWUSDT", "TRADING"))
    assert desk.changes == []
    assert await desk.universe.start() == WATCHED | {"NEWUSDT"}


async def test_an_announced_contract_is_looked_for_when_it_opens() -> None:
    desk = Desk()
    desk.rest.listed.append(
        Contract(
            symbol="NEXTUSDT",
            status="PENDING_TRADING",
            contract_type="PERPETUAL",
            quote_asset="USDT",
            onboard_ms=T0 + 900_000,
        )
    )
    await desk.universe.start()
    async with desk.running():
        await desk.clock.advance(901.0)
        assert len(desk.rest.asked) == 1
        desk.rest.listed[-1] = contract("NEXTUSDT")
        await desk.clock.advance(2.0)
        assert "NEXTUSDT" in desk.universe.symbols


async def test_a_list_without_half_of_the_symbols_is_not_believed_until_the_third_time() -> None:
    desk = Desk(listed=[contract(f"A{number}USDT") for number in range(100)])
    await desk.universe.start()
    async with desk.running():
        desk.rest.listed = desk.rest.listed[:40]
        await desk.clock.advance(3_601.0)
        assert len(desk.universe.symbols) == 100
        failure = desk.universe.status().last_failure
        assert failure is not None
        assert (failure.code, failure.values) == (CauseCode.LOST_SYMBOLS, {"lost": 60, "known": 100})
        await desk.clock.advance(60.0)
        assert len(desk.universe.symbols) == 100
        await desk.clock.advance(60.0)
        assert len(desk.universe.symbols) == 40


async def test_a_list_without_any_symbol_is_never_believed() -> None:
    desk = Desk()
    await desk.universe.start()
    async with desk.running():
        desk.rest.listed = [contract("OLDUSDT", status="SETTLING")]
        await desk.clock.advance(9_000.0)
    assert desk.universe.symbols == WATCHED
    assert len(desk.changes) == 1


async def test_a_list_that_lost_some_and_came_back_was_believed_at_once() -> None:
    desk = Desk(listed=[contract(f"A{number}USDT") for number in range(100)])
    await desk.universe.start()
    async with desk.running():
        desk.rest.listed = desk.rest.listed[:60]
        await desk.clock.advance(3_601.0)
    assert len(desk.universe.symbols) == 60
