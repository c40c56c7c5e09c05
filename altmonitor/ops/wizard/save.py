"""Step 6: `.env`."""

from __future__ import annotations

from altmonitor.core.errors import ConfigError
from altmonitor.ops.wizard import env_file
from altmonitor.ops.wizard.session import Session
from altmonitor.ops.wizard.values import Answers, changes


def save(session: Session, answers: Answers) -> Answers:
    """Stays here until the file is written, or the person leaves."""
    while True:
        try:
            session.read_env_file()  # somebody may have edited it meanwhile
            written = env_file.write(session.env_file, changes(answers, session.given))
        except ConfigError as problem:
            session.say("not_written", sign="✗", why=problem)
            session.menu(session.text("go_on"), "try_again")
            continue
        session.is_written = True
        session.read_env_file()
        session.say("written" if written.is_changed else "unchanged", sign="✓", file=session.env_file)
        if written.backup is not None:
            session.say("backup", file=written.backup)
        return answers
