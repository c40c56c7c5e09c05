"""`/try`: what is understood, what is asked with it, and that nothing changes."""

from __future__ import annotations

from altmonitor.commands.replies import Bad, Refused
from altmonitor.commands.replies_settings import BudgetUnknown, TrialShown
from altmonitor.commands.table import BadCommand, Command, parse
from altmonitor.commands.trial import TrialArguments
from altmonitor.settings.presets import NotEnoughHistory
from altmonitor.settings.settings import Settings
from altmonitor.settings.state import State
from tests.commands.executor_kit import TRIAL, Desk

WEEK_S = 7 * 86_400


def read(text: str) -> object:
    found = parse(text)
    if isinstance(found, BadCommand):
        assert isinstance(found.reply, Refused)
        return found.reply.reason
    assert isinstance(found, Command)
    return found.request


def test_words_of_settings_with_their_values_and_a_time() -> None:
    asked = TrialArguments(values=(("pump_threshold", 4.0), ("oi_surge_1m", 2.0), ("oi_surge_5m", 5.0)), last_s=WEEK_S)
    findings = []
    for text in (
        "/try pump 4 oi 2 5 last 7d",
        "/try oi 2 5 pump 4 last 7 d",
        "/try pump=4 oi 2 5 7d",
        "/try last 7d pump: 4 oi 2 oi5 5",
        "/try pump 4% oi 2% 5% за последние 7d",
        "/проба pump 4 oi 2 5 最近 7d",
    ):
        if read(text) != asked:
            findings.append((text, read(text)))
    assert findings == []


def test_every_threshold_has_its_word_and_a_floor_its_key() -> None:
    for text, values in (
        ("/try dump 5", (("dump_threshold", -5.0),)),
        ("/try vol 25 cooldown 5m", (("vol_burst_mult", 25.0), ("cooldown_sec", 300))),
        ("/try 5m 4 15m 8", (("move_5m_pct", 4.0), ("move_15m_pct", 8.0))),
        ("/try vol off", (("vol_burst_mult", 0.0),)),
        ("/try vol_burst_min_usdt 2M", (("vol_burst_min_usdt", 2e6),)),
    ):
        assert read(text) == TrialArguments(values=values), text


def test_what_cannot_be_tried_is_refused_with_its_reason() -> None:
    for text, reason in (
        ("/try", Bad.MISSING),
        ("/try last 7d", Bad.MISSING),
        ("/try pump", Bad.MISSING),
        ("/try pump 4 last", Bad.MISSING),
        ("/try bump 4", Bad.NO_SUCH_WORD),
        ("/try pump 4 pump 5", Bad.TWICE),
    ):
        assert read(text) is reason, text
    for text in ("/try pump 0", "/try pump 4 last 10s", "/try pump four"):
        assert not isinstance(read(text), TrialArguments), text


async def test_a_trial_asks_with_what_would_be_in_force_and_changes_nothing() -> None:
    desk = Desk()
    shown = await desk("/try pump 4 last 7d")
    assert isinstance(shown, TrialShown)
    assert [(one.setting.key, one.old, one.new) for one in shown.changes] == [("pump_threshold", 3.0, 4.0)]
    assert (shown.trial, shown.asked_s) == (TRIAL, WEEK_S)
    ((now, then, last_s),) = desk.budget.tried
    assert (now.settings, then.settings, last_s) == (Settings(), Settings(pump_threshold=4.0), WEEK_S)
    assert desk.settings_store.state == State()
    desk.budget.missing = NotEnoughHistory(has_days=0.1, needs_days=1.0)
    assert isinstance(await desk("/try pump 4"), BudgetUnknown)
