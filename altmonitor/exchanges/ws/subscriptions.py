"""What one connection asked for, what the venue acknowledged, and what to send next. Knows no socket and no clock.

An acknowledgement is not success here either: unknown streams are acknowledged like any other. After everything was
asked for, the venue's own list (where it has one) is compared once with what should be there; whether data comes is
the watchdog's matter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.exchanges.ws.dialect import Dialect, Method, SubscribeAnswer

_MAX_REFUSALS: Final = 12
_MAX_LISTS: Final = 2


@dataclass(frozen=True, slots=True)
class _Request:
    method: Method
    streams: tuple[str, ...]
    attempt: int = 1
    sent_s: float = 0.0


class SubscriptionLedger:
    """`trouble` is None until the connection should be given up; then it says why."""

    def __init__(self, dialect: Dialect, *, request_ids: Iterator[int] | None = None) -> None:
        self.trouble: Cause | None = None
        self._dialect = dialect
        self._ids = request_ids if request_ids is not None else count(1)
        self._wanted: dict[str, None] = {}
        self._changes: deque[tuple[Method, str]] = deque()
        self._retries: deque[_Request] = deque()
        self._pending: dict[int, _Request] = {}
        self._held: set[str] = set()
        self._refusals = 0
        self._lists = 0
        self._is_reconciled = False

    def want(self, streams: Iterable[str]) -> None:
        """All streams this connection should carry, the most urgent first. Only differences are sent."""
        wanted = dict.fromkeys(streams)
        self._changes.extend(("UNSUBSCRIBE", stream) for stream in self._wanted if stream not in wanted)
        self._changes.extend(("SUBSCRIBE", stream) for stream in wanted if stream not in self._wanted)
        self._wanted = wanted

    def renew(self, streams: Iterable[str]) -> None:
        """Ask again for streams that are acknowledged and silent."""
        again = [stream for stream in streams if stream in self._wanted]
        self._changes.extend(("UNSUBSCRIBE", stream) for stream in again)
        self._changes.extend(("SUBSCRIBE", stream) for stream in again)

    @property
    def wanted_count(self) -> int:
        return len(self._wanted)

    @property
    def is_settled(self) -> bool:
        """Everything was asked for, answered and compared with the exchange's own list."""
        return self._is_reconciled and not (self._changes or self._retries or self._pending)

    def covered(self) -> set[str]:
        """Acknowledged streams; empty until they were compared with the exchange's own list."""
        return self._held & self._wanted.keys() if self._is_reconciled else set()

    def acknowledged_count(self) -> int:
        return len(self._held)

    def next_message(self, now_s: float) -> str | None:
        """The control message to send now, to be sent before the next call; None when there is none."""
        request = self._next_request()
        if request is None:
            return None
        request_id = next(self._ids)
        self._pending[request_id] = _Request(request.method, request.streams, request.attempt, now_s)
        return self._dialect.encode(request.method, None if request.method == "LIST" else request.streams, request_id)

    def _next_request(self) -> _Request | None:
        if self._retries:
            return self._retries.popleft()
        if self._changes:
            return self._take_chunk()
        if not self._is_reconciled and not self._pending:
            if self._dialect.has_list:
                self._lists += 1
                return _Request("LIST", tuple(self._held))
            self._is_reconciled = True
        return None

    def _take_chunk(self) -> _Request:
        method = self._changes[0][0]
        # The id may have up to 10 digits.
        room = self._dialect.largest_message_bytes - len(self._dialect.encode(method, (), 9_999_999_999))
        streams: list[str] = []
        while self._changes and self._changes[0][0] == method:
            room -= len(self._changes[0][1].encode()) + len('"",')
            if room < 0 and streams:
                break
            streams.append(self._changes.popleft()[1])
        return _Request(method, tuple(streams))

    def on_answer(self, answer: SubscribeAnswer) -> bool:
        """False when the answer belongs to no open request."""
        request_id = answer.request_id
        if request_id is None:
            # An error that names no request: requests are answered in order, so it is about the oldest.
            request_id = next(iter(self._pending), None)
        request = self._pending.pop(request_id, None) if request_id is not None else None
        if request is None:
            return False
        if answer.error:
            self._on_refusal(request, answer.error)
        elif request.method == "SUBSCRIBE":
            self._held.update(request.streams)
        elif request.method == "UNSUBSCRIBE":
            self._held.difference_update(request.streams)
        else:
            self._reconcile(set(request.streams), set(answer.streams or ()))
        return True

    def _reconcile(self, expected: set[str], listed: set[str]) -> None:
        missing = (expected & self._wanted.keys()) - listed
        self._held -= missing
        self._changes.extend(("UNSUBSCRIBE", stream) for stream in sorted(listed - self._wanted.keys()))
        if missing and self._lists < _MAX_LISTS:
            self._changes.extend(("SUBSCRIBE", stream) for stream in sorted(missing))
        else:
            self._is_reconciled = True

    def _on_refusal(self, request: _Request, error: str) -> None:
        self._refusals += 1
        if self._refusals == _MAX_REFUSALS:
            line = f"{self._refusals} control messages were refused, the last with: {error}"
            self.trouble = Cause(CauseCode.REFUSED_CONTROL, line)
        elif request.method == "LIST":
            self._on_list_failure()
        elif request.attempt == 1:
            self._retries.append(_Request(request.method, request.streams, 2))
        elif len(request.streams) > 1:
            # One bad name must not take two hundred good ones with it.
            middle = len(request.streams) // 2
            for half in (request.streams[:middle], request.streams[middle:]):
                self._retries.append(_Request(request.method, half, 2))

    def _on_list_failure(self) -> None:
        # Without the list the acknowledgements have to do; data is watched anyway.
        self._is_reconciled = self._lists >= _MAX_LISTS

    def expire(self, now_s: float) -> None:
        """Deal with requests that were not answered in time: once more, then `trouble`."""
        within_s = self._dialect.answer_within_s
        late = [number for number, request in self._pending.items() if now_s - request.sent_s >= within_s]
        for number in late:
            request = self._pending.pop(number)
            if request.method == "LIST":
                self._on_list_failure()
            elif request.attempt == 1:
                self._retries.append(_Request(request.method, request.streams, 2))
            else:
                line = f"{request.method} of {len(request.streams)} streams was not answered, twice"
                self.trouble = Cause(CauseCode.REFUSED_CONTROL, line)
