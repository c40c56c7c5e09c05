from __future__ import annotations

import itertools
import json
from statistics import median
from typing import Any

import pytest

from altmonitor.sim.contracts import make_contracts, price_decimals_for
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Burst, Crash, Delisting, Dump, Event, Listing, OiStep, Pump
from altmonitor.sim.wire import Frame
from tests.sim.exchange_kit import MINUTE, START


def market(*script: Event, seed: int = 5, symbols: int = 24, rate: float = 60.0) -> SeededMarket:
    return SeededMarket(seed=seed, start_ms=START, symbols=symbols, frames_per_s=rate, script=script)


def play(world: SeededMarket, until_ms: int, *, step_ms: int = 20) -> list[Frame]:
    frames: list[Frame] = []
    for at_ms in range(START, until_ms, step_ms):
        frames += world.frames(at_ms, at_ms + step_ms)
    return frames


def klines_of(frames: list[Frame], symbol: str) -> list[dict[str, Any]]:
    decoded = [json.loads(frame.event) for frame in frames if frame.stream == f"{symbol.lower()}@kline_1m"]
    return [{"E": event["E"], **event["k"]} for event in decoded]


def test_the_same_seed_gives_the_same_frames_and_another_seed_others() -> None:
    script = (Pump("SOLUSDT", START + 3_000, 5.0, 5), Listing("NEWUSDT", START + 2_000))
    first, second = play(market(*script), START + 10_000), play(market(*script), START + 10_000)
    assert len(first) > 300
    assert first == second
    assert first != play(market(*script, seed=6), START + 10_000)


def test_how_time_is_cut_into_windows_changes_no_candle() -> None:
    fine = [k for k in klines_of(play(market(), START + 65_000), "BTCUSDT") if k["x"]]
    coarse = [k for k in klines_of(play(market(), START + 65_000, step_ms=5_000), "BTCUSDT") if k["x"]]
    assert len(fine) == 2
    assert fine == coarse


def test_nothing_alarming_happens_by_itself() -> None:
    world = market(symbols=200, rate=400)
    for contract in world.contracts():
        candles = world.klines(contract.symbol, START - 30 * MINUTE, START + 90 * MINUTE)
        if contract.trading_span() == (0, 0):
            assert candles == []
            continue
        assert len(candles) == 121
        assert max(k.high / k.low for k in candles) < 1.02
        assert max(abs(b.close / a.open - 1) for a, b in itertools.pairwise(candles)) < 0.025
        for last in range(20, 121):
            assert candles[last].quote_usdt < 3.5 * median(k.quote_usdt for k in candles[last - 20 : last])
        held = [world.open_interest(contract.symbol, START + n * MINUTE) for n in range(30)]
        assert max(abs(held[n + 5] / held[n] - 1) for n in range(25)) < 0.015


def test_a_symbol_is_pushed_at_most_every_250_ms_and_only_after_a_trade() -> None:
    frames = play(market(), START + 20_000)
    for symbol in ("BTCUSDT", "SOLUSDT", "DOGEUSDT"):
        pushes = [k for k in klines_of(frames, symbol) if not k["x"]]
        assert len(pushes) > 5
        assert all(b["E"] - a["E"] >= 250 for a, b in itertools.pairwise(pushes))
        assert all(b["n"] > a["n"] for a, b in itertools.pairwise(pushes) if a["t"] == b["t"])


def test_the_asked_rate_is_the_rate_of_pushes() -> None:
    for rate in (60.0, 600.0):
        world = market(symbols=300, rate=rate)
        pushes = [frame for frame in play(world, START + 20_000) if b'"x":false' in frame.event]
        assert len(pushes) / 20 == pytest.approx(rate, rel=0.15)


def test_at_full_rate_every_trading_contract_is_pushed_four_times_a_second() -> None:
    world = market(symbols=100, rate=10_000)
    trading = sum(contract.status_at(START) == "TRADING" for contract in world.contracts())
    pushes = [frame for frame in play(world, START + 10_000) if b'"x":false' in frame.event]
    assert len(pushes) == pytest.approx(trading * 40, rel=0.03)


def test_closing_frames_come_late_and_some_after_the_next_minute_began() -> None:
    frames = play(market(symbols=100, rate=400), START + 63_000)
    overtaken = 0
    closes = 0
    begun: set[str] = set()
    delays: list[int] = []
    for frame in frames:
        event = json.loads(frame.event)
        kline = event["k"]
        if kline["t"] == START + MINUTE:
            begun.add(event["s"])
        elif kline["x"] and kline["t"] == START:
            closes += 1
            overtaken += event["s"] in begun
            delays.append(event["E"] - (START + MINUTE))
    assert closes > 80
    assert 200 <= min(delays) < 250
    assert 1_500 < max(delays) <= 2_000
    assert 5 < overtaken < closes


def test_history_and_the_socket_tell_the_same_candle() -> None:
    world = market(Pump("SOLUSDT", START + 20_000, 4.0, 10), Burst("SOLUSDT", START + 30_000, 7.0))
    closed = [k for k in klines_of(play(world, START + 3 * MINUTE + 2_000), "SOLUSDT") if k["x"]]
    told = [(k["t"], float(k["o"]), float(k["h"]), float(k["l"]), float(k["c"]), float(k["q"]), k["n"]) for k in closed]
    known = world.klines("SOLUSDT", START - MINUTE, START + 2 * MINUTE)
    assert told == [(k.open_ms, k.open, k.high, k.low, k.close, k.quote_usdt, k.trades) for k in known]
    assert len(told) == 4


def test_a_pump_and_a_dump_move_the_price_by_their_percentage() -> None:
    world = market(Pump("SOLUSDT", START + 61_000, 5.0, 20), Dump("ETHUSDT", START + 61_000, 4.0, 20))
    [rise] = world.klines("SOLUSDT", START + MINUTE, START + MINUTE)
    [fall] = world.klines("ETHUSDT", START + MINUTE, START + MINUTE)
    assert (rise.close / rise.open - 1) * 100 == pytest.approx(5.0, abs=0.6)
    assert (fall.close / fall.open - 1) * 100 == pytest.approx(-4.0, abs=0.6)
    [after] = world.klines("SOLUSDT", START + 10 * MINUTE, START + 10 * MINUTE)
    assert after.open / rise.open > 1.03


def test_even_a_thin_contract_is_pushed_throughout_its_pump() -> None:
    world = market(Pump("SOLUSDT", START + 5_000, 5.0, 10), rate=2.0)
    pushes = [k for k in klines_of(play(world, START + 20_000), "SOLUSDT") if 5_000 <= k["E"] - START <= 15_000]
    assert len(pushes) == 40


def test_a_burst_ends_its_minute_at_its_multiple_of_the_median() -> None:
    world = market(Burst("DOGEUSDT", START + MINUTE + 40_000, 8.0))
    candles = world.klines("DOGEUSDT", START - 19 * MINUTE, START + 2 * MINUTE)
    ratio = candles[20].quote_usdt / median(k.quote_usdt for k in candles[:20])
    assert ratio == pytest.approx(8.0, rel=0.01)
    assert candles[21].quote_usdt < 2 * candles[19].quote_usdt
    assert abs(candles[20].close / candles[20].open - 1) < 0.02


def test_an_event_changes_nothing_before_its_moment() -> None:
    quiet = play(market(), START + 30_000)
    loud_events = (
        Pump("SOLUSDT", START + 30_100, 9.0, 5),
        Burst("BTCUSDT", START + 30_100, 9.0),
        Crash(START + 30_100, 10.0, 10),
        OiStep("SOLUSDT", START + 30_100, 9.0),
        Delisting("ETHUSDT", START + 30_100),
    )
    assert play(market(*loud_events), START + 30_000) == quiet


def test_events_can_be_added_while_the_market_runs() -> None:
    world = market()
    before = play(world, START + 10_000)
    world.add(Dump("SOLUSDT", START + 12_000, 6.0, 5))
    [candle] = world.klines("SOLUSDT", START, START)
    assert (candle.close / candle.open - 1) * 100 == pytest.approx(-6.0, abs=0.6)
    assert play(world, START + 10_000) == before


def test_whoever_saw_the_minute_already_sees_added_events_like_anybody_else() -> None:
    cases: list[list[Event]] = [
        [Dump("SOLUSDT", START + 12_000, 6.0, 5), Burst("BTCUSDT", START + 15_000, 9.0)],
        [Pump("SOLUSDT", START + 11_000, 6.0, 5), OiStep("SOLUSDT", START + 12_000, 9.0), Crash(START + 70_000, 5.0)],
        [Crash(START + 12_000, 5.0, 10), Pump("SOLUSDT", START + 65_000, 6.0, 5)],
        [Listing("NEWUSDT", START + 12_000)],
    ]
    for events in cases:
        running, known = market(), market(*events)
        for world in (running, known):
            play(world, START + 10_000)
        running.add(*events)
        later = [(at_ms, at_ms + 1_000) for at_ms in range(START + 10_000, START + 80_000, 1_000)]
        assert [running.frames(*window) for window in later] == [known.frames(*window) for window in later]


def test_a_crash_takes_its_share_of_the_market_down_together() -> None:
    world = market(Crash(START + 61_000, 4.0, 30, 0.5), symbols=200, rate=400)
    changes = [
        (k.close / k.open - 1) * 100
        for contract in world.contracts()
        for k in world.klines(contract.symbol, START + MINUTE, START + MINUTE)
    ]
    fallen = [change for change in changes if change < -3]
    assert len(fallen) / len(changes) == pytest.approx(0.5, abs=0.1)
    assert min(changes) > -7.2
    assert max(change for change in changes if change >= -3) < 1.5
    assert min(change for change in changes if change >= -3) > -1.5


def test_a_listing_is_unknown_before_and_trades_from_its_moment() -> None:
    world = market(Listing("NEWUSDT", START + 90_000))
    contract = world.contract("NEWUSDT")
    assert contract is not None
    assert contract.status_at(START + 89_999) is None
    assert contract.status_at(START + 90_000) == "TRADING"
    assert [k.open_ms for k in world.klines("NEWUSDT", START, START + 3 * MINUTE)] == [
        START + MINUTE,
        START + 2 * MINUTE,
        START + 3 * MINUTE,
    ]
    first = klines_of(play(world, START + 100_000), "NEWUSDT")[0]
    assert START + 90_000 <= first["E"] <= START + 90_500


def test_an_announced_contract_can_be_the_one_that_is_listed() -> None:
    world = market(Listing("SOONUSDT", START + 1_000))
    contract = world.contract("SOONUSDT")
    assert contract is not None
    assert (contract.status_at(START), contract.status_at(START + 1_000)) == ("PENDING_TRADING", "TRADING")
    assert contract.onboard_ms == START + 1_000


def test_a_delisted_contract_keeps_its_past_and_gets_no_closing_frame() -> None:
    world = market(Delisting("SOLUSDT", START + 30_000))
    contract = world.contract("SOLUSDT")
    assert contract is not None
    assert contract.status_at(START + 30_000) == "SETTLING"
    told = [k for k in klines_of(play(world, START + 65_000), "SOLUSDT") if k["t"] >= START]
    assert max(k["E"] for k in told) < START + 30_000
    assert not any(k["x"] for k in told)
    assert len(world.klines("SOLUSDT", START - 2 * MINUTE, START + 5 * MINUTE)) == 3


@pytest.mark.parametrize(
    "event",
    [
        Pump("SOLUSDT", START, 0.0),
        Dump("SOLUSDT", START, 100.0),
        Dump("SOLUSDT", START, -5.0),
        Pump("SOLUSDT", START, 5.0, -1),
        Crash(START, 5.0, 60, 0.0),
        Crash(START, 61.0),
        Burst("SOLUSDT", START, 0.5),
        OiStep("SOLUSDT", START, -100.0),
        Pump("NOSUCHUSDT", START, 5.0),
        Delisting("NOSUCHUSDT", START),
    ],
)
def test_an_impossible_event_is_refused_with_its_own_text(event: Event) -> None:
    with pytest.raises(ValueError, match=type(event).__name__):
        market(event)


def test_prices_span_many_magnitudes_with_ticks_to_match() -> None:
    contracts = make_contracts(seed=1, count=600, start_ms=START)
    prices = [contract.price for contract in contracts]
    assert min(prices) < 1e-5
    assert max(prices) > 50_000
    assert len({contract.price_decimals for contract in contracts}) >= 7
    for contract in contracts:
        assert 10.0**-contract.price_decimals / contract.price < 1e-3
    assert [price_decimals_for(price) for price in (77_371.5, 148.2, 1.38, 0.0048)] == [1, 2, 4, 7]


def test_fewer_contracts_than_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 20"):
        market(symbols=19)
    assert len(market(symbols=20).contracts()) == 20
