"""A part of step 4, for who wants it: channels that others read, each with a preset of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from altmonitor.core.types import Destination
from altmonitor.ops.wizard.answers import WizardAnswers
from altmonitor.ops.wizard.chat_step import paired, typed
from altmonitor.ops.wizard.prompts import Option
from altmonitor.ops.wizard.session import WizardSession
from altmonitor.settings.presets import PRESETS
from altmonitor.settings.value_readers import preset_channels


def ask_channels(session: WizardSession, answers: WizardAnswers) -> WizardAnswers:
    """One after the other, until the person has named all."""
    if session.environ.get("PRESET_CHANNELS"):
        session.say("environment_wins", sign="!", name="PRESET_CHANNELS")
    channels = dict(channels_of(answers, session.given))
    while True:
        session.say("channels_now", names=written(channels) or session.text("channels_none"))
        options = [Option(key=name, label=session.text("channel_add", name=name)) for name in PRESETS]
        if channels:
            options.append(Option(key="forget", label=session.text("channels_forget")))
        options.append(Option(key="done", label=session.text("channels_done")))
        chosen = session.terminal.choose(session.text("channel_which"), options, default="done")
        if chosen == "done":
            return replace(answers, channels=MappingProxyType(channels))
        if chosen == "forget":
            channels.clear()
            continue
        found = _place(session, answers)
        if found is None:
            continue
        if found == answers.destination:
            session.say("channel_is_chat", sign="✗")
            continue
        channels[found] = chosen


def _place(session: WizardSession, answers: WizardAnswers) -> Destination | None:
    """None: it will not do."""
    how = session.menu(session.text("channel_how"), "pair", "by_hand")
    asked = replace(answers, destination=None)
    found = paired(session, asked, is_commanding=False) if how == "pair" else typed(session, asked)
    return None if found is None else found.destination


def channels_of(answers: WizardAnswers, given: Mapping[str, str]) -> Mapping[Destination, str]:
    """As answered; else those that stand there, none where they cannot be read."""
    if answers.channels is not None:
        return answers.channels
    try:
        return preset_channels(given.get("PRESET_CHANNELS", ""))
    except ValueError:
        return {}


def written(channels: Mapping[Destination, str]) -> str:
    """As PRESET_CHANNELS holds it."""
    return ",".join(f"{name}={at}" for at, name in channels.items())
