"""Step 7: does the market come in here? A real candle, by the same looks as `altmonitor doctor`."""

from __future__ import annotations

import logging

from altmonitor.ops.doctor.doctor import read_settings
from altmonitor.ops.doctor.outside import Place, look_at_exchange
from altmonitor.ops.doctor.render import SIGNS
from altmonitor.ops.doctor.values import Finding, Verdict
from altmonitor.ops.wizard.session import Session
from altmonitor.ops.wizard.values import Answers


def look_at_market(session: Session, answers: Answers) -> Answers:
    """Tells what is wrong and goes on: the way out may lie on the machine where it will run."""
    session.say("market_title")
    logging.getLogger().addHandler(logging.NullHandler())
    settings = read_settings(session.env_file, session.environ)
    for problem in settings.problems:
        session.terminal.say(problem, sign="✗")
    place = Place(config=settings.config, given=settings.given, clock=session.clock)

    def tell(finding: Finding) -> None:
        session.terminal.say(f"{finding.title}: {finding.text}", sign=SIGNS[finding.verdict])
        if finding.verdict is Verdict.FAILED:
            session.terminal.say(f"  → {finding.way_out}")

    found = session.runner.run(look_at_exchange(place, tell=tell))
    if settings.problems or any(finding.verdict is Verdict.FAILED for finding in found):
        session.say("market_trouble", sign="!", doctor=session.command("doctor"))
    return answers
