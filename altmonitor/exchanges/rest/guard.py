"""The gate in front of one host: every request passes here, none leaves while the host refuses us.

`fetch` waits for budget (higher priorities first), refuses at once while a block runs, lets exactly one ping through
when it ends, and reads every answer for weight and refusals. One guard per host; the block is shared through a file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import Clock, speed_of
from altmonitor.core.errors import (
    BadAnswer,
    BudgetExhausted,
    ExchangeBlocked,
    ExchangeError,
    ExchangeUnreachable,
    RegionBlocked,
)
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.exchange_clock import ExchangeClock
from altmonitor.exchanges.rest.block import Block, BlockFile, BlockRecord, Breaker, Phase, recorded_cause
from altmonitor.exchanges.rest.budget import VENUE_POOL, Ask, RequestBudget, RequestQueue, Ticket
from altmonitor.exchanges.rest.host_history import HostHistory
from altmonitor.exchanges.rest.refusal import LONGEST_BELIEVED_S, Refusal, Severity, read_refusal
from altmonitor.interfaces.exchange import Priority

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """headers: case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes


AGAIN_MS: Final = 1_000
"""Nobody who is refused is sent back at once: what is left of a block may be less than a millisecond, and a probe of
another process takes a while."""

Send = Callable[[str], Awaitable[RestAnswer]]
"""Carries one GET (path and query) out; raises ExchangeUnreachable or BadAnswer without an answer."""


class Guard:
    """probe: a target that costs next to nothing. too_many_codes: as in `read_refusal`.

    on_change: called once per change of block or of budget shortage (`open`, `waiting`, `blocked`; again when a block's
    end moves out); must not raise.
    """

    def __init__(
        self,
        host: str,
        *,
        clock: Clock,
        budget: RequestBudget,
        probe: str,
        block_file: Path | None = None,
        on_change: Callable[[GuardStatus], None] | None = None,
        too_many_codes: Collection[int] = (),
    ) -> None:
        self._host = host
        self._too_many_codes = too_many_codes
        self._clock = clock
        self._file = BlockFile(block_file, host=host)
        self._on_change = on_change
        self._budget = budget
        self.exchange_clock = ExchangeClock(clock)
        self._admission = RequestQueue(
            self._budget, clock=clock, exchange_ms=self.exchange_clock.now_ms, check=self._raise_when_blocked
        )
        self.probe = Ask(target=probe, priority=Priority.ENRICH)
        self._breaker = Breaker()
        self._history = HostHistory()
        self._probed = asyncio.Event()
        self._told = "open"
        self._look_at_file(is_start=True)

    def set_weight_limit(self, limit: int) -> None:
        """As told by the exchange, weight per minute."""
        self._budget.weight_limit = limit

    def status(self) -> GuardStatus:
        block = self._breaker.block
        if block is None:
            is_short = self._admission.is_short
            state, until_ms = ("waiting" if is_short else "open"), None
            reason = Cause(CauseCode.BUDGET, "the exchange's request budget is used up") if is_short else None
        else:
            is_probing = self._breaker.phase(self._clock.monotonic()) is Phase.PROBING
            state, until_ms, reason = "probing" if is_probing else "blocked", self._block_end_ms(), block.reason
        now_s, usual_s = self._clock.monotonic(), self._history.usual_s
        used, limit, window_s = self._budget.requests(VENUE_POOL, now_s)
        sent, failed = self._history.of_hour(now_s)
        return GuardStatus(
            requests_used=used,
            requests_limit=limit,
            requests_window_s=window_s,
            state=state,
            until_ms=until_ms,
            reason=reason,
            is_region=block is not None and block.severity is Severity.REGION,
            weight_used=self._admission.used(),
            weight_limit=self._budget.weight_limit,
            sent_1h=sent,
            failed_1h=failed,
            answer_ms=None if usual_s is None else usual_s / speed_of(self._clock) * 1000,
        )

    async def fetch(self, ask: Ask, send: Send, *, wait_s: float) -> RestAnswer:
        """The answer, whatever its status, unless it is a refusal.

        wait_s: how long this caller may wait for budget or for another caller's probe.
        Raises: ExchangeBlocked (nothing was sent, or this was the request that was refused), BudgetExhausted,
            and what `send` raises.
        """
        deadline_s = self._clock.monotonic() + wait_s
        await self._pass_block(send, deadline_s)
        try:
            ticket = await self._admission.reserve(ask, deadline_s=deadline_s)
        finally:
            if self._breaker.block is None:
                self._tell("waiting" if self._admission.is_short else "open")
        return await self._carry(ticket, ask.target, send)

    async def _carry(self, ticket: Ticket, target: str, send: Send) -> RestAnswer:
        used: str | None = None
        sent_s = self._clock.monotonic()
        try:
            answer = await send(target)
            used = answer.headers.get(self._budget.weight_header)
        except ExchangeError:
            self._history.add(now_s=self._clock.monotonic(), took_s=None)
            raise
        finally:
            self._admission.settle(ticket, used_header=used)
        refusal = read_refusal(
            answer.status,
            answer.headers,
            answer.body,
            exchange_ms=self.exchange_clock.now_ms(),
            too_many_codes=self._too_many_codes,
        )
        now_s = self._clock.monotonic()
        is_failure = refusal is not None or answer.status >= 500 or answer.status == 408
        self._history.add(now_s=now_s, took_s=None if is_failure else now_s - sent_s)
        if refusal is not None:
            self._trip(refusal)
            raise self._blocked()
        return answer

    async def _pass_block(self, send: Send, deadline_s: float) -> None:
        while True:
            self._look_at_file()
            now_s = self._clock.monotonic()
            phase = self._breaker.phase(now_s)
            if phase is Phase.OPEN:
                return
            if phase is Phase.BLOCKED:
                self._tell("blocked")  # news only when the block was found in the file at the start
                raise self._blocked()
            if phase is Phase.HALF_OPEN:
                if not self._file.claim_probe(self._clock.now_ms()):
                    raise self._blocked()
                await self._run_probe(send)
                continue
            try:
                async with self._clock.timeout(max(0.0, deadline_s - now_s)):
                    await self._probed.wait()
            except TimeoutError:
                raise self._blocked() from None

    async def _run_probe(self, send: Send) -> None:
        self._probed = asyncio.Event()
        self._breaker.begin_probe()
        try:
            await self._carry(self._admission.take(self.probe), self.probe.target, send)
        except ExchangeBlocked:
            self._file.release_probe()
            raise
        except ExchangeError:
            self._breaker.probe_unanswered(self._clock.monotonic())
            self._file.release_probe()
            raise
        except BaseException:
            self._breaker.probe_abandoned()
            self._file.release_probe()
            raise
        else:
            self._file.clear()
            if self._breaker.phase(self._clock.monotonic()) is Phase.PROBING:  # else refused elsewhere meanwhile
                self._open_again()
        finally:
            self._probed.set()

    def _trip(self, refusal: Refusal) -> None:
        self._look_at_file()
        if not self._breaker.trip(refusal, self._clock.monotonic()):
            return
        self._adopt(self._file.publish(self._record()))
        log.warning(
            "%s blocked (%s) until %s: %s; Retry-After %s; soft hits in a row %d",
            self._host,
            refusal.severity.name.lower(),
            _time_text(self._block_end_ms()),
            refusal.reason,
            "none" if refusal.retry_after_s is None else f"{refusal.retry_after_s:.0f} s",
            self._breaker.soft_hits,
        )
        self._admission.wake_all()
        self._tell("blocked", again=True)

    def _look_at_file(self, *, is_start: bool = False) -> None:
        record = self._file.changed()
        if record is None:
            return
        if record.until_ms:
            if self._adopt(record, is_start=is_start):
                log.warning("%s blocked until %s: %s", self._host, _time_text(self._block_end_ms()), record.reason)
                self._admission.wake_all()
                if not is_start:
                    self._tell("blocked", again=True)
            return
        self._breaker.remember(record.soft_hits, self._since_s(record.last_soft_ms))
        if self._breaker.phase(self._clock.monotonic()) in (Phase.BLOCKED, Phase.HALF_OPEN):
            self._open_again()  # another process' probe passed

    def _adopt(self, record: BlockRecord, *, is_start: bool = False) -> bool:
        self._breaker.remember(record.soft_hits, self._since_s(record.last_soft_ms))
        remaining_s = min((record.until_ms - self._clock.now_ms()) / 1000, LONGEST_BELIEVED_S)
        severity = Severity.__members__.get(record.severity, Severity.HARD)
        if is_start and severity is Severity.REGION:
            remaining_s = 0.0  # whoever starts again may have moved or set a proxy: one probe answers that
        return self._breaker.adopt(
            Block(
                until_s=self._clock.monotonic() + remaining_s,
                severity=severity,
                reason=recorded_cause(record, severity),
            )
        )

    def _record(self) -> BlockRecord:
        block, last_soft_s = self._breaker.block, self._breaker.last_soft_s
        return BlockRecord(
            until_ms=0 if block is None else self._wall_ms(block.until_s),
            severity="SOFT" if block is None else block.severity.name,
            reason="" if block is None else block.reason.text,
            cause="" if block is None else block.reason.code.value,
            soft_hits=self._breaker.soft_hits,
            last_soft_ms=0 if last_soft_s is None else self._wall_ms(last_soft_s),
        )

    def _open_again(self) -> None:
        self._breaker.probe_passed()
        log.info("%s answers again", self._host)
        self._tell("open")

    def _tell(self, state: str, *, again: bool = False) -> None:
        if state == self._told and not again:
            return
        self._told = state
        if self._on_change is not None:
            self._on_change(self.status())

    def _raise_when_blocked(self) -> None:
        self._look_at_file()  # another process may have met a block while we waited for budget
        if self._breaker.block is not None:
            raise self._blocked()

    def _blocked(self) -> ExchangeBlocked:
        block = self._breaker.block
        kind = RegionBlocked if block is not None and block.severity is Severity.REGION else ExchangeBlocked
        until_ms = max(self._block_end_ms(), self._clock.now_ms() + AGAIN_MS)
        reason = Cause(kind.code, "refused") if block is None else block.reason
        line = f"{self._host} is not asked before {_time_text(until_ms)}: {reason}"
        return kind(line, until_ms=until_ms, code=reason.code)

    def _block_end_ms(self) -> int:
        block = self._breaker.block
        return self._clock.now_ms() if block is None else self._wall_ms(block.until_s)

    def _wall_ms(self, at_s: float) -> int:
        return self._clock.now_ms() + int((at_s - self._clock.monotonic()) * 1000)

    def _since_s(self, wall_ms: int) -> float | None:
        return self._clock.monotonic() - (self._clock.now_ms() - wall_ms) / 1000 if wall_ms else None


def _time_text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


# ---
# One ping before the first data request of a process: an address that is refused asks for no data at all.


PAUSES_S: Final = (0.6, 1.2)
"""After the first and the second ping without an answer. After the third the question itself goes out."""
PING_WITHIN_S: Final = 5.0


class Preflight:
    """Whoever asks first sends the ping, the others wait for what becomes of it. within_s: for one answer."""

    def __init__(self, guard: Guard, *, clock: Clock, within_s: float = PING_WITHIN_S) -> None:
        self._guard = guard
        self._clock = clock
        self._within_s = within_s
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
                answer = await self._guard.fetch(self._guard.probe, send, wait_s=self._within_s)
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
