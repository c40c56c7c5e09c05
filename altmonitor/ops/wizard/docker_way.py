"""Docker on this machine: what hinders it, and whether the container gets well; with a line that moves meanwhile."""

# ruff: noqa: S603, S607 — the commands are those below, the program the one of PATH

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.health import Reason
from altmonitor.ops.health_probe import ProbeAnswer
from altmonitor.ops.wizard.session import WizardSession
from altmonitor.ops.wizard.texts import Texts
from altmonitor.render.format import Style
from altmonitor.render.reasons import joined_reasons, reason_text
from altmonitor.render.texts.reply_texts import say_reply

COMPOSE_FILE = "docker-compose.yml"
WELL_WITHIN_S = 60.0
_LOOK_EVERY_S = 1.0
_ASK_WITHIN_S = 20.0
_REFUSED = "test -e /tmp/altmonitor-refused"
"""A file that process 1 of the container makes while it waits for other settings; see ops/container.py."""


@dataclass(frozen=True, slots=True)
class Container:
    """service: as the compose file names it. state: running, exited, restarting … health: '' while there is none."""

    service: str
    state: str
    health: str = ""
    exit_code: int = 0

    @property
    def is_well(self) -> bool:
        return (self.state, self.health) == ("running", "healthy")

    @property
    def has_ended(self) -> bool:
        return self.state in ("exited", "dead")

    def __str__(self) -> str:
        return f"{self.service}: {self.state} {self.health}".strip()


def containers_in(said: str) -> list[Container]:
    """said: a JSON list, or an object a line (newer). Empty for what is neither."""
    try:
        rows = json.loads(said) if said.lstrip().startswith("[") else [json.loads(row) for row in said.splitlines()]
        return [
            Container(
                str(row["Service"]), str(row["State"]), str(row.get("Health") or ""), int(row.get("ExitCode") or 0)
            )
            for row in rows
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def hindrance(session: WizardSession) -> str:
    """Why `docker compose up` could not work, in the wizard's language; '' when its own words have to do."""
    engine, compose = _run(session, "info"), _run(session, "compose", "version")
    if engine.code != 0:
        if re.search(r"permission denied", engine.said, re.IGNORECASE):
            return session.text("docker_not_allowed")
        if re.search(r"cannot connect|is the docker daemon running|no such file", engine.said, re.IGNORECASE):
            return session.text("docker_not_running")
    if compose.code != 0 and re.search(r"not a docker command|unknown (?:command|shorthand)", compose.said):
        return session.text("docker_no_compose")
    if not (session.folder / COMPOSE_FILE).exists():
        return session.text("docker_no_file", file=COMPOSE_FILE, folder=session.folder)
    return ""


def report(session: WizardSession, *, logs: str) -> None:
    """`up -d` succeeds when the container was created; whether it stays and gets well is another question."""
    began_s = session.clock.monotonic()
    cause = session.text("container_no_answer")
    while (spent_s := session.clock.monotonic() - began_s) < WELL_WITHIN_S:
        asked = _run(session, "compose", "ps", "--all", "--format", "json")
        found = containers_in(asked.output)
        if found and all(container.is_well for container in found):
            session.terminal.progress("")
            session.say("started_well", sign="✓", line=", ".join(map(str, found)))
            return
        cause, is_final = _cause(session, asked, found)
        if is_final:
            break
        line = ", ".join(map(str, found)) or cause
        session.terminal.progress(session.text("container_waiting", seconds=f"{spent_s:.0f}", line=line))
        session.runner.run(session.clock.sleep(_LOOK_EVERY_S))
    session.terminal.progress("")
    session.say("started_not_well", sign="✗", seconds=f"{spent_s:.0f}", line=cause, logs=logs)


def _cause(session: WizardSession, asked: _Said, found: Sequence[Container]) -> tuple[str, bool]:
    """Why it is not well, and whether waiting is of no use."""
    if asked.code != 0:
        return _last_line(asked.said) or session.text("container_no_answer"), False
    if not found:
        return session.text("container_none"), False
    for container in found:
        if container.has_ended:
            return session.text("container_ended", service=container.service, code=container.exit_code), True
        if container.state == "restarting":
            return session.text("container_restarting", service=container.service, code=container.exit_code), False
    service = next((container.service for container in found if not container.is_well), found[0].service)
    if _run(session, "compose", "exec", "-T", service, *_REFUSED.split()).code == 0:
        return session.text("container_refused", file=session.env_file), True
    health = _run(
        session, "compose", "exec", "-T", service, "python", "-m", "altmonitor.ops.health_probe", "--json", "--ok"
    )
    line = _last_line(health.output)
    return (f"/health: {health_text(session.terminal.texts, line)}" if line else ", ".join(map(str, found))), False


def health_text(texts: Texts, line: str) -> str:
    """What the health probe printed, in the wizard's language; of an older image that knows no codes, as it is."""
    style = Style(lang=texts.lang, tz=UTC)
    try:
        said = json.loads(line)
        line = ProbeAnswer(said["status"], tuple(said["reasons"])).line
        for one in said["reason_codes"]:
            if one["code"] == Reason.STARTING.value and "seconds" in one["values"]:
                return texts.say("container_no_data", seconds=one["values"]["seconds"])
        found = [_reason_in_words(style, one) for one in said["reason_codes"]]
    except (ValueError, LookupError, TypeError, AttributeError):
        found = []
    if texts.lang == "en":
        return line
    return html.unescape(joined_reasons(found, style))


def _reason_in_words(style: Style, reason: Mapping[str, Any]) -> str:
    """HTML. Raises: ValueError, LookupError for a code of another version."""
    why, words = reason["cause"], say_reply(style.lang, f"reason_{Reason(reason['code']).value}")
    if why is not None:
        words = f"{words} ({reason_text(Cause(CauseCode(why['code']), '', why['values']), style)})"
    return words


@dataclass(frozen=True, slots=True)
class _Said:
    code: int
    output: str
    said: str


def _run(session: WizardSession, *arguments: str) -> _Said:
    try:
        done = subprocess.run(
            ("docker", *arguments),
            cwd=session.folder,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ASK_WITHIN_S,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        said = (
            session.text("container_no_answer") if isinstance(problem, subprocess.TimeoutExpired) else problem.strerror
        )
        return _Said(127, "", str(said))
    return _Said(done.returncode, done.stdout, done.stdout + done.stderr)


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or [""])[-1].strip()[:200]
