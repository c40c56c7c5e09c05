"""Chats that want the same are judged once: 10,000 of them with 200 different settings cost what 200 cost.

The engine knows one audience of each group, its representative; what it is told, all of the group are. Cooldowns and
episodes are the group's: whoever joins one by a change of settings is told from there on what the others are. Quiet
hours, language and the bell are each chat's own, since they are applied where messages are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.interfaces.alerts import AlertSink
from altmonitor.settings.audience import Audience

Key = tuple[object, ...]


class SharedAudiences:
    """members: representative → all of its group, itself first."""

    def __init__(self) -> None:
        self._keys: dict[Destination, tuple[Audience, Key]] = {}
        self._representative: dict[Key, Destination] = {}
        self._of: dict[Destination, Destination] = {}
        self.members: Mapping[Destination, tuple[Destination, ...]] = MappingProxyType({})

    def apply(self, audiences: Sequence[Audience]) -> tuple[tuple[Audience, ...], Callable[[Destination], Destination]]:
        """Returns whom the engine judges for, the main audience first, and how representatives have changed since the
        last time: their group's memory goes with them."""
        by_destination = {audience.destination: audience for audience in audiences}
        groups: dict[Key, list[Destination]] = {}
        keys: dict[Destination, tuple[Audience, Key]] = {}
        for at, audience in by_destination.items():
            known = self._keys.get(at)
            keys[at] = known if known is not None and known[0] == audience else (audience, _key_of(audience))
            groups.setdefault(keys[at][1], []).append(at)
        renamed: dict[Destination, Destination] = {}
        members: dict[Destination, tuple[Destination, ...]] = {}
        representative: dict[Key, Destination] = {}
        main = audiences[0].destination
        for key, group in groups.items():
            before = self._representative.get(key)
            first = main if main in group else before if before in group and before is not None else group[0]
            if before is not None and before != first and before not in group:
                renamed[before] = first
            representative[key] = first
            members[first] = (first, *(at for at in group if at != first))
        self._keys, self._representative, self.members = keys, representative, MappingProxyType(members)
        self._of = {at: first for first, group_of in members.items() for at in group_of}
        order = sorted(members, key=lambda at: at != main)
        return tuple(by_destination[at] for at in order), lambda at: renamed.get(at, at)

    def judged_as(self, destination: Destination) -> Destination:
        """Whom the engine knows in its place; itself where it is in no group."""
        return self._of.get(destination, destination)


def _key_of(audience: Audience) -> Key:
    """What the engine reads of an audience. Mappings of settings have no hash, and are written out."""
    plain = replace(audience, destination=Destination(chat_id=0))
    return (repr(plain.settings), plain.kinds, plain.tz)


class FollowersSink:
    """What a representative is told goes to its whole group; a condition is one person's."""

    def __init__(self, sink: AlertSink, shared: SharedAudiences) -> None:
        self._sink = sink
        self._shared = shared

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        if alert.kind != "condition":
            members = self._shared.members
            to = [at for representative in to for at in members.get(representative, (representative,))]
        self._sink.put(alert, to=to)
