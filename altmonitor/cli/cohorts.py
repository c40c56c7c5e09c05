"""`altmonitor positioning`: the values of the positioning interface, as JSON or as tables for a person."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import RenderableType

from altmonitor.app.positioning import positioning_deps
from altmonitor.cli.common import DONE, FAILED, WRONG_CONFIGURATION, Answer, Session, open_session, print_answer
from altmonitor.cli.who import named
from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import AltmonitorError, ConfigError, ExchangeBlocked, ExchangeError, UnknownSymbol
from altmonitor.exchanges.venues import cohorts_of
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.positioning import Cohorts
from altmonitor.operations.cohorts import endpoints
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.json_values import (
    Asked,
    JsonObject,
    divergence_values,
    envelope,
    error_envelope,
    history_values,
    meta_values,
    positioning_values,
    read_limit,
    read_period,
)
from altmonitor.render import format as n
from altmonitor.render.format import Style
from altmonitor.render.tables import table

ASKED: Final = ("binance", "okx", "bybit")
_THINGS: Final = {"show": "Positioning", "divergence": "Divergence", "history": "History"}
_ALIGNED_BUCKETS: Final = 3
"""Of each cohort, for one moment: the newest bucket of one may come later than that of another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortRequest:
    """As typed. thing: `show`, `divergence` or `history`."""

    thing: str
    symbol: str
    period: str
    limit: str
    venue: str
    env_file: Path
    as_json: bool


def answer(wanted: CohortRequest) -> int:
    """Prints the envelope (--json) or a table. Returns the exit code."""
    problem, code, values, lines = "", DONE, JsonObject(), list[RenderableType]()
    shown = ""
    try:
        opened = open_session(wanted.env_file)
        values = _asked(wanted, opened)
        lines = _TABLES[wanted.thing](values, opened.style)
    except (ConfigError, ValueError) as wrong:
        problem, code = str(wrong), WRONG_CONFIGURATION
    except UnknownSymbol as failed:
        problem, code = _cause(failed), FAILED
        shown = f"{named(wanted.symbol)}: no data for this symbol"  # as `who` says it
    except AltmonitorError as failed:
        problem, code = _cause(failed), FAILED
    now_ms, request_id = SystemClock().now_ms(), str(uuid.uuid4())
    if problem:
        content = error_envelope(problem, now_ms=now_ms, request_id=request_id)
    else:
        content = envelope(values, thing=_THINGS[wanted.thing], now_ms=now_ms, request_id=request_id)
    print_answer(Answer(values=content, lines=lines, problem=shown or problem), as_json=wanted.as_json)
    return code


def _asked(wanted: CohortRequest, opened: Session) -> JsonObject:
    """Raises: ConfigError, ValueError for what cannot be asked; ExchangeError, StartError."""
    period, limit, symbol = read_period(wanted.period), read_limit(wanted.limit), named(wanted.symbol)
    count = limit if wanted.thing == "history" else _ALIGNED_BUCKETS
    histories = asyncio.run(_fetched(opened, wanted.venue, symbol, period, count))
    asked = Asked(symbol=symbol, period=period, venue=wanted.venue, now_ms=opened.clock.now_ms())
    return _values(wanted.thing, asked, histories, limit)


def meta(*, as_json: bool) -> int:
    values = meta_values(venues=ASKED, endpoints=endpoints())
    now_ms = SystemClock().now_ms()
    content = envelope(values, thing="Meta", now_ms=now_ms, request_id=str(uuid.uuid4()))
    return print_answer(Answer(values=content, lines=value_lines(values)), as_json=as_json)


def _values(thing: str, asked: Asked, histories: Histories, limit: int) -> JsonObject:
    """Raises: UnknownSymbol when the venue has nothing of this symbol."""
    if not any(histories.named().values()):
        raise UnknownSymbol(f"{asked.venue} has no data for this symbol: {asked.symbol}")
    if thing == "history":
        return history_values(asked, histories, limit=limit)
    return divergence_values(asked, histories) if thing == "divergence" else positioning_values(asked, histories)


def _cause(failed: AltmonitorError) -> str:
    if isinstance(failed, ExchangeBlocked):
        return f"blocked: {failed}"
    if isinstance(failed, UnknownSymbol):
        return f"no data: {failed}"
    return f"unreachable: {failed}" if isinstance(failed, ExchangeError) else str(failed)


async def _fetched(session: Session, venue: str, symbol: str, period: str, limit: int) -> Histories:
    async with _cohorts(session, venue) as source:
        return await source.cohorts(symbol, period=period, limit=limit, priority=Priority.UNIVERSE)


@asynccontextmanager
async def _cohorts(session: Session, venue: str) -> AsyncIterator[Cohorts]:
    config, clock = session.config, session.clock
    build = cohorts_of(venue)
    if build is None:
        async with positioning_deps(config, clock=clock) as deps:
            yield deps.positioning
        return
    source = build(config, clock)
    await source.start()
    try:
        yield source
    finally:
        await source.stop()


def value_lines(values: Mapping[str, object], indent: str = "") -> list[str]:
    """An answer for programs as lines for a person: one per value, what belongs together indented."""
    lines: list[str] = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", *value_lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{indent}{name}")
            lines += [f"{indent}  " + "  ".join(f"{k} {_shown(v)}" for k, v in row.items()) for row in value]
        else:
            lines.append(f"{indent}{name}: {_shown(value)}")
    return lines


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


# --- tables for a person; what is not known is a dash -----------------------------------------------------------------

DASH: Final = "–"
SHARES: Final = "Of accounts, the share of those that hold a position; of position size, the share of that."
NO_ADVICE: Final = "Difference: top traders by position size minus all accounts, percentage points. No advice."
_COHORTS: Final = {
    "retail_crowd": "all accounts",
    "top_traders_by_accounts": "top accounts",
    "top_traders_by_position": "top positions",
}


def positioning_table(values: Mapping[str, Any], style: Style) -> list[RenderableType]:
    """values: as `positioning_values` makes them."""
    rows = [
        (
            cohort["label"],
            _percent(cohort["long_account_pct"]),
            _percent(cohort["short_account_pct"]),
            _ratio(cohort["long_short_ratio"]),
            _moment(cohort["timestamp"], style),
        )
        for cohort in values["cohorts"]
    ]
    gap = values["divergence"]
    cohorts = table(("", "long", "short", "long/short", "as of"), rows)
    return [_head(values), cohorts, *([] if gap is None else [gap["read"]]), SHARES]


def divergence_table(values: Mapping[str, Any], style: Style) -> list[RenderableType]:
    """values: as `divergence_values` makes them."""
    if values["signal"] is None:
        return [_head(values), "Crowd and top traders have no bucket in common."]
    rows = [
        ("all accounts", _percent(values["retail_long_pct"])),
        ("top traders, by position size", _percent(values["smart_money_long_pct"])),
        ("difference", f"{values['long_pct_gap']:+.2f} points"),
        ("difference of long/short", f"{values['ratio_gap']:+.4f}"),
    ]
    return [_head(values), table(("", "long"), rows), values["read"], NO_ADVICE]


def history_table(values: Mapping[str, Any], style: Style) -> list[RenderableType]:
    """values: as `history_values` makes them; oldest → newest."""
    rows = []
    for point in values["points"]:
        shares = (_percent(point[f"{name}_long_pct"]) for name in _COHORTS)
        gap = point["long_pct_gap"]
        rows.append((_moment(point["timestamp"], style), *shares, DASH if gap is None else f"{gap:+.2f}"))
    columns = ("as of", *(f"{name} long" for name in _COHORTS.values()), "difference")
    return [_head(values), table(columns, rows), NO_ADVICE]


def _head(values: Mapping[str, Any]) -> str:
    age_s = values["age_s"]
    age = "" if age_s is None else f" · newest {n.duration(age_s)} old"
    return f"{values['symbol']} · buckets of {values['period']}{age} · {values['source']}"


def _percent(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f} %"


def _ratio(value: float | None) -> str:
    return DASH if value is None else f"{value:.4f}"


def _moment(time_ms: int | None, style: Style) -> str:
    return DASH if time_ms is None else n.date_and_time(time_ms, style.tz)


_TABLES: Final = {"show": positioning_table, "divergence": divergence_table, "history": history_table}
