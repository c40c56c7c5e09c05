"""Answers about one destination's own settings: route, quiet hours, language, presets, budget, undo, conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from altmonitor.commands.replies import Button, DestinationReply, PlainReply, confirm
from altmonitor.core.alert import Kind
from altmonitor.core.types import LANGUAGES
from altmonitor.settings.audience import Audience, QuietHours
from altmonitor.settings.changes import Difference, RecordedChange
from altmonitor.settings.conditions import Condition
from altmonitor.settings.presets import PRESETS, BudgetProposal, NotEnoughHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmAsked(DestinationReply):
    """Nothing was changed yet. action: the command that asks again, such as `/watch all`. losses: what it would end."""

    command: str
    action: str
    losses: tuple[Difference, ...]

    @property
    def buttons(self) -> tuple[Button, ...]:
        return confirm(self.action)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(DestinationReply):
    """differences: in force before and after, never empty; old may equal new. is_reset: nothing of its own any more."""

    differences: tuple[Difference, ...]
    is_reset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolNumbersShown(DestinationReply):
    """rows: symbol → its own numbers, those of one symbol when `symbol` is not ''."""

    rows: Mapping[str, Mapping[str, float | int]]
    symbol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetsShown(DestinationReply):
    """current: the one whose numbers are all in force; '' when none."""

    current: str

    @property
    def buttons(self) -> tuple[Button, ...]:
        return tuple(Button(label_key=f"preset_{name}", action=f"/preset {name}") for name in PRESETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetShown(DestinationReply):
    """per_day: in force, 0: none. numbers: the thresholds it set."""

    per_day: int
    numbers: Mapping[str, float | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetProposed(DestinationReply):
    proposal: BudgetProposal

    @property
    def buttons(self) -> tuple[Button, ...]:
        return confirm(f"/budget {self.proposal.per_day}", label_key="budget_accept")


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAccepted(DestinationReply):
    proposal: BudgetProposal


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUnknown(DestinationReply):
    """Nothing was changed."""

    missing: NotEnoughHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietShown(DestinationReply):
    quiet: QuietHours | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageShown(DestinationReply):
    lang: str

    @property
    def buttons(self) -> tuple[Button, ...]:
        return tuple(Button(label_key=f"lang_{lang}", action=f"/lang {lang}") for lang in LANGUAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneShown(DestinationReply):
    """tz: IANA name. now_s: unix seconds, to show what time it is there."""

    tz: str
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneUnknown(PlainReply):
    word: str
    suggestions: tuple[str, ...]

    @property
    def buttons(self) -> tuple[Button, ...]:
        return tuple(Button(label_key=name, action=f"/tz {name}") for name in self.suggestions)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteShown(PlainReply):
    """audiences: all, the main one first. here: that of the place asked from, None when it is no destination."""

    audiences: tuple[Audience, ...]
    here: Audience | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteEnded(DestinationReply):
    """Nothing goes to the place any more that a command or the environment sent there."""


class NoRoute(Enum):
    """Why a route was not changed. The value is the key of the text."""

    MAIN_STAYS = "route_main_stays"
    NONE_HERE = "route_none_here"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRefused(PlainReply):
    reason: NoRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesShown(PlainReply):
    """rows: newest first, each with what it changed."""

    rows: tuple[tuple[RecordedChange, tuple[Difference, ...]], ...]
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone(DestinationReply):
    """differences: what was taken back, as it is now after it was."""

    change: RecordedChange
    differences: tuple[Difference, ...]
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRefused(DestinationReply):
    """What the change had made is not what holds now. differences: from the one to the other."""

    change: RecordedChange
    differences: tuple[Difference, ...]
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingToUndo(PlainReply):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesSent(PlainReply):
    """kinds: one sample of each is on its way; empty: nothing is routed to the place."""

    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionsShown(PlainReply):
    """Those of the place asked from, by id."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionAdded(PlainReply):
    condition: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionsDeleted(PlainReply):
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionUnknown(PlainReply):
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyConditions(PlainReply):
    limit: int
