"""Sub-commands about past days: `archive`, `tune`, `try`, `replay`. Everything heavy is imported inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altmonitor.cli.common import Number, leave, session
from altmonitor.cli.parameters import (
    OUT_FILE,
    KindOfAlert,
    env_file_option,
    json_option,
)


@click.group()
def archive() -> None:
    """Candles, open interest and funding of Binance's past days: fetch, take in, see what is there (ARCHIVE_DIR)."""


@archive.command(name="fetch")
@click.option("--symbols", default="all", show_default=True, help="Separated by commas; all: what is traded now.")
@click.option("--from", "from_day", required=True, help="First day, such as 2025-02-01 (UTC).")
@click.option("--to", "to_day", help="Last day. [yesterday]")
@click.option(
    "--series",
    type=click.Choice(["klines", "oi", "funding", "both", "all"]),
    default="all",
    show_default=True,
    help="both: klines and oi.",
)
@click.option("--parallel", type=click.IntRange(1, 16), default=6, show_default=True, help="Files at once.")
@click.option("--recheck", is_flag=True, help="Ask whether files that are there were re-issued, and fetch those.")
@json_option
@env_file_option
def archive_fetch(env_file: Path, **options: Any) -> None:
    """Fetch 1-minute candles, 5-minute open interest and settled funding from the exchange's archive; what is too young
    for it from REST.

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
    """Thresholds for so many alerts a day from Binance's stored days, and what they would tell on days held back."""
    with session(env_file) as opened:
        from altmonitor.cli import tune as tuning

        leave(tuning.run_tune(opened, tuning.TuneChoices(**options)))


@click.command(name="try")
@click.argument("words", nargs=-1, required=True, metavar="NAME VALUE… [last 7d]")
@click.option("--symbols", default="all", show_default=True, help="Separated by commas; all that are stored.")
@json_option
@env_file_option
def try_settings(env_file: Path, **options: Any) -> None:
    """What other thresholds would have told of Binance's stored days: altmonitor try pump 4 oi 2 5 last 7d. Changes
    nothing."""
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

    Days come from `altmonitor archive`, which knows Binance alone. With --json one line per alert and the sums last;
    same input, same bytes.
    """
    with session(env_file) as opened:
        from altmonitor.cli import replay as past

        leave(past.run_replay(opened, past.ReplayChoices(**options)))
