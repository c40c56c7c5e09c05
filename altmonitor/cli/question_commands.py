"""Sub-commands that are rows of the table of operations: `ask`, `smartmoney`, `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altmonitor.cli.common import leave, session
from altmonitor.cli.parameters import (
    LazyCommands,
    machine_options,
)


def _operation_commands(options: Any) -> dict[str, click.Command]:
    from altmonitor.cli.ask import operation_commands

    return operation_commands(options)


def _trader_commands(options: Any) -> dict[str, click.Command]:
    from altmonitor.cli.smartmoney import trader_commands

    return trader_commands(options)


@click.group(cls=LazyCommands, load=_trader_commands)
def smartmoney() -> None:
    """Followed traders of Hyperliquid and OKX: who is ranked, what they hold, what a pool of them agrees on.

    `altmonitor smartmoney traders-by-filter --period 90 --limit 5`, then trader-positions --authorId …
    """


@click.group(cls=LazyCommands, load=_operation_commands)
def ask() -> None:
    """Everything that HTTP and AI clients can ask, one sub-command each: `altmonitor ask get-funding btc`.

    What only a running monitor knows is asked there (API_HOST, API_PORT, API_TOKEN).
    """


@click.command()
@click.argument("first")
@click.argument("second")
@machine_options
def compare(env_file: Path, *, as_json: bool, **given: str) -> None:
    """Two contracts side by side: `altmonitor compare btc eth`."""
    with session(env_file) as opened:
        from altmonitor.cli import ask as asking
        from altmonitor.operations.table import OPERATION_OF

        leave(asking.ask(opened, OPERATION_OF["compare"], given, as_json=as_json))
