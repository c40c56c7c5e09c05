"""What is answered about the market, with units, ages and what is missing."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from altmonitor.core.errors import BudgetExhausted, ExchangeBlocked, ExchangeUnreachable, StorageError, UnknownSymbol
from altmonitor.detectors.verdict import Explanation
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import Candle
from altmonitor.operations.alerts import SymbolAlertsArguments, get_symbol_alerts
from altmonitor.operations.board import MarketBoard
from altmonitor.operations.errors import BadArgument, NotFound, Unavailable, UnknownContract, translated
from altmonitor.operations.market import (
    CandleArguments,
    MarketArguments,
    WhyArguments,
    get_candles,
    get_market,
    get_open_interest_samples,
    why,
)
from altmonitor.operations.symbols import OneContractAt
from altmonitor.operations.table import OPERATION_OF
from tests.app.test_market_answers import MINUTE, T0, candle
from tests.operations.operations_kit import NOW_MS, Bench


async def test_the_table_says_of_each_contract_what_is_known_and_how_old_it_is() -> None:
    table = await get_market(Bench().context(), MarketArguments())
    assert (table.as_of_ms, table.sweep, table.listed, table.covered, table.coverage) == (NOW_MS, 7, 3, 3, 1.0)
    sol = next(row for row in table.rows if row.symbol == "SOLUSDT")
    assert (sol.price, sol.price_age_s, sol.change_1m_pct, sol.change_1h_pct) == (103.5, 10.0, 3.5, 3.5)
    assert (sol.volume_1m_usdt, sol.volume_multiple, sol.volume_24h_usdt) == (100_000.0, 1.0, 2.5e9)
    assert (sol.oi_contracts, sol.oi_usd, sol.oi_age_s) == (1_100.0, 113_850.0, 10.0)
    assert (sol.oi_change_1m_pct, sol.oi_change_5m_pct) == (5.77, 10.0)
    assert (sol.funding_pct, sol.funding_interval_h, sol.funding_age_s) == (0.01, 8.0, 12.0)
    assert (sol.long_short_ratio, sol.long_short_ratio_age_s) == (1.85, 90.0)
    doge = next(row for row in table.rows if row.symbol == "DOGEUSDT")
    assert (doge.change_15m_pct, doge.volume_multiple, doge.oi_usd, doge.funding_pct) == (None, None, None, None)


async def test_a_market_without_contracts_is_an_empty_table() -> None:
    bench = Bench()
    bench.known.books.clear()
    table = await get_market(bench.context(), MarketArguments())
    assert (table.listed, table.covered, table.coverage, table.rows) == (0, 0, 0.0, ())


async def test_a_contract_of_which_nothing_was_seen_yet_has_a_row_of_nulls() -> None:
    bench = Bench()
    bench.known.books["NEWUSDT"] = SymbolBook("NEWUSDT")
    table = await get_market(bench.context(), MarketArguments(search="NEW"))
    assert (table.listed, table.covered, table.coverage) == (4, 3, 0.75)
    assert msgspec.structs.astuple(table.rows[0]) == ("NEWUSDT", *[None] * 20)


async def test_a_change_half_way_between_two_hundredths_goes_where_its_exact_value_lies() -> None:
    bench, found = Bench(), []
    for price in (103.235, 103.765, 100.125, 100.375, 96.765):
        bench.known.add("SOLUSDT", start=100.0, now=price)
        table = await get_market(bench.context(), MarketArguments(search="SOL"))
        found.append(table.rows[0].change_1m_pct)
    assert found == [3.23, 3.77, 0.12, 0.38, -3.23]


async def test_the_table_names_the_venue_whose_market_it_is() -> None:
    bench = Bench()
    told = [MarketBoard(replace(bench.board_deps, venue=venue)).table().source for venue in ("binance", "bybit", "okx")]
    what = "USDT perpetuals: 1-minute candles, open-interest sweep, 24 h figures, funding"
    assert told == [f"Binance {what}", f"Bybit {what}", f"OKX {what}"]


async def test_the_table_is_sorted_cut_and_searched_as_asked() -> None:
    context = Bench().context()

    async def names(**asked: object) -> list[str]:
        table = await get_market(context, MarketArguments(**asked))  # type: ignore[arg-type]
        return [row.symbol for row in table.rows]

    assert await names() == ["BTCUSDT", "DOGEUSDT", "SOLUSDT"]
    assert await names(sort="change_1m") == ["DOGEUSDT", "SOLUSDT", "BTCUSDT"]
    assert await names(sort="funding", limit=1) == ["SOLUSDT"]
    assert await names(search="oge") == ["DOGEUSDT"]


async def test_the_table_is_computed_at_most_once_a_second() -> None:
    bench = Bench()
    context = bench.context()
    first = await get_market(context, MarketArguments())
    assert await get_market(context, MarketArguments()) is first
    bench.clock.ms += 1_000
    assert await get_market(context, MarketArguments()) is not first


async def test_candles_end_with_the_running_minute() -> None:
    found = await get_candles(Bench().context(), CandleArguments(symbol="sol", limit=3))
    assert (found.symbol, found.source, found.age_s, found.missing) == ("SOLUSDT", "live", 10.0, 0)
    assert [(row.open_ms, row.close, row.is_closed) for row in found.candles] == [
        (T0 - 2 * MINUTE, 100.0, True),
        (T0 - MINUTE, 100.0, True),
        (T0, 103.5, False),
    ]


class History:
    """Answers candles of a span, and says what it was asked; one minute was never traded."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: object) -> list[Candle]:
        self.asked.append((start_ms, end_ms, limit))
        return [candle(at, 99.0) for at in range(start_ms, end_ms, MINUTE) if at != T0 - 90 * MINUTE]


async def test_older_candles_come_from_the_exchange_and_a_hole_stays_a_hole() -> None:
    bench = Bench()
    history = History()
    context = bench.context()
    context = type(context)(
        **{name: getattr(context, name) for name in context.__dataclass_fields__} | {"rest": history}
    )
    found = await get_candles(context, CandleArguments(symbol="SOLUSDT", limit=100))
    assert history.asked == [(T0 - 99 * MINUTE, T0 - 80 * MINUTE - 1, 19)]
    assert (found.source, len(found.candles), found.missing) == ("live, exchange", 99, 1)


async def test_open_interest_names_the_span_that_was_really_measured() -> None:
    found = await get_open_interest_samples(Bench().context(), OneContractAt(symbol="SOLUSDT"))
    assert (found.contracts, found.usd, found.age_s, found.sweep) == (1_100.0, 113_850.0, 10.0, 7)
    assert (found.change_5m_pct, found.span_5m_s, found.span_1m_s) == (10.0, 300.0, 60.0)
    assert [sample.contracts for sample in found.samples] == [1_000.0, 1_040.0, 1_100.0]


async def test_why_gives_every_rule_with_unit_and_verdict() -> None:
    found = await why(Bench().context(), WhyArguments(symbol="SOL"))
    assert (found.symbol, found.is_now, found.at_ms) == ("SOLUSDT", True, NOW_MS)
    (rule,) = found.rules
    assert (rule.kind, rule.window, rule.unit, rule.value, rule.threshold) == ("price", "1m", "%", 3.5, 3.0)
    assert (rule.verdict, rule.is_raised) == ("fire", True)
    past = await why(Bench().context(), WhyArguments(symbol="SOL", at_s=(T0 - MINUTE) / 1000))
    assert (past.is_now, past.at_ms) == (False, T0 - MINUTE)


async def test_what_names_no_contract_is_told_with_what_may_be_meant() -> None:
    context = Bench().context()
    with pytest.raises(UnknownContract, match="perhaps DOGEUSDT"):
        await why(context, WhyArguments(symbol="dog"))
    with pytest.raises(BadArgument, match="must be a contract"):
        await why(context, WhyArguments(symbol="$"))
    with pytest.raises(NotFound, match="not sampled yet"):
        await get_open_interest_samples(context, OneContractAt(symbol="BTC"))


async def test_a_name_that_looks_like_none_is_found_when_the_exchange_lists_it() -> None:
    bench = Bench()
    bench.known.add("<B>USDT", start=1.0, now=1.1)
    assert (await get_candles(bench.context(), CandleArguments(symbol="<B>USDT"))).symbol == "<B>USDT"
    page = await get_symbol_alerts(bench.context(), SymbolAlertsArguments(symbol="<B>USDT"))
    assert page.alerts == ()
    with pytest.raises(UnknownContract):
        await get_candles(bench.context(), CandleArguments(symbol="<C>"))


async def test_without_a_monitor_here_the_answer_says_whom_to_ask() -> None:
    with pytest.raises(Unavailable, match="altmonitor run"):
        await get_market(Bench().context(is_running=False), MarketArguments())


def test_arguments_from_a_query_are_read_from_text_and_refused_in_words() -> None:
    row = OPERATION_OF["get_candles"]
    assert row.read({"symbol": "SOL", "limit": "5"}, is_text=True) == CandleArguments(symbol="SOL", limit=5)
    findings = [
        ({"symbol": "SOL", "limit": "0"}, "limit must be a whole number from 1 to 1000, not '0'"),
        ({"symbol": "SOL", "limit": "1e2"}, "limit must be a whole number from 1 to 1000, not '1e2'"),
        ({"limit": "3"}, "symbol is missing: it must be a contract such as SOLUSDT"),
        ({"symbol": "SOL", "size": "3"}, "unknown parameter 'size'; known: symbol, limit, venue"),
        ({"symbol": "S" * 41}, f"symbol must be a contract such as SOLUSDT, not '{'S' * 39}…'"),
    ]
    for given, words in findings:
        with pytest.raises(BadArgument) as refused:
            row.read(given, is_text=True)
        assert refused.value.detail == words


def test_causes_stay_apart_and_say_when_to_ask_again() -> None:
    findings = [
        (ExchangeBlocked("banned", until_ms=61_500), ("blocked", 503, 61_500, 62)),
        (ExchangeUnreachable("no answer"), ("unreachable", 502, None, 10)),
        (BudgetExhausted("no room"), ("unavailable", 503, None, 60)),
        (UnknownSymbol("no such"), ("unknown_contract", 404, None, None)),
        (StorageError("disk"), ("unavailable", 503, None, None)),
    ]
    for problem, expected in findings:
        error = translated(problem, now_ms=0)
        assert (error.code, error.status, error.until_ms, error.retry_after_s) == expected


async def test_another_exchanges_market_is_told_when_it_is_named_and_one_that_is_not_watched_is_refused() -> None:
    bench = Bench()
    context = bench.context()
    assert context.monitor is not None
    main, asked = context.monitor.main, []

    async def explain(symbol: str, at_ms: int | None) -> Explanation:
        asked.append(symbol)
        return await main.explain(symbol, at_ms)

    board = MarketBoard(replace(bench.board_deps, venue="bybit", listed=lambda: ["DOGEUSDT", "XYZUSDT"]))
    rest = History()
    there = replace(main, board=board, explain=explain, rest=rest)  # type: ignore[arg-type]
    context = replace(context, monitor=replace(context.monitor, venues={"binance": main, "bybit": there}))
    table = await get_market(context, MarketArguments(venue="bybit"))
    assert (table.source[:5], [row.symbol for row in table.rows]) == ("Bybit", ["DOGEUSDT", "XYZUSDT"])
    assert len((await get_market(context, MarketArguments(venue="binance", limit=9))).rows) == 3
    await why(context, WhyArguments(symbol="doge", venue="bybit"))
    assert asked == ["DOGEUSDT"]
    await get_candles(context, CandleArguments(symbol="doge", venue="bybit", limit=50))
    assert len(rest.asked) == 1
    with pytest.raises(UnknownContract, match="no contract 'xyz' is watched there; with venue=bybit it is"):
        await why(context, WhyArguments(symbol="xyz"))
    with pytest.raises(BadArgument, match="okx is not watched here; watched: binance, bybit"):
        await get_market(context, MarketArguments(venue="okx"))
