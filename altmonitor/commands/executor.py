"""Where a command from the chat (or HTTP, or a script) is carried out: parse, decide, save, swap, record, answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from altmonitor.commands.message import not_understood
from altmonitor.commands.outcome import CommandContext, Deferred, Outcome, Queries, StateChange
from altmonitor.commands.record import status_shown
from altmonitor.commands.replies import (
    DestinationReply,
    NoDestination,
    NotPermitted,
    NotUnderstood,
    Placed,
    PlainReply,
    QueryFailed,
    Reply,
    SaveFailed,
    StatusPin,
    StatusShown,
    Unrecorded,
)
from altmonitor.commands.replies_market import AnswerFailed
from altmonitor.commands.replies_settings import ConfirmAsked
from altmonitor.commands.table import COMMAND_OF, BadCommand, CommandRow, NotACommand, parse
from altmonitor.commands.thresholds import NumberArguments
from altmonitor.core.errors import ExchangeError, StorageError
from altmonitor.core.types import Destination, Venue
from altmonitor.interfaces.storage import StateStore
from altmonitor.settings.audience import Overrides
from altmonitor.settings.changes import Author, ChangeMade
from altmonitor.settings.settings import SETTING_OF, Numbers
from altmonitor.settings.state import SettingsStore

# ---
# How often somebody who may not change anything is told so.


EVERY_S = 3600.0
REMEMBERED = 1000


class RefusalLimit:
    """In groups once an hour and user; after that there is silence, so that a group is not flooded with refusals."""

    def __init__(self) -> None:
        self._told_s: dict[int | str, float] = {}

    def may_notify(self, who: Author, now_s: float) -> bool:
        key: int | str = who.name if who.user_id is None else who.user_id
        told_s = self._told_s.pop(key, None)
        is_due = told_s is None or not 0 <= now_s - told_s < EVERY_S
        self._told_s[key] = now_s if is_due or told_s is None else told_s
        if len(self._told_s) > REMEMBERED:
            del self._told_s[next(iter(self._told_s))]
        return is_due


# ---


COMMAND_CHARS_MAX = 200
"""Of a command as it is recorded; only a long list of symbols is cut."""

_FOR_THOSE_WHO_MAY_CHANGE = (StateChange, ConfirmAsked, Deferred, StatusPin)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorDeps:
    """listed: the contracts that exist now by exchange, the main one first; empty before its list was read."""

    settings_store: SettingsStore
    store: StateStore
    listed: Callable[[], Mapping[Venue, Collection[str]]]
    queries: Queries


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One command on its way through the executor."""

    row: CommandRow[Any]
    request: object
    typed: str
    who: Author
    destination: Destination
    now_s: float


class CommandExecutor:
    """Any number of messages may be handled at once; changes take turns."""

    def __init__(self, deps: ExecutorDeps) -> None:
        self._deps = deps
        self._refusal_limit = RefusalLimit()

    async def handle(
        self, text: str, *, who: Author, destination: Destination, now_s: float, bot_name: str | None = None
    ) -> Reply | None:
        """The answer to one message, or to a button's action; None for what is no command of ours, and for somebody
        who may not change anything and was told so within the hour.

        destination: where it was typed. now_s: unix seconds. bot_name: see `parse`.
        """
        parsed = parse(text, bot_name=bot_name)
        if isinstance(parsed, NotACommand):
            return None
        if isinstance(parsed, BadCommand):
            return parsed.reply
        asked = _Asked(
            row=COMMAND_OF[parsed.name],
            request=parsed.request,
            typed=text.strip()[:COMMAND_CHARS_MAX],
            who=who,
            destination=destination,
            now_s=now_s,
        )
        try:
            return await self._carry_out(asked)
        except StorageError as problem:
            return QueryFailed(command=parsed.name, problem=problem.cause)
        except ExchangeError as problem:
            return AnswerFailed(command=parsed.name, problem=problem.cause)

    async def set_numbers(
        self, numbers: Numbers, *, typed: str, who: Author, destination: Destination, now_s: float
    ) -> Reply | None:
        """Several thresholds at once, for programs: decided, saved and recorded as one command. numbers: by key of
        SETTINGS, never empty, as they are kept; typed: the change in words, for the record. None: `who` may not."""
        asked = _Asked(
            row=COMMAND_OF[SETTING_OF[next(iter(numbers))].command],
            request=NumberArguments(values=tuple(numbers.items())),
            typed=typed[:COMMAND_CHARS_MAX],
            who=who,
            destination=destination,
            now_s=now_s,
        )
        return await self._carry_out(asked)

    def not_understood(self, text: str) -> NotUnderstood:
        """The answer to talk where nothing is left without one; text '' for what is no text."""
        return not_understood(text, self._all_listed())

    def status(self, *, now_s: float, destination: Destination | None = None) -> StatusShown:
        """As of this moment, for a destination; None: the main one."""
        settings_store = self._deps.settings_store
        audience = settings_store.audience_at(settings_store.home.main if destination is None else destination)
        own = settings_store.own(audience.destination).overrides
        deps = self._deps
        return status_shown(audience, own, deps.queries.health(), now_s=now_s, listed=self._all_listed())

    def _all_listed(self) -> frozenset[str]:
        return frozenset().union(*self._deps.listed().values())

    async def follow_move(self, old: Destination, new: Destination) -> None:
        """A group has a new id: it keeps its settings, conditions and changes. Raises StorageError when that could not
        be saved; it holds until the program ends all the same."""
        deps = self._deps
        async with deps.store.turn():
            deps.settings_store.moved(old, new)
            await deps.queries.changes.moved(old, new)
            await deps.store.save(deps.settings_store.state, who="the chat service")

    # --- from arguments to an answer ---------------------------------------------------------------------------------

    async def _carry_out(self, asked: _Asked) -> Reply | None:
        now, row = self._context(asked), asked.row
        if row.answer is not None:
            return self._placed(await row.answer(asked.request, now, self._deps.queries), now.audience.destination)
        outcome = row.act(asked.request, now)
        if isinstance(outcome, _FOR_THOSE_WHO_MAY_CHANGE) and not asked.who.may_change:
            is_told = not asked.destination.is_group or self._refusal_limit.may_notify(asked.who, asked.now_s)
            return NotPermitted(command=row.name) if is_told else None
        if not now.is_destination and not row.is_about_place and isinstance(outcome, _FOR_THOSE_WHO_MAY_CHANGE):
            return NoDestination(command=row.name)
        if not isinstance(outcome, StateChange | Deferred):
            return self._placed(outcome, now.audience.destination)
        async with self._deps.store.turn():
            return await self._change(asked)

    async def _change(self, asked: _Asked) -> Reply:
        """Decided once more now that the turn has come: another change may have been made while waiting."""
        now = self._context(asked)
        if not now.is_destination and not asked.row.is_about_place:
            return NoDestination(command=asked.row.name)
        outcome: Outcome = asked.row.act(asked.request, now)
        while isinstance(outcome, Deferred):
            outcome = await outcome.decide(now, self._deps.queries)
        if not isinstance(outcome, StateChange):
            return self._placed(outcome, now.audience.destination)
        settings_store, destination = self._deps.settings_store, outcome.destination or now.audience.destination
        before = settings_store.own(destination)
        state = settings_store.with_own(destination, outcome.own)
        try:
            await self._deps.store.save(state, who=str(asked.who))
        except StorageError as problem:
            return SaveFailed(command=asked.row.name, problem=problem.cause)
        settings_store.swap(state)
        made = ChangeMade(
            at_ms=int(asked.now_s * 1000),
            who=asked.who.name,
            user_id=asked.who.user_id,
            destination=destination,
            command=asked.typed,
            before=before,
            after=outcome.own,
            undoes=outcome.undoes,
        )
        reply = self._placed(outcome.reply, destination)
        try:
            await self._deps.queries.changes.record(made)
        except StorageError as problem:
            return Unrecorded(reply=reply, problem=problem.cause)
        return reply

    def _context(self, asked: _Asked) -> CommandContext:
        settings_store = self._deps.settings_store
        audience = settings_store.audience_at(asked.destination)
        return CommandContext(
            destination=asked.destination,
            who=asked.who,
            audience=audience,
            followed=settings_store.would_be(audience.destination, Overrides()),
            own=settings_store.own(audience.destination),
            own_here=settings_store.own(asked.destination),
            would_be_at=settings_store.would_be,
            is_destination=_covers(audience.destination, asked.destination),
            is_home=asked.destination in settings_store.home.destinations,
            audiences=settings_store.audiences,
            state=settings_store.state,
            venues={venue: frozenset(symbols) for venue, symbols in self._deps.listed().items()},
            now_s=asked.now_s,
        )

    def _placed(self, reply: PlainReply, about: Destination) -> PlainReply | Placed:
        settings_store = self._deps.settings_store
        if len(settings_store.audiences) == 1 or not isinstance(reply, DestinationReply):
            return reply
        return Placed(destination=about, is_main=about == settings_store.home.main, reply=reply)


def _covers(destination: Destination, place: Destination) -> bool:
    """What goes there is seen at the place: it is that, or the whole chat of a topic."""
    return destination.chat_id == place.chat_id and destination.topic_id in (None, place.topic_id)
