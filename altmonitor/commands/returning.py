"""Changes that come from what was found elsewhere: a recorded change taken back, proposed thresholds accepted."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.commands.outcome import Change, Outcome, Situation
from altmonitor.commands.replies_settings import BudgetAccepted, Undone, UndoRefused
from altmonitor.settings.changes import RecordedChange
from altmonitor.settings.differences import differences
from altmonitor.settings.overrides import Budget
from altmonitor.settings.proposals import BudgetProposal
from altmonitor.settings.state import Own


def put_back(change: RecordedChange, own: Own, *, now_s: float) -> Outcome:
    """own: what the place of the change has of its own now. Refused when that is not what the change made of it."""
    place = change.made.place  # where the group is now; what it was called then stands in the record
    before, after = change.made.before.at(place), change.made.after.at(place)
    if own != after:
        return UndoRefused(change=change, differences=differences(after, own), now_s=now_s)
    reply = Undone(change=change, differences=differences(after, before), now_s=now_s)
    return Change(own=before, reply=reply, place=place, undoes=change.id)


def accept(proposal: BudgetProposal, now: Situation) -> Outcome:
    """Raises ValueError for a proposal with numbers out of range."""
    budget = Budget(per_day=proposal.per_day, numbers=proposal.numbers)
    overrides = replace(now.overrides, budget=budget)
    now.would_be(overrides)
    return Change(own=now.with_overrides(overrides), reply=BudgetAccepted(proposal=proposal))
