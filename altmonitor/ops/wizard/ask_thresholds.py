"""Step 4: a preset, a number of alerts a day, or what stands there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from altmonitor.ops.wizard.session import Session
from altmonitor.ops.wizard.terminal import Option
from altmonitor.ops.wizard.values import Answers
from altmonitor.settings.presets import PRESETS
from altmonitor.settings.settings import SETTING_OF
from altmonitor.variables import VARIABLES

BUDGET = "ALERT_BUDGET_PER_DAY"
BUDGET_MAX = 1_000
USUAL = "normal"
_KNOWN = frozenset(variable.name for variable in VARIABLES)


def ask_thresholds(session: Session, answers: Answers) -> Answers:
    session.say("preset_title")
    standing = thresholds_in(session.given)
    if standing:
        session.say("preset_known", names=", ".join(f"{name}={text}" for name, text in standing.items()))
    keep = Option(key="keep", label=session.text("preset_keep"))
    options = [Option(key=name, label=_label(session, name)) for name in PRESETS]
    options.append(Option(key="budget", label=session.text("preset_budget")))
    options = [keep, *options] if standing else [*options, keep]
    usual = "keep" if standing else USUAL
    chosen = session.terminal.choose(session.text("preset_how"), options, default=usual)
    if chosen == "keep":
        return replace(answers, thresholds={})
    thresholds = {BUDGET: str(_budget(session))} if chosen == "budget" else variables_of(chosen, session.given)
    live = changed_in_chat(Path(session.setting("STATE_FILE")).expanduser(), session.folder)
    if live:
        session.say("live_wins", sign="!", names=", ".join(live), file=session.setting("STATE_FILE"))
    return replace(answers, thresholds=thresholds)


def variables_of(preset: str, given: Mapping[str, str]) -> dict[str, str]:
    """Variable → text. A preset is meant as it is: a budget that stands there ends."""
    texts = {SETTING_OF[key].variable: f"{number:g}" for key, number in PRESETS[preset].items()}
    known = {name: text for name, text in texts.items() if name in _KNOWN}
    return known | ({BUDGET: "0"} if BUDGET in given else {})


def thresholds_in(given: Mapping[str, str]) -> dict[str, str]:
    names = [*(setting.variable for setting in SETTING_OF.values()), BUDGET]
    return {name: given[name] for name in names if name in given}


def changed_in_chat(state_file: Path, folder: Path) -> list[str]:
    """Settings that state.json decides; none when it cannot be read, of which the monitor will speak itself."""
    try:
        state = json.loads((folder / state_file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [key for key in SETTING_OF if key in state] if isinstance(state, dict) else []


def _label(session: Session, name: str) -> str:
    numbers = PRESETS[name]
    return session.text(
        "preset_line",
        name=name,
        pump=f"{numbers['pump_threshold']:g}",
        oi_1m=f"{numbers['oi_surge_1m']:g}",
        oi_5m=f"{numbers['oi_surge_5m']:g}",
        vol=f"{numbers['vol_burst_mult']:g}",
        cooldown=f"{numbers['cooldown_sec']:g}",
    )


def _budget(session: Session) -> int:
    while True:
        typed = session.terminal.ask(session.text("budget_prompt"), default="40")
        if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= BUDGET_MAX:
            return int(typed)
        session.say("budget_wrong", sign="✗")
