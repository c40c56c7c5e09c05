"""Asks the monitor on this machine whether it is well; for the container's HEALTHCHECK and for a deployment.

python -m altmonitor.ops.health_probe            exit 0 when it answers and has begun to see, degraded or not
python -m altmonitor.ops.health_probe --ok       exit 0 only when nothing at all is wrong
… --json                                         what it says as JSON, with the codes of its reasons
… --env-file FILE                                where API_HOST and API_PORT stand, if not in the environment
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WELL, NOT_WELL = 0, 1
TIMEOUT_S = 4.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 — listened on there, asked here
_BODY_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """status: ok, degraded or down as the monitor says; "unreachable" when it does not. reasons: one line each.
    codes: the same for programs, as `/health` has them; none from a monitor that is older."""

    status: str
    reasons: tuple[str, ...]
    codes: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_starting(self) -> bool:
        return any(reason.startswith("starting") for reason in self.reasons)

    @property
    def line(self) -> str:
        return f"{self.status}: {'; '.join(self.reasons)}" if self.reasons else self.status

    @property
    def json(self) -> str:
        return json.dumps({"status": self.status, "reasons": self.reasons, "reason_codes": self.codes})


def address(environ: Mapping[str, str]) -> tuple[str, int]:
    """Raises ValueError when API_PORT is no port that can be asked."""
    host = environ.get("API_HOST", "").strip()
    port = int(environ.get("API_PORT", "").strip() or 3001)
    if not 0 < port < 65_536:
        raise ValueError("API_PORT is 0, any free port: nobody can know where to ask; give it a number")
    return _EVERYWHERE.get(host, host), port


def ask(host: str, port: int, *, timeout_s: float = TIMEOUT_S) -> ProbeAnswer:
    """Never raises: what cannot be asked is "unreachable", with the reason."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", "/health")
        body = json.loads(connection.getresponse().read(_BODY_BYTES_MAX))
        # A process that only reads what is stored tells its `trouble`.
        reasons = tuple(str(reason) for reason in (body["reasons"] if "reasons" in body else body["trouble"]))
        return ProbeAnswer(str(body["status"]), reasons, tuple(body.get("reason_codes", ())))
    except OSError as problem:
        return ProbeAnswer("unreachable", (f"nothing answers on {host} port {port}: {problem.strerror or problem}",))
    except (ValueError, KeyError, TypeError, http.client.HTTPException):
        return ProbeAnswer("unreachable", (f"what answers on {host} port {port} is not altmonitor",))
    finally:
        connection.close()


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    given = dict(environ)
    if "--env-file" in arguments:
        from dotenv import dotenv_values  # only here: the container's check must stay quick

        path = Path(arguments[list(arguments).index("--env-file") + 1])
        found = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
        given |= {name: value for name, value in found.items() if value is not None}
    try:
        answer = ask(*address(given))
    except ValueError as problem:
        answer = ProbeAnswer("unreachable", (str(problem),))
    print(answer.json if "--json" in arguments else answer.line)  # noqa: T201 — read by the engine and by the deployment
    if "--ok" in arguments:
        return WELL if answer.status == "ok" else NOT_WELL
    return WELL if answer.status in ("ok", "degraded") and not answer.is_starting else NOT_WELL


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
