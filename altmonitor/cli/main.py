"""Sub-commands: argv → config → app; nothing else. Everything heavy is imported inside, so `--help` answers at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

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
from altmonitor.cli.parameters import (
    LANGUAGE,
    OUT_FILE,
    VENUE,
    KindOfAlert,
    LazyCommands,
    env_file_option,
    json_option,
    machine_options,
)
from altmonitor.cli.past_commands import archive, replay, try_settings, tune
from altmonitor.cli.position_commands import positioning, track, who
from altmonitor.core.console import make_printable


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
@click.option("--venue", type=VENUE, help="Only of this exchange. [all]")
@json_option
@env_file_option
def history(env_file: Path, **options: Any) -> None:
    """Alerts told so far and what became of them."""
    with session(env_file) as opened:
        from altmonitor.cli import history as stored

        leave(stored.history(opened, **options))


@cli.command()
@click.argument("hours", type=click.IntRange(1, 720), default=24)
@click.option("--venue", type=VENUE, help="Only of this exchange. [all]")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read.")
def stats(hours: int, venue: Any, as_json: bool, env_file: Path) -> None:
    """Alerts per kind and symbol over the last HOURS."""
    with session(env_file) as opened:
        from altmonitor.cli import history as stored

        leave(stored.stats(opened, hours=hours, venue=venue, as_json=as_json))


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
