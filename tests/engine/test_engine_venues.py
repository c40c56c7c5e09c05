"""An engine is of one venue: its alerts say so, and it takes over no other's after a restart."""

from __future__ import annotations

from altmonitor.core.clock import ScaledClock
from altmonitor.core.types import Destination
from altmonitor.engine.context import NOWHERE
from altmonitor.engine.restore import restore
from altmonitor.storage.memory import MemoryStore
from tests.fakes import MINUTE, T0, Market

HOUR_MS = 3_600_000


def test_keys_and_alerts_of_another_venue_name_it_and_those_of_binance_stay_as_they_were() -> None:
    here, there = Market(), Market(venue="bybit")
    for market in (here, there):
        market.push(104.0)
    assert [(alert.key, alert.venue) for alert in here.sink.alerts] == [(f"price:SOLUSDT:PUMP:1m:{T0}", "binance")]
    assert [(alert.key, alert.venue) for alert in there.sink.alerts] == [(f"bybit:price:SOLUSDT:PUMP:1m:{T0}", "bybit")]


def test_a_doubled_move_is_a_reply_to_the_message_of_its_own_venue() -> None:
    market = Market(venue="okx")
    market.push(104.0)
    market.push(108.5, at_s=2.0)
    assert [alert.details.episode_key for alert in market.sink.alerts] == [None, f"okx:price:SOLUSDT:PUMP:1m:{T0}"]


async def test_after_a_restart_each_venue_keeps_its_own_cooldowns() -> None:
    destination = Destination(chat_id=NOWHERE.chat_id)
    store = MemoryStore(clock=ScaledClock(start_ms=T0, speed=1), destinations=(destination,))
    before = Market(venue="bybit")
    before.push(104.0)
    for alert in before.sink.alerts:
        store.put(alert)
    again = {venue: Market(venue=venue) for venue in ("binance", "bybit")}
    for market in again.values():
        await restore(market.engine, store, now_ms=T0 + 2 * MINUTE, since_ms=T0 - HOUR_MS)
        market.push(104.0, at_s=61.0)
    assert {venue: len(market.sink.alerts) for venue, market in again.items()} == {"binance": 1, "bybit": 0}
    assert [alert.details.today_count for alert in again["binance"].sink.alerts] == [1]
