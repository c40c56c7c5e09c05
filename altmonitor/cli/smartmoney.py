"""`altmonitor smartmoney …`: questions about followed traders, each argument a flag with the name programs use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import RenderableType
from rich.table import Table

from altmonitor.app.standalone import standalone_operations
from altmonitor.cli.ask import argument_descriptions
from altmonitor.cli.common import DONE, FAILED, WRONG_CONFIGURATION, Answer, Session, leave, print_answer, session
from altmonitor.core.json_text import decimal_of, decimal_text
from altmonitor.operations.errors import BadArgument, OperationError
from altmonitor.operations.operation import Operation
from altmonitor.operations.trader_detail import TRADER_DETAIL_OPERATIONS
from altmonitor.operations.trader_signals import SIGNAL_OPERATIONS
from altmonitor.operations.traders import TRADER_OPERATIONS

Row = Operation[Any, Any]

ALIASES: Final = {"search": "search-trader"}
_SIGNAL: Final = ("ccy", "dataVersion", "tradersWithPosition", "longTraders", "shortTraders")
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "get_traders_by_filter": ("authorId", "nickName", "pnl", "pnlRatio", "winRate", "maxDrawdown", "asset"),
    "get_performance_by_trader": ("authorId", "nickName", "pnl", "pnlRatio", "winRate", "maxDrawdown", "asset"),
    "search_trader": ("authorId", "nickName", "followerCount"),
    "get_trader_positions": ("posId", "instId", "direction", "pos", "lever", "avgPx", "last", "notionalUsd", "upl"),
    "get_trader_positions_history": ("posId", "instId", "posSide", "openAvgPx", "closeAvgPx", "pnl", "pnlRatio", "fee"),
    "get_trader_orders_history": ("ordId", "instId", "side", "posSide", "ordType", "avgPx", "sz", "value", "cTime"),
    "get_signal_overview_by_filter": (
        *_SIGNAL,
        "notional.netNotionalUsdt",
        "notional.totalNotionalUsdt",
        "longShortRatio.weightedLongRatio",
    ),
    "get_signal_trend_by_filter": (*_SIGNAL, "netNotionalUsdt", "totalNotionalUsdt", "weightedLongRatio"),
}
_LIKE: Final = {
    "get_signal_overview_by_trader": "get_signal_overview_by_filter",
    "get_signal_trend_by_trader": "get_signal_trend_by_filter",
}
"""What is shown for a person; --json tells all."""
_PARTS: Final = {
    "performance": "get_performance_by_trader",
    "positions": "get_trader_positions",
    "orders": "get_trader_orders_history",
}
"""Of one trader: part of the answer → the operation whose columns it has."""
SHOWN_PLACES: Final = 4
_WORDS: Final = ("authorId", "posId", "ordId", "dataVersion", "nickName", "ccy", "instId", "cTime")


def trader_commands(options: Callable[[Any], Any]) -> dict[str, click.Command]:
    """By name. options: adds --json and --env-file."""
    every = (*TRADER_OPERATIONS, *TRADER_DETAIL_OPERATIONS, *SIGNAL_OPERATIONS)
    found = {_name(row): _command(row, _name(row), options) for row in every}
    rows = {_name(row): row for row in TRADER_OPERATIONS}
    for alias, name in ALIASES.items():
        found[alias] = _command(rows[name], alias, options)
        found[alias].hidden = True
    return found


def _name(row: Row) -> str:
    return (row.cli or "").rpartition(" ")[2]


def _command(row: Row, name: str, options: Callable[[Any], Any]) -> click.Command:
    fields = msgspec.structs.fields(row.arguments)
    names = {field.name: field.encode_name for field in fields}

    def run(env_file: Path, *, as_json: bool, **given: str | None) -> None:
        named = {names[field]: value for field, value in given.items() if value is not None}
        with session(env_file) as opened:
            leave(answer(opened, row, named, as_json=as_json))

    described = argument_descriptions(row.arguments)
    for field in reversed(fields):
        flags = dict.fromkeys((f"--{field.encode_name}", f"--{field.name.replace('_', '-')}"))
        run = click.option(
            *flags,
            field.name,
            metavar="VALUE",
            required=field.required,
            help=described.get(field.encode_name),
        )(run)
    return click.command(name=name, help=row.summary)(options(run))


def answer(opened: Session, row: Row, given: Mapping[str, str], *, as_json: bool) -> int:
    """given: text by the names programs use. Returns the exit code: 2 for wrong arguments. Raises: ConfigError."""

    async def found() -> msgspec.Struct:
        async with standalone_operations(opened.config, clock=opened.clock) as operations:
            result: msgspec.Struct = await operations.answer(row, row.read(given, is_text=True))
            return result

    try:
        values = msgspec.to_builtins(asyncio.run(found()))
    except OperationError as problem:
        told = {"error": problem.detail, "code": problem.code, "untilMs": problem.until_ms}
        print_answer(Answer(values=told, problem=problem.detail), as_json=as_json)
        return WRONG_CONFIGURATION if isinstance(problem, BadArgument) else FAILED
    print_answer(Answer(values=values, lines=list(_lines(row, values))), as_json=as_json)
    return DONE


def _lines(row: Row, values: Mapping[str, Any]) -> Iterable[RenderableType]:
    if "data" in values:
        yield _table(COLUMNS[_LIKE.get(row.name, row.name)], values["data"])
    else:
        for part, like in _PARTS.items():
            found = values[part]
            yield f"{part}:"
            yield _table(COLUMNS[like], [found] if isinstance(found, dict) else found or ())
    sources = ", ".join(f"{one['venue']} {one['endpoint']}" for one in values["sources"])
    stamp = f", ranking of {values['updateTime']}" if values.get("updateTime") else ""
    yield f"provider {values['provider']} ({sources}){stamp}"
    if values.get("coverage"):
        yield f"coverage: {values['coverage']['read']} of {values['coverage']['of']} traders"
    for note in values["notes"]:
        yield f"note: {note}"
    if values.get("pagination", {}).get("hasMore"):
        yield f"more: --after {values['pagination']['nextAfter']}"


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    if not rows:
        return "nothing"
    table = Table(box=None, pad_edge=False, header_style="")
    for column in columns:
        table.add_column(column.rpartition(".")[2], no_wrap=True, justify="left" if column in _WORDS else "right")
    for one in rows:
        table.add_row(*(_shown(_at(one, column), is_word=column in _WORDS) for column in columns))
    return table


def _at(one: Mapping[str, Any], column: str) -> Any:
    value: Any = one
    for name in column.split("."):
        value = value[name]
    return value


def _shown(value: object, *, is_word: bool) -> str:
    if value is None:
        return "–"
    number: Decimal | None = None if is_word else decimal_of(value)
    if number is None:
        return str(value)
    digits = SHOWN_PLACES - 1 - number.adjusted() if number else 0  # a coin may cost less than a millionth of a dollar
    return decimal_text(number, places=max(SHOWN_PLACES, digits)) or ""
