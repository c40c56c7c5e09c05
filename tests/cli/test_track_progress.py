from __future__ import annotations

import io
import re

from rich.console import Console

from altmonitor.cli.track import ProgressLines
from altmonitor.tracker.series import Series
from altmonitor.tracker.tracker import Progress
from tests.fakes import ManualClock


def at(done: int, *, series: Series = Series.SMART_MONEY) -> Progress:
    return Progress(series=series, done=done, total=4, captured=done, left_s=12.0 * (4 - done))


def test_without_a_terminal_a_line_comes_once_a_minute_and_at_the_end() -> None:
    out, clock = io.StringIO(), ManualClock()
    lines = ProgressLines(out, clock=clock)
    for done in (0, 1, 2):
        lines.show(at(done))
        clock.ms += 30_000
    lines.write("a record\n")
    lines.show(at(4))
    assert [line.removeprefix("smart-money").strip() for line in out.getvalue().splitlines()] == [
        "0/4   0 %  48 s left",
        "2/4  50 %  24 s left",
        "a record",
        "4/4 100 %  done",
    ]
    assert out.getvalue().endswith("4/4 100 %  done\n")
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_bars_are_redrawn_and_a_record_stands_above_them() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, color_system=None)
    lines = ProgressLines(out, clock=ManualClock(), console=console)
    lines.write("before any bar\n")
    lines.show(at(1))
    lines.show(at(2, series=Series.OPEN_INTEREST))
    lines.write("a record\n")
    lines.stop()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", out.getvalue()).replace("\r", "\n")
    last = [line.rstrip() for line in shown.split("\n") if line.strip()][-3:]
    assert "a record\n" in shown
    assert re.fullmatch(r"smart-money   [━╺╸ ]+ 1/4  25% 36 s left", last[-2])
    assert re.fullmatch(r"open-interest [━╺╸ ]+ 2/4  50% 24 s left", last[-1])
    assert shown.startswith("before any bar\n")
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h") == 1  # the cursor comes back
