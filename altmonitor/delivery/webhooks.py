"""Alerts to programs of others: one POST each, signed, in order, tried again until it is taken.

`alert` tells a new one; `alert.updated` the same one when more is known of it: the whole candle's numbers, open
interest, how the move ended, what followed. What waits is what stands in the database behind the `AlertCursor` of the
address. So a killed program loses nothing and repeats at most what was under way, which the receiver knows by its key.

    POST  Content-Type: application/json
          Idempotency-Key: the alert's key, of an update with `#` and the digest of what it says
          X-Altmonitor-Timestamp: unix seconds
          X-Altmonitor-Signature: v1=<hex HMAC-SHA256 of `<timestamp>.<body>` under WEBHOOK_SECRET>
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import socket
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from altmonitor.core.addresses import is_public
from altmonitor.core.backoff import Backoff
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.status import WebhookStatus
from altmonitor.core.types import Secret
from altmonitor.delivery.alert_cursor import AlertCursor, AlertNews, CursorDeps

log = logging.getLogger(__name__)

ANSWER_WITHIN_S: Final = 10.0
GIVEN_UP_AFTER_S: Final = 86_400.0
LONGEST_PAUSE_S: Final = 300.0
STORAGE_PAUSE_S: Final = 5.0
LOOK_EVERY_S: Final = 60.0
"""Also without a wake-up: a disk that refused may have taken alerts since."""

_AGAIN: Final = frozenset({408, 425, 429})


class PostOutcome(Enum):
    """Of one attempt."""

    TAKEN = "taken"
    REFUSED = "refused"  # it will never be taken
    AGAIN = "again"


class AddressRefused(OSError):
    """The name of the receiver leads to a machine of this network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDeps:
    """urls: each gets every alert. allow_private: receivers in this network too."""

    urls: Sequence[str]
    secret: Secret
    allow_private: bool
    cursor: CursorDeps

    @property
    def clock(self) -> Clock:
        return self.cursor.clock


class Webhooks:
    """`wake` after an alert was stored, `learned` when more is known; `run` sends."""

    def __init__(self, deps: WebhookDeps) -> None:
        self._deps = deps
        self.receivers = [Receiver(url, deps) for url in deps.urls]

    def wake(self) -> None:
        for receiver in self.receivers:
            receiver.has_news.set()

    def learned(self, alert_keys: Collection[str]) -> None:
        for receiver in self.receivers:
            for key in alert_keys:
                receiver.cursor.learned(key)
        self.wake()

    def status(self) -> Sequence[WebhookStatus]:
        return [receiver.status() for receiver in self.receivers]

    async def run(self) -> None:
        """Until cancelled. A receiver that does not answer holds up no other."""
        async with (
            webhook_session(len(self.receivers) or 1, allow_private=self._deps.allow_private) as session,
            asyncio.TaskGroup() as tasks,
        ):
            for receiver in self.receivers:
                tasks.create_task(receiver.run(session), name=f"webhook {receiver.name}")


def webhook_session(limit: int, *, allow_private: bool) -> aiohttp.ClientSession:
    """limit: connections at once. Addresses of this machine and network are refused after the name was looked up."""
    connector = aiohttp.TCPConnector(
        limit=limit,
        use_dns_cache=False,
        resolver=aiohttp.ThreadedResolver(),
        socket_factory=None if allow_private else public_socket,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "altmonitor"},
    )


class Receiver:
    """One address. name: its host; the path may hold a secret of the receiver's."""

    def __init__(self, url: str, deps: WebhookDeps) -> None:
        self._url = url
        self._deps = deps
        self.name = urlsplit(url).hostname or "?"
        self.cursor = AlertCursor(deps.cursor, f"webhook.{hashlib.sha256(url.encode()).hexdigest()[:16]}")
        self.has_news = asyncio.Event()
        self._pause = Backoff(longest_s=LONGEST_PAUSE_S)
        self._asked_s = 0.0
        self._waiting = self._sent = self._failed = self._expired = 0
        self._trouble = ""

    def status(self) -> WebhookStatus:
        return WebhookStatus(
            name=self.name,
            waiting=self._waiting,
            sent=self._sent,
            failed=self._failed,
            expired=self._expired,
            trouble=self._trouble,
        )

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Until cancelled."""
        while True:
            self.has_news.clear()
            try:
                waiting = await self.cursor.news()
                self._waiting = len(waiting)
                for one in waiting:
                    await self._deliver(session, one)
                    self._waiting -= 1
                await self.cursor.save()
            except StorageError as problem:
                log.warning("webhook %s: %s", self.name, problem)
                await self._deps.clock.sleep(STORAGE_PAUSE_S)
                continue
            due_s = self.cursor.next_due_s()
            with suppress(TimeoutError):
                async with self._deps.clock.timeout(LOOK_EVERY_S if due_s is None else min(due_s, LOOK_EVERY_S)):
                    await self.has_news.wait()

    async def _deliver(self, session: aiohttp.ClientSession, news: AlertNews) -> None:
        """Until it is taken or given up; those behind it wait, so that they arrive in order."""
        is_final, given_up_s = False, self._deps.clock.now_ms() / 1000 + GIVEN_UP_AFTER_S
        if not news.is_update:
            given_up_s = news.alert.ts + GIVEN_UP_AFTER_S
        while True:
            if self._deps.clock.now_ms() / 1000 > given_up_s:
                self._expired += 1
                break
            outcome = await self._attempt(session, news)
            if outcome is PostOutcome.TAKEN:
                self._sent += 1
                self._tell("")
                break
            if outcome is PostOutcome.REFUSED:
                self._failed += 1
                is_final = True
                break
            await self._deps.clock.sleep(max(self._pause.next_s(), self._asked_s))
        self._pause.reset()
        await self.cursor.told(news, is_final=is_final)

    async def _attempt(self, session: aiohttp.ClientSession, news: AlertNews) -> PostOutcome:
        self._asked_s = 0.0
        body = body_of(news)
        headers = signed_headers(
            body, key=key_of(news), secret=self._deps.secret, at_s=self._deps.clock.now_ms() // 1000
        )
        try:
            if not self._deps.allow_private:
                refuse_private(self.name)  # an address in figures is not looked up
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                return self._judged(answer.status, answer.headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            cause = getattr(problem, "os_error", problem)
            self._tell(PRIVATE if isinstance(cause, AddressRefused) else f"no answer ({type(problem).__name__})")
            return PostOutcome.AGAIN

    def _judged(self, status: int, headers: Mapping[str, str]) -> PostOutcome:
        if 200 <= status < 300:
            return PostOutcome.TAKEN
        self._tell(f"answers HTTP {status}" + (", redirects are not followed" if 300 <= status < 400 else ""))
        if is_final(status):
            return PostOutcome.REFUSED
        asked = headers.get("Retry-After", "")
        self._asked_s = min(float(asked), LONGEST_PAUSE_S) if asked.isascii() and asked.isdigit() else 0.0
        return PostOutcome.AGAIN

    def _tell(self, trouble: str) -> None:
        """Once per change."""
        if trouble and trouble != self._trouble:
            log.warning("webhook %s: %s", self.name, trouble)
        elif self._trouble and not trouble:
            log.info("webhook %s takes alerts again", self.name)
        self._trouble = trouble


def is_final(status: int) -> bool:
    """The receiver will never take it."""
    return 400 <= status < 500 and status not in _AGAIN


PRIVATE: Final = "the address is one of this machine or network: set WEBHOOK_ALLOW_PRIVATE=true if that is meant"


def body_of(news: AlertNews) -> bytes:
    """The alert as `/api/alerts` shows it, without its delivery; of an update with what followed, as far as that is
    measured."""
    if not news.is_update:
        return b'{"event":"alert","alert":' + msgspec.json.encode(news.alert) + b"}"
    return msgspec.json.encode({"event": "alert.updated", "alert": news.alert, "outcomes": news.outcomes})


def key_of(news: AlertNews) -> str:
    """The same for every attempt."""
    return f"{news.alert.key}#{news.version}" if news.is_update else news.alert.key


def signed_headers(body: bytes, *, key: str, secret: Secret, at_s: int) -> dict[str, str]:
    signature = hmac.new(secret.reveal().encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "Idempotency-Key": key.encode("ascii", "backslashreplace").decode(),  # a header has no Chinese characters
        "X-Altmonitor-Timestamp": str(at_s),
        "X-Altmonitor-Signature": f"v1={signature}",
    }


def refuse_private(host: str) -> None:
    """host: a name is left to `public_socket`. Raises: AddressRefused."""
    try:
        is_fine = is_public(host)
    except ValueError:
        return
    if not is_fine:
        raise AddressRefused(PRIVATE)


def public_socket(info: tuple[Any, ...]) -> socket.socket:
    """Of the address that is connected to, after the name was looked up. Raises: AddressRefused."""
    family, kind, protocol, _, address = info
    refuse_private(str(address[0]))
    return socket.socket(family=family, type=kind, proto=protocol)
