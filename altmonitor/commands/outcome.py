"""What a command is judged against, what it may ask, and what it can come to: an answer or a change to be saved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from altmonitor.commands.replies import PlainReply
from altmonitor.core.alert import Kind
from altmonitor.core.health import Health
from altmonitor.core.outcome import OutcomeSummary
from altmonitor.core.types import Destination, Venue
from altmonitor.detectors.verdict import Explanation
from altmonitor.interfaces.queries import MarketQueries, PositionQueries
from altmonitor.interfaces.storage import AlertQueries, ChangeLog
from altmonitor.interfaces.traders import TraderQueries
from altmonitor.settings.audience import Audience, Overrides
from altmonitor.settings.changes import Author
from altmonitor.settings.presets import BudgetProposal, NotEnoughHistory, Trial
from altmonitor.settings.settings import Settings
from altmonitor.settings.state import DestinationOverrides, State


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """destination: where the command was typed. audience: of the destination it is about, as in force; own: what that
    has of its own; followed: what would hold there with nothing of its own.

    is_destination: alerts go to `destination`, or to its whole chat; else `audience` is another place's.
    own_here: what `destination` itself has of its own, also where it gets no alerts. would_be_at: how a destination
    would look with other overrides. is_home: `destination` is one of the environment. audiences: all, the main one
    first. venues: of every exchange watched the contracts it lists now, the main one first; empty before its list is
    read.
    """

    destination: Destination
    who: Author
    audience: Audience
    followed: Audience
    own: DestinationOverrides
    own_here: DestinationOverrides
    would_be_at: Callable[[Destination, Overrides], Audience]
    is_destination: bool
    is_home: bool
    audiences: tuple[Audience, ...]
    state: State
    venues: Mapping[Venue, frozenset[str]]
    now_s: float

    @property
    def listed(self) -> frozenset[str]:
        """At any exchange: watched and muted is by name, wherever it is traded."""
        return frozenset().union(*self.venues.values())

    @property
    def main_venue(self) -> Venue:
        return next(iter(self.venues))

    @property
    def main_listed(self) -> frozenset[str]:
        """At the exchange that questions are about which know no other."""
        return next(iter(self.venues.values()))

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
class VenueQueries:
    """What is known of one exchange's market.

    explain: (symbol, time in the minute asked for as unix ms or None for now, destination) → why or why not.
    """

    market: MarketQueries
    explain: Callable[[str, int | None, Destination], Awaitable[Explanation]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """What the program knows beside the settings; asked by commands. alerts: None when no history is kept, else so many
    days of it. venues: by exchange watched, the main one first.

    propose_budget: (alerts a day, audience) → thresholds with which the loaded history holds about so many.
    try_settings: (audience in force, as it would be, seconds back or None for all) → what either would have told.
    outcomes: what became of the alerts told so far; None when no history is kept.
    send_samples: one sample alert of every kind routed to the destination goes the real way; which ones.
    traders: followed ones; None where none are asked for.
    All but `health` may raise StorageError, those of the market, of positions and of traders ExchangeError too.
    """

    health: Callable[[], Health]
    alerts: AlertQueries | None
    kept_days: int
    changes: ChangeLog
    venues: Mapping[Venue, VenueQueries]
    positions: PositionQueries
    propose_budget: Callable[[int, Audience], Awaitable[BudgetProposal | NotEnoughHistory]]
    try_settings: Callable[[Audience, Audience, int | None], Awaitable[Trial | NotEnoughHistory]]
    send_samples: Callable[[Destination], Awaitable[Sequence[Kind]]]
    outcomes: Callable[[], Awaitable[OutcomeSummary]] | None
    traders: TraderQueries | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """To be saved and then swapped; `reply` is true only after that. destination: whose own settings become `own`;
    None: of the one the command is about. undoes: id of the recorded change that this takes back."""

    own: DestinationOverrides
    reply: PlainReply
    destination: Destination | None = None
    undoes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """What it comes to must be asked for first, by somebody who may change settings, in the turn of changes."""

    decide: Callable[[CommandContext, Queries], Awaitable[Outcome]]


Outcome = PlainReply | StateChange | Deferred
