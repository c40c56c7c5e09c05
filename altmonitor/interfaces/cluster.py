"""What the processes of a cluster hand to one another through the database. storage/ stands behind it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination

LEADER = "feed"
"""Whoever holds the lease of this name writes what the market does."""
SHARDS = 64
"""Chats are taken by notifiers in so many parts: enough for a fair share each, few enough to renew in one statement."""


def shard_of(chat_id: int) -> int:
    """0…63; as the database reckons it. All topics of a chat are in one."""
    return abs(chat_id) % SHARDS


def shard_lease(shard: int) -> str:
    """Whoever holds it sends what waits in the chats of this shard."""
    return f"notify:{shard}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Something to be said or done in a chat. destination: None stands for every notifier. to_feed: the feed that leads
    is to know it of that chat. id: 0 until it is stored."""

    destination: Destination | None
    body: bytes
    created_ms: int
    to_feed: bool = False
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PostEnd:
    """message_id: 0 where it was no message. problem: name of the error that ended it, '' when it was carried out."""

    message_id: int = 0
    problem: str = ""


class PostBox(Protocol):
    """Each method is one transaction; all may raise `errors.StorageError`."""

    async def put(self, posts: Sequence[Post]) -> Sequence[int]:
        """Returns their ids, in order; a later one is larger."""

    async def waiting(self, shards: Collection[int], *, after_id: int) -> Sequence[Post]:
        """By id: what has not ended in chats of these shards, and what is for every notifier and newer than that id."""

    async def waiting_for_feed(self) -> Sequence[Post]:
        """By id: what notifiers told and the feed has not read."""

    async def newest_id(self) -> int:
        """Of all that were put so far; 0 without any."""

    async def end(self, post_id: int, end: PostEnd) -> None: ...
    async def ended(self, post_ids: Collection[int]) -> Mapping[int, PostEnd]:
        """Those of them that have."""

    async def prune(self, *, before_ms: int) -> None:
        """Deletes what was created before."""


class FoundAlert(NamedTuple):
    """What one feed has decided to tell, and whom."""

    alert: Alert
    destinations: tuple[Destination, ...]


class HandOver(Protocol):
    """Alerts that a feed found while it led and could not store before another one did: whoever leads decides about
    them. Both methods are one transaction and may raise `errors.StorageError`."""

    async def put(self, found: Sequence[FoundAlert]) -> None:
        """One with a key that is there already, or that is stored, changes nothing."""

    async def waiting(self) -> Sequence[FoundAlert]:
        """In the order of their events."""
