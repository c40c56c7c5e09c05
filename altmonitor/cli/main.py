"""Sub-commands: argv → config → app; nothing else. Everything heavy is imported inside, so `--help` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altmonitor import __version__
from altmonitor.cli.cli_positioning import OUT_FILE, positioning, track, who
from altmonitor.cli.common import ENV_FILE
from altmonitor.cli.common import end_by_signals as _end_by_signals
from altmonitor.cli.common import leave as _leave

FAILED, WRONG_CONFIGURATION = 1, 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="altmonitor %(version)s")
def cli() -> None:
    """Watch every Binance USDT perpetual and tell a Telegram chat what moved. Data only: no trades, no advice.

    Exit codes: 0 done · 1 failed while running · 2 wrong configuration or arguments · 130/143 stopped by a signal.
    """


@cli.command()
@click.option("--dry-run", is_flag=True, help="Print alerts here instead of sending them; needs no token.")
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read.")
def run(dry_run: bool, env_file: Path) -> None:
    """Watch the market until stopped."""
    _end_by_signals()
    from altmonitor.cli import run as launch

    _leave(launch.run(env_file=env_file, is_dry_run=dry_run))


@cli.command()
@click.option("--tape", type=click.Path(path_type=Path, dir_okay=False), help="Play real 1-minute candles (CSV, .gz).")
@click.option("--from", "from_time", help="Start of the tape to play, such as 2022-05-12T08:00 (UTC).")
@click.option("--to", "to_time", help="Where to stop: candles from this moment on are not played.")
@click.option("--speed", type=click.FloatRange(1, 200), help="How much faster than life. [10; with a tape 60]")
@click.option("--symbols", type=click.IntRange(1, 1000), default=600, show_default=True, help="Contracts simulated.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number, another market.")
@click.option("--seconds", type=click.FloatRange(1), help="Stop after this many seconds. [runs until Ctrl-C]")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep the database in this folder.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of messages.")
def demo(**choices: Any) -> None:
    """See it at work: a simulated exchange and a simulated Telegram chat, here in the terminal. Needs nothing."""
    _end_by_signals()
    from altmonitor.cli import run as launch

    _leave(launch.demo(launch.DemoChoices(**choices)))


@cli.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port of the exchange. [any free one]")
@click.option("--telegram-port", type=click.IntRange(0, 65_535), default=0, help="Port of the Bot API. [any free one]")
@click.option("--symbols", type=click.IntRange(1, 1000), default=600, show_default=True, help="Contracts simulated.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number, another market.")
def sim(port: int, telegram_port: int, symbols: int, seed: int) -> None:
    """Only the simulated exchange and Bot API; prints the settings that point a monitor at them."""
    _end_by_signals()
    from altmonitor.cli import run as launch

    _leave(launch.sim(port=port, telegram_port=telegram_port, symbols=symbols, seed=seed))


@cli.command()
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="What is asked is kept there.")
def setup(env_file: Path) -> None:
    """Ask for a bot and a chat, try them, write .env, start. Needs a terminal."""
    from altmonitor.ops.wizard import wizard

    _leave(wizard.setup(env_file=env_file))


@cli.command()
@click.option("--live", "is_live", is_flag=True, help="Ask the monitor that runs here, too.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option(
    "--bundle", type=click.Path(path_type=Path, dir_okay=False), help="Write a .zip that may be shown to all."
)
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read.")
def doctor(**options: Any) -> None:
    """Look at everything the monitor needs, and say what to do about it: READY (exit 0) or NOT READY (exit 1)."""
    _end_by_signals()
    from altmonitor.ops.doctor import doctor as command

    _leave(command.doctor(command.Wanted(**options)))


@cli.command()
@click.argument("symbol", required=False)
@click.option(
    "-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first."
)
@click.option("--kind", type=click.Choice(["price", "oi", "vol"]), help="Only this kind.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read.")
def history(symbol: str | None, limit: int, kind: Any, as_json: bool, env_file: Path) -> None:
    """Alerts told so far and what became of them."""
    from altmonitor.cli import history as lookup

    _leave(lookup.history(env_file=env_file, symbol=symbol, limit=limit, kind=kind, as_json=as_json))


@cli.command()
@click.argument("hours", type=click.IntRange(1, 720), default=24)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read.")
def stats(hours: int, as_json: bool, env_file: Path) -> None:
    """Alerts per kind and symbol over the last HOURS."""
    from altmonitor.cli import history as lookup

    _leave(lookup.stats(env_file=env_file, hours=hours, as_json=as_json))


@cli.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def deploy(arguments: tuple[str, ...]) -> None:
    """Put it on a server with Docker or systemd: user@host, --update, --rollback, --down, --status, --dry-run."""
    from altmonitor.ops.deploy.deploy import main as deploy_main  # works before anything is installed, see deploy.py

    _leave(deploy_main(arguments))


@cli.command()
@click.argument("symbol")
@click.option("--out", type=OUT_FILE, help="The page (.html) or picture (.png) to write. [SYMBOL-panel.html]")
@click.option("--lang", type=click.Choice(["en", "zh", "ru"]), help="Language. [SMART_MONEY_CARD_LANG, ALERT_LANG]")
@click.option("--env-file", type=ENV_FILE, default=Path(".env"), show_default=True, help="Where settings are read.")
def panel(symbol: str, out: Path | None, lang: str | None, env_file: Path) -> None:
    """Who is positioned in SYMBOL, as a page or a picture."""
    _end_by_signals()
    from altmonitor.cli import panel as panels

    _leave(panels.panel(env_file=env_file, symbol=symbol, out=out, lang=lang))


cli.add_command(track)
cli.add_command(who)
cli.add_command(positioning)


def main() -> None:
    """Entry point of the `altmonitor` command."""
    cli(prog_name="altmonitor")
