"""The last step: where it runs. A command succeeds with its exit code, the monitor with its own health."""

# ruff: noqa: S603 — the commands are those of the table below

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from altmonitor.ops.wizard.answers import WizardAnswers
from altmonitor.ops.wizard.prompts import Option
from altmonitor.ops.wizard.session import WizardSession

UNIT = Path("/etc/systemd/system/altmonitor.service")
WELL_WITHIN_S = 60.0
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """key: of its text. program: what must be there; a path with a slash is a file of the repository.

    way_out: key of the text that says what to do without it. logs: key of the text that says where its words are.
    """

    key: str
    command: tuple[str, ...]
    program: str = ""
    way_out: str = ""
    logs: str = ""


def ways(*, python: str, has_service: bool) -> tuple[Way, ...]:
    """In the order of the menu."""
    deploy = (python, "deploy.py")
    here = (*deploy, "--here", "--target", "systemd")
    service = Way(key="systemd", command=here, program="systemctl", way_out="way_out_systemd", logs="logs_systemd")
    removal = Way(key="remove_systemd", command=(*here, "--down"), program="systemctl", way_out="way_out_systemd")
    return (
        Way(key="here", command=(python, "-m", "altmonitor", "run")),
        Way(
            key="docker",
            command=("docker", "compose", "up", "-d"),
            program="docker",
            way_out="way_out_docker",
            logs="logs_docker",
        ),
        service,
        *((removal,) if has_service else ()),
        Way(key="server", command=deploy, program="./deploy.py", way_out="way_out_deploy"),
        Way(key="demo", command=(python, "-m", "altmonitor", "demo", "--seconds", "60")),
        Way(key="later", command=()),
    )


def start(session: WizardSession, answers: WizardAnswers) -> WizardAnswers:
    """Until something was started, or put off; with `here` this process becomes the monitor."""
    session.say("start_title")
    listed = ways(python=sys.executable, has_service=UNIT.exists())
    options = [Option(key=way.key, label=session.text(way.key)) for way in listed]
    while True:
        chosen = session.terminal.choose(session.text("start_how"), options, default="here")
        way = next(way for way in listed if way.key == chosen)
        if chosen == "later":
            session.say("later_how", command=session.command("run"), doctor=session.command("doctor"))
            return answers
        if not _is_there(session, way):
            continue
        if chosen == "here":
            session.say("starting_here", command=session.command("run"))
            become(_monitor(session), session.folder)
        if _carried_out(session, way) and chosen not in ("demo", "remove_systemd"):
            return answers


def _is_there(session: WizardSession, way: Way) -> bool:
    is_file = way.program.startswith("./")
    is_there = (session.folder / way.program).exists() if is_file else not way.program or shutil.which(way.program)
    is_booted = way.program != "systemctl" or Path("/run/systemd/system").is_dir()
    if is_there and is_booted:
        return True
    session.say("not_found", sign="✗", program=way.program.removeprefix("./"), way_out=session.text(way.way_out))
    return False


def _carried_out(session: WizardSession, way: Way) -> bool:
    session.say("running", command=_shown(way.command))
    code = _call(way.command, session.folder)
    if code != 0:
        session.say("start_failed", sign="✗", code=code, command=_shown(way.command))
        return False
    if way.key == "remove_systemd":
        session.say("service_removed", sign="✓")
    elif way.key == "docker":
        _report_container(session, way)
    return True


def _call(command: Sequence[str], folder: Path) -> int:
    """Ctrl-C goes to the command, and ends it alone."""
    try:
        return subprocess.run(command, cwd=folder, check=False).returncode
    except KeyboardInterrupt:
        return 130
    except OSError as problem:
        print(f"{command[0]}: {problem.strerror}", file=sys.stderr)  # noqa: T201
        return 127


def _report_container(session: WizardSession, way: Way) -> None:
    """`up -d` succeeds when the container was created; whether it stays and is healthy is another question."""
    command = ("docker", "compose", "ps", "--all", "--format", "json")
    line, end_s = "", session.clock.monotonic() + WELL_WITHIN_S
    while session.clock.monotonic() < end_s:
        asked = subprocess.run(command, cwd=session.folder, check=False, capture_output=True, text=True)
        line, is_healthy = container_state(asked.stdout)
        if is_healthy:
            session.say("started_well", sign="✓", line=line)
            return
        session.runner.run(session.clock.sleep(_LOOK_EVERY_S))
    logs = session.text(way.logs)
    session.say("started_not_well", sign="✗", seconds=round(WELL_WITHIN_S), line=line or "?", logs=logs)


def container_state(said: str) -> tuple[str, bool]:
    """One line about every container, and whether all are healthy. said: a JSON list, or an object a line (newer)."""
    try:
        rows = json.loads(said) if said.lstrip().startswith("[") else [json.loads(row) for row in said.splitlines()]
        states = [f"{row['Service']}: {row['State']} {row.get('Health', '')}".strip() for row in rows]
        is_healthy = all((row["State"], row.get("Health")) == ("running", "healthy") for row in rows)
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", False
    return ", ".join(states), bool(rows) and is_healthy


def become(command: Sequence[str], folder: Path) -> None:
    """This process goes on as the other program, with the terminal and its signals."""
    os.chdir(folder)
    sys.stdout.flush()
    if os.name == "nt":  # there the shell would take the end of this process for the end of the program
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(command[0], list(command))  # noqa: S606 — no shell is wanted


def _monitor(session: WizardSession) -> tuple[str, ...]:
    return (sys.executable, "-m", "altmonitor", "run", "--env-file", str(session.env_file.resolve()))


def _shown(command: Sequence[str]) -> str:
    return shlex.join(command)
