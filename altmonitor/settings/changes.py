"""A change as it is recorded: who changed what, and how to put it back."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.core.types import Destination
from altmonitor.settings.state import Own


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who wrote a command. user_id: None for posts of a channel and for programs.

    may_change: False for those who may only read.
    """

    user_id: int | None
    name: str
    may_change: bool = True

    def __str__(self) -> str:
        return self.name if self.user_id is None else f"{self.name} ({self.user_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMade:
    """place: whose settings were changed. command: as typed. undoes: the change it took back, None for all others."""

    at_ms: int
    who: str
    user_id: int | None
    place: Destination
    command: str
    before: Own
    after: Own
    undoes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChange:
    """id: in the order they were made. undone_by: id of the change that took it back."""

    id: int
    made: ChangeMade
    undone_by: int | None = None
