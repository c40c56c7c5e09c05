"""Sub-commands about who is positioned: `track`, `who`, `positioning`. Everything heavy is imported inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altmonitor.cli.common import ENV_FILE, end_by_signals, leave
from altmonitor.positioning.periods import PERIODS

PERIOD = click.Choice(PERIODS)
SERIES = click.Choice(["smart-money", "top-traders", "open-interest"])
OUT_FILE = click.Path(path_type=Path, dir_okay=False)

env_file_option = click.option(
    "--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read."
)
json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")
minutes_option = click.option(
    "--minutes", type=click.FloatRange(1, 43_200), default=60.0, show_default=True, help="How far back."
)


class SymbolFirst(click.Group):
    """`who BTC` is `who show BTC`: a first word that is no sub-command (they are lower case) is a symbol."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.command()
@click.option("--series", type=SERIES, multiple=True, help="Only this one; may be given again. [all three]")
@click.option("--once", is_flag=True, help="One sweep, whatever SMART_MONEY_INTERVAL_MIN says.")
@click.option("--status", is_flag=True, help="Only say what is stored; asks nothing.")
@json_option
@env_file_option
def track(**options: Any) -> None:
    """Ask about one contract after the other and keep the answers: who is long, who is short, at which price.

    One sweep, or sweeps until stopped with SMART_MONEY_INTERVAL_MIN. A sweep that was interrupted goes on where it
    stopped.
    """
    end_by_signals()
    from altmonitor.cli import track as tracking

    leave(tracking.track(tracking.Wanted(**options)))


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
def who_show(**options: Any) -> None:
    """The whole picture of one contract now. `who SYMBOL` is the same."""
    end_by_signals()
    from altmonitor.cli import who as answers

    leave(answers.show(**options))


@who.command(name="change")
@click.argument("symbol")
@minutes_option
@json_option
@env_file_option
def who_change(**options: Any) -> None:
    """How the sizes of both sides changed, in coins."""
    from altmonitor.cli import who_stored

    leave(who_stored.change_of(**options))


@who.command(name="trend")
@click.argument("symbol")
@minutes_option
@json_option
@env_file_option
def who_trend(**options: Any) -> None:
    """How the shares of traders in profit moved."""
    from altmonitor.cli import who_stored

    leave(who_stored.trend_of(**options))


@who.command(name="scan")
@click.option("--limit", type=click.IntRange(1, 30), default=10, show_default=True, help="Entries per list.")
@click.option(
    "--max-age", type=click.FloatRange(1, 43_200), default=180.0, show_default=True, help="Oldest row, minutes."
)
@json_option
@env_file_option
def who_scan(**options: Any) -> None:
    """Which contracts are furthest to one side."""
    from altmonitor.cli import who_stored

    leave(who_stored.scan(**options))


@who.command(name="chart")
@click.argument("symbol")
@click.option("--hours", type=click.FloatRange(0.1, 720), default=24.0, show_default=True, help="How far back.")
@click.option("--out", type=OUT_FILE, help="The page to write. [SYMBOL-chart.html]")
@click.option("--no-fill", is_flag=True, help="Ask the exchange for no missing prices.")
@env_file_option
def who_chart(**options: Any) -> None:
    """Draw the tracked sizes, entries and prices of one contract into one page of HTML."""
    from altmonitor.cli import who_stored

    leave(who_stored.chart(**options))


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

        leave(cohort_values.answer(cohort_values.Wanted(thing=name, **options)))

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
