"""`altmonitor ask OPERATION …`: every row of the table of operations as a sub-command, made of the row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from altmonitor.app.standalone import standalone_operations
from altmonitor.cli.cohorts import value_lines
from altmonitor.cli.common import DONE, FAILED, WRONG_CONFIGURATION, Answer, Session, leave, print_answer, session
from altmonitor.operations.errors import BadArgument, OperationError
from altmonitor.operations.operation import Operation
from altmonitor.operations.table import OPERATIONS


def dashed_name(row: Operation[Any, Any]) -> str:
    return row.name.replace("_", "-")


def operation_commands(options: Callable[[Any], Any]) -> dict[str, click.Command]:
    """By name. options: adds --json and --env-file."""
    return {dashed_name(row): _command(row, options) for row in OPERATIONS}


def _command(row: Operation[Any, Any], options: Callable[[Any], Any]) -> click.Command:
    def run(env_file: Path, *, as_json: bool, **given: str | None) -> None:
        named = {names[name]: value for name, value in given.items() if value is not None}
        with session(env_file) as opened:
            leave(ask(opened, row, named, as_json=as_json))

    fields = msgspec.structs.fields(row.arguments)
    names = {field.name: field.encode_name for field in fields}
    described = argument_descriptions(row.arguments)
    for field in reversed(fields):
        if field.required:
            run = click.argument(field.name)(run)
        else:
            flag = f"--{field.name.replace('_', '-')}"
            run = click.option(flag, field.name, metavar="VALUE", help=described.get(field.encode_name))(run)
    return click.command(name=dashed_name(row), help=row.summary)(options(run))


def argument_descriptions(arguments: type[msgspec.Struct]) -> Mapping[str, str]:
    _, parts = msgspec.json.schema_components([arguments])
    properties = parts[arguments.__name__].get("properties", {})
    return {name: found.get("description", "") for name, found in properties.items()}


def ask(opened: Session, row: Operation[Any, Any], given: Mapping[str, str], *, as_json: bool) -> int:
    """given: text by the names programs use. Returns the exit code: 2 for wrong arguments. Raises: ConfigError."""

    async def answered() -> msgspec.Struct:
        async with standalone_operations(opened.config, clock=opened.clock) as operations:
            result: msgspec.Struct = await operations.answer(row, row.read(given, is_text=True))
            return result

    try:
        values = msgspec.to_builtins(asyncio.run(answered()))
    except OperationError as problem:
        told = {"error": problem.detail, "code": problem.code, "untilMs": problem.until_ms}
        print_answer(Answer(values=told, lines=[], problem=problem.detail), as_json=as_json)
        return WRONG_CONFIGURATION if isinstance(problem, BadArgument) else FAILED
    print_answer(Answer(values=values, lines=_lines(values)), as_json=as_json)
    return DONE


def _lines(values: Mapping[str, Any]) -> list[str]:
    """What is told of two contracts alike stands in columns."""
    pair = [one for one in values.values() if isinstance(one, dict) and "symbol" in one]
    if len(pair) != 2:
        return value_lines(values)
    names = [name for name in pair[0] if name in pair[1] and name != "degraded"]
    widths = [max(len(_shown(one[name])) for name in names) for one in pair]
    lines = [f"{name:<24}{_shown(pair[0][name]):>{widths[0]}}  {_shown(pair[1][name]):>{widths[1]}}" for name in names]
    return [*lines, *value_lines({name: one for name, one in values.items() if one not in pair})]


def _shown(value: object) -> str:
    return "–" if value is None else str(value)
