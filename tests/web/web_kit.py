"""What the HTTP side of a monitor stands on, for tests."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.core.clock import Clock, SystemClock
from altmonitor.interfaces.storage import AlertQueries
from altmonitor.operations.context import OperationContext
from tests.operations.operations_kit import Bench


def operations(
    alerts: AlertQueries | None = None, *, clock: Clock | None = None, bench: Bench | None = None
) -> OperationContext:
    """alerts: None when no history is kept. bench: whose market and settings it has."""
    return replace((bench or Bench()).context(), alerts=alerts, clock=clock or SystemClock())


def problem(body: object) -> tuple[object, object, str]:
    """(status, code, detail) of problem details."""
    assert isinstance(body, dict)
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert body["type"] == f"urn:altmonitor:problem:{body['code']}"
    assert body["title"]
    return body["status"], body["code"], str(body["detail"])
