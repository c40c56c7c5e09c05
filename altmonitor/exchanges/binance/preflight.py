"""One ping before the first data request of a process: an address that is refused asks for no data at all."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, BudgetExhausted, ExchangeBlocked, ExchangeUnreachable
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.guard import Guard, Send
from altmonitor.interfaces.exchange import Priority

log = logging.getLogger(__name__)

PAUSES_S: Final = (0.6, 1.2)
"""After the first and the second ping without an answer. After the third the question itself goes out."""
ANSWER_WITHIN_S: Final = 5.0


class Preflight:
    """Whoever asks first sends the ping, the others wait for what becomes of it. within_s: for one answer."""

    def __init__(
        self, guard: Guard, *, clock: Clock, target: str = "/fapi/v1/ping", within_s: float = ANSWER_WITHIN_S
    ) -> None:
        self._guard = guard
        self._clock = clock
        self._within_s = within_s
        self._ask = Ask(target=target, priority=Priority.ENRICH)
        self._turn = asyncio.Lock()
        self._attempts = 0
        self._is_over = False

    async def wait(self, send: Send) -> None:
        """Before each request; costs nothing once it is over. Raises: ExchangeBlocked when the ping was refused."""
        if self._is_over:
            return
        async with self._turn:
            while not self._is_over:
                await self._ping(send)

    async def _ping(self, send: Send) -> None:
        """The attempts of one who was cancelled count for the next."""
        self._attempts += 1
        try:
            async with self._clock.timeout(self._within_s):
                answer = await self._guard.fetch(self._ask, send, wait_s=self._within_s)
        except ExchangeBlocked:
            self._is_over = True  # from here on the guard itself pings before anything else
            raise
        except BudgetExhausted:
            self._is_over = True
            return
        except TimeoutError:
            problem = f"no answer within {self._within_s:.0f} s"
        except (ExchangeUnreachable, BadAnswer) as unanswered:
            problem = str(unanswered)
        else:
            if answer.status < 500:
                self._is_over = True
                return
            problem = f"HTTP {answer.status}"
        if self._attempts > len(PAUSES_S):
            self._is_over = True
            log.warning("the exchange did not answer %d pings (%s), asking all the same", self._attempts, problem)
            return
        await self._clock.sleep(PAUSES_S[self._attempts - 1])
