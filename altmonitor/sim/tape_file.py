"""Reading an exchange-archive file of 1-minute candles, and shortening its holes."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from altmonitor.core.errors import ConfigError
from altmonitor.market.candles import MINUTE_MS
from altmonitor.sim.wire import KlineRow

HOLE_KEPT_MS = 10 * MINUTE_MS  # what is left of a skipped hole: long enough to be seen as one
_COLUMNS = 12
_MICROSECONDS = 10**14  # archives from 2025 on may count in them
_NUMBER = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A hole that was shortened. tape_ms: open time of the first candle after it; shown_ms: when it is played."""

    hole_minutes: int
    tape_ms: int
    shown_ms: int


def read_tape(file: Path) -> list[KlineRow]:
    try:
        opener = gzip.open if file.suffix == ".gz" else open
        with opener(file, "rt", encoding="utf-8", newline="") as lines:
            rows = list(_parsed(file, csv.reader(lines)))
    except (EOFError, gzip.BadGzipFile) as problem:
        raise ConfigError([f"{file} is not a whole gzip file: {problem}"]) from problem
    except (UnicodeDecodeError, csv.Error) as problem:
        raise ConfigError([f"{file} is not a CSV of 1-minute candles: {problem}"]) from problem
    except OSError as problem:
        raise ConfigError([f"{file} cannot be read: {problem.strerror}"]) from problem
    if not rows:
        raise ConfigError([f"{file} holds no candles"])
    by_time = {int(row[0]): row for row in rows}  # archives repeat rows; the later one counts
    return [by_time[ms] for ms in sorted(by_time)]


def _parsed(file: Path, lines: Iterator[list[str]]) -> Iterator[KlineRow]:
    for number, line in enumerate(lines, start=1):
        if not line or (number == 1 and line[0].strip().lower() in {"open_time", "open time", "opentime"}):
            continue
        if len(line) != _COLUMNS or not all(_NUMBER.fullmatch(text) for text in line):
            what = f"line {number} has {len(line)} columns" if len(line) != _COLUMNS else f"line {number} is no candle"
            raise ConfigError(
                [f"{file} is not an archive of 1-minute candles ({what}): 12 columns from open_time on are needed"]
            )
        opened = int(float(line[0])) if int(float(line[0])) < _MICROSECONDS else int(line[0]) // 1000
        is_candle = float(line[3]) <= min(float(line[1]), float(line[4])) and float(line[2]) >= max(
            float(line[1]), float(line[4])
        )
        if opened % MINUTE_MS or not is_candle or float(line[3]) <= 0:
            raise ConfigError([f"{file} is not an archive of 1-minute candles: line {number} is no candle"])
        start: KlineRow = [opened, *line[1:6], opened + MINUTE_MS - 1, line[7]]
        yield [*start, int(float(line[8])), line[9], line[10], "0"]


def without_long_holes(
    rows: Sequence[KlineRow], from_ms: int, longest_s: float | None
) -> tuple[list[KlineRow], tuple[Jump, ...]]:
    """Rows after a hole (and after `from_ms`) longer than `longest_s` moved towards it, and what was moved."""
    shown: list[KlineRow] = []
    jumps: list[Jump] = []
    moved_ms = 0
    for row in rows:
        opened = int(row[0]) - moved_ms
        gap_ms = opened - max(int(shown[-1][0]) + MINUTE_MS, from_ms // MINUTE_MS * MINUTE_MS) if shown else 0
        if longest_s is not None and opened > from_ms and gap_ms > max(longest_s * 1000, HOLE_KEPT_MS):
            moved_ms += gap_ms - HOLE_KEPT_MS
            opened -= gap_ms - HOLE_KEPT_MS
            jumps.append(Jump(hole_minutes=gap_ms // MINUTE_MS, tape_ms=int(row[0]), shown_ms=opened))
        shown.append([opened, *row[1:6], opened + MINUTE_MS - 1, *row[7:]])
    return shown, tuple(jumps)
