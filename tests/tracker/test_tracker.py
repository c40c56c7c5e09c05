from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import BadAnswer, ExchangeBlocked, ExchangeUnreachable, UnknownSymbol
from altmonitor.positioning.history import Snapshot
from altmonitor.tracker.plan import Part
from altmonitor.tracker.series import PositionMoved, Series, TrackerBlocked, TrackerRecovered, TrackerStuck
from altmonitor.tracker.tracker import SweepReport, Tracked
from tests.fakes import cause
from tests.movable_clock import T0
from tests.tracker.fakes import Bench, bench
from tests.tracker.samples import snapshot

MONEY, TOP, OI = Series.SMART_MONEY, Series.TOP_TRADERS, Series.OPEN_INTEREST
TEN = [f"C{number}USDT" for number in range(10)]
ONE_SWEEP = Tracked(series=(MONEY,))


async def swept(at: Bench, *, within_s: float = 3_000, tracked: Tracked = ONE_SWEEP) -> list[SweepReport]:
    """What a fresh process brings home."""
    running = asyncio.create_task(at.again(tracked).run())
    spent_s = 0.0
    while not running.done() and spent_s < within_s:
        await at.clock.advance(1.0)
        spent_s += 1.0
    assert running.done()
    return running.result()


async def test_questions_are_nine_to_fifteen_seconds_apart_and_fresh() -> None:
    async with bench(ONE_SWEEP, symbols=TEN) as at:
        (report,) = await swept(at)
        assert (report.asked, report.stored, report.stopped) == (10, 10, None)
        assert [symbol for symbol, _, _ in at.site.asked] == TEN
        assert all(is_fresh for _, _, is_fresh in at.site.asked)
        assert all(9.0 <= spacing <= 15.0 for spacing in at.spacing_s)
        assert len(set(at.spacing_s)) > 5
        assert {row.mark_price for row in at.store.rows.values()} == {10.0}


async def test_each_row_is_stored_before_the_next_question() -> None:
    async with bench(ONE_SWEEP, symbols=TEN) as at:
        counts: list[int] = []
        at.site.before = lambda symbol: counts.append(len(at.store.rows))
        await swept(at)
        assert counts == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


async def test_a_killed_sweep_goes_on_where_it_stopped() -> None:
    async with bench(ONE_SWEEP, symbols=TEN) as at:
        killed = asyncio.create_task(at.tracker.run())
        while len(at.store.rows) < 7:
            await at.clock.advance(1.0)
        killed.cancel()
        await asyncio.wait([killed])
        (report,) = await swept(at)
        assert [symbol for symbol, _, _ in at.site.asked] == TEN
        assert (report.planned, report.asked, report.stored) == (10, 3, 3)
        assert at.progress[-1].done == 10


async def test_after_the_end_the_next_sweep_asks_everybody_again() -> None:
    async with bench(ONE_SWEEP, symbols=TEN) as at:
        await swept(at)
        await swept(at)
        assert len(at.site.asked) == 20
        assert len(at.store.rows) == 20


async def test_a_block_ends_the_sweep_at_once_and_is_told_once() -> None:
    async with bench(ONE_SWEEP, symbols=TEN) as at:
        until_ms = T0 + 3_600_000
        at.site.says["C4USDT"] = ExchangeBlocked("HTTP 429", until_ms=until_ms)
        (report,) = await swept(at)
        assert [symbol for symbol, _, _ in at.site.asked] == TEN[:5]
        assert (report.stored, report.until_ms, str(report.stopped)) == (4, until_ms, "HTTP 429")
        assert at.news == [
            TrackerBlocked(series=MONEY, until_ms=until_ms, reason=cause("HTTP 429", CauseCode.TOO_MANY))
        ]
        del at.site.says["C4USDT"]
        await swept(at)
        assert [symbol for symbol, _, _ in at.site.asked[5:]] == TEN[4:]


async def test_one_block_is_told_once_by_all_series_and_processes_and_the_next_one_again() -> None:
    async with bench(ONE_SWEEP, symbols=TEN) as at:
        for until_ms in (T0 + 3_600_000, T0 + 3_600_007, T0 + 7_200_000):
            at.site.for_all = ExchangeBlocked("HTTP 429", until_ms=until_ms)
            await swept(at)
        told = [news for news in at.news if isinstance(news, TrackerBlocked)]
        assert [news.until_ms for news in told] == [T0 + 3_600_000, T0 + 7_200_000]


async def test_nothing_for_a_symbol_is_an_answer_and_not_asked_again_in_this_sweep() -> None:
    async with bench(ONE_SWEEP, symbols=TEN) as at:
        at.site.says = {"C1USDT": None, "C2USDT": UnknownSymbol("gone"), "C3USDT": BadAnswer("odd")}
        at.site.says["C9USDT"] = ExchangeBlocked("HTTP 418", until_ms=T0 + 1)
        (report,) = await swept(at)
        assert (report.stored, report.no_data, report.failed) == (6, 2, 1)
        at.site.asked.clear()
        await swept(at)
        assert [symbol for symbol, _, _ in at.site.asked] == ["C3USDT", "C9USDT"]


async def test_a_kept_answer_is_never_counted_as_new() -> None:
    async with bench(ONE_SWEEP, symbols=["C0USDT"]) as at:
        at.site.says["C0USDT"] = snapshot("C0USDT", T0).overview
        (first,) = await swept(at)
        (second,) = await swept(at)
        assert (first.stored, first.known) == (1, 0)
        assert (second.stored, second.known) == (0, 1)
        assert len(at.store.rows) == 1


async def test_ten_questions_in_a_row_without_an_answer_end_the_sweep() -> None:
    many = [f"C{number:02}USDT" for number in range(30)]
    async with bench(ONE_SWEEP, symbols=many) as at:
        at.site.for_all = ExchangeUnreachable("no route")
        (report,) = await swept(at)
        assert len(at.site.asked) == 10
        assert str(report.stopped) == "10 questions in a row without an answer: C09USDT: no route"


async def test_a_symbol_that_never_answers_is_given_up_after_thirty_seconds() -> None:
    async with bench(ONE_SWEEP, symbols=TEN[:2]) as at:
        overview = at.site.overview

        async def hangs(symbol: str, **given: object) -> object:
            if symbol == "C0USDT":
                await at.clock.sleep(10_000)
            return await overview(symbol, **given)  # type: ignore[arg-type]

        at.site.overview = hangs  # type: ignore[method-assign, assignment]
        (report,) = await swept(at)
        assert (report.stored, report.failed) == (1, 1)
        assert report.reason == cause("C0USDT given up after 30 s", CauseCode.NO_ANSWER)
        assert at.clock.monotonic() <= 1_000 + 32


async def test_three_empty_sweeps_are_told_once_and_so_is_the_first_good_one() -> None:
    async with bench(ONE_SWEEP, symbols=TEN) as at:
        at.site.says = dict.fromkeys(TEN, None)
        for _ in range(4):
            await swept(at)
        assert at.news == [TrackerStuck(kind="stuck", series=MONEY, sweeps=3, captured=0, planned=10, reason=None)]
        at.site.says = {}
        await swept(at)
        assert at.news[1:] == [TrackerRecovered(series=MONEY, captured=10, planned=10)]


async def test_three_sweeps_with_two_of_ten_are_told_as_degraded() -> None:
    async with bench(ONE_SWEEP, symbols=TEN) as at:
        at.site.says = dict.fromkeys(TEN[2:], None)
        for _ in range(3):
            await swept(at)
        (stuck,) = at.news
        assert isinstance(stuck, TrackerStuck)
        assert (stuck.kind, stuck.captured, stuck.planned) == ("degraded", 2, 10)


async def test_without_a_list_of_contracts_nothing_is_asked_and_it_counts_as_an_empty_sweep() -> None:
    async with bench(ONE_SWEEP, symbols=TEN) as at:
        at.lists.problem = ExchangeUnreachable("HTTP 503")
        for _ in range(3):
            (report,) = await swept(at)
            assert str(report.stopped) == "no list of contracts: HTTP 503"
        assert at.site.asked == []
        assert [type(news) for news in at.news] == [TrackerStuck]


async def test_the_interval_runs_from_start_to_start_and_rests_five_seconds_at_least() -> None:
    tracked = Tracked(series=(MONEY,), interval_s=300.0)
    async with bench(tracked, symbols=TEN[:2]) as at:
        running = asyncio.create_task(at.tracker.run())
        await at.clock.advance(1_000.0)
        starts = [at_s for symbol, at_s, _ in at.site.asked if symbol == "C0USDT"]
        assert starts == pytest.approx([1_000.0, 1_300.0, 1_600.0, 1_900.0])
        assert at.store.checkpoints == 4
        running.cancel()
    tracked = Tracked(series=(MONEY,), interval_s=10.0)
    async with bench(tracked, symbols=TEN[:3]) as at:
        running = asyncio.create_task(at.tracker.run())
        await at.clock.advance(200.0)
        after = [at_s for symbol, at_s, _ in at.site.asked if symbol == "C0USDT"][1]
        last = next(at_s for symbol, at_s, _ in at.site.asked if symbol == "C2USDT")
        assert after == pytest.approx(last + 5.0)
        running.cancel()


async def test_a_restart_after_a_whole_sweep_waits_for_the_next_ones_time() -> None:
    tracked = Tracked(series=(MONEY,), interval_s=600.0)
    async with bench(tracked, symbols=TEN[:1]) as at:
        first = asyncio.create_task(at.tracker.run())
        await at.clock.advance(100.0)
        first.cancel()
        second = asyncio.create_task(at.again(tracked).run())
        await at.clock.advance(499.0)
        assert len(at.site.asked) == 1
        await at.clock.advance(2.0)
        assert len(at.site.asked) == 2
        second.cancel()


async def test_the_pool_is_read_once_in_six_hours_and_only_trading_usdt_contracts_are_in_it() -> None:
    async with bench(Tracked(series=(MONEY,), interval_s=3_600.0), symbols=TEN[:2]) as at:
        running = asyncio.create_task(at.tracker.run())
        await at.clock.advance(5 * 3_600.0 + 60)
        assert at.lists.reads == 1
        assert {symbol for symbol, _, _ in at.site.asked} == {"C0USDT", "C1USDT"}
        await at.clock.advance(3_600.0)
        assert at.lists.reads == 2
        running.cancel()


async def test_a_watchlist_is_all_that_is_tracked() -> None:
    tracked = Tracked(
        series=(MONEY,), watchlist=("XUSDT", "YUSDT"), parts={MONEY: Part(pool_max=1, shard_total=2, shard_index=1)}
    )
    async with bench(tracked, symbols=TEN) as at:
        await swept(at, tracked=tracked)
        assert [symbol for symbol, _, _ in at.site.asked] == ["XUSDT", "YUSDT"]
        assert at.lists.reads == 0


async def test_series_do_not_wait_for_each_other() -> None:
    tracked = Tracked(parts={OI: Part(pool_max=3)})
    async with bench(tracked, symbols=TEN) as at:
        at.site.for_all = ExchangeBlocked("HTTP 403", until_ms=T0 + 10_000)
        money, top, oi = await swept(at, tracked=tracked)
        assert (money.stored, top.stored, oi.stored) == (0, 10, 3)
        spacing = [b - a for (_, a), (_, b) in pairwise(at.statistics.asked)]
        assert all(0.8 <= gap <= 1.2 for gap in spacing)


async def test_a_part_that_is_missing_stores_nothing_of_the_ratios() -> None:
    tracked = Tracked(series=(TOP,))
    async with bench(tracked, symbols=TEN[:1]) as at:
        at.statistics.has_all_parts = False
        (report,) = await swept(at, tracked=tracked)
        assert (report.no_data, at.store.top) == (1, {})


async def test_the_same_bar_is_known_and_an_old_one_is_no_news_of_now() -> None:
    tracked = Tracked(series=(OI,))
    async with bench(tracked, symbols=TEN[:1]) as at:
        at.statistics.bars_end_ms = at.clock.now_ms() - 600_000
        reports = [(await swept(at, tracked=tracked))[0] for _ in range(2)]
        assert [(report.stored, report.known) for report in reports] == [(1, 0), (0, 1)]
        await at.clock.advance(600.0)
        (late,) = await swept(at, tracked=tracked)
        assert (late.stored, late.known, late.failed) == (0, 0, 1)
        assert late.reason == cause("C0USDT: the newest bar is 20 min old", CauseCode.OLD_BAR, minutes=20)


async def test_mark_prices_are_at_most_a_minute_old_and_missing_ones_are_none() -> None:
    async with bench(ONE_SWEEP, symbols=TEN) as at:
        await swept(at)
        assert 2 <= at.lists.price_reads <= 3
        at.lists.price_problem = ExchangeUnreachable("HTTP 503")
        await at.clock.advance(120.0)
        at.store.rows.clear()
        await swept(at)
        assert {row.mark_price for row in at.store.rows.values()} == {None}


async def test_rows_older_than_the_retention_are_dropped_after_each_sweep_of_smart_money() -> None:
    tracked = Tracked(series=(MONEY, OI), keep_days=7)
    async with bench(tracked, symbols=TEN[:1]) as at:
        await swept(at, tracked=tracked)
        (before_ms,) = at.store.forgotten_ms
        assert before_ms == pytest.approx(T0 - 7 * 86_400_000, abs=5_000)


async def stored(at: Bench, symbol: str, *, long_qty: float, minutes_ago: float) -> None:
    row: Snapshot = snapshot(symbol, at.clock.now_ms() - round(minutes_ago * 60_000), long_qty=long_qty)
    await at.store.put_snapshot(row, sweep_ms=1)


async def test_a_position_that_grew_by_the_threshold_is_told_until_it_has_been() -> None:
    tracked = Tracked(series=(MONEY,), watchlist=("ETHUSDT",))
    async with bench(tracked, symbols=[]) as at:
        await stored(at, "ETHUSDT", long_qty=1_000.0, minutes_ago=20)
        at.site.long_qty = 1_200.0
        await swept(at, tracked=tracked)
        (moved,) = at.news
        assert isinstance(moved, PositionMoved)
        assert (moved.alert.side, moved.alert.step, moved.alert.change_pct) == ("long", "add", 20.0)
        await at.clock.advance(12.0)
        await swept(at, tracked=tracked)
        assert len(at.news) == 2  # the first has not reached anybody
        await at.store.mark_told("ETHUSDT", moved.alert.fingerprint, told_ms=moved.change.to_ms)
        await at.clock.advance(12.0)
        await swept(at, tracked=tracked)
        assert len(at.news) == 2
        at.site.long_qty = 2_000.0
        await at.clock.advance(12.0)
        await swept(at, tracked=tracked)
        assert len(at.news) == 3


async def test_positions_are_told_only_for_a_watchlist() -> None:
    async with bench(ONE_SWEEP, symbols=["ETHUSDT"]) as at:
        await stored(at, "ETHUSDT", long_qty=0.0, minutes_ago=20)
        at.site.long_qty = 500_000.0
        await swept(at)
        assert at.news == []
