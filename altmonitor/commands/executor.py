"""Where a command from the chat (or HTTP, or a script) is carried out: parse, decide, save, swap, record, answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace

from altmonitor.commands.outcome import (
    BudgetQuery,
    ChangesQuery,
    CommandContext,
    DivergenceQuery,
    HistoryQuery,
    Outcome,
    SampleQuery,
    StateChange,
    StatsQuery,
    StatusQuery,
    StoredQuery,
    SymbolQuery,
    TopQuery,
    UndoQuery,
    WhoQuery,
    WhyQuery,
)
from altmonitor.commands.ports import (
    AlertQueries,
    BudgetQueries,
    ChangeLog,
    MarketQueries,
    SampleSender,
    StateStore,
)
from altmonitor.commands.queries import QueryRunner
from altmonitor.commands.replies import (
    ABOUT_ONE_PLACE,
    NotAvailable,
    NotPermitted,
    Placed,
    PlainReply,
    QueryFailed,
    Reply,
    SaveFailed,
    StatusPin,
    StatusShown,
    Unrecorded,
)
from altmonitor.commands.replies_market import PositionQueries
from altmonitor.commands.replies_settings import (
    BudgetAccepted,
    BudgetProposed,
    BudgetUnknown,
    ConfirmAsked,
    NothingToUndo,
    Undone,
    UndoRefused,
)
from altmonitor.commands.table import COMMAND_OF, BadCommand, Command, NotACommand, parse
from altmonitor.core.errors import StorageError
from altmonitor.core.status import Health
from altmonitor.core.types import Destination
from altmonitor.settings.audience import BudgetSetting, Overrides
from altmonitor.settings.changes import Author, ChangeMade, RecordedChange, differences
from altmonitor.settings.presets import BudgetProposal, NotEnoughHistory
from altmonitor.settings.state import DestinationOverrides, SettingsStore

# ---
# How often somebody who may not change anything is told so.


EVERY_S = 3600.0
REMEMBERED = 1000


class RefusalLimit:
    """Once an hour and user; after that there is silence, so that a group cannot be flooded with refusals."""

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
# Changes that come from what was found elsewhere: a recorded change taken back, proposed thresholds accepted.


def put_back(change: RecordedChange, own: DestinationOverrides, *, now_s: float) -> Outcome:
    """own: what the place of the change has of its own now. Refused when that is not what the change made of it."""
    destination = change.made.destination  # where the group is now; what it was called then stands in the record
    before, after = change.made.before.at(destination), change.made.after.at(destination)
    if own != after:
        return UndoRefused(change=change, differences=differences(after, own), now_s=now_s)
    reply = Undone(change=change, differences=differences(after, before), now_s=now_s)
    return StateChange(own=before, reply=reply, destination=destination, undoes=change.id)


def accept(proposal: BudgetProposal, now: CommandContext) -> Outcome:
    """Raises ValueError for a proposal with numbers out of range."""
    budget = BudgetSetting(per_day=proposal.per_day, numbers=proposal.numbers)
    overrides = replace(now.overrides, budget=budget)
    now.would_be(overrides)
    return StateChange(own=now.with_overrides(overrides), reply=BudgetAccepted(proposal=proposal))


# ---


COMMAND_CHARS_MAX = 200
"""Of a command as it is recorded; only a long list of symbols is cut."""

Decide = Callable[[CommandContext], Awaitable[Outcome]]

_ACTS = (StateChange, ConfirmAsked, BudgetQuery, UndoQuery, SampleQuery, StatusPin)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorDeps:
    """listed: the contracts that exist now, empty before the list was read. alerts: None when history is off.

    changes, market, budget, samples, positions: None where nothing stands behind them; their commands say so.
    """

    holder: SettingsStore
    store: StateStore
    alerts: AlertQueries | None
    health: Callable[[], Health]
    listed: Callable[[], Collection[str]]
    changes: ChangeLog | None = None
    market: MarketQueries | None = None
    budget: BudgetQueries | None = None
    samples: SampleSender | None = None
    positions: PositionQueries | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One command on its way through the desk."""

    command: Command
    typed: str
    who: Author
    destination: Destination
    now_s: float


class CommandExecutor:
    """Any number of messages may be handled at once; changes take turns."""

    def __init__(self, surroundings: ExecutorDeps) -> None:
        self._around = surroundings
        self._asking = QueryRunner(
            alerts=surroundings.alerts,
            market=surroundings.market,
            changes=surroundings.changes,
            samples=surroundings.samples,
            positions=surroundings.positions,
        )
        self._refusal_limit = RefusalLimit()

    async def handle(
        self, text: str, *, who: Author, destination: Destination, now_s: float, bot_name: str | None = None
    ) -> Reply | None:
        """The answer to one message, or to a button's action; None for what is no command of ours, and for somebody
        who may not change anything and was told so within the hour.

        place: where it was typed. now_s: unix seconds. bot_name: see `parse`.
        """
        parsed = parse(text, bot_name=bot_name)
        if isinstance(parsed, NotACommand):
            return None
        if isinstance(parsed, BadCommand):
            return parsed.reply
        asked = _Asked(
            command=parsed, typed=text.strip()[:COMMAND_CHARS_MAX], who=who, destination=destination, now_s=now_s
        )
        now = self._situation(asked)
        outcome = COMMAND_OF[parsed.name].act(parsed.request, now)
        if isinstance(outcome, _ACTS) and not who.may_change:
            return NotPermitted(command=parsed.name) if self._refusal_limit.may_notify(who, now_s) else None
        return await self._follow_up(asked, now, outcome)

    def status(self, *, now_s: float, destination: Destination | None = None) -> StatusShown:
        """As of this moment, for a destination; None: the main one."""
        holder = self._around.holder
        audience = holder.audience_at(holder.home.main if destination is None else destination)
        own = holder.own(audience.destination).overrides
        return StatusShown(
            settings=audience.settings,
            overridden=frozenset(own.numbers_in_force),
            health=self._around.health(),
            now_s=now_s,
            audience=audience,
        )

    async def follow_move(self, old: Destination, new: Destination) -> None:
        """A group has a new id: it keeps its settings, conditions and changes. Raises StorageError when that could not
        be saved; it holds until the program ends all the same."""
        around = self._around
        async with around.store.turn():
            around.holder.moved(old, new)
            if around.changes is not None:
                await around.changes.moved(old, new)
            await around.store.save(around.holder.state, who="the chat service")

    # --- from a request to an answer ---------------------------------------------------------------------------------

    async def _follow_up(self, asked: _Asked, now: CommandContext, outcome: Outcome) -> Reply:
        about = now.audience.destination
        match outcome:
            case StateChange():
                return await self._carry_out(asked, _again(asked.command))
            case UndoQuery():
                return await self._undo(asked)
            case BudgetQuery():
                return await self._budget(asked, now, outcome)
            case StatusQuery():
                return self._placed(self.status(now_s=asked.now_s, destination=asked.destination), about)
            case (
                HistoryQuery()
                | StatsQuery()
                | TopQuery()
                | SymbolQuery()
                | WhyQuery()
                | ChangesQuery()
                | SampleQuery()
                | WhoQuery()
                | StoredQuery()
                | DivergenceQuery()
            ):
                return self._placed(await self._asking.answer(asked.command.name, outcome, now), about)
            case _:
                return self._placed(outcome, about)

    async def _carry_out(self, asked: _Asked, decide: Decide) -> Reply:
        around = self._around
        async with around.store.turn():
            now = self._situation(asked)
            outcome = await decide(now)
            if not isinstance(outcome, StateChange):
                return await self._follow_up(asked, now, outcome)
            destination = outcome.destination or now.audience.destination
            before = around.holder.own(destination)
            state = around.holder.with_own(destination, outcome.own)
            try:
                await around.store.save(state, who=str(asked.who))
            except StorageError as problem:
                return SaveFailed(command=asked.command.name, problem=str(problem))
            around.holder.swap(state)
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
            return await self._recorded(made, self._placed(outcome.reply, destination))

    async def _recorded(self, made: ChangeMade, reply: PlainReply | Placed) -> Reply:
        if self._around.changes is not None:
            try:
                await self._around.changes.record(made)
            except StorageError as problem:
                return Unrecorded(reply=reply, problem=str(problem))
        return reply

    async def _undo(self, asked: _Asked) -> Reply:
        changes = self._around.changes
        if changes is None:
            return NotAvailable(command=asked.command.name)

        async def decide(now: CommandContext) -> Outcome:
            change = await changes.last_undoable({now.destination, now.audience.destination})
            if change is None:
                return NothingToUndo()
            return put_back(change, self._around.holder.own(change.made.destination), now_s=asked.now_s)

        try:
            return await self._carry_out(asked, decide)
        except StorageError as problem:
            return QueryFailed(command=asked.command.name, problem=str(problem))

    async def _budget(self, asked: _Asked, now: CommandContext, query: BudgetQuery) -> Reply:
        if self._around.budget is None:
            return NotAvailable(command=asked.command.name)
        try:
            found = await self._around.budget.propose(query.per_day, audience=now.audience)
        except StorageError as problem:
            return QueryFailed(command=asked.command.name, problem=str(problem))
        about = now.audience.destination
        if isinstance(found, NotEnoughHistory):
            return self._placed(BudgetUnknown(missing=found), about)
        if not query.is_accepted:
            return self._placed(BudgetProposed(proposal=found), about)

        async def decide(later: CommandContext) -> Outcome:
            return accept(found, later)

        return await self._carry_out(asked, decide)

    # --- around it ---------------------------------------------------------------------------------------------------

    def _situation(self, asked: _Asked) -> CommandContext:
        holder = self._around.holder
        audience = holder.audience_at(asked.destination)
        return CommandContext(
            destination=asked.destination,
            who=asked.who,
            audience=audience,
            followed=holder.would_be(audience.destination, Overrides()),
            own=holder.own(audience.destination),
            own_here=holder.own(asked.destination),
            would_be_at=holder.would_be,
            is_home=asked.destination in holder.home.destinations,
            audiences=holder.audiences,
            state=holder.state,
            listed=frozenset(self._around.listed()),
            now_s=asked.now_s,
        )

    def _placed(self, reply: PlainReply, about: Destination) -> PlainReply | Placed:
        holder = self._around.holder
        if len(holder.audiences) == 1 or not isinstance(reply, ABOUT_ONE_PLACE):
            return reply
        return Placed(destination=about, is_main=about == holder.home.main, reply=reply)


def _again(command: Command) -> Decide:
    """Once more when the turn has come: another change may have been made while waiting."""

    async def decide(now: CommandContext) -> Outcome:
        decided: Outcome = COMMAND_OF[command.name].act(command.request, now)
        return decided

    return decide
