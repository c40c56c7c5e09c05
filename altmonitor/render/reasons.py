"""Why something went wrong, in the reader's language: the words of a cause's code. The line of the log stays there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from altmonitor.core.causes import CAUSE_VALUES, Cause, CauseCode
from altmonitor.render import format as n
from altmonitor.render.format import Style

REASON_CHARS_MAX: Final = 300


def reason_text(reasons: Cause | Iterable[Cause] | None, style: Style) -> str:
    """HTML on one line, each meaning once, '' for none. A cause without a code is shown where it is read as it is, in
    English; elsewhere the reader is sent to the log."""
    causes = (reasons,) if isinstance(reasons, Cause) else reasons or ()
    words = dict.fromkeys(_words(cause, style) for cause in causes)
    return joined_reasons(words, style) if words else ""


def joined_reasons(words: Iterable[str], style: Style) -> str:
    """HTML; without any, where the reader finds them."""
    return style.say("list_of_reasons").join(words) or style.say("reason_other")


def problem_text(problem: Cause | None, style: Style) -> str:
    """What stood in the way of a command: as it is reported where that is the reader's language, else what it means."""
    if problem is not None and style.lang == "en":
        return one_line_of(problem.text)
    return reason_text(problem, style)


def _words(cause: Cause, style: Style) -> str:
    if cause.code is CauseCode.OTHER:
        return one_line_of(cause.text) if style.lang == "en" and cause.text else style.say("reason_other")
    values = {name: cause.values.get(name, n.NA) for name in CAUSE_VALUES.get(cause.code, ())}
    return style.say(f"reason_{cause.code.value}", **values)


def one_line_of(text: str) -> str:
    """Escaped, on one line, not longer than a person reads."""
    line = " ".join(text.split())
    return n.escape(line if len(line) <= REASON_CHARS_MAX else line[: REASON_CHARS_MAX - 1] + "…")
