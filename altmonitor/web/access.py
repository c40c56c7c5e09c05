"""Who may ask over HTTP: by which name the monitor was called, from which page, how often with a wrong token."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from altmonitor.config import is_loopback
from altmonitor.core.clock import Clock

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
LONGEST_WAIT_S = 5.0
FORGOTTEN_AFTER_S = 600.0
ADDRESSES_MAX = 1_000

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::(\d{0,5}))?", re.ASCII)


def host_of(header: str) -> str | None:
    """The name in a Host header: `localhost:3001` → `localhost`, `[::1]:3001` → `::1`. None: that is no host."""
    found = _HOST.fullmatch(header)
    if found is None or int(found[3] or 0) > 65_535:
        return None
    return found[1] or found[2]


def is_called_locally(headers: list[str]) -> bool:
    """headers: every Host header there is. False for more than one, and for names of other machines: a page on the web
    can make its own name resolve to 127.0.0.1, and the browser then still sends that name."""
    host = host_of(headers[0]) if len(headers) == 1 else None
    return host is not None and is_loopback(host)


def is_same_site(origin: str | None, host: str) -> bool:
    """origin: what a browser says about the page that asks, None from anything else. host: the Host header."""
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


@dataclass(slots=True)
class _Guesses:
    count: int
    last_s: float
    answered_until_s: float


class WrongTokens:
    """Slows guessing down: the refusals of one address leave one after the other, at last one a second.

    Whoever has the right token is never asked here, so nobody can lock anybody out.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guesses: dict[str, _Guesses] = {}

    def count(self, address: str) -> int:
        """Within the last ten minutes or so."""
        guesses = self._guesses.get(address)
        return 0 if guesses is None else guesses.count

    def pause_s(self, address: str) -> float:
        """Counts a wrong token; how long its refusal has to wait. Beyond `LONGEST_WAIT_S` nobody should wait for it."""
        now_s = self._clock.monotonic()
        known = self._guesses.pop(address, None)
        if known is None or now_s - known.last_s > FORGOTTEN_AFTER_S:
            known = _Guesses(count=0, last_s=now_s, answered_until_s=now_s)
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(known.count, 10), LONGEST_PAUSE_S)
        until_s = max(now_s, known.answered_until_s) + pause_s
        known.count += 1
        known.last_s = now_s
        if until_s - now_s <= LONGEST_WAIT_S:
            known.answered_until_s = until_s
        self._guesses[address] = known  # the newest last
        if len(self._guesses) > ADDRESSES_MAX:
            del self._guesses[next(iter(self._guesses))]
        return until_s - now_s
