"""The wizard: steps in order, back and forth, and how it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from altmonitor.config import variables_for_libraries
from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import ConfigError
from altmonitor.ops.wizard.answers import WizardAnswers, language_of
from altmonitor.ops.wizard.chat_step import ask_chat
from altmonitor.ops.wizard.prompts import Back, Quit, open_terminal
from altmonitor.ops.wizard.session import WizardSession
from altmonitor.ops.wizard.start_step import start
from altmonitor.ops.wizard.steps import ask_language, ask_thresholds, ask_token, look_at_market, save, try_alert
from altmonitor.ops.wizard.texts import Texts

DONE, FAILED, WRONG_CONFIGURATION, INTERRUPTED = 0, 1, 2, 130

Step = Callable[[WizardSession, WizardAnswers], WizardAnswers]
"""Raises Back or Quit where the person wants that."""

STEPS: tuple[Step, ...] = (
    ask_language,
    ask_token,
    ask_chat,
    ask_thresholds,
    try_alert,
    save,
    look_at_market,
    start,
)
NOT_RETURNED_TO = frozenset({"try_alert", "save", "look_at_market"})
"""They would only do the same again; back leads past them."""


def setup(*, env_file: Path) -> int:
    """Ask, check, write, start. Returns the exit code: 0 once the file is written, 1 before, 130 after Ctrl-C."""
    texts = Texts(language_of(os.environ.get("LC_ALL") or os.environ.get("LANG", "")))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(texts.say("no_terminal", file=env_file))  # noqa: T201
        return FAILED
    with asyncio.Runner() as runner:
        session = WizardSession(
            terminal=open_terminal(texts),
            folder=Path.cwd(),
            env_file=env_file,
            environ=os.environ,
            clock=SystemClock(),
            runner=runner,
        )
        try:
            session.read_env_file()
            for name, address in variables_for_libraries(env_file).items():
                os.environ.setdefault(name, address)
        except ConfigError as problem:
            session.terminal.say(str(problem), sign="✗")
            return WRONG_CONFIGURATION
        session.say("welcome")
        try:
            walk(session, STEPS)
        except Quit:
            return _left(session, DONE if session.is_written else FAILED)
        except KeyboardInterrupt:
            session.terminal.say("")
            return _left(session, INTERRUPTED)
        return DONE


def walk(session: WizardSession, steps: tuple[Step, ...]) -> WizardAnswers:
    """Back leads to the step before, or the one it names; at the first it asks again. What was answered stays known."""
    answers, at = WizardAnswers(), 0
    names = [step.__name__ for step in steps]
    while at < len(steps):
        try:
            answers = steps[at](session, answers)
            at += 1
        except Back as back:
            earlier = [destination for destination in range(at) if names[destination] not in NOT_RETURNED_TO]
            at = names.index(back.to) if back.to else max(earlier, default=0)
    return answers


def _left(session: WizardSession, code: int) -> int:
    if session.is_written:
        session.say("quit_written", file=session.env_file, command=session.command("run"))
    else:
        session.say("quit_nothing")
    return code
