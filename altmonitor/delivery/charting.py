"""Charts are drawn here, off the event loop, in one thread of their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from altmonitor.render.charts.chart import chart_png
from altmonitor.render.charts.spec import ChartSpec

log = logging.getLogger(__name__)

WAITING_MAX = 8
"""Charts handed in and not drawn yet. At some 15 ms each the last of them waits an eighth of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Since the start. dropped: the queue was full, or closed. failed: no candle that can be drawn, or a fault."""

    drawn: int = 0
    dropped: int = 0
    failed: int = 0


class Charting:
    """Not the loop's default executor: name look-ups wait there, and a stalled one would hold up every chart."""

    def __init__(self, *, draw: Callable[[ChartSpec], bytes] = chart_png, waiting_max: int = WAITING_MAX) -> None:
        self._draw = draw
        self._waiting_max = waiting_max
        self._waiting = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chart")
        self._is_closed = False
        self.counts = Drawn()

    async def png(self, spec: ChartSpec) -> bytes | None:
        """None: dropped because too many wait, or not drawable; counted. A cancelled one that waits is not drawn."""
        if self._is_closed or self._waiting >= self._waiting_max:
            self.counts = replace(self.counts, dropped=self.counts.dropped + 1)
            return None
        drawing = asyncio.wrap_future(self._thread.submit(self._draw, spec))
        self._waiting += 1
        drawing.add_done_callback(self._done)
        try:
            picture = await drawing
        except Exception as problem:  # a chart is decoration: the message it goes with is already in the chat
            self.counts = replace(self.counts, failed=self.counts.failed + 1)
            log.warning("no chart of %s: %s", spec.symbol, problem, exc_info=not isinstance(problem, ValueError))
            return None
        self.counts = replace(self.counts, drawn=self.counts.drawn + 1)
        return picture

    def close(self) -> None:
        """Nothing is drawn any more; one that is being drawn ends by itself. May be called twice."""
        self._is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _done(self, drawing: asyncio.Future[bytes]) -> None:
        self._waiting -= 1
