"""Everything commands changed, as one value: what state.json holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from altmonitor.core.types import Destination
from altmonitor.settings.conditions import Condition
from altmonitor.settings.overrides import Overrides

NOTHING = Overrides()


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """All that one destination has of its own: what a change is recorded and undone as."""

    overrides: Overrides = NOTHING
    conditions: tuple[Condition, ...] = ()

    def at(self, place: Destination) -> Own:
        """The same at another place, such as the new id of a group."""
        return replace(self, conditions=tuple(replace(condition, place=place) for condition in self.conditions))


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """main: of the main destination. chats: of the others, never an empty one. conditions: of all, by id."""

    main: Overrides = NOTHING
    chats: Mapping[Destination, Overrides] = field(default_factory=lambda: MappingProxyType({}))
    conditions: tuple[Condition, ...] = ()

    def own(self, place: Destination, *, main: Destination) -> Own:
        overrides = self.main if place == main else self.chats.get(place, NOTHING)
        return Own(overrides=overrides, conditions=tuple(c for c in self.conditions if c.place == place))

    def with_own(self, place: Destination, own: Own, *, main: Destination) -> State:
        others = tuple(condition for condition in self.conditions if condition.place != place)
        conditions = tuple(sorted((*others, *own.conditions), key=lambda condition: condition.id))
        if place == main:
            return replace(self, main=own.overrides, conditions=conditions)
        chats = {chat: overrides for chat, overrides in self.chats.items() if chat != place}
        if own.overrides != NOTHING:
            chats[place] = own.overrides
        return replace(self, chats=_sorted(chats), conditions=conditions)

    def moved(self, old: Destination, new: Destination) -> State:
        """After a group became a supergroup. What the new id has of its own already stays."""
        chats: dict[Destination, Overrides] = {}
        for place, overrides in self.chats.items():
            chats.setdefault(moved_place(place, old, new), overrides)
        chats |= {place: overrides for place, overrides in self.chats.items() if place.chat_id != old.chat_id}
        conditions = tuple(replace(c, place=moved_place(c.place, old, new)) for c in self.conditions)
        return replace(self, chats=_sorted(chats), conditions=conditions)

    @property
    def next_condition_id(self) -> int:
        return max((condition.id for condition in self.conditions), default=0) + 1


def moved_place(place: Destination, old: Destination, new: Destination) -> Destination:
    """A group moves with all its topics."""
    return replace(place, chat_id=new.chat_id) if place.chat_id == old.chat_id else place


def _sorted(chats: Mapping[Destination, Overrides]) -> Mapping[Destination, Overrides]:
    return MappingProxyType(dict(sorted(chats.items(), key=lambda item: (item[0].chat_id, item[0].topic_id or 0))))
