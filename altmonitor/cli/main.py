"""Sub-commands: argv → config → app; nothing else. Everything heavy is imported inside, so `--help` answers at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from altmonitor import __version__
from altmonitor.cli.common import (
    DONE,
    ENV_FILE,
    FAILED,
    Number,
    end_by_signals,
    exit_codes,
    hide_secrets_in_tracebacks,
    leave,
    loading,
    refused_arguments,
    session,
)
from altmonitor.core.console import make_printable
from altmonitor.core.types import LANGUAGES
from altmonitor.positioning.units import PERIODS

# ---
# Sub-commands about who is positioned: `track`, `who`, `positioning`. Everything heavy is imported inside.


LANGUAGE = click.Choice(LANGUAGES)
PERIOD = click.Choice(PERIODS)
SERIES = click.Choice(["smart-money", "top-traders", "open-interest"])
OUT_FILE = click.Path(path_type=Path, dir_okay=False)

env_file_option = click.option(
    "--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read."
)
json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")
minutes_option = click.option(
    "--minutes", type=Number(1, 43_200), default=60.0, show_default=True, help="How far back."
)


class KindOfAlert(click.ParamType[str]):
    """Every kind there is; which those are is loaded when somebody asks."""

    name = "kind"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        return self._choice().get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._choice().convert(value, param, ctx)

    @staticmethod
    def _choice() -> click.Choice[str]:
        from altmonitor.core.alert import Kind

        return click.Choice(get_args(Kind))


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


# ---
# Sub-commands about past days.


@click.group()
def archive() -> None:
    """Candles and open interest of past days: fetch them, take in files, see what is there (ARCHIVE_DIR)."""


@archive.command(name="fetch")
@click.option("--symbols", default="all", show_default=True, help="Separated by commas; all: what is traded now.")
@click.option("--from", "from_day", required=True, help="First day, such as 2025-02-01 (UTC).")
@click.option("--to", "to_day", help="Last day. [yesterday]")
@click.option("--series", type=click.Choice(["klines", "oi", "both"]), default="both", show_default=True)
@click.option("--parallel", type=click.IntRange(1, 16), default=6, show_default=True, help="Files at once.")
@click.option("--recheck", is_flag=True, help="Ask whether files that are there were re-issued, and fetch those.")
@json_option
@env_file_option
def archive_fetch(env_file: Path, **options: Any) -> None:
    """Fetch 1-minute candles and 5-minute open interest from the exchange's archive; the youngest days from REST.

    Goes on where it stopped. Exit code 1 when something could not be had or read; days that nobody has are named.
    """
    with session(env_file) as opened:
        from altmonitor.cli import archive as history_store

        leave(history_store.fetch(opened, history_store.FetchChoices(**options)))


@archive.command(name="import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@json_option
@env_file_option
def archive_import(env_file: Path, paths: tuple[Path, ...], as_json: bool) -> None:
    """Take in archive files that are here already (.csv, .csv.gz, .zip), or folders of them."""
    with session(env_file) as opened:
        from altmonitor.cli import archive as history_store

        leave(history_store.take_in(opened, paths=paths, as_json=as_json))


@archive.command(name="export")
@click.argument("into", type=click.Path(path_type=Path, file_okay=False))
@click.option("--export", "kind", type=click.Choice(["parquet"]), default="parquet", show_default=True)
@click.option("--symbols", default="all", show_default=True, help="Separated by commas.")
@json_option
@env_file_option
def archive_export(env_file: Path, into: Path, kind: str, symbols: str, as_json: bool) -> None:
    """Write what is stored into a folder, one file per symbol, month and series (needs altmonitor[history])."""
    with session(env_file) as opened:
        from altmonitor.cli import archive as history_store

        leave(history_store.export(opened, symbols=symbols, into=into, as_json=as_json))


@archive.command(name="list")
@click.option("--symbols", default="all", show_default=True, help="Separated by commas.")
@json_option
@env_file_option
def archive_list(env_file: Path, symbols: str, as_json: bool) -> None:
    """What is there: days, rows, holes, flagged files, names that became another coin."""
    with session(env_file) as opened:
        from altmonitor.cli import archive as history_store

        leave(history_store.show(opened, symbols=symbols, as_json=as_json))


@click.command()
@click.option("--per-day", type=click.IntRange(1, 10_000), required=True, help="Alerts a day over these symbols.")
@click.option("--kind", "kinds", type=KindOfAlert(), multiple=True, help="Only this one; may be given again.")
@click.option("--symbols", default="all", show_default=True, help="Separated by commas; all that are stored.")
@click.option("--from", "from_time", help="Day or time (UTC). [the oldest that is stored]")
@click.option("--to", "to_time", help="A day counts as a whole. [the newest that is stored]")
@click.option(
    "--held-out", type=click.IntRange(1, 365), default=7, show_default=True, help="Newest days that are held back."
)
@click.option("--per-class", is_flag=True, help="Thresholds of their own for large, middle and small contracts.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Write the curves as a PNG.")
@json_option
@env_file_option
def tune(env_file: Path, **options: Any) -> None:
    """Thresholds for so many alerts a day from stored days, and what they would have told on days held back."""
    with session(env_file) as opened:
        from altmonitor.cli import tune as tuning

        leave(tuning.run_tune(opened, tuning.TuneChoices(**options)))


@click.command(name="try")
@click.argument("words", nargs=-1, required=True, metavar="NAME VALUE… [last 7d]")
@click.option("--symbols", default="all", show_default=True, help="Separated by commas; all that are stored.")
@json_option
@env_file_option
def try_settings(env_file: Path, **options: Any) -> None:
    """What other thresholds would have told of stored days: altmonitor try pump 4 oi 2 5 last 7d. Changes nothing."""
    with session(env_file) as opened:
        from altmonitor.cli import try_settings as trying

        leave(trying.run_try(opened, trying.TryChoices(**options)))


@click.command()
@click.option("--from", "from_time", required=True, help="Day or time (UTC), such as 2025-02-01 or 2025-02-01T08:00.")
@click.option("--to", "to_time", help="A day counts as a whole. [now]")
@click.option("--symbols", default="all", show_default=True, help="Separated by commas; all that are stored.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Such as pump=4; may be given again.")
@click.option(
    "--price-path",
    type=click.Choice(["touch", "close"]),
    default="touch",
    show_default=True,
    help="Whether a bound counts that high or low has reached, as live would have seen, or the close alone.",
)
@click.option(
    "--engine",
    type=click.Choice(["exact", "tape", "both"]),
    default="exact",
    show_default=True,
    help="tape: read only months in which its rows reach a bound; both: compare them, exit code 1 if they differ.",
)
@click.option("--verify", "is_verify", is_flag=True, help="Compare with what was told live in that time (DB_FILE).")
@click.option("--whole", "is_whole", is_flag=True, help="Show the engine every minute; slow, and finds the same.")
@click.option(
    "--outcomes", "is_judged", is_flag=True, help="Also what followed the alerts, and whether that is chance."
)
@click.option("--report", type=OUT_FILE, metavar="FILE", help="Write a page with pictures that needs nothing else.")
@click.option("--tuning", type=OUT_FILE, metavar="FILE", help="What `tune --json` printed, for the report.")
@click.option("--delay", "delay_s", type=Number(0, 600), help="Seconds to delivery. [as measured in DB_FILE, or 2]")
@json_option
@env_file_option
def replay(env_file: Path, **options: Any) -> None:
    """What would have been told over stored days, by the live engine and with the settings in force (or --set).

    Days come from `altmonitor archive`. With --json one line per alert and the sums last; same input, same bytes.
    """
    with session(env_file) as opened:
        from altmonitor.cli import replay as past

        leave(past.run_replay(opened, past.ReplayChoices(**options)))


# ---


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="altmonitor %(version)s")
def cli() -> None:
    """Watch every Binance USDT perpetual and tell a Telegram chat what moved. Data only: no trades, no advice.

    Exit codes: 0 done · 1 failed while running · 2 wrong configuration or arguments · 130/143 stopped by a signal.
    """


@cli.command()
@click.option("--dry-run", is_flag=True, help="Print alerts here instead of sending them; needs no token.")
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read.")
@click.option(
    "--role",
    type=click.Choice(["feed", "notify", "web"]),
    help="One process of a cluster over PostgreSQL: docs/scale.md. [all in this process]",
)
def run(dry_run: bool, env_file: Path, role: str | None) -> None:
    """Watch the market until stopped."""
    with session(env_file) as opened:
        if role is not None:
            with loading():
                from altmonitor.cli import roles

            leave(roles.run_role(opened, role))
        if not dry_run:
            opened.require_bot()
        with loading():
            from altmonitor.cli import run as monitor

        leave(monitor.dry_run(opened) if dry_run else monitor.run(opened))


@cli.command()
@click.option(
    "--tape", type=click.Path(path_type=Path, dir_okay=False), help="Play real 1-minute candles (CSV, gzip, zip)."
)
@click.option("--from", "from_time", help="Start of the tape to play, such as 2022-05-12T08:00 (UTC).")
@click.option("--to", "to_time", help="Where to stop: candles from this moment on are not played.")
@click.option("--speed", type=Number(1, 200), help="How much faster than life. [10; with a tape 60]")
@click.option("--symbols", type=click.IntRange(20, 1000), default=300, show_default=True, help="Contracts simulated.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number, another market.")
@click.option("--seconds", type=Number(1, 31_536_000), help="Stop after this many seconds. [runs until Ctrl-C]")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep the database in this folder.")
@click.option("--lang", type=LANGUAGE, default="en", show_default=True, help="Language of messages.")
@click.option("--replay", "is_replay", is_flag=True, help="Not the monitor but history: archive, tuning, a replay.")
def demo(**choices: Any) -> None:
    """See it at work: a simulated exchange and a simulated Telegram chat, here in the terminal. Needs nothing."""
    end_by_signals()
    if choices.pop("is_replay"):
        from altmonitor.cli.demo_replay import demo_replay

        with exit_codes():
            leave(demo_replay(seed=choices["seed"], keep=choices["keep"]))
    with loading():
        from altmonitor.cli import demo as show

    leave(show.demo(show.DemoChoices(**choices)))


@cli.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port of the exchange. [any free one]")
@click.option("--telegram-port", type=click.IntRange(0, 65_535), default=0, help="Port of the Bot API. [any free one]")
@click.option("--symbols", type=click.IntRange(20, 1000), default=600, show_default=True, help="Contracts simulated.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number, another market.")
def sim(port: int, telegram_port: int, symbols: int, seed: int) -> None:
    """Only the simulated exchange and Bot API; prints the settings that point a monitor at them."""
    end_by_signals()
    from altmonitor.cli import demo as show

    leave(show.sim(port=port, telegram_port=telegram_port, symbols=symbols, seed=seed))


@cli.command()
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="What is asked is kept there.")
def setup(env_file: Path) -> None:
    """Ask for a bot and a chat, try them, write .env, start. Needs a terminal."""
    from altmonitor.ops.wizard import wizard

    leave(wizard.setup(env_file=env_file))


@cli.command()
@click.option("--live", "is_live", is_flag=True, help="Ask the monitor that runs here, too.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option(
    "--bundle", type=click.Path(path_type=Path, dir_okay=False), help="Write a .zip that may be shown to all."
)
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read.")
def doctor(**options: Any) -> None:
    """Look at everything the monitor needs, and say what to do about it: READY (exit 0) or NOT READY (exit 1)."""
    end_by_signals()
    from altmonitor.ops.doctor import doctor as command

    leave(command.doctor(command.DoctorRequest(**options)))


@cli.command()
@click.argument("symbol", required=False)
@click.option(
    "-n", "--limit", type=click.IntRange(1, 1000), help="How many, newest first. [20; of a day all, up to 1000]"
)
@click.option("--kind", type=KindOfAlert(), help="Only this kind.")
@click.option("--date", metavar="DAY", help="Only of this day (ALERT_TZ): 2026-11-29, 29.11, yesterday, monday …")
@json_option
@env_file_option
def history(env_file: Path, **options: Any) -> None:
    """Alerts told so far and what became of them."""
    with session(env_file) as opened:
        from altmonitor.cli import history as stored

        leave(stored.history(opened, **options))


@cli.command()
@click.argument("hours", type=click.IntRange(1, 720), default=24)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read.")
def stats(hours: int, as_json: bool, env_file: Path) -> None:
    """Alerts per kind and symbol over the last HOURS."""
    with session(env_file) as opened:
        from altmonitor.cli import history as stored

        leave(stored.stats(opened, hours=hours, as_json=as_json))


@cli.command()
@json_option
@env_file_option
def outcomes(env_file: Path, as_json: bool) -> None:
    """What followed the alerts that were told, beside chance."""
    with session(env_file) as opened:
        from altmonitor.cli import outcomes as stored

        leave(stored.outcomes(opened, as_json=as_json))


@cli.command()
@click.option("--to", metavar="URL", help="postgresql://user:password@host:5432/database, empty. [DATABASE_URL]")
@json_option
@env_file_option
def migrate(env_file: Path, **options: Any) -> None:
    """Copy what SQLite and state.json hold into PostgreSQL, and verify it. The monitor must not run meanwhile."""
    with session(env_file) as opened:
        from altmonitor.cli import migrate as copying

        leave(copying.migrate(opened, **options))


@cli.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def deploy(arguments: tuple[str, ...]) -> None:
    """Put it on a server with Docker or systemd: user@host, --update, --rollback, --down, --status, --dry-run."""
    from altmonitor.ops.deploy.deploy import main as deploy_main  # works before anything is installed, see deploy.py

    leave(deploy_main(arguments))


@cli.command()
@click.argument("symbol")
@click.option("--out", type=OUT_FILE, help="The page (.html) or picture (.png) to write. [SYMBOL-panel.html]")
@click.option("--lang", type=LANGUAGE, help="Language. [SMART_MONEY_CARD_LANG, ALERT_LANG]")
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read.")
def panel(symbol: str, out: Path | None, lang: str | None, env_file: Path) -> None:
    """Who is positioned in SYMBOL, as a page or a picture."""
    with session(env_file) as opened:
        from altmonitor.cli import who as answers

        leave(answers.panel(opened, symbol=symbol, out=out, lang=lang))


def machine_options(command: Any) -> Any:
    """--json and --env-file."""
    return json_option(env_file_option(command))


class LazyCommands(click.Group):
    """Its sub-commands are rows of the table of operations, loaded when somebody asks for one."""

    def __init__(self, *args: Any, load: Callable[[Any], dict[str, click.Command]], **options: Any) -> None:
        """load: what adds --json and --env-file → the sub-commands by name."""
        super().__init__(*args, **options)
        self._load = load

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, command in self._load(machine_options).items() if not command.hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._load(machine_options).get(cmd_name)


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


@click.command()
@click.option("--http", "over_http", is_flag=True, help="Streamable HTTP on a loopback address instead of stdio.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --http; loopback only.")
@click.option("--port", type=click.IntRange(0, 65_535), default=3002, show_default=True, help="With --http; 0: any.")
@click.option("--allow-writes", is_flag=True, help="Also offer tools that change settings of a running monitor.")
@env_file_option
def mcp(env_file: Path, **options: Any) -> None:
    """Serve AI clients over the Model Context Protocol: who is positioned, alerts, why, settings.

    Started by the client, for example `claude mcp add altmonitor -- altmonitor mcp`.
    """
    with session(env_file) as opened:
        from altmonitor.cli import mcp as serving

        leave(serving.serve(opened, **options))


@click.command()
@click.option("--host", help="Where it listens, instead of API_HOST.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Its port, instead of API_PORT; 0: any.")
@click.option("--new-key", metavar="PLAN", help="Only make a key of the Smart Money API: free, trader, pro.")
@click.option("--key-name", default="key", show_default=True, help="What the new key is called.")
@env_file_option
def api(env_file: Path, new_key: str | None, key_name: str, **options: Any) -> None:
    """Serve pages and the HTTP interface over what is stored, without a monitor.

    The databases are opened read-only: it may run beside a monitor, on a port of its own, or after one.
    """
    with session(env_file) as opened:
        from altmonitor.cli import api as serving

        if new_key is not None:
            leave(serving.new_key(opened, plan=new_key, name=key_name))
        leave(serving.serve(opened, **options))


cli.add_command(ask)
cli.add_command(api)
cli.add_command(mcp)
cli.add_command(compare)
cli.add_command(track)
cli.add_command(archive)
cli.add_command(replay)
cli.add_command(tune)
cli.add_command(try_settings)
cli.add_command(who)
cli.add_command(positioning)
cli.add_command(smartmoney)


def main() -> None:
    """Entry point of the `altmonitor` command."""
    make_printable()
    hide_secrets_in_tracebacks()
    try:
        code = cli.main(prog_name="altmonitor", standalone_mode=False)
    except click.ClickException as problem:
        code = refused_arguments(problem)
    except click.Abort:
        code = FAILED
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    leave(code if isinstance(code, int) else DONE)
