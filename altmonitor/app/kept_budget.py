"""`ALERT_BUDGET_PER_DAY`: thresholds that follow from the day before, as long as the program runs."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace

from altmonitor.core.clock import Clock
from altmonitor.replay.recorder import Recorder
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import BudgetProposal, NotEnoughHistory
from altmonitor.settings.settings import Settings
from altmonitor.settings.state import SettingsStore

log = logging.getLogger(__name__)

FIRST_EVERY_S = 60.0
"""Between two looks as long as history is still being read."""
LISTED_EVERY_S = 0.5
EVERY_S = 6 * 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBudgetDeps:
    """propose: thresholds for so many alerts a day. listed: the contracts that are watched; none before the first list
    was read."""

    per_day: int
    settings_store: SettingsStore
    recorder: Recorder
    propose: Callable[[int, Audience], Awaitable[BudgetProposal | NotEnoughHistory]]
    listed: Callable[[], Collection[str]]
    clock: Clock


class KeptBudget:
    """The environment's budget: its thresholds stand under whatever a command sets, and are never below those that the
    environment names: a quiet day must not open the gates for the next one."""

    def __init__(self, deps: KeptBudgetDeps) -> None:
        self._deps = deps
        self._base = deps.settings_store.base

    async def run(self) -> None:
        """Until cancelled."""
        recorder = self._deps.recorder
        recorder.want_day()
        await recorder.loaded()
        while not self._deps.listed():
            await self._deps.clock.sleep(LISTED_EVERY_S)
        while True:
            is_whole_day = recorder.is_day_read  # before: what comes in meanwhile is not in the proposal
            await recorder.catch_up()
            await self._propose()
            await self._deps.clock.sleep(EVERY_S if is_whole_day else FIRST_EVERY_S)

    async def _propose(self) -> None:
        settings_store, base = self._deps.settings_store, self._base
        audience = replace(settings_store.audiences[0], settings=base)
        proposal = await self._deps.propose(self._deps.per_day, audience)
        if isinstance(proposal, NotEnoughHistory):
            return
        numbers = raised(base, proposal.numbers)
        if any(value != getattr(settings_store.base, key) for key, value in numbers.items()):
            log.info("thresholds for %d alerts a day: %s", proposal.per_day, _shown(numbers))
            settings_store.rebase(replace(base, **numbers))  # type: ignore[arg-type]  # keys of SETTINGS


def raised(base: Settings, numbers: Mapping[str, float | int]) -> dict[str, float | int]:
    """Of a proposal, each threshold or the environment's, whichever is further from zero."""
    return {key: max(value, getattr(base, key), key=abs) for key, value in numbers.items()}


def _shown(numbers: Mapping[str, float | int]) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in numbers.items())
