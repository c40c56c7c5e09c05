"""The way in: key or agent first, then a password; and how steps get the rights of root."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from altmonitor.ops.deploy import probe as facts
from altmonitor.ops.deploy.layout import Step
from altmonitor.ops.deploy.probe import Facts, Obstacle
from altmonitor.ops.deploy.runner import Rights, Runner
from altmonitor.ops.deploy.ssh import SSH_FAILED, is_login_refused


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
        server = runner.connection.server
        if not runner.has_program("sshpass"):
            seen = f"no key is accepted for {server.shown}, and a password needs sshpass on this machine"
            raise Obstacle(
                seen, f"ssh-copy-id -p {server.port} {server.user}@{server.host}, or apt-get install sshpass"
            )
        password = given_password or person.secret(f"Password of {server.shown}")
        if not password:
            seen = f"no key is accepted for {server.shown}, and there is no terminal to ask for a password"
            raise Obstacle(seen, "name a key with --key, or put the password into SSHPASS")
        runner.ssh_password = password
        runner.connection = replace(runner.connection, has_password=True)
        first = runner.first_word(replace(facts.WHO, title="Connecting by password"))
        if first.code == 5 or is_login_refused(first.output):  # 5: sshpass saw the prompt a second time
            raise Obstacle(f"wrong password for {server.shown}", "run it again; after some tries servers lock a while")
    runner.check(facts.WHO, first)
    found = Facts.parse(first.output)
    runner.rights = _rights(runner, person, found["sudo"])
    return found


def _rights(runner: Runner, person: Person, sudo: str) -> Rights:
    match sudo:
        case "root":
            return Rights.ROOT
        case "free":
            return Rights.FREE
        case "password":
            return _by_password(runner, person)
        case _:
            return Rights.NONE


def _by_password(runner: Runner, person: Person) -> Rights:
    """The login password often is sudo's too. Without one, what the user itself may do has to be enough."""
    check = Step(title="Asking sudo", command="true", timeout_s=30)
    runner.rights = Rights.PASSWORD
    for password in (runner.ssh_password, None):
        runner.sudo_password = password if password is not None else person.secret("Password for sudo there") or ""
        if runner.sudo_password and runner.ask(check).code == 0:
            return Rights.PASSWORD
    if runner.sudo_password:
        raise Obstacle("sudo does not accept this password", "check it, and that the user is allowed to use sudo")
    return Rights.NONE
