from __future__ import annotations

import pytest

from altmonitor.app.operator_notices import OperatorNotices
from altmonitor.core.errors import ExchangeBlocked, RegionBlocked
from altmonitor.exchanges.binance.rest import binance_guard
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.guard import RestAnswer
from altmonitor.interfaces.exchange import Priority
from altmonitor.render.notices import ExchangeBlockedNotice, Notice
from tests.movable_clock import MovableClock

RESTRICTED = b'{"code":0,"msg":"Service unavailable from a restricted location according to \'b. Eligibility\'"}'


@pytest.mark.parametrize("status", [451, 403])
async def test_a_refusal_for_our_location_is_told_as_one_whatever_its_status(status: int) -> None:
    told: list[Notice] = []
    clock = MovableClock()
    notices = OperatorNotices(clock=clock, publish=lambda notice, not_to: told.append(notice))
    guard = binance_guard("https://exchange", clock=clock, on_change=notices.on_guard)

    async def refuse(target: str) -> RestAnswer:
        return RestAnswer(status, {}, RESTRICTED)

    with pytest.raises(RegionBlocked):
        await guard.fetch(Ask(target="/fapi/v1/time", priority=Priority.UNIVERSE), refuse, wait_s=1.0)

    (notice,) = told
    assert isinstance(notice, ExchangeBlockedNotice)
    assert notice.is_region


async def test_a_ban_is_not_told_as_one_for_our_location() -> None:
    told: list[Notice] = []
    clock = MovableClock()
    notices = OperatorNotices(clock=clock, publish=lambda notice, not_to: told.append(notice))
    guard = binance_guard("https://exchange", clock=clock, on_change=notices.on_guard)

    async def ban(target: str) -> RestAnswer:
        return RestAnswer(418, {"Retry-After": "451"}, b'{"code":-1003,"msg":"banned; region of 451 s"}')

    with pytest.raises(ExchangeBlocked, match="banned"):
        await guard.fetch(Ask(target="/fapi/v1/time", priority=Priority.UNIVERSE), ban, wait_s=1.0)

    (notice,) = told
    assert isinstance(notice, ExchangeBlockedNotice)
    assert not notice.is_region
