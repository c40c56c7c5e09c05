"""What operations reach without a running monitor in this process: stored rows, and the exchange through the guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import msgspec

from altmonitor.app.monitor_client import MonitorClient
from altmonitor.app.other_cohorts import other_cohorts
from altmonitor.app.positioning import (
    COHORT_ANSWER_WITHIN_S,
    LivePositionQueries,
    PositionQueryDeps,
    positioning_deps,
)
from altmonitor.app.traders import trader_providers
from altmonitor.app.wallets import WalletSide, wallet_side
from altmonitor.collect.positioning_lookup import LookupDeps
from altmonitor.config import Config
from altmonitor.core.clock import Clock, timeouts
from altmonitor.core.errors import BudgetExhausted
from altmonitor.core.outcome import OutcomeSummary
from altmonitor.core.status import GuardStatus
from altmonitor.core.types import Destination
from altmonitor.exchanges.binance.smart_money import SmartMoneyWeb
from altmonitor.exchanges.rest.budget import LimitPool
from altmonitor.interfaces.exchange import Priority
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import NoMonitor
from altmonitor.operations.operation import Operation
from altmonitor.positioning.smart_money import Overview
from altmonitor.replay.outcome_summary import read_summary
from altmonitor.replay.outcome_versions import outcome_version, settings_version
from altmonitor.settings.state import SettingsStore
from altmonitor.storage.alert_queries import AlertFile, alert_reader
from altmonitor.storage.score_file import score_store
from altmonitor.storage.snapshot_queries import snapshot_reader
from altmonitor.storage.state_file import base_settings, home_of, stored_state
from altmonitor.storage.wallets import WalletsFile

NOWHERE: Final = Destination(chat_id=0)
"""Stands for the main chat where none is set."""

WEBSITE_QUESTIONS: Final = 4
"""A minute, of this process."""

OUTCOMES_KEPT_S: Final = 60.0

ASKING: Final = Priority.UNIVERSE
"""Behind the enrichment of alerts, for which the guard keeps a part of every budget free."""


class RationedSmartMoney:
    """`SmartMoney` for a program whose questions nobody foresees.

    The website answers ten a minute from this address, for alerts and the tracker first. What is kept costs nothing.
    """

    def __init__(self, website: SmartMoneyWeb, *, clock: Clock) -> None:
        self._website = website
        self._clock = clock
        self._asked = LimitPool(limit=WEBSITE_QUESTIONS, window_s=60.0)

    async def overview(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Overview | None:
        if is_fresh or not self._website.has_answer(symbol):
            now_s = self._clock.monotonic()
            wait_s = self._asked.wait_s(now_s)
            if wait_s > 0:
                raise BudgetExhausted(f"our own share of its requests is used up for {wait_s:.0f} s")
            self._asked.take(now_s)
        return await self._website.overview(symbol, priority=priority, is_fresh=is_fresh)

    def guard_status(self) -> GuardStatus:
        return self._website.guard_status()


class KeptOutcomes:
    """What followed the stored alerts, for a minute: to reckon it takes seconds over ten thousand of them, and whoever
    looks at a page looks again. Who asks while it is being reckoned waits for that answer.

    read: of a version of the settings.
    """

    def __init__(self, read: Callable[[str], Awaitable[OutcomeSummary]], *, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._turn = asyncio.Lock()
        self._known: tuple[str, float, OutcomeSummary] | None = None

    async def of(self, settings: str) -> OutcomeSummary:
        """Raises: StorageError."""
        async with self._turn:
            now_s = self._clock.monotonic()
            if self._known is not None and self._known[0] == settings and now_s - self._known[1] < OUTCOMES_KEPT_S:
                return self._known[2]
            found = await self._read(settings)
            self._known = settings, self._clock.monotonic(), found
            return found


def stored_context(config: Config, *, clock: Clock) -> OperationContext:
    """Only what is stored. Files are opened for each look (outcomes: once a minute): a monitor or a tracker may come,
    go and replace them."""

    async def settings() -> SettingsStore:
        home = home_of(config, config.chats or (NOWHERE,))
        return SettingsStore(base_settings(config), await stored_state(config, clock=clock), home=home)

    async def read_outcomes(version: str) -> OutcomeSummary:
        async with alert_reader(config.alerts_at, clock=clock) as alerts:
            return await read_summary(
                alerts.outcomes, detectors=outcome_version, settings=version, fee_pct=config.taker_fee_pct
            )

    kept_outcomes = KeptOutcomes(read_outcomes, clock=clock)

    async def outcomes() -> OutcomeSummary:
        return await kept_outcomes.of(settings_version((await settings()).audiences)[0])

    return OperationContext(
        config=config,
        clock=clock,
        settings=settings,
        snapshots=lambda: snapshot_reader(config.smart_money_db_path, clock=clock),
        alerts=AlertFile(config.alerts_at, clock=clock),
        outcomes=outcomes,
        wallets=WalletsFile(config.smart_money_db_path, clock=clock),
        scores=score_store(config, clock=clock),
    )


@asynccontextmanager
async def asking_context(
    config: Config, *, clock: Clock, wallets: WalletSide | None = None
) -> AsyncIterator[OperationContext]:
    """The same and the exchange, through the guard whose refusals and request counts all processes share.

    wallets: where this process watches them itself. Raises: ConfigError for a proxy that cannot be used.
    """
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(positioning_deps(config, clock=clock))
        others = await stack.enter_async_context(other_cohorts(config, clock=clock))
        if wallets is None:
            wallets = await stack.enter_async_context(wallet_side(config, clock=clock))
        traders = await stack.enter_async_context(trader_providers(config, clock=clock, wallets=wallets))
        positions = LivePositionQueries(
            PositionQueryDeps(
                clock=clock,
                live=LookupDeps(
                    smart_money=RationedSmartMoney(client.smart_money, clock=clock), positioning=client.positioning
                ),
                cohorts=client.positioning,
                day=lambda symbol: None,
                tracked=config.smart_money_db_path,
                answer_within_s=timeouts(clock, 2 * COHORT_ANSWER_WITHIN_S),
                priority=ASKING,
                period=config.top_trader_period,
            )
        )
        yield replace(
            stored_context(config, clock=clock),
            rest=client.rest,
            positions=positions,
            cohorts={**others, "binance": client.positioning},
            wallets=wallets,
            traders=traders,
        )


class StandaloneOperations:
    """Answers operations here, and by a monitor beside this process what only that one knows."""

    def __init__(self, context: OperationContext, monitor: MonitorClient) -> None:
        self._context = context
        self._monitor = monitor

    async def answer(self, row: Operation[Any, Any], arguments: msgspec.Struct) -> Any:
        """Raises: OperationError."""
        try:
            return await row.answer(self._context, arguments)
        except NoMonitor:
            return await self._monitor.answer(row, arguments)


@asynccontextmanager
async def standalone_operations(config: Config, *, clock: Clock) -> AsyncIterator[StandaloneOperations]:
    """Raises: ConfigError for a proxy that cannot be used."""
    async with asking_context(config, clock=clock) as context, MonitorClient(config) as monitor:
        yield StandaloneOperations(context, monitor)
