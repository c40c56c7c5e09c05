"""/alert: what can be asked for, where it is kept, and taking it away."""

from __future__ import annotations

import pytest

from altmonitor.commands.conditions import CONDITIONS_MAX
from altmonitor.commands.replies import Refused, SymbolsRefused, UniverseUnknown
from altmonitor.commands.replies_settings import (
    ConditionAdded,
    ConditionsDeleted,
    ConditionsShown,
    ConditionUnknown,
    TooManyConditions,
)
from altmonitor.core.errors import ExchangeError
from altmonitor.core.types import Destination
from altmonitor.settings.conditions import Condition, FundingCrosses, Predicate, PriceCrosses, PriceMoves
from tests.commands.executor_kit import GROUP, MAIN, NOW_S, Desk

PRIVATE = Destination(chat_id=55)


@pytest.mark.parametrize(
    ("typed", "symbol", "predicate"),
    [
        ("BTC > 70000", "BTCUSDT", PriceCrosses(side="above", level=70_000.0)),
        ("btc>70k", "BTCUSDT", PriceCrosses(side="above", level=70_000.0)),
        ("btc ≥ 70.5k", "BTCUSDT", PriceCrosses(side="above", level=70_500.0)),
        ("btc price < 0,5", "BTCUSDT", PriceCrosses(side="below", level=0.5)),
        ("btc below 60000", "BTCUSDT", PriceCrosses(side="below", level=60_000.0)),
        ("pump above 0.0000012345", "PUMPUSDT", PriceCrosses(side="above", level=0.0000012345)),
        ("SOL move 5m 4", "SOLUSDT", PriceMoves(window="5m", pct=4.0)),
        ("sol MOVE 15M 7.5%", "SOLUSDT", PriceMoves(window="15m", pct=7.5)),
        ("BTC funding > 0.05%", "BTCUSDT", FundingCrosses(side="above", rate=0.0005)),
        ("btc funding<-0,01", "BTCUSDT", FundingCrosses(side="below", rate=-0.0001)),
        ("币安人生 > 1", "币安人生USDT", PriceCrosses(side="above", level=1.0)),
    ],
)
async def test_a_condition_is_kept_as_it_was_meant(typed: str, symbol: str, predicate: Predicate) -> None:
    desk = Desk()
    reply = await desk(f"/alert {typed}", at=PRIVATE)
    expected = Condition(
        id=1,
        destination=PRIVATE,
        owner_id=7,
        owner_name="ann",
        text=typed,
        created_s=NOW_S,
        symbol=symbol,
        predicate=predicate,
    )
    assert reply == ConditionAdded(condition=expected)
    assert desk.store.states[-1].conditions == (expected,)
    assert desk.settings_store.destinations == (MAIN, PRIVATE)


async def test_a_symbol_that_is_not_listed_is_refused() -> None:
    assert isinstance(await Desk()("/alert notacoin > 5"), SymbolsRefused)
    assert await Desk(listed=())("/alert btc > 5") == UniverseUnknown(command="alert")


async def test_the_same_condition_is_not_set_twice_in_one_place() -> None:
    desk = Desk()
    await desk("/alert btc > 70000")
    again = await desk("/alert BTCUSDT > 70k")
    assert isinstance(again, ConditionsShown)
    assert len(desk.settings_store.state.conditions) == 1
    await desk("/alert btc > 70000", at=GROUP)
    assert [c.destination for c in desk.settings_store.state.conditions] == [MAIN, GROUP]


async def test_conditions_are_listed_and_deleted_where_they_were_set() -> None:
    desk = Desk()
    await desk("/alert btc > 70000")
    await desk("/alert sol move 5m 4", at=GROUP)
    here = await desk("/alert")
    assert isinstance(here, ConditionsShown)
    assert [c.id for c in here.conditions] == [1]
    assert await desk("/alert delete 2") == ConditionUnknown(id=2)
    gone = await desk("/alert delete #2", at=GROUP)
    assert isinstance(gone, ConditionsDeleted)
    assert [c.id for c in gone.conditions] == [2]
    await desk("/alert delete all yes")
    assert desk.settings_store.state.conditions == ()


async def test_a_number_that_is_used_again_is_another_condition() -> None:
    desk = Desk()
    await desk("/alert btc > 70000")
    first = desk.settings_store.state.conditions[0]
    await desk("/alert delete 1")
    desk.now_s += 60
    await desk("/alert btc > 70000")
    second = desk.settings_store.state.conditions[0]
    assert (first.id, second.id) == (1, 1)
    assert first.key != second.key


async def test_there_is_a_limit_for_one_place() -> None:
    desk = Desk()
    for level in range(1, CONDITIONS_MAX + 1):
        await desk(f"/alert btc > {level}")
    assert await desk("/alert btc > 1000") == TooManyConditions(limit=CONDITIONS_MAX)
    assert isinstance(await desk("/alert btc > 1000", at=GROUP), ConditionAdded)


async def test_what_is_true_already_is_said_and_the_other_direction_offered() -> None:
    desk = Desk()
    findings = {}
    for text in (
        "/alert sol > 100",
        "/alert sol < 100",
        "/alert sol < 200",
        "/alert sol > 150.25",
        "/alert sol funding > 0.005%",
        "/alert sol funding > 0.05%",
        "/alert sol move 1m 0.5",
        "/alert sol move 1m 0.6",
        "/alert btc > 1",  # its price is not known
    ):
        reply = await desk(text)
        assert isinstance(reply, ConditionAdded)
        findings[text] = (reply.true_at, [button.action for button in reply.buttons])
    assert findings == {
        "/alert sol > 100": (150.25, ["/alert SOLUSDT < 100"]),
        "/alert sol < 100": (None, []),
        "/alert sol < 200": (150.25, ["/alert SOLUSDT > 200"]),
        "/alert sol > 150.25": (150.25, ["/alert SOLUSDT < 150.25"]),
        "/alert sol funding > 0.005%": (0.0001, ["/alert SOLUSDT funding < 0.005%"]),
        "/alert sol funding > 0.05%": (None, []),
        "/alert sol move 1m 0.5": (0.5, []),
        "/alert sol move 1m 0.6": (None, []),
        "/alert btc > 1": (None, []),
    }


async def test_a_condition_is_set_although_nobody_can_say_whether_it_is_true() -> None:
    desk = Desk()
    desk.market.problem = ExchangeError("no answer in time")
    assert isinstance(await desk("/alert sol > 100"), ConditionAdded)
    assert len(desk.settings_store.state.conditions) == 1


async def test_a_level_without_a_direction_is_offered_in_both() -> None:
    reply = await Desk()("/alert sol 100")
    assert isinstance(reply, Refused)
    assert [button.action for button in reply.buttons] == ["/alert sol > 100", "/alert sol < 100"]
