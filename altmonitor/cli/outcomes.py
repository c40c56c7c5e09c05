"""`altmonitor outcomes`: what followed the alerts that this monitor told, read from its database."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from altmonitor.cli.common import Answer, Session, print_answer
from altmonitor.cli.replay import minute_of, stored_audiences
from altmonitor.core.errors import ConfigError
from altmonitor.core.outcome import OutcomeSummary
from altmonitor.replay.outcome_summary import read_summary
from altmonitor.replay.outcome_text import outcome_lines
from altmonitor.replay.outcome_versions import outcome_version, settings_version
from altmonitor.storage.alert_queries import AlertReader, alert_reader


def outcomes(session: Session, *, as_json: bool) -> int:
    """Returns the exit code. Raises: StorageError."""

    async def ask() -> OutcomeSummary:
        async with alert_reader(session.config.alerts_at) as alerts:
            return await summary_in(session, alerts)

    found = asyncio.run(ask())
    return print_answer(Answer(values=outcome_summary_values(found), lines=_lines(found)), as_json=as_json)


async def summary_in(session: Session, alerts: AlertReader) -> OutcomeSummary:
    """Where state.json cannot be read, nothing counts as raised under the settings of now. Raises: StorageError."""
    try:
        settings = settings_version(stored_audiences(session))[0]
    except ConfigError:
        settings = None
    return await read_summary(
        alerts.outcomes,
        detectors=outcome_version,
        settings=settings,
        fee_pct=session.config.taker_fee_pct,
    )


def outcome_summary_values(found: OutcomeSummary) -> dict[str, Any]:
    return asdict(found)


def _lines(found: OutcomeSummary) -> list[str]:
    if not found.whole:
        return [f"Nothing is measured yet; {found.pending} alerts are being watched."]
    since = "" if found.since_ms is None else f", recorded since {minute_of(found.since_ms)} UTC"
    lines = outcome_lines(found.rows, about=f"{found.alerts} alerts{since}; fees {found.fee_pct:g} % each side.")
    forward = [row for row in found.forward if row.alerts]
    if forward:
        lines += ["", *outcome_lines(forward, about="Of these, raised under the settings in force now:")]
    if found.pending:
        lines.append(f"Still being watched: {found.pending}")
    if found.earlier:
        lines.append(f"Recorded with earlier detectors and left out: {found.earlier}")
    return lines
