"""The order of things: look, copy, build, switch, wait for /health, and the way back when it does not come."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from altmonitor.ops.deploy import releases as destinations
from altmonitor.ops.deploy.releases import Layout, Step
from altmonitor.ops.deploy.runner import Result, Runner, StepFailed

ENDED = 4
"""Exit code of `is_well`: no use in waiting on."""
LOG_LINES_ON_FAILURE = 25
LOG_LINES = 200
MEND = "read the log above, mend it, run the same command again"
BOTH_BAD = "look at --logs: what both versions meet is probably the settings, the network or the exchange"


class DeployTarget(Protocol):
    """Where a release runs, `docker` or `systemd`: each method gives a step to be taken there, and takes none."""

    def start(self, layout: Layout, name: str) -> Step: ...
    def stop(self, layout: Layout, name: str) -> Step: ...
    def is_well(self, layout: Layout, name: str) -> Step: ...
    def logs(self, layout: Layout, name: str, *, lines: int) -> Step: ...
    def status(self, layout: Layout, name: str) -> Step: ...
    def message(self, layout: Layout, name: str, text: str) -> Step: ...
    def clean(self, layout: Layout, keep: tuple[str, ...]) -> Step: ...
    def is_there(self, layout: Layout, name: str) -> Step: ...
    def data(self, layout: Layout, name: str) -> Step: ...


@dataclass(frozen=True, slots=True)
class DeployTimeouts:
    """How long /health may take to be ok, and the pause between two looks."""

    health_s: float = 60.0
    every_s: float = 2.0


@dataclass(slots=True, kw_only=True)
class Deployment:
    """current, previous: names of releases on the server, empty for none. user: who owns the upload folder."""

    runner: Runner
    target: DeployTarget
    layout: Layout
    user: str
    current: str = ""
    previous: str = ""
    timeouts: DeployTimeouts
    _is_way_back: bool = True

    def prepare(self, name: str, *, settings: str | None, build: Sequence[Step]) -> list[Step | PurePosixPath]:
        """Before the switch, in order; a path stands for the copy of our files there. What runs is not touched.

        settings: the content of .env, None keeps the server's.
        """
        return [
            destinations.folders(self.layout, user=self.user),
            self.layout.upload,
            destinations.release(self.layout, name, settings=settings),
            *build,
        ]

    def switch(self, name: str) -> list[Step]:
        """Never two at once: the old one is stopped first, whatever version it is."""
        stop = [self.target.stop(self.layout, self.current)] if self.current else []
        return [*stop, self.target.start(self.layout, name)]

    def back(self, name: str) -> list[Step]:
        """When the new one does not get well. `current` still points to the old one."""
        start = [self.target.start(self.layout, self.current)] if self.current and self._is_way_back else []
        return [self.target.stop(self.layout, name), *start]

    def settle(self, name: str) -> list[Step]:
        """After it got well: now it is the current one."""
        kept = tuple(dict.fromkeys(release for release in (name, self.current) if release))
        return [self._point(name), self.target.clean(self.layout, kept)]

    def install(self, name: str, *, settings: str | None, build: Sequence[Step], message: str) -> None:
        """Raises StepFailed; until the switch the old version runs on untouched, afterwards it is brought back.

        message: for the chat, empty for none.
        """
        for part in self.prepare(name, settings=settings, build=build):
            if isinstance(part, Step):
                self.runner.do(part)
            else:
                self.runner.copy(part)
        self._switched(name, message)

    def rollback(self, *, message: str) -> None:
        """Current and previous change places. Raises StepFailed; and stops nothing when previous cannot be started."""
        step = self.target.is_there(self.layout, self.previous)
        result = self.runner.ask(step)
        if result.code != 0:
            seen = f"{self.previous} cannot be started: {_last_line(result.output)}; {self.current} was left as it is"
            raise StepFailed(
                step.title, seen, "name the --target it was made for, or deploy that version from its checkout"
            )
        self._switched(self.previous, message)

    def down(self) -> int:
        self.runner.do(self.target.stop(self.layout, self.current))
        return 0

    def status(self) -> int:
        return self._shown(self.target.status(self.layout, self.current))

    def logs(self) -> int:
        return self._shown(self.target.logs(self.layout, self.current, lines=LOG_LINES))

    def _shown(self, step: Step) -> int:
        result = self.runner.ask(step)
        self.runner.say(self.runner.heard(result.output.rstrip()))
        return result.code

    def _switched(self, name: str, message: str) -> None:
        self._is_way_back = self._can_start_current()
        try:
            *stop, start = self.switch(name)
            # Where the other target ran before, what it stored is taken along while nothing runs.
            for step in (*stop, self.target.data(self.layout, name), start):
                self.runner.do(step)
            self._wait_until_well(name)
        except StepFailed as failure:
            raise self._undone(name, failure) from failure
        except KeyboardInterrupt:
            self.runner.say("\ninterrupted while switching: going back")
            raise self._undone(name, StepFailed("Switching", "interrupted", "")) from None
        for step in self.settle(name):
            self.runner.do(step)
        self._tell(name, message)

    def _undone(self, name: str, failure: StepFailed) -> StepFailed:
        """Stops the new one and starts the old one again. Returns the failure with what became of it."""
        try:
            log = self.runner.ask(self.target.logs(self.layout, name, lines=LOG_LINES_ON_FAILURE))
            self.runner.say(f"  the last it wrote:\n{_indented(self.runner.heard(log.output))}")
            for step in self.back(name):
                self.runner.do(step)
        except StepFailed as again:
            seen = f"{failure.seen}\n  Then, on the way back, {again}\n  Perhaps nothing runs there now."
            return StepFailed(failure.title, seen, "run the same command again as soon as the server can be reached")
        if not self._is_way_back:
            ending = "The new version is stopped; there is none before it."
            if self.current:
                ending = (
                    f"The new version is stopped; {self.current} was made for the other target and was not started."
                )
            return StepFailed(failure.title, f"{failure.seen}\n  {ending}", MEND)
        try:
            self._wait_until_well(self.current)
        except StepFailed as again:
            ending = f"The new version is stopped, {self.current} was started again but is not well: {again.seen}"
            return StepFailed(failure.title, f"{failure.seen}\n  {ending}", BOTH_BAD)
        ending = f"The new version is stopped, {self.current} runs again and is well."
        return StepFailed(failure.title, f"{failure.seen}\n  {ending}", MEND)

    def _can_start_current(self) -> bool:
        """False without one, and for one that was made for the other target."""
        return bool(self.current) and self.runner.ask(self.target.is_there(self.layout, self.current)).code == 0

    def _point(self, name: str) -> Step:
        """`current` → name, `previous` → what was current."""
        commands = [destinations.point(self.layout, self.layout.current, name)]
        if self.current:
            commands.insert(0, destinations.point(self.layout, self.layout.previous, self.current))
        return Step(title=f"Keeping {name}", command=" && ".join(commands))

    def _wait_until_well(self, name: str) -> None:
        """Raises StepFailed when it ended, or is not ok in time; with the last thing it said."""
        step = self.target.is_well(self.layout, name)
        clock = self.runner.clock
        until_s = clock.monotonic() + self.timeouts.health_s
        self.runner.say(f"• {step.title}, up to {self.timeouts.health_s:.0f} s …")
        seen = ""
        while True:
            try:
                result = self.runner.ask(step)
            except StepFailed as lost:  # the line to the server, not the monitor: it may come back in time
                result = Result(1, lost.seen.splitlines()[0])
            lines = result.output.strip().splitlines()
            if (said := self.runner.heard(lines[-1]) if lines else f"exit code {result.code}") != seen:
                seen = said
                self.runner.say(f"    {seen[:300]}")
            if result.code == 0:
                return
            if result.code == ENDED:
                raise StepFailed(step.title, seen, "")
            if clock.monotonic() >= until_s:
                raise StepFailed(step.title, f"not ok after {self.timeouts.health_s:.0f} s: {seen}", "")
            threading.Event().wait(self.timeouts.every_s)

    def _tell(self, name: str, message: str) -> None:
        """The deployment has succeeded, whatever becomes of the message."""
        if not message:
            return
        result = self.runner.ask(self.target.message(self.layout, name, message))
        if result.code != 0:
            self.runner.say(f"  the chat could not be told: {self.runner.heard(result.output.strip()[-300:])}")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no word from the server"])[-1]


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines())
