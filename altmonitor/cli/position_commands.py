"""Sub-commands about who is positioned: `track`, `who`, `positioning`. Everything heavy is imported inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altmonitor.cli.common import Number, end_by_signals, leave, session
from altmonitor.cli.parameters import (
    OUT_FILE,
    PERIOD,
    SERIES,
    SymbolFirst,
    env_file_option,
    json_option,
    minutes_option,
)


@click.command()
@click.option("--series", type=SERIES, multiple=True, help="Only this one; may be given again. [all three]")
@click.option("--once", is_flag=True, help="One sweep, whatever SMART_MONEY_INTERVAL_MIN says.")
@click.option("--status", is_flag=True, help="Only say what is stored; asks nothing.")
@json_option
@env_file_option
def track(env_file: Path, **options: Any) -> None:
    """Ask about one contract after the other and keep the answers: who is long, who is short, at which price.

    One sweep, or sweeps until stopped with SMART_MONEY_INTERVAL_MIN. A sweep that was interrupted goes on where it
    stopped.
    """
    with session(env_file) as opened:
        from altmonitor.cli import track as tracking

        leave(tracking.track(opened, **options))


@click.group(cls=SymbolFirst, subcommand_metavar="SYMBOL | COMMAND [ARGS]...")
def who() -> None:
    """Who is positioned in a contract now, and what changed over the tracked time.

    `altmonitor who BTC` asks the exchange; the commands read what `altmonitor track` stored.
    """


@who.command(name="show")
@click.argument("symbol")
@click.option("--period", type=PERIOD, default="5m", show_default=True, help="Bucket of the top-trader ratios.")
@click.option("--stored", is_flag=True, help="From the tracked rows; asks nothing.")
@json_option
@env_file_option
def who_show(env_file: Path, **options: Any) -> None:
    """The whole picture of one contract now. `who SYMBOL` is the same."""
    with session(env_file) as opened:
        from altmonitor.cli import who as answers

        leave(answers.show(opened, **options))


@who.command(name="change")
@click.argument("symbol")
@minutes_option
@json_option
@env_file_option
def who_change(env_file: Path, **options: Any) -> None:
    """How the sizes of both sides changed, in coins."""
    with session(env_file) as opened:
        from altmonitor.cli import who as answers

        leave(answers.change_of(opened, **options))


@who.command(name="trend")
@click.argument("symbol")
@minutes_option
@json_option
@env_file_option
def who_trend(env_file: Path, **options: Any) -> None:
    """How the shares of traders in profit moved."""
    with session(env_file) as opened:
        from altmonitor.cli import who as answers

        leave(answers.trend_of(opened, **options))


@who.command(name="scan")
@click.option("--limit", type=click.IntRange(1, 30), default=10, show_default=True, help="Entries per list.")
@click.option("--max-age", type=Number(1, 43_200), default=180.0, show_default=True, help="Oldest row, minutes.")
@json_option
@env_file_option
def who_scan(env_file: Path, **options: Any) -> None:
    """Which contracts are furthest to one side."""
    with session(env_file) as opened:
        from altmonitor.cli import who as answers

        leave(answers.scan(opened, **options))


@who.command(name="chart")
@click.argument("symbol")
@click.option("--hours", type=Number(0.1, 720), default=24.0, show_default=True, help="How far back.")
@click.option("--out", type=OUT_FILE, help="The page to write. [SYMBOL-chart.html]")
@click.option("--no-fill", is_flag=True, help="Ask the exchange for no missing prices.")
@env_file_option
def who_chart(env_file: Path, **options: Any) -> None:
    """Draw the tracked sizes, entries and prices of one contract into one page of HTML."""
    with session(env_file) as opened:
        from altmonitor.cli import who as answers

        leave(answers.chart(opened, **options))


@click.group(cls=SymbolFirst, subcommand_metavar="SYMBOL | COMMAND [ARGS]...")
def positioning() -> None:
    """Longs and shorts of all accounts and of the top traders, as values for programs.

    `altmonitor positioning BTC --period 1h --json`
    """


def cohort_command(name: str, text: str) -> click.Command:
    @click.argument("symbol")
    @click.option("--period", default="5m", show_default=True, help="Length of a bucket: 5m 15m 30m 1h … 1d.")
    @click.option("--limit", default="48", show_default=True, help="Newest buckets, 1 to 500 (for history).")
    @click.option("--venue", type=click.Choice(["binance", "okx", "bybit"]), default="binance", show_default=True)
    @json_option
    @env_file_option
    def answer(**options: Any) -> None:
        end_by_signals()
        from altmonitor.cli import cohorts as cohort_values

        leave(cohort_values.answer(cohort_values.CohortRequest(thing=name, **options)))

    return click.command(name=name, help=text)(answer)


positioning.add_command(cohort_command("show", "The three cohorts now. `positioning SYMBOL` is the same."))
positioning.add_command(cohort_command("divergence", "How far top traders' positions lie from the crowd's accounts."))
positioning.add_command(cohort_command("history", "The same over the newest buckets."))


@positioning.command(name="meta")
@json_option
def positioning_meta(as_json: bool) -> None:
    """Periods, limits and venues."""
    from altmonitor.cli import cohorts as cohort_values

    leave(cohort_values.meta(as_json=as_json))
