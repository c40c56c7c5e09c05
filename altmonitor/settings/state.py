"""Everything commands changed, as one value: what state.json holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from altmonitor.core.alert import DETECTED_KINDS
from altmonitor.core.types import Destination
from altmonitor.settings.audience import Audience, BudgetSetting, Overrides, QuietHours
from altmonitor.settings.conditions import Condition
from altmonitor.settings.presets import PRESETS
from altmonitor.settings.settings import Settings

NOTHING = Overrides()


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationOverrides:
    """All that one destination has of its own: what a change is recorded and undone as."""

    overrides: Overrides = NOTHING
    conditions: tuple[Condition, ...] = ()

    def at(self, destination: Destination) -> DestinationOverrides:
        """The same at another place, such as the new id of a group."""
        return replace(
            self, conditions=tuple(replace(condition, destination=destination) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """main: of the main destination. chats: of the others, never an empty one. conditions: of all, by id."""

    main: Overrides = NOTHING
    chats: Mapping[Destination, Overrides] = field(default_factory=lambda: MappingProxyType({}))
    conditions: tuple[Condition, ...] = ()

    def own(self, destination: Destination, *, main: Destination) -> DestinationOverrides:
        overrides = self.main if destination == main else self.chats.get(destination, NOTHING)
        return DestinationOverrides(
            overrides=overrides, conditions=tuple(c for c in self.conditions if c.destination == destination)
        )

    def with_own(self, destination: Destination, own: DestinationOverrides, *, main: Destination) -> State:
        others = tuple(condition for condition in self.conditions if condition.destination != destination)
        conditions = tuple(sorted((*others, *own.conditions), key=lambda condition: condition.id))
        if destination == main:
            return replace(self, main=own.overrides, conditions=conditions)
        chats = {chat: overrides for chat, overrides in self.chats.items() if chat != destination}
        if own.overrides != NOTHING:
            chats[destination] = own.overrides
        return replace(self, chats=_sorted(chats), conditions=conditions)

    def moved(self, old: Destination, new: Destination) -> State:
        """After a group became a supergroup. What the new id has of its own already stays."""
        chats: dict[Destination, Overrides] = {}
        for destination, overrides in self.chats.items():
            chats.setdefault(moved_destination(destination, old, new), overrides)
        chats |= {
            destination: overrides
            for destination, overrides in self.chats.items()
            if destination.chat_id != old.chat_id
        }
        conditions = tuple(replace(c, destination=moved_destination(c.destination, old, new)) for c in self.conditions)
        return replace(self, chats=_sorted(chats), conditions=conditions)

    @property
    def next_condition_id(self) -> int:
        return max((condition.id for condition in self.conditions), default=0) + 1


def moved_destination(destination: Destination, old: Destination, new: Destination) -> Destination:
    """A group moves with all its topics."""
    return replace(destination, chat_id=new.chat_id) if destination.chat_id == old.chat_id else destination


def _sorted(chats: Mapping[Destination, Overrides]) -> Mapping[Destination, Overrides]:
    return MappingProxyType(dict(sorted(chats.items(), key=lambda item: (item[0].chat_id, item[0].topic_id or 0))))


# ---
# The one reference to what holds now, for every destination. Whoever decides reads it once per decision.


Subscriber = Callable[[tuple[Audience, ...]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentDefaults:
    """What the environment says about destinations. destinations: the main one first, never empty.

    lang, tz, budget_per_day, outcome_line: of the main destination as long as no command changed them.
    presets: channels among the destinations that start from a preset and follow nothing of the main destination.
    """

    destinations: tuple[Destination, ...]
    presets: Mapping[Destination, str] = field(default_factory=lambda: MappingProxyType({}))
    lang: str = "en"
    tz: str = "UTC"
    budget_per_day: int = 0
    outcome_line: bool = True

    @property
    def main(self) -> Destination:
        return self.destinations[0]

    def moved(self, old: Destination, new: Destination) -> EnvironmentDefaults:
        """A group has a new id."""
        destinations = tuple(dict.fromkeys(moved_destination(at, old, new) for at in self.destinations))
        presets = {moved_destination(at, old, new): name for at, name in self.presets.items()}
        return replace(self, destinations=destinations, presets=MappingProxyType(presets))


class SettingsStore:
    """base: what the environment says; a reset of the main destination goes back to it.

    audiences: who is told what, the main one first. Destinations of the environment, plus those that were routed to by
    a command, minus those that were removed by one; the main one cannot be removed.
    """

    def __init__(self, base: Settings, state: State | None = None, *, home: EnvironmentDefaults) -> None:
        self.base = base
        self.home = home
        self.state = state or State()
        self.audiences = self._audiences(self.state)
        self._subscribers: list[Subscriber] = []

    @property
    def main(self) -> Settings:
        return self.audiences[0].settings

    @property
    def current(self) -> Settings:
        """Of the main destination."""
        return self.main

    @property
    def overrides(self) -> Overrides:
        """Of the main destination."""
        return self.state.main

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Wherever an alert may have to go: the audiences', then the places of conditions that are no audience."""
        destinations = (
            *(audience.destination for audience in self.audiences),
            *(c.destination for c in self.state.conditions),
        )
        return tuple(dict.fromkeys(destinations))

    def about(self, destination: Destination) -> Destination:
        """The destination that a command typed at `place` is about: that one, else that of the whole chat, else the
        main one."""
        known = {audience.destination for audience in self.audiences}
        whole_chat = Destination(chat_id=destination.chat_id)
        return next((at for at in (destination, whole_chat) if at in known), self.home.main)

    def audience_at(self, destination: Destination) -> Audience:
        """Whose language, zone and settings count at `place`, which may be no destination of its own."""
        about = self.about(destination)
        return next(audience for audience in self.audiences if audience.destination == about)

    def own(self, destination: Destination) -> DestinationOverrides:
        return self.state.own(destination, main=self.home.main)

    def with_own(self, destination: Destination, own: DestinationOverrides) -> State:
        return self.state.with_own(destination, own, main=self.home.main)

    def would_be(self, destination: Destination, overrides: Overrides) -> Audience:
        """The destination as it would be with these overrides instead of its own."""
        return self._audience(destination, overrides, self._followed(destination, self.state))

    def on_change(self, subscriber: Subscriber) -> None:
        """`subscriber` is called with the new audiences, synchronously, after every swap."""
        self._subscribers.append(subscriber)

    def swap(self, state: State) -> None:
        """Only after the state was saved. Raises ValueError, and changes nothing, for values no command could keep."""
        self.audiences = self._audiences(state)
        self.state = state
        self._publish()

    def rebase(self, base: Settings) -> None:
        """The environment's values as they are from now on, such as thresholds derived for its budget."""
        before, self.base = self.base, base
        try:
            self.audiences = self._audiences(self.state)
        except ValueError:
            self.base = before
            raise
        self._publish()

    def follow_moves(self, where_now: Callable[[Destination], Destination]) -> None:
        """Every group stands under the id it has now. The state is the caller's to save."""
        for destination in self.destinations:
            if (now := where_now(destination)) != destination:
                self.moved(destination, now)

    def moved(self, old: Destination, new: Destination) -> None:
        """A group has a new id. The state is the caller's to save."""
        self.home = self.home.moved(old, new)
        self.swap(self.state.moved(old, new))

    def _publish(self) -> None:
        for subscriber in self._subscribers:
            subscriber(self.audiences)

    def _audiences(self, state: State) -> tuple[Audience, ...]:
        main = self.home.main
        routed = (destination for destination, overrides in state.chats.items() if overrides.kinds)
        others = [
            destination for destination in dict.fromkeys((*self.home.destinations[1:], *routed)) if destination != main
        ]
        found = [self._audience(main, state.main, NOTHING)]
        for destination in others:
            own = state.chats.get(destination, Overrides())
            if own.kinds is None or own.kinds:
                found.append(self._audience(destination, own, self._followed(destination, state)))
        return tuple(found)

    def _followed(self, destination: Destination, state: State) -> Overrides:
        """What holds for a destination where it has nothing of its own."""
        if destination == self.home.main:
            return NOTHING
        preset = self.home.presets.get(destination)
        if preset is None:
            return state.main
        return Overrides(numbers=PRESETS[preset], budget=BudgetSetting(per_day=0))

    def _audience(self, destination: Destination, own: Overrides, followed: Overrides) -> Audience:
        merged = own.following(followed)
        return Audience(
            destination=destination,
            settings=merged.over(self.base),
            kinds=frozenset(DETECTED_KINDS) if merged.kinds is None else merged.kinds,
            is_silent=bool(merged.is_silent),
            silent_kinds=merged.silent_kinds or frozenset(),
            lang=merged.lang or self.home.lang,
            tz=merged.tz or self.home.tz,
            outcome_line=self.home.outcome_line if merged.outcome_line is None else merged.outcome_line,
            quiet=merged.quiet if isinstance(merged.quiet, QuietHours) else None,
            budget_per_day=self.home.budget_per_day if merged.budget is None else merged.budget.per_day,
            is_budget_over=self.home.budget_per_day > 0 and bool(merged.numbers)
            if merged.budget is None
            else merged.budget.is_over,
        )
