"""Tapes made up by tests, and runs of the whole program with a tape."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.replay_count import MINUTE

SPEED = 100
STARTS = datetime(2026, 9, 21, 14, tzinfo=UTC)
HISTORY, LEAD_IN = 20, 10
"""Minutes before playing begins, and minutes played before the first event: the program is up long before that."""


class Tape:
    """A made-up file of candles. `minute`: the number of the next one, counted from the first event."""

    def __init__(self) -> None:
        self.minute = -HISTORY - LEAD_IN
        self.lines: list[str] = []
        self.quiet(HISTORY + LEAD_IN, at=100.0)

    def candle(self, o: float, high: float, low: float, c: float, *, quote: float = 30_000) -> None:
        opened = int(STARTS.timestamp()) * 1000 + self.minute * MINUTE
        prices = ",".join(f"{price:.2f}" for price in (o, high, low, c))
        self.lines.append(f"{opened},{prices},300.0,{opened + MINUTE - 1},{quote:.1f},40,150.0,{quote / 2:.1f},0")
        self.minute += 1

    def quiet(self, minutes: int, *, at: float) -> None:
        for _ in range(minutes):
            self.candle(at, at * 1.002, at * 0.998, at)

    def hole(self, minutes: int) -> None:
        self.minute += minutes


def eventful_file(folder: Path) -> Path:
    tape = Tape()
    tape.candle(100, 103, 99.9, 102.9)  # PUMP, of exactly 3 %
    tape.quiet(3, at=103)
    tape.candle(103, 103.1, 101, 102.9)  # +1.9 % in its last third, and
    tape.candle(102.9, 105, 102.9, 105)  # +2.0 % in the next half: PUMP within 60 s
    tape.quiet(4, at=105)
    tape.candle(105, 109.7, 105, 109.7)  # PUMP
    tape.candle(109.7, 124.2, 109.7, 123)  # doubled
    tape.candle(123, 123.1, 104, 105)  # DUMP, doubled, and doubled again
    tape.quiet(3, at=105)
    tape.candle(105, 105.5, 104.8, 105.2, quote=220_000)  # burst
    tape.candle(105.2, 105.5, 104.8, 105, quote=260_000)  # burst of a falling candle: another direction
    tape.candle(105, 105.5, 104.8, 105, quote=280_000)  # burst again, cooling down
    tape.quiet(1, at=105)
    tape.hole(5)
    tape.candle(130, 130.2, 129.8, 130, quote=500_000)  # nothing before it to compare with
    for _ in range(3):
        tape.candle(130, 130.2, 129.8, 130, quote=60_000)
    tape.candle(130, 130.5, 129.5, 130, quote=400_000)  # four candles are too few for a median
    tape.candle(130, 130.5, 129.5, 130.1, quote=450_000)  # burst
    tape.quiet(2, at=130.1)
    file = folder / "LUNAUSDT-1m-2026-09.csv"
    file.write_text("\n".join(tape.lines) + "\n")
    return file


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A finished run of the program. alerts: (key, event_ms) as stored. unsent: deliveries that are not `sent`."""

    chat: str
    alerts: list[tuple[str, int]]
    sizes: list[float]
    late: int
    unsent: int
    message_ids: set[int]

    @property
    def shown_ids(self) -> set[int]:
        return {int(number) for number in re.findall(r"^┌─ .* · #(\d+) ─", self.chat, re.MULTILINE)}


def play(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "altmonitor", "demo", "--tape", str(file), *options],
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=110,
        check=False,
    )


def demo(file: Path, *, begin: datetime, end: datetime | None = None, folder: Path) -> Demo:
    stop = [] if end is None else ["--to", end.isoformat()]
    ran = play(file, "--from", begin.isoformat(), *stop, "--speed", str(SPEED), "--keep", str(folder))
    assert ran.returncode == 0, ran.stderr
    with closing(sqlite3.connect(folder / "alerts.db")) as db:
        alerts = db.execute("SELECT key, event_ms, metric, late FROM alerts ORDER BY id").fetchall()
        (unsent,) = db.execute("SELECT count(*) FROM deliveries WHERE state != 'sent'").fetchone()
        ids = db.execute("SELECT DISTINCT message_id FROM deliveries").fetchall()
    return Demo(
        chat=ran.stdout,
        alerts=[(key, event_ms) for key, event_ms, _, _ in alerts],
        sizes=[size for _, _, size, _ in alerts],
        late=sum(late for _, _, _, late in alerts),
        unsent=unsent,
        message_ids={message_id for (message_id,) in ids},
    )
