"""A running block, shared between processes and across restarts through one small file per host."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from math import inf
from pathlib import Path

import msgspec

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.files import open_private, read_regular, write_atomically
from altmonitor.exchanges.rest.refusal import Refusal, Severity

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)

PROBE_CLAIM_MS = 20_000
"""Longer than a probe may take; a claim left by a killed process lapses after it."""


class BlockRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Times in unix ms by the machine's clock, 0 = none. severity: name of `refusal.Severity`. host: who refuses.
    cause: value of a `CauseCode`; '' in files of older versions."""

    version: int = 1
    host: str = ""
    until_ms: int = 0
    severity: str = "SOFT"
    reason: str = ""
    cause: str = ""
    soft_hits: int = 0
    last_soft_ms: int = 0
    probe_until_ms: int = 0


def last_block(path: Path) -> BlockRecord | None:
    """What is written there, of whatever host; None where nothing can be read. Nothing is locked or made."""
    try:
        return msgspec.json.decode(read_regular(path), type=BlockRecord)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class BlockFile:
    """A file that cannot be read or written is reported once and does without: the block then holds in this process.

    path None: nothing is shared. host: records of another host (the address was pointed elsewhere) are not ours.
    """

    def __init__(self, path: Path | None, *, host: str = "") -> None:
        self._path = path
        self._host = host
        self._seen: tuple[int, int] | None = None
        self._probed_until_ms = 0
        self._has_complained = False

    def changed(self) -> BlockRecord | None:
        """The record when the file changed since the last look; None when it did not, or is not readable."""
        if self._path is None:
            return None
        stamp = self._stamp(self._path)
        if stamp is None or stamp == self._seen:
            return None
        self._seen = stamp
        return self._read()

    def publish(self, record: BlockRecord) -> BlockRecord:
        """Keeps the later end of what is there and what is given; returns what is in force.

        A refusal for the location gives way to one of another kind: whoever met that had asked again after a start, and
        the next start must not take it for the location's, which is asked about anew.
        """
        with self._locked() as is_ours:
            if is_ours:
                there = self._read() or BlockRecord()
                gives_way = there.severity == "REGION" != record.severity
                if there.until_ms > record.until_ms and not gives_way:
                    record = msgspec.structs.replace(
                        record,
                        until_ms=there.until_ms,
                        severity=there.severity,
                        reason=there.reason,
                        cause=there.cause,
                    )
                self._write(record)
        return record

    def claim_probe(self, now_ms: int) -> bool:
        """True when the caller may probe; False while another process does."""
        with self._locked() as is_ours:
            if not is_ours:
                return True
            there = self._read() or BlockRecord()
            if now_ms < there.probe_until_ms <= now_ms + PROBE_CLAIM_MS:
                return False
            self._probed_until_ms = there.until_ms
            self._write(msgspec.structs.replace(there, probe_until_ms=now_ms + PROBE_CLAIM_MS))
            return True

    def release_probe(self) -> None:
        with self._locked() as is_ours:
            there = self._read() if is_ours else None
            if there is not None:
                self._write(msgspec.structs.replace(there, probe_until_ms=0))

    def clear(self) -> None:
        """The claimed probe passed. A block that another process met since the claim stays.

        Compared with the end that was probed, not with the clock: the clock may have been set meanwhile.
        """
        with self._locked() as is_ours:
            there = self._read() if is_ours else None
            if there is not None:
                until_ms = 0 if there.until_ms <= self._probed_until_ms else there.until_ms
                self._write(msgspec.structs.replace(there, until_ms=until_ms, probe_until_ms=0))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[bool]:
        """Held for one read and one write (about a millisecond). False: there is no file to share."""
        if self._path is None:
            yield False
            return
        try:
            handle = open_private(self._path.with_name(self._path.name + ".lock"), os.O_RDWR)
        except OSError as problem:
            self._complain(problem)
            yield False
            return
        try:
            if sys.platform != "win32":
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield True
        finally:
            os.close(handle)

    def _read(self) -> BlockRecord | None:
        if self._path is None:
            return None
        try:
            record = msgspec.json.decode(read_regular(self._path), type=BlockRecord)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            self._complain(problem)
            return None
        return record if record.host == self._host else None

    def _write(self, record: BlockRecord) -> None:
        if self._path is None:
            return
        try:
            content = msgspec.json.encode(msgspec.structs.replace(record, host=self._host))
            write_atomically(self._path, content)
            self._seen = self._stamp(self._path)  # our own writing is no news
        except OSError as problem:
            self._complain(problem)

    @staticmethod
    def _stamp(path: Path) -> tuple[int, int] | None:
        try:
            stat = os.stat(path)
        except OSError:  # not there: nobody met a block yet
            return None
        return stat.st_mtime_ns, stat.st_ino

    def _complain(self, problem: Exception) -> None:
        if not self._has_complained:
            self._has_complained = True
            log.warning(
                "block file %s cannot be used (%s): other processes will not see our blocks", self._path, problem
            )


_CODES = {Severity.SOFT: CauseCode.TOO_MANY, Severity.HARD: CauseCode.FIREWALL, Severity.REGION: CauseCode.REGION}


def recorded_cause(record: BlockRecord, severity: Severity) -> Cause:
    """As it was written there; a file of an older version says no more than how severe it was."""
    known = {code.value: code for code in CauseCode}
    return Cause(known.get(record.cause, _CODES[severity]), record.reason)


# ---
# Open, blocked, half-open, probing: the state machine behind the guard. Pure; the time is handed in.
#
# OPEN ──refusal──▶ BLOCKED ──its time is over──▶ HALF_OPEN ──begin_probe──▶ PROBING ──passed──▶ OPEN
# ▲                                                        │
# └────────────── refused again, or no answer ─────────────┘


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
    reason: Cause


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
