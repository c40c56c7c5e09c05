"""Outcomes and the stand-alone report of `altmonitor replay`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from altmonitor.cli.common import Session
from altmonitor.cli.tune import picture_of
from altmonitor.core.errors import ConfigError, StorageError
from altmonitor.core.files import write_atomically
from altmonitor.replay.outcome_statistics import outcome_table
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.replayed_outcomes import DeliveryDelay, replayed_outcomes
from altmonitor.replay.report import ReportInput, report_html
from altmonitor.replay.run import ReplayResult
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.tune import Tuned
from altmonitor.storage.alert_queries import alert_reader

ASSUMED_DELAY_MS: Final = 2_000


def report_input(
    session: Session,
    store: HistoryStore,
    options: ReplayOptions,
    result: ReplayResult,
    *,
    delay_s: float | None,
    changed: Sequence[str],
    tuning: Path | None,
) -> ReportInput:
    """delay_s: None for what deliveries of this bot took. tuning: what `altmonitor tune --json` wrote.

    Raises: ConfigError, StorageError.
    """
    delay = measured_delay(session) if delay_s is None else DeliveryDelay(ms=round(delay_s * 1000))
    tuned = None if tuning is None else _tuned(tuning)
    outcomes = replayed_outcomes(store, result, delay_ms=delay.ms)
    fee_pct = session.config.taker_fee_pct
    return ReportInput(
        result=result,
        options=options,
        outcomes=outcomes,
        rows=outcome_table(outcomes.table, fee_pct=fee_pct),
        delay=delay,
        fee_pct=fee_pct,
        changed=changed,
        tuned=tuned,
        tuned_png=None if tuned is None else picture_of(tuned),
    )


def measured_delay(session: Session) -> DeliveryDelay:
    """The median of the latest deliveries in DB_FILE; assumed where there is no such file or nothing was sent yet."""

    async def ask() -> Sequence[int]:
        async with alert_reader(session.config.alerts_at) as alerts:
            return await alerts.delivery_delays_ms()

    try:
        delays = asyncio.run(ask())
    except StorageError:
        delays = ()
    if not delays:
        return DeliveryDelay(ms=ASSUMED_DELAY_MS)
    return DeliveryDelay(ms=round(median(delays)), measured=len(delays))


def write_report(path: Path, given: ReportInput) -> None:
    """Raises: StorageError."""
    try:
        write_atomically(path, report_html(given).encode())
    except OSError as problem:
        raise StorageError(f"{path} cannot be written: {problem.strerror or problem}") from problem


def _tuned(path: Path) -> Tuned:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Tuned)
    except (OSError, msgspec.MsgspecError) as problem:
        raise ConfigError([f"--tuning {path}: {problem}; write it with altmonitor tune --json"]) from problem
