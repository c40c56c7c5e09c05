"""Carries steps out, over ssh or here, and says what it does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import TextIO

from altmonitor.core.clock import SystemClock
from altmonitor.core.redaction import Redactor
from altmonitor.ops.deploy.releases import Step
from altmonitor.ops.deploy.ssh import SSH_FAILED, SshConnection, cause_of, rsync_options

TICK_S = 1.0
SHOWN_LINES = 15


class RemoteRights(Enum):
    """How a step gets the rights of root."""

    ROOT = "root"
    FREE = "sudo without a password"
    PASSWORD = "sudo with a password"  # noqa: S105 — a way, not a password
    NONE = "none: what the user itself may do"


@dataclass(frozen=True, slots=True)
class Result:
    code: int
    output: str


class StepFailed(Exception):
    """The step, what was seen, what to do."""

    def __init__(self, title: str, seen: str, remedy: str) -> None:
        super().__init__(f"{title}: {seen}")
        self.title, self.seen, self.remedy = title, seen, remedy


def with_rights(step: Step, rights: RemoteRights) -> str:
    """-k: a cached password would leave ours in what the command reads."""
    if not step.is_root or rights in (RemoteRights.ROOT, RemoteRights.NONE):
        return step.command
    sudo = "sudo -n" if rights is RemoteRights.FREE else "sudo -k -S -p ''"
    return f"{sudo} sh -c {quote(step.command)}"


@dataclass(slots=True, kw_only=True)
class Runner:
    """connection: None runs everything on this machine. ssh_password, sudo_password: in memory only. secrets: what else
    stands in no line that is said."""

    connection: SshConnection | None
    source: Path
    out: TextIO = field(default_factory=lambda: sys.stdout)
    clock: SystemClock = field(default_factory=SystemClock)
    rights: RemoteRights = RemoteRights.NONE
    ssh_password: str = ""
    sudo_password: str = ""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    secrets: frozenset[str] = frozenset()

    def say(self, line: str = "") -> None:
        print(Redactor(self.secrets).clean(line), file=self.out, flush=True)

    def heard(self, output: str) -> str:
        """What another program said or somebody typed, as it may be said on. Passwords are masked in that alone: masked
        in a sentence of ours, a password that is a plain word ("wrong") would be told to whoever knows the sentence."""
        return Redactor({*self.secrets, *self._passwords()} - {""}).clean(output)

    def _passwords(self) -> tuple[str, ...]:
        return self.environ.get("SSHPASS", ""), self.ssh_password, self.sudo_password

    def do(self, step: Step) -> Result:
        """Raises StepFailed when it does not end with 0."""
        result = self._timed(step.title, lambda waited: self.ask(step, waited))
        self.check(step, result)
        if step.is_said and (said := result.output.strip()):
            self.say(f"    {self.heard(said[-300:])}")
        return result

    def ask(self, step: Step, waited: Callable[[float], None] | None = None) -> Result:
        """Any exit code is an answer, except that the connection failed. Raises StepFailed."""
        result = self._asked(step, waited)
        if self.connection and result.code == SSH_FAILED:
            raise self._failure(step, result)
        return result

    def _asked(self, step: Step, waited: Callable[[float], None] | None) -> Result:
        command = with_rights(step, self.rights)
        stdin = step.stdin
        if self.rights is RemoteRights.PASSWORD and step.is_root:
            stdin = f"{self.sudo_password}\n{stdin}"
        argv = self.connection.ssh(command) if self.connection else ["sh", "-c", command]
        return self._run(step.title, argv, stdin=stdin, timeout_s=step.timeout_s, waited=waited)

    def first_word(self, step: Step) -> Result:
        """Like `do`, but whoever called decides what the answer means."""
        return self._timed(step.title, lambda waited: self._asked(step, waited))

    def check(self, step: Step, result: Result) -> None:
        if result.code != 0:
            raise self._failure(step, result)

    def copy(self, upload: PurePosixPath) -> None:
        """The source folder → upload. Half a copy is finished by the next one. Raises StepFailed."""
        step = Step(title="Copying files", command="")
        argv = self.connection.rsync(upload) if self.connection else [*rsync_options(), "./", f"{upload}/"]
        result = self._timed(
            step.title, lambda waited: self._run(step.title, argv, timeout_s=900, waited=waited, cwd=self.source)
        )
        self.check(step, result)

    def has_program(self, name: str) -> bool:
        """On this machine."""
        return shutil.which(name, path=self.environ.get("PATH")) is not None

    def hang_up(self) -> None:
        if self.connection is not None and self.connection.control.parent.exists():
            subprocess.run(self.connection.hang_up(), capture_output=True, timeout=10, check=False)  # noqa: S603

    def _timed(self, title: str, work: Callable[[Callable[[float], None]], Result]) -> Result:
        is_tty = self.out.isatty()
        again = f"\r• {title} …" if is_tty else ""
        began_s = self.clock.monotonic()

        def waited(seconds: float) -> None:
            if is_tty and seconds >= 2:
                print(f"\r• {title} … {seconds:.0f} s ", end="", file=self.out, flush=True)

        print(f"• {title} …", end="", file=self.out, flush=True)
        try:
            result = work(waited)
        except BaseException:
            print(f"{again} ✗", file=self.out, flush=True)
            raise
        spent_s = self.clock.monotonic() - began_s
        mark = f"ok ({spent_s:.0f} s)" if result.code == 0 and spent_s >= 2 else "ok" if result.code == 0 else "✗"
        print(f"{again} {mark:12}".rstrip(), file=self.out, flush=True)
        return result

    def _run(
        self,
        title: str,
        argv: Sequence[str],
        *,
        timeout_s: float,
        stdin: str = "",
        waited: Callable[[float], None] | None = None,
        cwd: Path | None = None,
    ) -> Result:
        environ = {**self.environ, "LC_ALL": "C"}  # our words for their failures are matched in English
        environ.pop("SSHPASS", None)
        if self.connection is not None and self.connection.has_password:
            environ["SSHPASS"] = self.ssh_password
        began_s = self.clock.monotonic()
        try:
            process = subprocess.Popen(  # noqa: S603 — a list, no shell
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environ,
                cwd=cwd,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except FileNotFoundError as problem:
            remedy = f"install it (apt-get install {'openssh-client' if argv[0] == 'ssh' else argv[0]})"
            raise StepFailed(title, f"{argv[0]} is missing on this machine", remedy) from problem
        with process:
            given: str | None = stdin
            while True:
                try:
                    output, _ = process.communicate(given, timeout=TICK_S)
                    return Result(process.returncode, output)
                except subprocess.TimeoutExpired:
                    given = None
                    spent_s = self.clock.monotonic() - began_s
                    if spent_s > timeout_s:
                        process.kill()
                        seen = f"not finished after {timeout_s:.0f} s, given up"
                        raise StepFailed(title, seen, "run the same command again; look at the server's load") from None
                    if waited is not None:
                        waited(spent_s)
                except BaseException:
                    process.kill()
                    raise

    def _failure(self, step: Step, result: Result) -> StepFailed:
        server = self.connection.server if self.connection else None
        cause = cause_of(result.output, server)
        tail = "\n".join(f"    {line}" for line in result.output.strip().splitlines()[-SHOWN_LINES:])
        said = f"\n{self.heard(tail)}" if tail else ""
        if cause is not None:
            return StepFailed(step.title, f"{cause.seen}{said}", cause.remedy)
        return StepFailed(step.title, f"ended with exit code {result.code}{said}", step.remedy)
