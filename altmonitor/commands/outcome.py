"""What a request is judged against, and what it can come to: an answer, a change to be saved, or a question to ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from altmonitor.commands.replies import PlainReply
from altmonitor.commands.replies_market import TopWindow
from altmonitor.core.alert import Kind
from altmonitor.core.types import Destination
from altmonitor.settings.audience import Audience, Overrides
from altmonitor.settings.changes import Author
from altmonitor.settings.settings import Settings
from altmonitor.settings.state import DestinationOverrides, State


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """place: where the command was typed. audience: of the destination it is about, as in force; own: what that has of
    its own; followed: what would hold there with nothing of its own.

    own_here: what `place` itself has of its own, also where it is no destination. would_be_at: how a destination
    would look with other overrides. is_home: `place` is a destination of the environment. audiences: all, the main one
    first. listed: contracts that exist now; empty before the list is read.
    """

    destination: Destination
    who: Author
    audience: Audience
    followed: Audience
    own: DestinationOverrides
    own_here: DestinationOverrides
    would_be_at: Callable[[Destination, Overrides], Audience]
    is_home: bool
    audiences: tuple[Audience, ...]
    state: State
    listed: frozenset[str]
    now_s: float

    @property
    def settings(self) -> Settings:
        return self.audience.settings

    @property
    def base(self) -> Settings:
        return self.followed.settings

    @property
    def overrides(self) -> Overrides:
        return self.own.overrides

    def would_be(self, overrides: Overrides) -> Audience:
        return self.would_be_at(self.audience.destination, overrides)

    def with_overrides(self, overrides: Overrides) -> DestinationOverrides:
        return replace(self.own, overrides=overrides)

    @property
    def is_main(self) -> bool:
        return self.audience.destination == self.audiences[0].destination


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """To be saved and then swapped; `reply` is true only after that. place: whose own settings become `own`; None: of
    the destination the command is about. undoes: id of the recorded change that this takes back."""

    own: DestinationOverrides
    reply: PlainReply
    destination: Destination | None = None
    undoes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    limit: int
    symbol: str | None
    kind: Kind | None
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsQuery:
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusQuery:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TopQuery:
    window: TopWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolQuery:
    about: Literal["price", "oi", "funding", "chart"]
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyQuery:
    """at_ms: None asks about now."""

    symbol: str
    at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetQuery:
    """is_accepted: the thresholds found are to be set."""

    per_day: int
    is_accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesQuery:
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoQuery:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleQuery:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoQuery:
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredQuery:
    """To what a tracker stored. symbol: '' for a scan. minutes: how far back; a scan does not look at it."""

    about: Literal["change", "trend", "scan"]
    symbol: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceQuery:
    symbol: str
    period: str


Query = (
    HistoryQuery
    | StatsQuery
    | StatusQuery
    | TopQuery
    | SymbolQuery
    | WhyQuery
    | BudgetQuery
    | ChangesQuery
    | UndoQuery
    | SampleQuery
    | WhoQuery
    | StoredQuery
    | DivergenceQuery
)
Outcome = PlainReply | StateChange | Query
