"""Progress of long work: bars that are redrawn on a terminal, plain lines otherwise."""

from __future__ import annotations

from typing import Final, TextIO

from altmonitor.core.clock import Clock
from altmonitor.tracker.plan import progress_line
from altmonitor.tracker.tracked import Progress
from altmonitor.tracker.types import Series

LINE_EVERY_S: Final = 60.0
_UP, _CLEAR = "\x1b[{}F", "\x1b[J"


class ProgressLines:
    """`show` is the tracker's `on_progress`. As a text stream it stands before the log: no record tears a bar."""

    def __init__(self, out: TextIO, *, clock: Clock, is_tty: bool) -> None:
        self._out = out
        self._clock = clock
        self._is_tty = is_tty
        self._lines: dict[Series, str] = {}
        self._drawn = 0
        self._said_s: dict[Series, float] = {}

    def show(self, progress: Progress) -> None:
        series, is_end = progress.series, progress.done >= progress.total
        line = progress_line(series, done=progress.done, total=progress.total, left_s=progress.left_s)
        if self._is_tty:
            self._lines[series] = line
            self._erase()
            self._draw()
            return
        now_s = self._clock.monotonic()
        if is_end or now_s - self._said_s.get(series, -LINE_EVERY_S) >= LINE_EVERY_S:
            self._said_s[series] = now_s
            self._out.write(line + "\n")
            self._out.flush()

    def write(self, text: str) -> int:
        """A log record, above the bars."""
        self._erase()
        self._out.write(text)
        if text.endswith("\n"):
            self._draw()
        return len(text)

    def flush(self) -> None:
        self._out.flush()

    def _erase(self) -> None:
        if self._drawn:
            self._out.write(_UP.format(self._drawn) + _CLEAR)
            self._drawn = 0

    def _draw(self) -> None:
        for line in self._lines.values():
            self._out.write(line + "\n")
        self._drawn = len(self._lines) if self._is_tty else 0
        self._out.flush()
