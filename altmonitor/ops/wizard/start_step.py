"""The last step: where it runs. A command succeeds with its exit code, the monitor with its own health."""

# ruff: noqa: S603 — the commands are those of the table below

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from altmonitor.core.errors import ConfigError
from altmonitor.core.proxies import PROXY_VARIABLES
from altmonitor.core.tls import TLS_VARIABLES
from altmonitor.ops.wizard import docker_way, env_file
from altmonitor.ops.wizard.answers import WizardAnswers
from altmonitor.ops.wizard.prompts import Option
from altmonitor.ops.wizard.reasons import reason
from altmonitor.ops.wizard.session import WizardSession
from altmonitor.settings.variables import VARIABLES

UNIT = Path("/etc/systemd/system/altmonitor.service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """key: of its text. program: what must be there; a path with a slash is a file of the repository.

    way_out: key of the text that says what to do without it. logs: key of the text that says where its words are.
    elsewhere: key of the text that names what does not see the environment of this shell; '' where it is inherited.
    """

    key: str
    command: tuple[str, ...]
    program: str = ""
    way_out: str = ""
    logs: str = ""
    elsewhere: str = ""


def ways(*, python: str, has_service: bool, env_file: Path = Path(".env")) -> tuple[Way, ...]:
    """In the order of the menu."""
    deploy = (python, "deploy.py")
    settings = () if env_file == Path(".env") else ("--env-file", str(env_file))
    here = (*deploy, "--here", "--target", "systemd")
    service = Way(
        key="systemd",
        command=(*here, *settings),
        program="systemctl",
        way_out="way_out_systemd",
        logs="logs_systemd",
        elsewhere="the_service",
    )
    removal = Way(key="remove_systemd", command=(*here, "--down"), program="systemctl", way_out="way_out_systemd")
    return (
        Way(key="here", command=(python, "-m", "altmonitor", "run")),
        Way(
            key="docker",
            command=("docker", "compose", "up", "-d"),
            program="docker",
            way_out="way_out_docker",
            logs="logs_docker",
            elsewhere="the_container",
        ),
        service,
        *((removal,) if has_service else ()),
        Way(
            key="server",
            command=(*deploy, *settings),
            program="./deploy.py",
            way_out="way_out_deploy",
            elsewhere="the_server",
        ),
        Way(key="demo", command=(python, "-m", "altmonitor", "demo", "--seconds", "60")),
        Way(key="later", command=()),
    )


def start(session: WizardSession, answers: WizardAnswers) -> WizardAnswers:
    """Until something was started, or put off; with `here` this process becomes the monitor."""
    session.say("start_title")
    is_usual = session.env_file.resolve() == (session.folder / ".env").resolve()
    listed = ways(
        python=sys.executable,
        has_service=UNIT.exists(),
        env_file=Path(".env") if is_usual else session.env_file.resolve(),
    )
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
            session.say("dashboard_here", address=_dashboard(session))
            session.say("starting_here", command=session.command("run"))
            become(_monitor(session), session.folder)
        if way.elsewhere:
            is_container = chosen == "docker"
            carry(session, where=way.elsewhere, is_container=is_container, is_usual=chosen != "server")
            if is_container and not is_usual:
                session.say("docker_other_file", sign="!", file=session.env_file)
        if _carried_out(session, way) and chosen not in ("demo", "remove_systemd"):
            return answers


def _dashboard(session: WizardSession) -> str:
    """As a browser on this machine writes it."""
    port = os.environ.get("API_PORT") or session.given.get("API_PORT") or "3001"
    return f"http://127.0.0.1:{port}/"


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
        if way.key == "docker" and (why := docker_way.hindrance(session)):
            session.terminal.say(why, sign="→")
        return False
    if way.key == "remove_systemd":
        session.say("service_removed", sign="✓")
    elif way.key == "docker":
        docker_way.report(session, logs=session.text(way.logs))
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


# --- what only this wizard's shell knows: proxies, addresses, settings ------------------------------------------------

_ANSWERED = frozenset({"TG_BOT_TOKEN", "TG_CHAT_ID"})
"""Written already, as they were asked and tried."""
_OF_THIS_MACHINE = ("_FILE", "_PATH", "API_HOST", "API_PORT")
_CARRIED = tuple(
    variable.name
    for variable in VARIABLES
    if variable.name not in _ANSWERED and not variable.name.endswith(_OF_THIS_MACHINE)
)


def only_in_shell(environ: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Name → value as it counts here. given: what stands in the file."""
    found = {}
    for name in (*PROXY_VARIABLES, *_CARRIED):
        small = name.lower() if name in PROXY_VARIABLES else name
        value = (environ.get(small) or environ.get(name) or "").strip()
        standing = given.get(small) or given.get(name) or ""
        if value and value != standing:
            found[name] = value
    return found


def is_this_machine(value: str) -> bool:
    """An address that means another machine inside a container, or over there."""
    host = urlsplit(value if "://" in value else f"//{value}").hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def carry(session: WizardSession, *, where: str, is_container: bool, is_usual: bool) -> None:
    """Asks whether it is to be written, too. where: key of the text that names what would not see it. is_usual: yes is
    what Enter takes."""
    found = only_in_shell(session.environ, session.given)
    if found:
        session.say("carry_found", sign="!", where=session.text(where), file=session.env_file, names=_named(found))
        if session.terminal.confirm(session.text("carry_ask", file=session.env_file), default=is_usual):
            _write(session, found)
    standing = {**session.given, **(found if not found.items() - session.given.items() else {})}
    here = [
        name
        for name, value in standing.items()
        if (name.upper() in PROXY_VARIABLES[:3] or name.endswith("_URL")) and is_this_machine(value)
    ]
    if here and is_container:
        session.say("carry_loopback", sign="!", names=", ".join(here))
    files = [name for name in TLS_VARIABLES if session.environ.get(name)]
    if files and is_container:
        session.say("carry_certificates", sign="!", names=", ".join(files))


def _write(session: WizardSession, found: Mapping[str, str]) -> None:
    try:
        env_file.write(session.env_file, found)
        session.read_env_file()
    except ConfigError as problem:
        session.say("not_written", sign="✗", why=reason(session.terminal.texts, problem))
        return
    session.say("written", sign="✓", file=session.env_file)


def _named(found: Mapping[str, str]) -> str:
    """Addresses without their login; of anything else the name is enough."""
    return ", ".join(
        f"{name}={value.rpartition('@')[2] if '@' in value else value}"
        if name in PROXY_VARIABLES[:3] or name.endswith("_URL")
        else name
        for name, value in found.items()
    )
