"""NATS JetStream between the feed and the notifiers: a hint that something new stands in the database, no more.

Every notifier looks there ten times a second anyway, so a broker that is away, full or silent costs a tenth of a second
and nothing else; uniqueness stands on the database's key. Needs the extra `nats`, imported when NATS_URL is set.

A pull consumer can stay silent for ever after a restart of the server, connected as it is (nats.py #504): every fetch
has a limit and an idle heartbeat, and a consumer that gave neither message nor heartbeat in one is made anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from altmonitor.core.backoff import Backoff
from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import Clock

if TYPE_CHECKING:
    from nats.aio.client import Client

log = logging.getLogger(__name__)

Topic = Literal["alerts", "posts"]
OLDEST_SERVER = (2, 9)
_FULL = frozenset({10002, 10023, 10028, 10047, 10077})
"""Codes of JetStream: no room that the account or the server may use, or what came could not be written."""
MOST_WAITING = 10_000
PUBLISH_WITHIN_S = 2.0
CONNECT_WITHIN_S = 3.0
FETCH_S, HEARTBEAT_S = 1.6, 0.5
"""A fetch that brought nothing in this time has missed two heartbeats at least."""
LOOK_EVERY_S = 1.0
"""So soon a connection that was closed is noticed by who says nothing."""
KEPT_S, MOST_KEPT = 600.0, 100_000
DOUBLES_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalStatus:
    """trouble: None while all is well, and before the first answer; is_working: it has answered since the last trouble.
    passed: messages sent or received. remade: silent consumers."""

    trouble: Cause | None = None
    is_working: bool = False
    passed: int = 0
    dropped: int = 0
    remade: int = 0


class _Unusable(Exception):
    """cause: why, for a person."""

    def __init__(self, code: CauseCode, text: str, **values: int) -> None:
        super().__init__(text)
        self.cause = Cause(code, text, values)


def subject_of(cluster: str, topic: Topic) -> str:
    return f"altmonitor.{cluster.replace('.', '-')}.{topic}"


def stream_of(cluster: str) -> str:
    return f"altmonitor-{cluster.replace('.', '-')}"


def _end_if_cancelled() -> None:
    """The client of NATS passes over a cancellation while it flushes, as if it were meant for a task of its own."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class _Broker:
    """What both ends share."""

    def __init__(self, url: str, *, cluster: str, clock: Clock) -> None:
        self._url = url
        self._cluster = cluster
        self._clock = clock
        self._where = urlsplit(url).netloc.rpartition("@")[2]
        self._trouble: Cause | None = None
        self._is_working = False
        self._has_had_jetstream = False
        self._passed = self._dropped = self._remade = 0

    def status(self) -> SignalStatus:
        return SignalStatus(
            trouble=self._trouble,
            is_working=self._is_working,
            passed=self._passed,
            dropped=self._dropped,
            remade=self._remade,
        )

    async def run(self) -> None:
        """Until cancelled. Whatever happens to the broker is told once and tried again."""
        import nats.errors
        import nats.js.errors

        backoff = Backoff(first_s=0.5, longest_s=10.0)
        while True:
            try:
                async with self._connected() as client:
                    backoff.reset()
                    await self._work(client)
            except _Unusable as problem:
                self._say(problem.cause)
            except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as problem:
                self._say(self._cause_of(problem))
            _end_if_cancelled()
            await self._clock.sleep(backoff.next_s())

    async def _work(self, client: Client) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        from nats.aio.client import Client

        async def note(problem: Exception) -> None:
            log.debug("nats: %s", problem)

        client = Client()
        try:  # a login that is refused leaves a socket, too
            connecting = client.connect(
                self._url, connect_timeout=2, max_reconnect_attempts=0, allow_reconnect=False, error_cb=note
            )
            await asyncio.wait_for(connecting, CONNECT_WITHIN_S)
            version = client.connected_server_version
            shown = f"{version.major}.{version.minor}.{version.patch}"
            if (version.major, version.minor) < OLDEST_SERVER:
                raise _Unusable(
                    CauseCode.BROKER_OLD,
                    f"NATS at {self._where} is version {shown}: 2.9 or newer is needed",
                    major=version.major,
                    minor=version.minor,
                )
            await self._ensure_stream(client)
            yield client
        finally:
            with suppress(Exception):
                await asyncio.wait_for(client.close(), 1.0)

    async def _ensure_stream(self, client: Client) -> None:
        from nats.js.api import DiscardPolicy, StreamConfig

        config = StreamConfig(
            name=stream_of(self._cluster),
            subjects=[subject_of(self._cluster, "alerts"), subject_of(self._cluster, "posts")],
            max_age=KEPT_S,
            max_msgs=MOST_KEPT,
            discard=DiscardPolicy.OLD,
            duplicate_window=DOUBLES_WITHIN_S,
        )
        await client.jetstream(timeout=PUBLISH_WITHIN_S).add_stream(config)
        self._has_had_jetstream = True

    def _cause_of(self, problem: Exception) -> Cause:
        """What a library's error means for a person."""
        import nats.errors
        import nats.js.errors

        told = (problem.description or "") if isinstance(problem, nats.js.errors.APIError) else str(problem)
        line = f"NATS at {self._where}"
        if isinstance(problem, nats.js.errors.APIError) and problem.err_code in _FULL:
            return Cause(CauseCode.BROKER_FULL, f"{line} has no room left ({told})")
        without = (nats.js.errors.ServiceUnavailableError, nats.js.errors.NoStreamResponseError)
        if isinstance(problem, (*without, nats.errors.NoRespondersError)):
            if self._has_had_jetstream:
                gone = f"{line} has JetStream no more: its disk may be full, or it was started without -js"
                return Cause(CauseCode.BROKER_JETSTREAM_GONE, gone)
            return Cause(CauseCode.BROKER_WITHOUT_JETSTREAM, f"{line} has no JetStream: start it with -js")
        if isinstance(problem, nats.js.errors.APIError):
            return Cause(CauseCode.BROKER_REFUSES, f"{line} refuses the stream ({told})")
        if isinstance(problem, nats.errors.AuthorizationError) or "authorization" in told.casefold():
            return Cause(CauseCode.BROKER_REFUSES, f"{line} refuses the login")
        return Cause(CauseCode.BROKER_AWAY, f"{line} does not answer ({told or type(problem).__name__})")

    def _closed(self) -> _Unusable:
        return _Unusable(CauseCode.BROKER_AWAY, f"NATS at {self._where} closed the connection")

    def _say(self, trouble: Cause | None) -> None:
        if trouble is not None and self._trouble is None:
            log.warning("%s: notifiers look into the database ten times a second all the same", trouble)
        elif trouble is None and self._trouble is not None:
            log.info("NATS at %s works again", self._where)
        self._trouble, self._is_working = trouble, trouble is None


class SignalSender(_Broker):
    """The feed's end. Synchronous and bounded: the oldest hints are dropped first."""

    def __init__(self, url: str, *, cluster: str, clock: Clock) -> None:
        super().__init__(url, cluster=cluster, clock=clock)
        self._queue: deque[tuple[Topic, str]] = deque(maxlen=MOST_WAITING)
        self._news = asyncio.Event()

    def alert(self, key: str) -> None:
        """It is committed under this key."""
        self._put("alerts", key)

    def posted(self) -> None:
        self._put("posts", "")

    def _put(self, topic: Topic, key: str) -> None:
        if self._trouble:
            self._dropped += 1  # whoever looks finds it; an old hint is none
            return
        self._queue.append((topic, key))
        self._news.set()

    async def _work(self, client: Client) -> None:
        stream = client.jetstream(timeout=PUBLISH_WITHIN_S)
        self._say(None)
        while not client.is_closed:
            _end_if_cancelled()
            with suppress(TimeoutError):
                async with self._clock.timeout(LOOK_EVERY_S):
                    await self._news.wait()
            self._news.clear()
            while self._queue:
                topic, key = self._queue[0]
                headers = {"Nats-Msg-Id": key} if key else None
                await stream.publish(subject_of(self._cluster, topic), key.encode(), headers=headers)
                self._passed += 1
                self._queue.popleft()
        raise self._closed()


class SignalReceiver(_Broker):
    """A notifier's end. on_alert, on_post: something of the kind was committed."""

    def __init__(
        self,
        url: str,
        *,
        cluster: str,
        clock: Clock,
        on_alert: Callable[[], None],
        on_post: Callable[[], None],
    ) -> None:
        super().__init__(url, cluster=cluster, clock=clock)
        self._on: dict[Topic, Callable[[], None]] = {"alerts": on_alert, "posts": on_post}

    async def _work(self, client: Client) -> None:
        # No TaskGroup: on Python 3.11 one that fails leaves this task counted as cancelled.
        tasks = [asyncio.create_task(self._follow(client, one), name=f"signals of {one}") for one in self._on]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _follow(self, client: Client, topic: Topic) -> None:
        """One consumer with one filter subject: a server of version 2.9 knows no more."""
        import nats.errors
        import nats.js.errors

        while True:
            consumer = await self._consumer(client, topic)
            self._say(None)
            while True:
                _end_if_cancelled()
                try:
                    (message,) = await consumer.fetch(1, timeout=FETCH_S, heartbeat=HEARTBEAT_S)
                except nats.js.errors.FetchTimeoutError:
                    continue  # heartbeats came
                except (nats.errors.TimeoutError, TimeoutError):
                    break
                self._passed += 1
                self._on[topic]()
                await message.ack()
            self._remade += 1
            silent = f"a consumer of NATS at {self._where} was silent and is made anew"
            self._say(Cause(CauseCode.BROKER_SILENT, silent))
            with suppress(Exception):
                await consumer.unsubscribe()
            if client.is_closed:
                raise self._closed()

    async def _consumer(self, client: Client, topic: Topic) -> Any:
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        subject = subject_of(self._cluster, topic)
        config = ConsumerConfig(
            filter_subject=subject,
            deliver_policy=DeliverPolicy.NEW,
            ack_policy=AckPolicy.EXPLICIT,
            inactive_threshold=30.0,
        )
        return await client.jetstream(timeout=PUBLISH_WITHIN_S).pull_subscribe(
            subject, stream=stream_of(self._cluster), config=config
        )
