"""A process that speaks in chats follows what is set, also while the database is away in between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from altmonitor.app.notify import ChatNotifier
from altmonitor.config import load
from altmonitor.core.errors import StorageError
from altmonitor.settings.state import State
from tests.movable_clock import T0, MovableClock, at_work


class Database:
    """version: of the settings. fails: so many of the questions behind the first of each look."""

    def __init__(self) -> None:
        self.version = 1
        self.fails = 0
        self.tokens: object = None

    async def read_state(self) -> tuple[int, State]:
        return self.version, State()

    async def moves(self) -> dict[str, str]:
        if self.fails:
            self.fails -= 1
            raise StorageError("away")
        return {}

    def wake(self) -> None:
        pass


async def nothing() -> None:
    pass


async def test_settings_that_changed_while_the_database_went_away_are_used_once_it_is_back() -> None:
    clock, database, used = MovableClock(T0), Database(), list[int]()
    notifier = ChatNotifier(
        cast(
            Any,
            SimpleNamespace(
                clock=clock,
                config=load({"TG_TOKEN": "1:x", "TG_CHAT_ID": "1"}, env_file=None)[0],
                outbox=database,
                read_state=database.read_state,
                leases=None,
                name="one",
                own_posts=None,
                bots=SimpleNamespace(known={}, share=lambda members: None),
            ),
        )
    )
    notifier.styles = cast(Any, SimpleNamespace(apply=lambda audiences: used.append(database.version)))
    kept = SimpleNamespace(load=nothing, known={})
    notifier._names = notifier._chat_bots = notifier._market_line = cast(Any, kept)
    await notifier._read_settings()
    async with at_work(notifier._follow_settings(), on=clock):
        await clock.advance(3)
        database.version, database.fails = 2, 2
        await clock.advance(6)
        assert used == [2]
        await clock.advance(3)
    assert used == [2]
