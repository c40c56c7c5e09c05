"""The pages of the dashboard: what each of them shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from altmonitor.commands.replies import StatusShown
from altmonitor.commands.replies_market import WhoShown
from altmonitor.core.errors import ExchangeError, NoSnapshotsYet
from altmonitor.core.status import LoopStatus
from altmonitor.core.types import VENUE_TITLES, named_venue
from altmonitor.detectors.kinds import KINDS
from altmonitor.operations.alerts import AlertCounts, StatsArguments, alert_stats
from altmonitor.operations.board import MarketTable
from altmonitor.operations.errors import OperationError, UnknownContract
from altmonitor.operations.symbols import listed_symbol
from altmonitor.positioning.history import Snapshot
from altmonitor.render import format as n
from altmonitor.render import replies  # noqa: F401 – registers the lines of every reply
from altmonitor.render.blocks import reply_lines
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.web.pages import positions
from altmonitor.web.pages import symbol as of_symbol
from altmonitor.web.pages.alerts import AlertsView, alerts_view, given, piece_of
from altmonitor.web.pages.market import FLOORS, market_view
from altmonitor.web.pages.outcomes import horizon_of, outcomes_view
from altmonitor.web.pages.rendering import choice, one, whole
from altmonitor.web.pages.settings import settings_view
from altmonitor.web.pages.visit import View, Visit
from altmonitor.web.static_files import CHARTS

LATEST: Final = 6
OF_SYMBOL: Final = 20
HOURS: Final = (1, 6, 24, 72, 168, 720)


async def _alert_values(visit: Visit, *, limit: int, of: Mapping[str, str] | None = None) -> dict[str, object]:
    """`alerts`: None when no history is kept. of: in place of what the address asks for."""
    if visit.context.alerts is None:
        return {"alerts": None, "piece": "", "after": ""}
    found = await alerts_view(visit.context, visit.query if of is None else of, visit.style, limit=limit)
    return {"alerts": found, "piece": piece_of(found, visit.root), "after": visit.after(found.newest_id)}


async def overview(visit: Visit) -> View:
    market, loaded = None, ""
    if visit.context.monitor is not None:
        table = visit.context.monitor.at(visit.venue()).board.table()
        market, loaded = market_view(table, visit.query, visit.style), visit.loaded(_newest_ms(table))
    values = {
        "market": market,
        "loaded": loaded,
        "floors": [(word, n.usd(value)) for word, value in FLOORS.items()],
        "venues": visit.venues(),
        "venue": visit.venue() or "",
        **await _alert_values(visit, limit=LATEST, of={"brief": "1"}),
    }
    return View(template="overview.html", page="overview", title=visit.t("page_overview"), values=values)


def _newest_ms(table: MarketTable) -> int | None:
    ages_s = [row.price_age_s for row in table.rows if row.price_age_s is not None]
    return round(table.as_of_ms - min(ages_s) * 1000) if ages_s else None


async def alerts(visit: Visit) -> View:
    found = await _alert_values(visit, limit=50)
    listed = found["alerts"]
    older = newest = ""
    if isinstance(listed, AlertsView):
        kept = {"symbol": listed.symbol, "kind": listed.kind, "venue": listed.venue}
        newest = "?" + urlencode(given(kept))
        older = "?" + urlencode(given({**kept, "cursor": listed.next_cursor}))
    kinds = [(kind, say_reply(visit.style.lang, f"kind_{kind}")) for kind in KINDS]
    values = {"kinds": kinds, "venues": visit.venues(), "older_href": older, "newest_href": newest, **found}
    return View(template="alerts.html", page="alerts", title=visit.t("page_alerts"), values=values)


async def one_symbol(visit: Visit) -> View:
    context, style, now_ms, symbol = visit.context, visit.style, visit.now_ms, visit.symbol()
    venue, watched = visit.venue(), context.config.venues
    there = venue or watched[0]
    is_named = named_venue(there, watched) is not None
    row = of_symbol.row_of(context, symbol, venue)
    candles = None if row is None else await of_symbol.candles_of(context, symbol, venue)
    snapshots = await _snapshots(visit, symbol)
    if row is None and not snapshots:
        return problem(visit, visit.t("unknown_symbol", symbol=symbol), "", status=404)
    moment = datetime.fromtimestamp(now_ms / 1000, style.tz)
    offset = moment.utcoffset()
    page = whole(visit.query, "page", low=1, high=1_000, default=1)
    values = {
        "symbol": symbol,
        "facts": [] if row is None else of_symbol.facts_of(row, now_ms, style),
        "candles": [] if candles is None else of_symbol.candle_lines(candles, style),
        "minutes": of_symbol.CHART_MINUTES,
        "venue": there,
        "venue_query": "" if venue is None else f"?venue={venue}",
        "venue_title": VENUE_TITLES[there] if is_named else "",
        "charts": CHARTS,
        "offset_s": 0 if offset is None else int(offset.total_seconds()),
        "zone": n.zone(moment),
        "has_positions": context.positions is not None,
        "who_lines": await who_lines(visit, symbol) if one(visit.query, "who") else [],
        "stored": positions.stored_rows(snapshots, style, page=page) if snapshots else None,
        "days": positions.HISTORY_DAYS,
        **await _alert_values(visit, limit=OF_SYMBOL, of={"symbol": symbol} | ({"venue": there} if is_named else {})),
    }
    return View(template="symbol.html", page="", title=symbol, values=values)


async def _snapshots(visit: Visit, symbol: str) -> list[Snapshot]:
    """Oldest → newest; [] where nothing is tracked."""
    try:
        async with visit.context.snapshots() as stored:
            since_ms = visit.now_ms - positions.HISTORY_DAYS * positions.DAY_MS
            return list(await stored.snapshots(symbol, since_ms=since_ms))
    except NoSnapshotsYet:
        return []


async def who_lines(visit: Visit, symbol: str) -> list[str]:
    """HTML, as the chat says it; what went wrong stands there in its place."""
    if visit.context.positions is None:
        return []
    try:
        facts = await visit.context.positions.who(symbol)
    except ExchangeError as silent:
        return [visit.t("exchange_silent", reason=n.escape(visit.why(silent)))]
    return list(reply_lines(WhoShown(facts=facts), visit.style))


async def why(visit: Visit) -> View:
    symbol, at = visit.symbol(), one(visit.query, "at", at_most=12)
    at_ms = int(at) * 1000 if at.isascii() and at.isdigit() else None
    lines = await of_symbol.why_lines(visit.context, symbol, visit.venue(), at_ms, visit.style)
    title = visit.t("page_why", symbol=symbol)
    venue_query = "" if visit.venue() is None else f"?venue={visit.venue()}"
    values = {"symbol": symbol, "venue_query": venue_query, "lines": lines}
    return View(template="why.html", page="", title=title, values=values)


async def smart_money(visit: Visit) -> View:
    try:
        rows = await positions.tracked_rows(visit.context)
    except NoSnapshotsYet:
        return View(
            template="guidance.html",
            page="smart-money",
            title=visit.t("page_smart_money"),
            values={"heading": visit.t("no_tracked"), "text": visit.t("no_tracked_help")},
            status=503,
        )
    tracked = positions.tracked_view(rows, visit.query, visit.style)
    names = {"profitDiff": "sort_profit_diff", "whaleDiff": "sort_whale_diff"}
    sorts = [
        (column.sort, visit.t(names.get(column.sort, column.name)))
        for column in positions.smart_columns(visit.style)
        if column.sort
    ]
    values = {"tracked": tracked, "sorts": sorts, "loaded": visit.loaded(tracked.newest_ms)}
    return View(template="smart_money.html", page="smart-money", title=visit.t("page_smart_money"), values=values)


async def divergence(visit: Visit) -> View:
    from altmonitor.web.pages.divergence import PERIODS, divergence_view  # draws: loaded when it is first asked for

    period = choice(visit.query, "period", PERIODS, "1h")
    symbol, found, trouble, label = one(visit.query, "symbol") or _largest(visit), None, "", ""
    if symbol:
        try:
            symbol = listed_symbol(symbol, visit.context)
            found = await divergence_view(visit.context, symbol, period, visit.style)
            trouble = "" if found is not None else visit.t("none_known", symbol=symbol)
        except UnknownContract:
            trouble = visit.t("unknown_symbol", symbol=symbol)
        except (ExchangeError, OperationError, TimeoutError) as silent:
            trouble = visit.t("exchange_silent", reason=visit.why(silent))
    if found is not None and found.picture is not None:
        low, high = (n.unsigned_pct(value) for value in (found.picture.low, found.picture.high))
        label = visit.t("divergence_chart", low=low, high=high)
    values = {
        "symbol": symbol,
        "period": period,
        "periods": PERIODS,
        "found": found,
        "problem": trouble,
        "chart_label": label,
        "zone": n.zone(datetime.fromtimestamp(visit.now_ms / 1000, visit.style.tz)),
        **await _alert_values(visit, limit=OF_SYMBOL, of={"kind": "divergence"}),
    }
    return View(template="divergence.html", page="divergence", title=visit.t("page_divergence"), values=values)


def _largest(visit: Visit) -> str:
    """The contract with the most open interest; '' where none is known."""
    rows = () if visit.context.monitor is None else visit.context.monitor.main.board.table().rows
    return max(rows, key=lambda row: row.oi_usd or 0.0).symbol if rows else ""


async def statistics(visit: Visit) -> View:
    hours = whole(visit.query, "hours", low=1, high=720, default=24)
    horizon_min = horizon_of(visit.query.get("horizon", ""))
    stats, tables, outcomes = None, [], None
    if visit.context.alerts is not None:
        stats = await alert_stats(visit.context, StatsArguments(hours=hours))
        tables = [
            (visit.t("stats_by_kind"), visit.t("kind"), _kind_rows(stats, visit.style.lang)),
            (visit.t("stats_by_symbol"), visit.t("symbol"), _symbol_rows(stats)),
        ]
    if visit.context.outcomes is not None:
        outcomes = await outcomes_view(visit.context, horizon_min, visit.style)
    values = {"stats": stats, "tables": tables, "choices": sorted({*HOURS, hours}), "outcomes": outcomes}
    return View(template="statistics.html", page="statistics", title=visit.t("page_statistics"), values=values)


CountRow = tuple[str, str, int, str, float]
"""Name, address of these alerts, count, share as text and as a number."""


def _kind_rows(stats: AlertCounts, lang: str) -> list[CountRow]:
    return [
        _count_row(say_reply(lang, f"kind_{kind}"), {"kind": kind}, count, stats.total)
        for kind, count in stats.by_kind.items()
    ]


def _symbol_rows(stats: AlertCounts) -> list[CountRow]:
    return [_count_row(row.symbol, {"symbol": row.symbol}, row.count, stats.total) for row in stats.by_symbol]


def _count_row(name: str, of: dict[str, str], count: int, total: int) -> CountRow:
    return name, f"alerts?{urlencode(of)}", count, n.share(count / total, 1), count / total


async def sign_in(visit: Visit) -> View:
    """For whoever has no session; the only page that shows nothing of the monitor."""
    values = {"is_wrong": visit.query.get("wrong") == "1"}
    return View(template="sign_in.html", page="", title=visit.t("sign_in"), values=values)


async def settings(visit: Visit) -> View:
    store = await visit.context.settings()
    values = {"settings": settings_view(store, visit.now_ms / 1000, visit.style), "csrf": visit.csrf}
    return View(template="settings.html", page="settings", title=visit.t("page_settings"), values=values)


async def health(visit: Visit) -> View:
    """As `/status` says it in the chat."""
    lines = [visit.t("state_stored")]
    parts: tuple[LoopStatus, ...] = ()
    monitor = visit.context.monitor
    if monitor is not None:
        seen, audience = monitor.health(), (await visit.context.settings()).audiences[0]
        shown = StatusShown(
            settings=audience.settings,
            health=seen,
            now_s=visit.now_ms / 1000,
            overridden=frozenset(),
            audience=audience,
        )
        told = list(reply_lines(shown, visit.style))
        lines, parts = told[: told.index("")], tuple(seen.loops)  # the settings behind it have a page of their own
    values = {"lines": lines, "parts": parts}
    return View(template="status.html", page="status", title=visit.t("page_status"), values=values)


def problem(visit: Visit, heading: str, text: str, *, status: int) -> View:
    title = visit.request.match_info.get("symbol") or visit.t("page_status")
    return View(
        template="guidance.html", page="", title=title, values={"heading": heading, "text": text}, status=status
    )
