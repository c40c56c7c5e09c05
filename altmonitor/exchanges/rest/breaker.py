"""Open, blocked, half-open, probing: the state machine behind the guard. Pure; the time is handed in.

OPEN ──refusal──▶ BLOCKED ──its time is over──▶ HALF_OPEN ──begin_probe──▶ PROBING ──passed──▶ OPEN
                     ▲                                                        │
                     └────────────── refused again, or no answer ─────────────┘
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf

from altmonitor.exchanges.rest.refusal import Refusal, Severity

HARD_BLOCK_S = 90 * 60.0
REGION_BLOCK_S = 6 * 3600.0
SOFT_BASE_S = 5 * 60.0
SOFT_GROWTH = 3
SOFT_CEILING = 12  # × SOFT_BASE_S: 5, 15, 45, 60, 60 … minutes
SOFT_MEMORY_S = 60 * 60.0
SOFT_GRACE_S = 5 * 60.0
"""A 60-minute block ends when its hit is 60 minutes old: hits right after it still belong to the same row."""

PROBE_RETRY_S = 15.0


class Phase(Enum):
    OPEN = "open"
    BLOCKED = "blocked"
    HALF_OPEN = "half_open"
    PROBING = "probing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """`until_s`: on the axis of the `now_s` handed in."""

    until_s: float
    severity: Severity
    reason: str


class Breaker:
    """soft_hits: consecutive soft blocks; last_soft_s: when the last began, None before the first."""

    def __init__(self) -> None:
        self.block: Block | None = None
        self.soft_hits = 0
        self.last_soft_s: float | None = None
        self._is_probing = False
        self._last_until_s = -inf

    def phase(self, now_s: float) -> Phase:
        if self.block is None:
            return Phase.OPEN
        if self._is_probing:
            return Phase.PROBING
        return Phase.BLOCKED if now_s < self.block.until_s else Phase.HALF_OPEN

    def trip(self, refusal: Refusal, now_s: float) -> bool:
        """True when this opens a block or moves its end out.

        Answers of requests that were under way when the block began are one hit, not many; they may only lengthen it.
        """
        running = self.block if self.phase(now_s) is Phase.BLOCKED else None
        self._is_probing = False
        if running is not None and refusal.retry_after_s is None and refusal.severity <= running.severity:
            return False
        if running is None and refusal.severity is Severity.SOFT:
            self._count_soft(now_s)
        until_s = now_s + (refusal.retry_after_s or self._default_s(refusal.severity))
        if running is not None and until_s <= running.until_s:
            return False
        severity = refusal.severity if running is None else max(running.severity, refusal.severity)
        self._set(Block(until_s=until_s, severity=severity, reason=refusal.reason))
        return True

    def adopt(self, block: Block) -> bool:
        """A block another process met. True when it is longer than ours; never shortens one."""
        if self.block is not None and block.until_s <= self.block.until_s:
            return False
        self._is_probing = False
        self._set(block)
        return True

    def remember(self, soft_hits: int, last_soft_s: float | None) -> None:
        """Soft hits as another process or an earlier run counted them; the newer count wins."""
        if last_soft_s is not None and (self.last_soft_s is None or last_soft_s > self.last_soft_s):
            self.soft_hits, self.last_soft_s = soft_hits, last_soft_s

    def begin_probe(self) -> None:
        self._is_probing = True

    def probe_passed(self) -> None:
        """Also when another process' probe passed: ours would ask the same question."""
        self.block = None
        self._is_probing = False

    def probe_unanswered(self, now_s: float) -> None:
        """No answer says nothing about the block: ask again a little later."""
        if self.block is not None and self._is_probing:
            self._is_probing = False
            self._set(Block(until_s=now_s + PROBE_RETRY_S, severity=self.block.severity, reason=self.block.reason))

    def probe_abandoned(self) -> None:
        """The one who probed was cancelled; the next caller probes."""
        self._is_probing = False

    def _set(self, block: Block) -> None:
        self.block = block
        self._last_until_s = block.until_s

    def _count_soft(self, now_s: float) -> None:
        is_old = self.last_soft_s is None or (
            now_s - self.last_soft_s > SOFT_MEMORY_S and now_s - self._last_until_s > SOFT_GRACE_S
        )
        self.soft_hits = 1 if is_old else self.soft_hits + 1
        self.last_soft_s = now_s

    def _default_s(self, severity: Severity) -> float:
        if severity is Severity.SOFT:
            return float(SOFT_BASE_S * min(SOFT_GROWTH ** (min(self.soft_hits, 9) - 1), SOFT_CEILING))
        return HARD_BLOCK_S if severity is Severity.HARD else REGION_BLOCK_S
