"""The monitor that runs here, by its own word."""

from __future__ import annotations

import asyncio

from altmonitor.config import Config
from altmonitor.ops import health_probe
from altmonitor.ops.doctor.values import Seen, failed, fine, note

LOGS = "see its log: journalctl -u altmonitor, or docker compose logs"


async def ask(config: Config, *, timeout_s: float = 4.0) -> health_probe.Answer:
    """`unreachable` when nothing answers, or API_PORT is 0 and nobody can know where to ask."""
    try:
        host, port = health_probe.address({"API_HOST": config.api_host, "API_PORT": str(config.api_port)})
    except ValueError as problem:
        return health_probe.Answer("unreachable", (str(problem),))
    return await asyncio.to_thread(health_probe.ask, host, port, timeout_s=timeout_s)


async def running(config: Config) -> Seen:
    answer = await ask(config)
    match answer.status:
        case "ok":
            return fine("it says: ok")
        case "degraded":
            return note(f"it says: {answer.line}", LOGS)
        case "unreachable":
            return failed("; ".join(answer.reasons), "start it: altmonitor run")
    return failed(f"it says: {answer.line}", LOGS)
