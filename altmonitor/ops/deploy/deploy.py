"""`deploy.py` and `altmonitor deploy`: arguments → a deployment, and what is said about it."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import altmonitor
from altmonitor.core.clock import SystemClock
from altmonitor.core.redaction import secrets_in, without_secrets
from altmonitor.ops.deploy import docker, releases, systemd
from altmonitor.ops.deploy import options as chosen
from altmonitor.ops.deploy import probe as facts
from altmonitor.ops.deploy.deployment import Deployment, DeployTimeouts
from altmonitor.ops.deploy.dry_run import Part, plan_text
from altmonitor.ops.deploy.options import Action, BadChoice, DeployOptions, Target
from altmonitor.ops.deploy.probe import Facts, Obstacle
from altmonitor.ops.deploy.releases import Layout, Step
from altmonitor.ops.deploy.runner import RemoteRights, Runner, StepFailed
from altmonitor.ops.deploy.ssh import SSH_FAILED, SshConnection, is_login_refused

# ---
# The way in: key or agent first, then a password; and how steps get the rights of root.


@dataclass(frozen=True, slots=True)
class Person:
    """Who can be asked. Both functions return None when nobody can: no terminal."""

    secret: Callable[[str], str | None]
    agrees: Callable[[str], bool | None]


def terminal() -> Person:
    if not sys.stdin.isatty():
        return Person(secret=lambda _: None, agrees=lambda _: None)

    def agrees(question: str) -> bool:
        print(f"{question} [y/N] ", end="", flush=True)  # noqa: T201 — a question on a terminal
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return Person(secret=lambda question: getpass.getpass(f"{question}: "), agrees=agrees)


def connect(runner: Runner, person: Person, *, given_password: str) -> Facts:
    """Logs in and finds out which rights there are. given_password: from SSHPASS, may be empty.

    Raises Obstacle, StepFailed.
    """
    first = runner.first_word(facts.WHO)
    if first.code == SSH_FAILED and is_login_refused(first.output) and runner.connection is not None:
        shown = runner.heard(runner.connection.server.shown)
        server = runner.connection.server
        if not runner.has_program("sshpass"):
            seen = f"no key is accepted for {shown}, and a password needs sshpass on this machine"
            raise Obstacle(
                seen, f"ssh-copy-id -p {server.port} {server.user}@{server.host}, or apt-get install sshpass"
            )
        password = given_password or person.secret(f"Password of {shown}")
        if not password:
            seen = f"no key is accepted for {shown}, and there is no terminal to ask for a password"
            raise Obstacle(seen, "name a key with --key, or put the password into SSHPASS")
        runner.ssh_password = password
        runner.connection = replace(runner.connection, has_password=True)
        first = runner.first_word(replace(facts.WHO, title="Connecting by password"))
        if first.code == 5 or is_login_refused(first.output):  # 5: sshpass saw the prompt a second time
            raise Obstacle(f"wrong password for {shown}", "run it again; after some tries servers lock a while")
    runner.check(facts.WHO, first)
    found = Facts.parse(first.output)
    runner.rights = _rights(runner, person, found["sudo"])
    return found


def _rights(runner: Runner, person: Person, sudo: str) -> RemoteRights:
    match sudo:
        case "root":
            return RemoteRights.ROOT
        case "free":
            return RemoteRights.FREE
        case "password":
            return _by_password(runner, person)
        case _:
            return RemoteRights.NONE


def _by_password(runner: Runner, person: Person) -> RemoteRights:
    """The login password often is sudo's too. Without one, what the user itself may do has to be enough."""
    check = Step(title="Asking sudo", command="true", timeout_s=30)
    runner.rights = RemoteRights.PASSWORD
    for password in (runner.ssh_password, None):
        runner.sudo_password = password if password is not None else person.secret("Password for sudo there") or ""
        if runner.sudo_password and runner.ask(check).code == 0:
            return RemoteRights.PASSWORD
    if runner.sudo_password:
        raise Obstacle("sudo does not accept this password", "check it, and that the user is allowed to use sudo")
    return RemoteRights.NONE


# ---


DONE, FAILED, WRONG_ARGUMENTS, INTERRUPTED = 0, 1, 2, 130
NEEDED_FILES = ("Dockerfile", "docker-compose.yml", "requirements.lock", "systemd/altmonitor.service", "altmonitor")
LOCK_LIFE_S = 7_200
"""No deployment lasts so long: all its limits together are less."""
_TARGETS = {Target.DOCKER: docker, Target.SYSTEMD: systemd}
_ASSIGNMENT = r"(?m)^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*(.*?)[ \t]*$"
_SETTING = r"(?m)^[ \t]*(?:export[ \t]+)?{name}[ \t]*=[ \t]*[^\s#]"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployDeps:
    """Everything outside the arguments. source: the folder that is deployed."""

    source: Path
    out: TextIO = field(default_factory=lambda: sys.stdout)
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    person: Callable[[], Person] = terminal
    timeouts: DeployTimeouts = field(default_factory=DeployTimeouts)
    clock: SystemClock = field(default_factory=SystemClock)


def main(arguments: Sequence[str], surroundings: DeployDeps | None = None) -> int:
    """Returns the exit code."""
    around = surroundings or DeployDeps(source=source_folder())
    try:
        asked = None if chosen.names_server(arguments) else _ask_server(around)
        wanted = chosen.parse(arguments, ask_server=asked)
        settings = _settings(wanted)
        _check_source(around.source, wanted)
    except BadChoice as problem:
        print(f"deploy: {without_secrets(str(problem))}", file=sys.stderr)  # noqa: T201
        return WRONG_ARGUMENTS
    name = f"{altmonitor.__version__}-{datetime.fromtimestamp(around.clock.now_ms() // 1000, UTC):%Y%m%dT%H%M%S}"
    with tempfile.TemporaryDirectory(prefix="altmonitor-") as folder:
        connection = SshConnection(server=wanted.server, control=Path(folder) / "c") if wanted.server else None
        environ = {key: value for key, value in around.environ.items() if key != "SSHPASS"}  # `Runner.heard` masks it
        runner = Runner(
            connection=connection,
            source=around.source,
            out=around.out,
            clock=around.clock,
            environ=around.environ,
            secrets=frozenset(secrets_in(environ, _values(settings or ""))),
        )
        try:
            if wanted.is_dry_run:
                return _print_plan(wanted, runner, around, name=name, settings=settings)
            return _carry_out(wanted, runner, around, name=name, settings=settings)
        except (StepFailed, Obstacle) as problem:
            step = f"{problem.title}: " if isinstance(problem, StepFailed) else ""
            runner.say(f"\n✗ {step}{problem.seen}\n  What to do: {problem.remedy}")
            return FAILED
        except KeyboardInterrupt:
            runner.say("\n✗ stopped by Ctrl-C; what ran on the server runs on. Run the same command again to go on.")
            return INTERRUPTED
        finally:
            with suppress(OSError):
                runner.hang_up()


def source_folder() -> Path:
    """The checkout this program runs from; for an installed package, where it is called."""
    own = Path(altmonitor.__file__).resolve().parent.parent
    return own if (own / "Dockerfile").exists() else Path.cwd()


def _ask_server(around: DeployDeps) -> str | None:
    if not sys.stdin.isatty():
        return None
    print("Server (user@host or user@host:port): ", end="", file=around.out, flush=True)
    return sys.stdin.readline().strip() or None


def _check_source(source: Path, wanted: DeployOptions) -> None:
    gone = [file for file in NEEDED_FILES if not (source / file).exists()]
    if gone and wanted.action in (Action.INSTALL, Action.UPDATE):
        raise BadChoice(
            f"{source} is not altmonitor's source folder ({gone[0]} is missing): git clone it, run it there"
        )


def _settings(wanted: DeployOptions) -> str | None:
    """What to send as .env; None: what stands on the server. Raises BadChoice."""
    if wanted.action is not Action.INSTALL:
        return None
    path = wanted.env_file
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise BadChoice(
            f"{path} is not there: python3 setup_wizard.py writes it, or --env-file names another"
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise BadChoice(f"{path} cannot be read: {problem}") from None
    for name in ("TG_BOT_TOKEN", "TG_CHAT_ID"):
        if not re.search(_SETTING.format(name=name), text):
            raise BadChoice(f"{name} is not set in {path}: python3 setup_wizard.py asks for it")
    return text


def _values(settings: str) -> dict[str, str]:
    """Of a `.env`, near enough to know what must not be printed; python-dotenv need not be here."""
    return {name: value.strip("\"'") for name, value in re.findall(_ASSIGNMENT, settings)}


def _deployment(wanted: DeployOptions, runner: Runner, around: DeployDeps, found: Facts) -> Deployment:
    return Deployment(
        runner=runner,
        target=_TARGETS[wanted.target],
        layout=Layout(wanted.folder),
        user=wanted.server.user if wanted.server else "root",
        current=found["current"],
        previous=found["previous"],
        timeouts=around.timeouts,
    )


def _build(wanted: DeployOptions, around: DeployDeps, name: str) -> list[Step]:
    layout = Layout(wanted.folder)
    if wanted.target is Target.DOCKER:
        return docker.build(layout, name)
    template = (around.source / "systemd/altmonitor.service").read_text("utf-8")
    return systemd.build(layout, name, unit_template=template)


def _message(wanted: DeployOptions, name: str) -> str:
    where = wanted.server.host if wanted.server else socket.gethostname()
    verb = {Action.UPDATE: "updated", Action.ROLLBACK: "put back"}.get(wanted.action, "deployed")
    return (
        f"✅ altmonitor {name} is {verb} on {where} ({wanted.target.value}) and well." if wanted.sends_message else ""
    )


def _carry_out(wanted: DeployOptions, runner: Runner, around: DeployDeps, *, name: str, settings: str | None) -> int:
    person = around.person()
    if wanted.action in (Action.INSTALL, Action.UPDATE) and not runner.has_program("rsync"):
        raise Obstacle("rsync is missing on this machine", "install it here (apt-get install rsync)")
    connect(runner, person, given_password=around.environ.get("SSHPASS", ""))
    found = _looked(wanted, runner, person)
    if wanted.action in (Action.STATUS, Action.LOGS):
        deployment = _deployment(wanted, runner, around, found)
        return deployment.status() if wanted.action is Action.STATUS else deployment.logs()
    layout = Layout(wanted.folder)
    with _alone(runner, layout):
        found = Facts.parse(runner.ask(facts.look(layout)).output)  # again: somebody may have deployed until now
        _raise_obstacle(found, wanted)
        _change(wanted, runner, around, found, name=name, settings=settings)
    return DONE


def _change(
    wanted: DeployOptions, runner: Runner, around: DeployDeps, found: Facts, *, name: str, settings: str | None
) -> None:
    """Raises Obstacle, StepFailed."""
    deployment = _deployment(wanted, runner, around, found)
    match wanted.action:
        case Action.DOWN:
            deployment.down()
            runner.say("✓ stopped; data and settings are still there")
        case Action.ROLLBACK:
            deployment.rollback(message=_message(wanted, deployment.previous))
            runner.say(f"✓ {deployment.previous} runs and is well; {deployment.current} is kept")
        case _:
            build = _build(wanted, around, name)
            deployment.install(name, settings=settings, build=build, message=_message(wanted, name))
            runner.say(f"✓ {name} runs and is well" + (f"; {found['current']} is kept" if found["current"] else ""))


def _looked(wanted: DeployOptions, runner: Runner, person: Person) -> Facts:
    """What the server is, after what was missing has been installed with consent. Raises Obstacle."""
    layout = Layout(wanted.folder)
    look = facts.look(layout)
    found = Facts.parse(runner.do(look).output)
    if wanted.action is Action.INSTALL and runner.rights is not RemoteRights.NONE:
        for lack in facts.missing(found, wanted.target, layout):
            agreed = wanted.has_consent or person.agrees(f"{lack.what} is missing on the server. Install it?")
            if not agreed:
                how = "answer y" if agreed is False else "run again with --yes to have it installed"
                raise Obstacle(f"{lack.what} is missing on the server", f"{how}, or install it there by hand")
            runner.do(lack.step)
        found = Facts.parse(runner.ask(look).output)
    _raise_obstacle(found, wanted)
    return found


def _raise_obstacle(found: Facts, wanted: DeployOptions) -> None:
    trouble = facts.obstacle(found, wanted.target, wanted.action)
    if trouble is not None:
        raise trouble


@contextmanager
def _alone(runner: Runner, layout: Layout) -> Iterator[None]:
    """Nobody else deploys into this folder meanwhile. Raises Obstacle, StepFailed."""
    own = f"{getpass.getuser()}@{socket.gethostname()} {os.getpid()}"
    step = releases.lock(layout, own)
    result = runner.ask(step)
    if result.code == releases.HELD and _is_left_behind(*_holder(result.output)):
        runner.do(releases.unlock(layout, _holder(result.output)[0]))
        result = runner.ask(step)
    if result.code == releases.HELD:
        holder, age_s = _holder(result.output)
        who = holder.partition(" ")[0] or "somebody"
        raise Obstacle(
            f"another deployment is at it: {who}, for {age_s} s",
            f"wait for its end; if it died: rm -r {layout.folder}/deploying, on the server",
        )
    runner.check(step, result)
    try:
        yield
    finally:
        with suppress(StepFailed):
            runner.ask(releases.unlock(layout, own))


def _holder(said: str) -> tuple[str, str]:
    """Who holds the lock, and for how many seconds."""
    holder, _, age_s = said.strip().rpartition("\n")
    return holder.strip(), age_s


def _is_left_behind(holder: str, age_s: str) -> bool:
    """By a deployment of this machine that is gone (the connection broke, the power went), or by one of hours ago."""
    if age_s.isdigit() and int(age_s) > LOCK_LIFE_S:
        return True
    who, _, pid = holder.partition(" ")
    if who.rpartition("@")[2] != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _print_plan(wanted: DeployOptions, runner: Runner, around: DeployDeps, *, name: str, settings: str | None) -> int:
    """For a server that has a version already and a user with sudo."""
    runner.rights = RemoteRights.ROOT if wanted.server is None or wanted.server.user == "root" else RemoteRights.FREE
    layout = Layout(wanted.folder)
    plan = _deployment(wanted, runner, around, Facts({"current": "CURRENT", "previous": "PREVIOUS"}))
    goal = plan.previous if wanted.action is Action.ROLLBACK else name
    parts: list[Part] = [facts.WHO, facts.look(layout)]
    is_change = wanted.action not in (Action.STATUS, Action.LOGS)
    if is_change:
        parts.append(releases.lock(layout, "WHO"))
    if wanted.action in (Action.INSTALL, Action.UPDATE):
        parts += plan.prepare(name, settings=settings, build=_build(wanted, around, name))
    match wanted.action:
        case Action.STATUS:
            parts.append(plan.target.status(layout, plan.current))
        case Action.LOGS:
            parts.append(plan.target.logs(layout, plan.current, lines=200))
        case Action.DOWN:
            parts.append(plan.target.stop(layout, plan.current))
        case _:
            if wanted.action is Action.ROLLBACK:
                parts.append(plan.target.is_there(layout, goal))
            *stop, start = plan.switch(goal)
            parts += ["the switch (CURRENT: what runs there, if anything)", *stop, plan.target.data(layout, goal)]
            parts += [start, plan.target.is_well(layout, goal), "when it is well", *plan.settle(goal)]
            if message := _message(wanted, goal):
                parts.append(plan.target.message(layout, goal, message))
            parts += [f"when it is not within {plan.timeouts.health_s:.0f} s", *plan.back(goal)]
    if is_change:
        parts += ["at the end", releases.unlock(layout, "WHO")]
    for line in plan_text(parts, connection=runner.connection, rights=runner.rights, source=around.source):
        runner.say(runner.heard(line))
    return DONE
