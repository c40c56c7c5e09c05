"""What waits in memory, in many chats at once."""

import msgspec

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Queued
from altmonitor.storage.queue import TOLD_REMEMBERED, Waiting
from tests.storage.samples import NOW_MS, pump

CHATS = [Destination(chat_id=1 + at) for at in range(3_000)]


def numbered(symbol: str, alert_id: int) -> Alert:
    return msgspec.structs.replace(pump(symbol), id=alert_id)


def filled(*alerts: Alert) -> Waiting:
    waiting = Waiting(CHATS)
    for alert in alerts:
        for at in CHATS:
            waiting.add(Queued(alert=alert, destination=at, attempts=0, queued_ms=NOW_MS))
    return waiting


def test_an_alert_is_held_until_the_last_of_many_chats_has_it() -> None:
    sol, xrp = numbered("SOLUSDT", 1), numbered("XRPUSDT", 2)
    waiting = filled(sol, xrp)
    for left, at in enumerate(reversed(CHATS)):
        assert (waiting.holds(1), waiting.count_of(1)) == (True, len(CHATS) - left)
        waiting.sent(at, [1], message_id=5)
    assert (waiting.holds(1), waiting.count_of(1), waiting.alert_of(sol.key)) == (False, 0, None)
    assert waiting.alert_of(xrp.key) == xrp
    assert waiting.status(NOW_MS).queued == len(CHATS)


def test_what_is_learned_of_an_alert_is_known_in_every_chat_where_it_still_waits() -> None:
    sol = numbered("SOLUSDT", 1)
    waiting = filled(sol)
    waiting.sent(CHATS[0], [1], message_id=5)
    waiting.refresh(msgspec.structs.replace(sol, lsr=1.5))
    assert waiting.rows(CHATS[0]) == []
    assert {row.alert.lsr for at in CHATS[1:] for row in waiting.rows(at)} == {1.5}


def test_a_message_that_told_one_alert_is_its_own_and_one_that_told_two_is_not() -> None:
    sol, xrp, doge = numbered("SOLUSDT", 1), numbered("XRPUSDT", 2), numbered("DOGEUSDT", 3)
    waiting = filled(sol, xrp, doge)
    waiting.sent(CHATS[0], [1, 2], message_id=5)
    waiting.sent(CHATS[0], [3], message_id=6)
    waiting.sent(CHATS[1], [1], message_id=5)
    assert [waiting.own_message_of(CHATS[0], alert.key) for alert in (sol, xrp, doge)] == [None, None, (6, False)]
    assert waiting.own_message_of(CHATS[1], sol.key) == (5, False)
    supergroup = Destination(chat_id=-100999)
    waiting.move(CHATS[0], supergroup)
    assert [waiting.own_message_of(supergroup, alert.key) for alert in (sol, xrp, doge)] == [None, None, (6, False)]


def test_of_what_was_told_so_much_is_remembered_and_no_more() -> None:
    at, waiting = CHATS[0], Waiting(CHATS)
    for number in range(1, TOLD_REMEMBERED + 2):
        alert = numbered(f"C{number}USDT", number)
        waiting.add(Queued(alert=alert, destination=at, attempts=0, queued_ms=NOW_MS))
        waiting.sent(at, [number], message_id=number)
    first, second = (pump(f"C{number}USDT").key for number in (1, 2))
    assert (waiting.own_message_of(at, first), waiting.own_message_of(at, second)) == (None, (2, False))


async def test_who_waits_for_news_hears_where_they_are_and_of_what_waits_already_nothing() -> None:
    sol = numbered("SOLUSDT", 1)
    waiting = filled(sol)
    assert set(await waiting.wait()) == set(CHATS)
    waiting.add(Queued(alert=sol, destination=CHATS[0], attempts=0, queued_ms=NOW_MS))
    xrp = numbered("XRPUSDT", 2)
    waiting.add(Queued(alert=xrp, destination=CHATS[7], attempts=0, queued_ms=NOW_MS))
    assert list(await waiting.wait()) == [CHATS[7]]
