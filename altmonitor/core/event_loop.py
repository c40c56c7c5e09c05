"""An event loop that looks at its sockets every few milliseconds, not at every packet.

The exchange sends 2,400 small packets a second, and waking up costs far more than what is done with one of them. After
each look at the sockets the next one waits for `gather_s`; whatever has come by then is handled in one turn of the
loop, timers that ran out meanwhile included. The first packet after a silence is read at once, and so is word from a
thread or a signal: what is gathered is traffic, not work. A burst is not gathered either: whoever has read much of one
says so (`look_again`), because more of it lies behind the receive buffer of the socket: then looks follow each other
sooner for as long as one is usually waited for.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

from altmonitor.core.clock import SystemClock

CAN_GATHER: Final = sys.platform != "win32"
"""There the loop that everybody uses has no selector."""

SOONER: Final = 4
"""Looks in the time of one, during a burst."""

_Ready = list[tuple[selectors.SelectorKey, int]]


class GatheringSelector(selectors.DefaultSelector):
    """`select` names what is registered at most once in `gather_s`, but what `keep_prompt` found registered at any
    time."""

    def __init__(self, gather_s: float) -> None:
        super().__init__()
        self._gather_s = gather_s
        self._look_at_s = float("-inf")
        self._burst_until_s = float("-inf")
        self._prompt = selectors.DefaultSelector()
        self._monotonic = SystemClock().monotonic

    def keep_prompt(self) -> None:
        for key in self.get_map().values():
            self._prompt.register(key.fileobj, key.events, key.data)

    def select(self, timeout: float | None = None) -> _Ready:
        wait_s = min(self._look_at_s - self._monotonic(), self._gather_s)
        if wait_s > 0:
            if timeout is not None and timeout <= 0:
                return []
            word = self._prompt.select(wait_s)
            if word:
                return word
            if timeout is not None:
                timeout = max(0.0, timeout - wait_s)
        found = super().select(timeout)
        if found:
            now_s = self._monotonic()
            self._look_at_s = now_s + (self._gather_s / SOONER if now_s < self._burst_until_s else self._gather_s)
        return found

    def look_again(self) -> None:
        """At once, when the turn of the loop that is under way has ended, and sooner than usual for a while."""
        self._look_at_s = float("-inf")
        self._burst_until_s = self._monotonic() + self._gather_s

    def close(self) -> None:
        self._prompt.close()
        super().close()


class GatheringLoop(asyncio.SelectorEventLoop):
    """The usual loop on a `GatheringSelector`."""

    def __init__(self, selector: GatheringSelector) -> None:
        super().__init__(selector)
        self.look_again = selector.look_again


def gathering_loop(gather_s: float) -> asyncio.AbstractEventLoop:
    """gather_s: above 0."""
    selector = GatheringSelector(gather_s)
    loop = GatheringLoop(selector)
    selector.keep_prompt()  # so far there is only the loop's own pipe, through which threads and signals wake it
    return loop


def look_again() -> None:
    """Where the running loop gathers, it does not before its next look."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, GatheringLoop):
        loop.look_again()


def loop_factory(gather_s: float) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """For `asyncio.Runner`; None, which stands for the usual loop there, when nothing is to be gathered."""
    return partial(gathering_loop, gather_s) if gather_s > 0 else None
