from __future__ import annotations

import io

from altmonitor.cli.track import ProgressLines
from altmonitor.tracker.series import Series
from altmonitor.tracker.tracker import Progress
from tests.fakes import ManualClock


def at(done: int, *, series: Series = Series.SMART_MONEY) -> Progress:
    return Progress(series=series, done=done, total=4, captured=done, left_s=12.0 * (4 - done))


def test_without_a_terminal_a_line_comes_once_a_minute_and_at_the_end() -> None:
    out, clock = io.StringIO(), ManualClock()
    lines = ProgressLines(out, clock=clock, is_tty=False)
    for done in (0, 1, 2):
        lines.show(at(done))
        clock.ms += 30_000
    lines.write("a record\n")
    lines.show(at(4))
    assert [line.split("]")[-1].strip() for line in out.getvalue().splitlines()] == [
        "0/4   0 %  48 s left",
        "2/4  50 %  24 s left",
        "a record",
        "4/4 100 %  done",
    ]
    assert out.getvalue().endswith("4/4 100 %  done\n")
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_bars_are_redrawn_and_a_record_stands_above_them() -> None:
    out = io.StringIO()
    lines = ProgressLines(out, clock=ManualClock(), is_tty=True)
    lines.show(at(1))
    lines.show(at(2, series=Series.OPEN_INTEREST))
    lines.write("a record\n")
    bars = out.getvalue().split("\x1b[2F\x1b[J")[-1].splitlines()
    assert bars[0] == "a record"
    assert bars[1].startswith("smart-money   [######....")
    assert bars[2].startswith("open-interest [############")
