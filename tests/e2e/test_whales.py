"""The line about whales comes with its alert or not at all; whatever the website does, the alert itself is unmoved."""

from __future__ import annotations

import re
from pathlib import Path

from altmonitor.exchanges.binance.smart_money import PATH
from altmonitor.sim.control import RestFault
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.positioning import Traders
from altmonitor.sim.script import Dump, Pump
from tests.e2e.stage import READER, START_MS, SYMBOLS, Stage, stage, usdt_perpetuals

COVERED = SYMBOLS[0]
LARGE = SeededMarket(seed=3, start_ms=START_MS, symbols=160)
FOLLOWED = {contract.symbol for contract in LARGE.contracts() if Traders(LARGE).are_followed(contract, START_MS)}
UNCOVERED = next(symbol for symbol in usdt_perpetuals(LARGE) if symbol not in FOLLOWED)
LINE = re.compile(r"🐋 Whales: long at [\d.,]+, \d+ % in profit · short at [\d.,]+, \d+ % in profit")
LOOKUP_S, EDIT_S = 2.0, 3.0
"""The line is learned within two seconds; an edit is sent two seconds after its message, and a busy machine is late."""

SPEED = 2.5
START_S = 112


async def time_is_over(here: Stage) -> None:
    """Whatever would have been learned has been, and edited in."""
    await here.clock.sleep(2 * (LOOKUP_S + EDIT_S))


async def test_an_alert_of_a_covered_symbol_gets_its_line_and_link_by_an_edit(tmp_path: Path) -> None:
    async with stage(tmp_path, Pump(COVERED, START_MS + 130_000, 4.0, over_s=5), speed=SPEED, start_s=START_S) as here:
        message = await here.said(f"PUMP {COVERED}", within_s=120)
        told_ms = message.date_ms
        await here.until(lambda: LINE.search(message.text) is not None, within_s=LOOKUP_S + EDIT_S)
        assert f'<a href="https://www.binance.com/en/smart-money/signal/{COVERED}">Whales</a>' in message.html
        (alert,) = [a for a in await here.alerts() if a.symbol == COVERED]
        assert alert.details.whales is not None
        assert 0 <= alert.details.whales.age_s < 10
        assert told_ms - alert.event_ms < 3_000
        assert here.exchange.stats.requests(PATH) == 1
        assert here.telegram.violations == []


async def test_an_alert_of_a_symbol_nobody_is_followed_in_shows_neither(tmp_path: Path) -> None:
    async with stage(
        tmp_path, Pump(UNCOVERED, START_MS + 130_000, 4.0, over_s=5), speed=SPEED, start_s=START_S, symbols=160
    ) as here:
        message = await here.said(f"PUMP {UNCOVERED}", within_s=120)
        await time_is_over(here)
        assert here.exchange.stats.requests(PATH) >= 1
        assert "🐋" not in message.text
        assert "smart-money" not in message.html


async def test_a_slow_website_delays_no_alert(tmp_path: Path) -> None:
    async with stage(tmp_path, Dump(COVERED, START_MS + 130_000, 4.0, over_s=5), speed=SPEED, start_s=START_S) as here:
        here.exchange.faults.rest[PATH] = RestFault(delay_s=60)
        message = await here.said(f"DUMP {COVERED}", within_s=120)
        await time_is_over(here)
        (alert,) = [a for a in await here.alerts() if a.symbol == COVERED]
        assert message.date_ms - alert.event_ms < 3_000
        assert "🐋" not in message.text


async def test_a_website_that_refuses_is_told_once_and_alerts_go_on_without_it(tmp_path: Path) -> None:
    script = (
        Dump(COVERED, START_MS + 130_000, 4.0, over_s=5),
        Pump(COVERED, START_MS + 200_000, 5.0, over_s=5),
    )
    async with stage(tmp_path, *script, speed=10, start_s=START_S) as here:
        here.exchange.faults.rest[PATH] = RestFault(status=418, retry_after="14400")
        first = await here.said(f"DUMP {COVERED}", within_s=120)
        await here.said("The exchange's website refuses our requests", within_s=60)
        second = await here.said(f"PUMP {COVERED}", within_s=300)
        await time_is_over(here)
        assert here.exchange.stats.requests(PATH) == 1
        assert here.count("website refuses") == 1
        assert "🐋" not in first.text + second.text
        assert here.app.market.rest.guard_status().state == "open"
        assert (tmp_path / "website-block.json").exists()


async def test_both_switched_off_ask_the_website_nothing(tmp_path: Path) -> None:
    async with stage(
        tmp_path,
        Pump(COVERED, START_MS + 130_000, 4.0, over_s=5),
        speed=10,
        start_s=START_S,
        SMART_MONEY_LOOKUP="false",
        SMART_MONEY_LINK="false",
    ) as here:
        message = await here.said(f"PUMP {COVERED}", within_s=120)
        await time_is_over(here)
        assert here.exchange.stats.requests(PATH) == 0
        assert "🐋" not in message.text


async def test_who_and_div_are_answered_from_the_running_program(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=10, start_s=START_S, symbols=160) as here:
        await here.is_live()
        for command in (f"/who {COVERED}", f"/div {COVERED} 1h", f"/who {UNCOVERED}", "/who scan"):
            here.telegram.inject_message(READER, command, user_id=READER)
        card = await here.said("All followed", within_s=60)
        assert COVERED in card.text
        assert "nan" not in card.text.lower()
        gap = await here.said("crowd and top traders (1h)", within_s=60)
        assert re.search(r"gap [+−]?\d+\.\d\d points", gap.text)
        await here.said("followed traders: no data for this symbol", within_s=60)
        await here.said("No contract was tracked in the last 3 h: run altmonitor track.", within_s=60)
