"""A running block, shared between processes and across restarts through one small file per host."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from altmonitor.core.files import write_atomically

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)

PROBE_CLAIM_MS = 20_000
"""Longer than a probe may take; a claim left by a killed process lapses after it."""


class BlockRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Times in unix ms by the machine's clock, 0 = none. severity: name of `refusal.Severity`. host: who refuses."""

    version: int = 1
    host: str = ""
    until_ms: int = 0
    severity: str = "SOFT"
    reason: str = ""
    soft_hits: int = 0
    last_soft_ms: int = 0
    probe_until_ms: int = 0


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
                        record, until_ms=there.until_ms, severity=there.severity, reason=there.reason
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
            handle = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
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
            record = msgspec.json.decode(self._path.read_bytes(), type=BlockRecord)
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
