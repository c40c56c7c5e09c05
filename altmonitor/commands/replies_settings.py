"""Answers about one destination's own settings: route, quiet hours, language, presets, budget, undo, conditions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from altmonitor.commands.replies import Button, DestinationReply, NumberChange, PlainReply, confirm, offered
from altmonitor.core.alert import Kind
from altmonitor.core.types import LANGUAGES, Venue
from altmonitor.settings.audience import Audience, QuietHours
from altmonitor.settings.changes import Difference, RecordedChange
from altmonitor.settings.conditions import Condition
from altmonitor.settings.presets import PRESETS, BudgetProposal, NotEnoughHistory, Trial


class ConfirmAsked(DestinationReply, frozen=True, kw_only=True):
    """Nothing was changed yet. action: the command that asks again, such as `/watch all`. losses: what it would end."""

    command: str
    action: str
    losses: tuple[Difference, ...]

    @property
    def buttons(self) -> tuple[Button, ...]:
        return confirm(self.action)


class Changed(DestinationReply, frozen=True, kw_only=True):
    """differences: in force before and after, never empty; old may equal new. is_reset: nothing of its own any more."""

    differences: tuple[Difference, ...]
    is_reset: bool = False


class SymbolNumbersShown(DestinationReply, frozen=True, kw_only=True):
    """rows: symbol → its own numbers, those of one symbol when `symbol` is not ''."""

    rows: Mapping[str, Mapping[str, float | int]]
    symbol: str = ""


class PresetsShown(DestinationReply, frozen=True, kw_only=True):
    """current: the one whose numbers are all in force; '' when none."""

    current: str

    @property
    def buttons(self) -> tuple[Button, ...]:
        return tuple(Button(label_key=f"preset_{name}", action=f"/preset {name}") for name in PRESETS)


class BudgetShown(DestinationReply, frozen=True, kw_only=True):
    """per_day: in force, 0: none. numbers: the thresholds it set that still hold. is_over: others were set by hand
    since, so it is what was aimed at, not what is to be expected."""

    per_day: int
    numbers: Mapping[str, float | int]
    is_over: bool = False


class BudgetProposed(DestinationReply, frozen=True, kw_only=True):
    """beside: as of `counted_beside`."""

    proposal: BudgetProposal
    beside: tuple[Venue, ...] = ()

    @property
    def buttons(self) -> tuple[Button, ...]:
        return confirm(f"/budget {self.proposal.per_day}", label_key="budget_accept")


class BudgetAccepted(DestinationReply, frozen=True, kw_only=True):
    proposal: BudgetProposal


class TrialShown(DestinationReply, frozen=True, kw_only=True):
    """changes: what was tried, never empty. asked_s: how far back it was to go; None: as far as anything is known.
    beside: as of `counted_beside`."""

    changes: tuple[NumberChange, ...]
    trial: Trial
    asked_s: int | None
    beside: tuple[Venue, ...] = ()


class BudgetUnknown(DestinationReply, frozen=True, kw_only=True):
    """Nothing was changed."""

    missing: NotEnoughHistory


class QuietShown(DestinationReply, frozen=True, kw_only=True):
    quiet: QuietHours | None


class OutcomeLineChosen(DestinationReply, frozen=True, kw_only=True):
    is_on: bool


class LanguageShown(DestinationReply, frozen=True, kw_only=True):
    lang: str

    @property
    def buttons(self) -> tuple[Button, ...]:
        return tuple(Button(label_key=f"lang_{lang}", action=f"/lang {lang}") for lang in LANGUAGES)


class ZoneShown(DestinationReply, frozen=True, kw_only=True):
    """tz: IANA name. now_s: unix seconds, to show what time it is there."""

    tz: str
    now_s: float


class ZoneUnknown(PlainReply, frozen=True, kw_only=True):
    word: str
    suggestions: tuple[str, ...]

    @property
    def buttons(self) -> tuple[Button, ...]:
        return tuple(Button(label_key=name, action=f"/tz {name}") for name in self.suggestions)


class RouteShown(PlainReply, frozen=True, kw_only=True):
    """audiences: all, the main one first. here: that of the place asked from, None when it is no destination."""

    audiences: tuple[Audience, ...]
    here: Audience | None


class RouteEnded(DestinationReply, frozen=True, kw_only=True):
    """Nothing goes to the place any more that a command or the environment sent there."""


class NoRoute(Enum):
    """Why a route was not changed. The value is the key of the text."""

    MAIN_STAYS = "route_main_stays"
    NONE_HERE = "route_none_here"


class RouteRefused(PlainReply, frozen=True, kw_only=True):
    reason: NoRoute


class ChangesShown(PlainReply, frozen=True, kw_only=True):
    """rows: newest first, each with what it changed."""

    rows: tuple[tuple[RecordedChange, tuple[Difference, ...]], ...]
    now_s: float


class Undone(DestinationReply, frozen=True, kw_only=True):
    """differences: what was taken back, as it is now after it was."""

    change: RecordedChange
    differences: tuple[Difference, ...]
    now_s: float


class UndoRefused(DestinationReply, frozen=True, kw_only=True):
    """What the change had made is not what holds now. differences: from the one to the other."""

    change: RecordedChange
    differences: tuple[Difference, ...]
    now_s: float


class NothingToUndo(PlainReply, frozen=True, kw_only=True):
    pass


class SamplesSent(PlainReply, frozen=True, kw_only=True):
    """kinds: one sample of each is on its way; empty: nothing is routed to the place."""

    kinds: tuple[Kind, ...]


class ConditionsShown(PlainReply, frozen=True, kw_only=True):
    """Those of the place asked from, by id. same_id: of the one that says already what was to be set; None: nothing."""

    conditions: tuple[Condition, ...]
    same_id: int | None = None


class ConditionAdded(PlainReply, frozen=True, kw_only=True):
    """true_at: the price, rate (a fraction) or move (percent) at which it is true already; None: it is not, or nobody
    knows. opposite: the command for the other direction, '' when there is none."""

    condition: Condition
    true_at: float | None = None
    opposite: str = ""

    @property
    def buttons(self) -> tuple[Button, ...]:
        return offered((self.opposite,) if self.true_at is not None and self.opposite else ())


class ConditionsDeleted(PlainReply, frozen=True, kw_only=True):
    conditions: tuple[Condition, ...]


class ConditionUnknown(PlainReply, frozen=True, kw_only=True):
    id: int


class TooManyConditions(PlainReply, frozen=True, kw_only=True):
    limit: int
