"""One budget for all processes of a machine that ask the same host: what each sent stands in a small file.

A monitor and a tracker beside it have one address, and the host counts by address.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from bisect import bisect_right, insort
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.exchanges.rest.budget import LimitPool, first_to_leave

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)

LARGEST_BYTES: Final = 1 << 20
AHEAD_MS: Final = 1_000
PAST_KEPT: Final = 1_000
"""So many lines that count no more may stand in the file before it is written anew."""
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class SharedPool(LimitPool):
    """The file holds the host, then unix milliseconds of the requests in the window and some before it, one per line.

    What leaves is appended; the file is written anew when most of it is past, so that a request costs no walk over all
    of the window. A file that cannot be used is reported once; then each process keeps to the limit by itself. host:
    what was sent to another one (the address was pointed elsewhere) does not count.
    """

    def __init__(self, *, limit: int, window_s: float, path: Path, host: str, clock: Clock) -> None:
        super().__init__(limit=limit, window_s=window_s)
        self._path = path
        self._host = host
        self._clock = clock
        self._seen: tuple[int, int] | None = None
        self._is_ours = False
        self._sent_ms: list[int] = []  # as in the file, ascending
        self._has_complained = False

    def wait_s(self, now_s: float, share: float = 1.0, count: int = 1) -> float:
        own_s = super().wait_s(now_s, share, count)
        now_ms = self._clock.now_ms()
        self._look()
        begin, end = self._window(now_ms)
        leaving = first_to_leave(end - begin, int(self.limit * share), count)
        if leaving <= 0:
            return own_s
        return max(own_s, (self._sent_ms[begin + leaving - 1] - now_ms) / 1000 + self.window_s)

    def held(self, now_s: float) -> int:
        self._look()
        begin, end = self._window(self._clock.now_ms())
        return max(super().held(now_s), end - begin)

    def take(self, now_s: float, count: int = 1) -> None:
        super().take(now_s, count)
        with self._opened(exclusive=True) as handle:
            if handle is not None:
                if _stamp_of(os.fstat(handle)) != self._seen:
                    self._read(handle)
                now_ms = self._clock.now_ms()  # not before the lock: what the last one wrote lies in the past
                self._write(handle, now_ms, count)
                self._seen = _stamp_of(os.fstat(handle))

    def _write(self, handle: int, now_ms: int, count: int) -> None:
        begin, end = self._window(now_ms)
        past = begin + len(self._sent_ms) - end
        if self._is_ours and past <= max(PAST_KEPT, end - begin):
            os.pwrite(handle, f"\n{now_ms}".encode() * count, os.fstat(handle).st_size)
            for _ in range(count):
                insort(self._sent_ms, now_ms)
            return
        self._sent_ms = [*self._sent_ms[begin:end], *[now_ms] * count]
        self._sent_ms.sort()
        os.ftruncate(handle, 0)
        os.pwrite(handle, "\n".join([self._host, *map(str, self._sent_ms)]).encode(), 0)
        self._is_ours = True

    def _window(self, now_ms: int) -> tuple[int, int]:
        """Places of what is in the window. What lies far ahead was written before a clock was set back."""
        begin = bisect_right(self._sent_ms, now_ms - round(self.window_s * 1000))
        return begin, bisect_right(self._sent_ms, now_ms + AHEAD_MS, lo=begin)

    def _look(self) -> None:
        """Reads the file when it changed."""
        if (stamp := self._stamp()) is None or stamp == self._seen:
            return
        with self._opened(exclusive=False) as handle:
            if handle is not None:
                self._read(handle)
                self._seen = stamp

    def _read(self, handle: int) -> None:
        host, *lines = os.pread(handle, LARGEST_BYTES, 0).decode(errors="replace").split("\n")
        self._is_ours = host == self._host
        known = lines if self._is_ours else ()
        self._sent_ms = sorted(int(line) for line in known if line.isascii() and line.isdecimal() and len(line) < 16)

    @contextlib.contextmanager
    def _opened(self, *, exclusive: bool) -> Iterator[int | None]:
        """Locked for one read and one write. None: there is no file to share."""
        try:
            handle = os.open(self._path, _FLAGS, 0o600)
        except OSError as problem:
            self._complain(problem)
            yield None
            return
        try:
            if sys.platform != "win32":
                with contextlib.suppress(OSError):  # a file system without locks
                    fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            yield handle
        except OSError as problem:
            self._complain(problem)
        finally:
            os.close(handle)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            stat = os.stat(self._path)
        except OSError:
            return None
        return _stamp_of(stat)

    def _complain(self, problem: OSError) -> None:
        if not self._has_complained:
            self._has_complained = True
            log.warning("%s cannot be used (%s): the request budget is not shared", self._path, problem.strerror)


def _stamp_of(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_mtime_ns, stat.st_size


def pool_of(*, limit: int, window_s: float, path: Path | None, host: str, clock: Clock) -> LimitPool:
    """path None: for this process alone."""
    if path is None:
        return LimitPool(limit=limit, window_s=window_s)
    return SharedPool(limit=limit, window_s=window_s, path=path, host=host, clock=clock)
