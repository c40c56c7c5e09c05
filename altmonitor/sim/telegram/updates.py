"""The queue behind getUpdates: ids, confirmation by offset, allowed kinds, one reader at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from altmonitor.core.clock import Clock
from altmonitor.sim.telegram.telegram_params import Params
from altmonitor.sim.telegram.values import Refusal, bad_request

KEPT_MS = 24 * 3600 * 1000
_NOT_BY_DEFAULT = ("chat_member", "message_reaction", "message_reaction_count")
_ENDED = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


class UpdateQueue:
    """`allowed`: None stands for the default kinds; kinds are filtered when an update is made, not when it is read."""

    def __init__(self, clock: Clock, on_change: Callable[[], None]) -> None:
        self._clock = clock
        self._on_change = on_change
        self._waiting: list[tuple[int, int, dict[str, object]]] = []  # (update id, made at ms, update)
        self._next_id = 100_000_001
        self._something_happened = asyncio.Event()
        self._poll = 0
        self.allowed: list[str] | None = None
        self.webhook_url = ""

    @property
    def pending(self) -> int:
        return len(self._waiting)

    def put(self, kind: str, content: dict[str, object]) -> int:
        """Returns the update id, also when the bot did not ask for this kind and nothing is queued."""
        update_id = self._next_id
        self._next_id += 1
        wanted = kind in self.allowed if self.allowed else kind not in _NOT_BY_DEFAULT
        if wanted:
            self._waiting.append((update_id, self._clock.now_ms(), {"update_id": update_id, kind: content}))
            self.wake()
            self._on_change()
        return update_id

    def renumber(self, next_id: int) -> None:
        """As after a week without updates, when Telegram goes on with a random number."""
        self._next_id = next_id

    def clear(self) -> None:
        self._waiting.clear()

    def wake(self) -> None:
        """Lets the long poll look around again: something is queued, or the outage began."""
        self._something_happened.set()

    async def read(self, params: Params, *, is_cut: Callable[[], bool]) -> list[dict[str, object]]:
        """Long poll; an older poll that still waits is ended with 409. is_cut: looked at whenever woken."""
        if self.webhook_url:
            raise Refusal(409, _WEBHOOK)
        limit, timeout_s = self._accept(params)
        self._poll += 1
        mine = self._poll
        self.wake()
        if timeout_s > 0:
            with suppress(TimeoutError):
                async with self._clock.timeout(timeout_s):
                    while not self._waiting and self._poll == mine and not is_cut():
                        await self._wait()
        if self._poll != mine:
            raise Refusal(409, _ENDED)
        return [update for _, _, update in self._waiting[:limit]]

    async def _wait(self) -> None:
        self._something_happened.clear()
        await self._something_happened.wait()

    def _accept(self, params: Params) -> tuple[int, float]:
        allowed = params.structure("allowed_updates")
        if allowed is not None:
            if not isinstance(allowed, list):
                raise bad_request("can't parse allowed_updates JSON object")
            self.allowed = [str(kind) for kind in allowed]
        oldest_ms = self._clock.now_ms() - KEPT_MS
        self._waiting = [row for row in self._waiting if row[1] >= oldest_ms]
        offset = params.integer("offset") or 0
        if offset > 0:
            self._waiting = [row for row in self._waiting if row[0] >= offset]
        elif offset < 0:
            self._waiting = self._waiting[offset:]
        self._on_change()
        limit = params.integer("limit")
        return min(max(100 if limit is None else limit, 1), 100), float(min(params.integer("timeout") or 0, 50))
