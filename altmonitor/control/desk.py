"""Where a command from the chat (or HTTP, or a script) is carried out: parse, decide, save, swap, answer."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from altmonitor.control.changes import Change, HistoryQuery, Outcome, Situation, StatsQuery, StatusQuery
from altmonitor.control.commands import COMMAND_OF
from altmonitor.control.parse import BadCommand, Command, NotACommand, parse
from altmonitor.control.ports import AlertQueries, HealthView, SettingsStore
from altmonitor.control.replies import (
    HistoryOff,
    HistoryShown,
    QueryFailed,
    Reply,
    SaveFailed,
    StatsShown,
    StatusShown,
)
from altmonitor.control.settings import SettingsHolder
from altmonitor.errors import StorageError

STATS_TOP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """listed: the contracts that exist now, empty before the list was read. alerts: None when history is off."""

    holder: SettingsHolder
    store: SettingsStore
    alerts: AlertQueries | None
    health: Callable[[], HealthView]
    listed: Callable[[], Collection[str]]


class CommandDesk:
    """Any number of messages may be handled at once; changes take turns."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings

    async def handle(self, text: str, *, who: str, now_s: float, bot_name: str | None = None) -> Reply | None:
        """The answer to one message; None for what is no command of ours.

        who: for the record, such as `user 123 in chat -100456`. now_s: unix seconds. bot_name: see `parse`.
        """
        parsed = parse(text, bot_name=bot_name)
        if isinstance(parsed, NotACommand):
            return None
        if isinstance(parsed, BadCommand):
            return parsed.reply
        outcome = self._decide(parsed, now_s)
        if isinstance(outcome, Change):
            return await self._carry_out(parsed, who=who, now_s=now_s)
        if isinstance(outcome, HistoryQuery | StatsQuery):
            return await self._ask(parsed, outcome, now_s)
        if isinstance(outcome, StatusQuery):
            return self.status(now_s=now_s)
        return outcome

    def status(self, *, now_s: float) -> StatusShown:
        """As of this moment."""
        return StatusShown(
            settings=self._around.holder.current,
            overridden=frozenset(self._around.holder.overrides.numbers),
            health=self._around.health(),
            now_s=now_s,
        )

    def _decide(self, command: Command, now_s: float) -> Outcome:
        holder = self._around.holder
        situation = Situation(
            settings=holder.current,
            base=holder.base,
            overrides=holder.overrides,
            listed=frozenset(self._around.listed()),
            now_s=now_s,
        )
        return COMMAND_OF[command.name].act(command.request, situation)

    async def _carry_out(self, command: Command, *, who: str, now_s: float) -> Reply | None:
        async with self._around.store.turn():
            outcome = self._decide(command, now_s)  # again: another change may have come while waiting for the turn
            if not isinstance(outcome, Change):
                return outcome if isinstance(outcome, Reply) else None
            try:
                await self._around.store.save(outcome.overrides, who=who)
            except StorageError as problem:
                return SaveFailed(command=command.name, problem=str(problem))
            self._around.holder.swap(outcome.overrides)
            return outcome.reply

    async def _ask(self, command: Command, query: HistoryQuery | StatsQuery, now_s: float) -> Reply:
        alerts = self._around.alerts
        if alerts is None:
            return HistoryOff(command=command.name)
        try:
            if isinstance(query, StatsQuery):
                found = await alerts.stats(since_s=now_s - query.hours * 3600, top=STATS_TOP)
                return StatsShown(hours=query.hours, stats=found)
            rows = await alerts.recent(limit=query.limit, symbol=query.symbol, kind=query.kind)
        except StorageError as problem:
            return QueryFailed(command=command.name, problem=str(problem))
        return HistoryShown(
            alerts=rows,
            limit=query.limit,
            symbol=query.symbol,
            kind=query.kind,
            now_s=now_s,
            suggestions=() if rows else query.suggestions,
        )
