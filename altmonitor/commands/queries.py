"""Questions of the desk to what knows the answer, and the answer as a reply."""

from __future__ import annotations

from altmonitor.commands.outcome import (
    ChangesQuery,
    CommandContext,
    DivergenceQuery,
    HistoryQuery,
    SampleQuery,
    StatsQuery,
    StoredQuery,
    SymbolQuery,
    TopQuery,
    WhoQuery,
    WhyQuery,
)
from altmonitor.commands.ports import AlertQueries, ChangeLog, MarketQueries, SampleSender
from altmonitor.commands.replies import HistoryOff, HistoryShown, NotAvailable, PlainReply, QueryFailed, StatsShown
from altmonitor.commands.replies_market import (
    AnswerFailed,
    ChangeShown,
    ChartShown,
    DivergenceShown,
    Explained,
    FundingShown,
    NothingKnown,
    OpenInterestShown,
    PositionQueries,
    PriceShown,
    ScanShown,
    TooFewRows,
    TopShown,
    TrendShown,
    WhoShown,
)
from altmonitor.commands.replies_settings import ChangesShown, SamplesSent
from altmonitor.core.errors import ExchangeError, StorageError
from altmonitor.core.types import Destination
from altmonitor.positioning.history import DEFAULT_ENTRIES, NotEnoughSnapshots
from altmonitor.settings.changes import differences

STATS_TOP = 10
TOP_ROWS = 10

AlertQuestion = HistoryQuery | StatsQuery
MarketQuestion = TopQuery | SymbolQuery | WhyQuery
PositionQuestion = WhoQuery | StoredQuery | DivergenceQuery
Question = AlertQuestion | MarketQuestion | ChangesQuery | SampleQuery | PositionQuestion


class QueryRunner:
    def __init__(
        self,
        *,
        alerts: AlertQueries | None,
        market: MarketQueries | None,
        changes: ChangeLog | None,
        samples: SampleSender | None,
        positions: PositionQueries | None = None,
    ) -> None:
        self._alerts = alerts
        self._market = market
        self._changes = changes
        self._samples = samples
        self._positions = positions

    async def answer(self, command: str, question: Question, now: CommandContext) -> PlainReply:
        try:
            match question:
                case HistoryQuery() | StatsQuery():
                    if self._alerts is None:
                        return HistoryOff(command=command)
                    return await self._of_alerts(self._alerts, question, now)
                case ChangesQuery():
                    if self._changes is None:
                        return NotAvailable(command=command)
                    return await self._of_changes(self._changes, question, now)
                case SampleQuery():
                    if self._samples is None:
                        return NotAvailable(command=command)
                    return SamplesSent(kinds=tuple(await self._samples.send(now.audience.destination)))
                case WhoQuery() | StoredQuery() | DivergenceQuery():
                    if self._positions is None:
                        return NotAvailable(command=command)
                    return await self._of_positions(self._positions, question, now)
                case _:
                    if self._market is None:
                        return NotAvailable(command=command)
                    return await self._of_market(self._market, question, now)
        except StorageError as problem:
            return QueryFailed(command=command, problem=str(problem))
        except ExchangeError as problem:
            return AnswerFailed(command=command, problem=str(problem))

    async def _of_alerts(self, alerts: AlertQueries, query: AlertQuestion, now: CommandContext) -> PlainReply:
        if isinstance(query, StatsQuery):
            found = await alerts.stats(since_s=now.now_s - query.hours * 3600, top=STATS_TOP)
            return StatsShown(hours=query.hours, stats=found)
        rows = await alerts.recent(limit=query.limit, symbol=query.symbol, kind=query.kind)
        return HistoryShown(
            alerts=rows,
            limit=query.limit,
            symbol=query.symbol,
            kind=query.kind,
            now_s=now.now_s,
            suggestions=() if rows else query.suggestions,
        )

    async def _of_changes(self, changes: ChangeLog, query: ChangesQuery, now: CommandContext) -> PlainReply:
        """All of them in the main destination; elsewhere only those of the place itself."""
        destinations: set[Destination] | None = None
        if now.destination != now.audiences[0].destination:
            destinations = {now.destination, now.audience.destination}
        found = await changes.recent(destinations, limit=query.limit)
        rows = tuple((change, differences(change.made.before, change.made.after)) for change in found)
        return ChangesShown(rows=rows, now_s=now.now_s)

    async def _of_market(self, market: MarketQueries, query: MarketQuestion, now: CommandContext) -> PlainReply:
        now_s = now.now_s
        if isinstance(query, TopQuery):
            return TopShown(top=await market.top(query.window, count=TOP_ROWS), now_s=now_s)
        if isinstance(query, WhyQuery):
            destination = now.audience.destination
            explained = await market.why(query.symbol, at_ms=query.at_ms, destination=destination)
            return Explained(explanation=explained, now_s=now_s)
        reply = await self._of_symbol(market, query, now)
        return reply or NothingKnown(command=query.about, symbol=query.symbol)

    async def _of_positions(
        self, positions: PositionQueries, query: PositionQuestion, now: CommandContext
    ) -> PlainReply:
        if isinstance(query, WhoQuery):
            return WhoShown(facts=await positions.who(query.symbol))
        if isinstance(query, DivergenceQuery):
            facts = await positions.divergence(query.symbol, period=query.period)
            return DivergenceShown(facts=facts, now_s=now.now_s)
        if query.about == "scan":
            return ScanShown(found=await positions.scan(limit=DEFAULT_ENTRIES))
        if query.about == "change":
            change = await positions.change(query.symbol, minutes=query.minutes)
            return TooFewRows(found=change) if isinstance(change, NotEnoughSnapshots) else ChangeShown(found=change)
        trend = await positions.trend(query.symbol, minutes=query.minutes)
        return TooFewRows(found=trend) if isinstance(trend, NotEnoughSnapshots) else TrendShown(found=trend)

    async def _of_symbol(self, market: MarketQueries, query: SymbolQuery, now: CommandContext) -> PlainReply | None:
        now_s = now.now_s
        match query.about:
            case "price":
                price = await market.price(query.symbol)
                return None if price is None else PriceShown(facts=price, now_s=now_s)
            case "oi":
                interest = await market.open_interest(query.symbol)
                return None if interest is None else OpenInterestShown(facts=interest, now_s=now_s)
            case "funding":
                funding = await market.funding(query.symbol)
                return None if funding is None else FundingShown(facts=funding, now_s=now_s)
            case "chart":
                chart = await market.chart(query.symbol, destination=now.destination)
                return None if chart is None else ChartShown(chart=chart)
