"""Signals to whoever registered for them: one POST each, signed, tried again three times, then given up.

POST  Content-Type: application/json
      X-SmartMoney-Event: HIGH, MEDIUM or VETO
      X-SmartMoney-Signature: hex HMAC-SHA256 of the body; its key is the text sha256hex(secret)
      Idempotency-Key: the same for every attempt
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.delivery.webhooks import AddressRefused, is_final, refuse_private, webhook_session
from altmonitor.storage.score_store import ScoreReceiver, ScoreSignal, ScoreStore

log = logging.getLogger(__name__)

RETRY_AFTER_S: Final = (1.0, 5.0, 25.0)
AT_ONCE: Final = 8
MOST_WAITING: Final = 1_000
EVERY_EVENT: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreWebhookDeps:
    """allow_private: receivers in this network too."""

    store: ScoreStore
    clock: Clock
    allow_private: bool


class ScoreWebhooks:
    """`put` a signal; `run` sends. sent, failed: posts since the start."""

    def __init__(self, deps: ScoreWebhookDeps) -> None:
        self._deps = deps
        self._waiting: asyncio.Queue[ScoreSignal] = asyncio.Queue(MOST_WAITING)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.sent = self.failed = 0

    def put(self, signal: ScoreSignal) -> None:
        if self._waiting.full():
            log.warning("webhooks of signals: too many wait, %s of %s is left out", signal.confidence, signal.symbol)
            return
        self._waiting.put_nowait(signal)

    async def run(self) -> None:
        """Until cancelled. A receiver that does not answer holds up no other."""
        async with (
            webhook_session(AT_ONCE, allow_private=self._deps.allow_private) as session,
            asyncio.TaskGroup() as tasks,
        ):
            while True:
                signal = await self._waiting.get()
                try:
                    receivers = await self._deps.store.receivers()
                except StorageError as problem:
                    log.warning("webhooks of signals: %s", problem)
                    continue
                for one in receivers:
                    if is_wanted(one, signal):
                        tasks.create_task(self._deliver(session, one, signal), name=f"signal webhook {one.id}")

    async def _deliver(self, session: aiohttp.ClientSession, receiver: ScoreReceiver, signal: ScoreSignal) -> None:
        name = urlsplit(receiver.url).hostname or "?"
        async with self._turns:
            for pause_s in (*RETRY_AFTER_S, None):
                trouble = await self._attempt(session, receiver, signal)
                if trouble is None:
                    self.sent += 1
                    return
                if pause_s is None or trouble.startswith("refused"):
                    break
                await self._deps.clock.sleep(pause_s)
            self.failed += 1
            log.warning("signal webhook %s: %s", name, trouble)

    async def _attempt(
        self, session: aiohttp.ClientSession, receiver: ScoreReceiver, signal: ScoreSignal
    ) -> str | None:
        """None: it was taken."""
        body = signal_body(signal)
        try:
            if not self._deps.allow_private:
                refuse_private(urlsplit(receiver.url).hostname or "")
            headers = signal_headers(body, signal, key=receiver.secret)
            async with session.post(receiver.url, data=body, headers=headers, allow_redirects=False) as answer:
                if 200 <= answer.status < 300:
                    return None
                return f"{'refused' if is_final(answer.status) else 'answers'} HTTP {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            cause = getattr(problem, "os_error", problem)
            return f"refused: {cause}" if isinstance(cause, AddressRefused) else f"no answer ({type(problem).__name__})"


def is_wanted(receiver: ScoreReceiver, signal: ScoreSignal) -> bool:
    is_event = EVERY_EVENT in receiver.events or signal.confidence in receiver.events
    return is_event and (not receiver.symbols or signal.symbol in receiver.symbols)


def signal_body(signal: ScoreSignal) -> bytes:
    told = {
        "ts": signal.ts,
        "symbol": signal.symbol,
        "direction": signal.direction,
        "confidence": signal.confidence,
        "composite": signal.composite,
        "price": signal.price,
        "scorer": signal.scorer,
    }
    return msgspec.json.encode({"event": signal.confidence, "signal": told})


def signal_headers(body: bytes, signal: ScoreSignal, *, key: str) -> Mapping[str, str]:
    digest = hashlib.sha256(body).hexdigest()[:12]
    return {
        "Content-Type": "application/json",
        "X-SmartMoney-Event": signal.confidence,
        "X-SmartMoney-Signature": hmac.new(key.encode(), body, hashlib.sha256).hexdigest(),
        "Idempotency-Key": f"{signal.ts}:{signal.direction}:{signal.confidence}:{digest}",
    }
