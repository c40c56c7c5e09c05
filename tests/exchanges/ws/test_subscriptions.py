"""What is asked for, in which frames, and what happens when the exchange does not do as asked."""

from __future__ import annotations

import json
from typing import Any

from altmonitor.core.causes import CauseCode
from altmonitor.exchanges.binance.dialect import BINANCE, kline_stream
from altmonitor.exchanges.ws.dialect import SubscribeAnswer
from altmonitor.exchanges.ws.subscriptions import SubscriptionLedger
from tests.fakes import cause


def asked(ledger: SubscriptionLedger, now_s: float = 0.0) -> list[dict[str, Any]]:
    """Everything the ledger wants to send now."""
    messages = []
    while (message := ledger.next_message(now_s)) is not None:
        messages.append(json.loads(message))
    return messages


def accept_all(ledger: SubscriptionLedger, messages: list[dict[str, Any]]) -> None:
    for message in messages:
        ledger.on_answer(SubscribeAnswer(request_id=message["id"]))


def settled(streams: list[str]) -> SubscriptionLedger:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want(streams)
    accept_all(ledger, asked(ledger))
    (question,) = asked(ledger)
    ledger.on_answer(SubscribeAnswer(request_id=question["id"], streams=streams))
    return ledger


def test_stream_names_are_lower_case_and_chinese_names_stay() -> None:
    assert kline_stream("BTCUSDT") == "btcusdt@kline_1m"
    assert kline_stream("币安人生USDT") == "币安人生usdt@kline_1m"


def test_the_first_stream_asked_for_is_the_first_wanted() -> None:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want(["!contractInfo", "btcusdt@kline_1m"])
    assert ledger.next_message(0.0) == ('{"method":"SUBSCRIBE","params":["!contractInfo","btcusdt@kline_1m"],"id":1}')


def test_no_frame_is_longer_than_3500_bytes_of_utf8() -> None:
    ledger = SubscriptionLedger(BINANCE)
    names = [f"币安人生我踏马来了{number:04d}usdt@kline_1m" for number in range(899)]
    ledger.want(names)
    frames = []
    while (message := ledger.next_message(0.0)) is not None:
        frames.append(message)
    assert max(len(frame.encode()) for frame in frames) <= 3500
    assert [name for frame in frames for name in json.loads(frame)["params"]] == names
    assert "币安人生" in frames[0]


def test_ids_are_unsigned_integers_that_do_not_repeat() -> None:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want([f"s{number:04d}usdt@kline_1m" for number in range(600)])
    ids = [message["id"] for message in asked(ledger)]
    assert ids == [1, 2, 3, 4]


def test_the_list_is_asked_for_once_after_everything_was_acknowledged() -> None:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want(["a", "b"])
    (subscribe,) = asked(ledger)
    assert asked(ledger) == []
    accept_all(ledger, [subscribe])
    assert ledger.covered() == set()
    (question,) = asked(ledger)
    assert question == {"method": "LIST_SUBSCRIPTIONS", "id": 2}
    ledger.on_answer(SubscribeAnswer(request_id=2, streams=["a", "b"]))
    assert ledger.covered() == {"a", "b"}
    assert ledger.is_settled
    assert asked(ledger) == []


def test_acknowledged_streams_that_are_not_in_the_list_are_asked_for_again() -> None:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want(["a", "b", "c"])
    accept_all(ledger, asked(ledger))
    (question,) = asked(ledger)
    ledger.on_answer(SubscribeAnswer(request_id=question["id"], streams=["a"]))
    (again,) = asked(ledger)
    assert (again["method"], again["params"]) == ("SUBSCRIBE", ["b", "c"])
    accept_all(ledger, [again])
    (question,) = asked(ledger)
    ledger.on_answer(SubscribeAnswer(request_id=question["id"], streams=["a", "b"]))
    assert ledger.covered() == {"a", "b"}
    assert asked(ledger) == []


def test_streams_in_the_list_that_nobody_wants_are_unsubscribed() -> None:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want(["a"])
    accept_all(ledger, asked(ledger))
    (question,) = asked(ledger)
    ledger.on_answer(SubscribeAnswer(request_id=question["id"], streams=["a", "stray"]))
    (message,) = asked(ledger)
    assert (message["method"], message["params"]) == ("UNSUBSCRIBE", ["stray"])


def test_only_differences_are_sent_and_what_left_is_unsubscribed() -> None:
    ledger = settled(["a", "b"])
    ledger.want(["b", "c"])
    messages = asked(ledger)
    assert [(message["method"], message["params"]) for message in messages] == [
        ("UNSUBSCRIBE", ["a"]),
        ("SUBSCRIBE", ["c"]),
    ]
    accept_all(ledger, messages)
    assert ledger.covered() == {"b", "c"}


def test_a_refused_chunk_is_retried_whole_and_then_in_halves_until_one_name_is_left_out() -> None:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want(["good1", "good2", "bad", "good3"])
    sent = []
    while messages := [m for m in asked(ledger) if m["method"] == "SUBSCRIBE"]:
        for message in messages:
            sent.append(message["params"])
            error = "2 Invalid request" if "bad" in message["params"] else ""
            ledger.on_answer(SubscribeAnswer(request_id=message["id"], error=error))
    everything = ["good1", "good2", "bad", "good3"]
    assert sent[:4] == [everything, everything, ["good1", "good2"], ["bad", "good3"]]
    assert ledger.acknowledged_count() == 3
    assert ledger.trouble is None


def test_an_exchange_that_refuses_everything_is_given_up() -> None:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want([f"s{number}" for number in range(64)])
    rounds = 0
    while ledger.trouble is None and rounds < 50:
        rounds += 1
        for message in asked(ledger):
            ledger.on_answer(SubscribeAnswer(request_id=message["id"], error="1 busy"))
    assert ledger.trouble == cause("12 control messages were refused, the last with: 1 busy", CauseCode.REFUSED_CONTROL)


def test_an_unanswered_chunk_is_sent_again_after_ten_seconds_and_given_up_after_twenty() -> None:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want(["a", "b"])
    (first,) = asked(ledger, 100.0)
    ledger.expire(109.9)
    assert asked(ledger, 109.9) == []
    ledger.expire(110.0)
    (second,) = asked(ledger, 110.0)
    assert second["params"] == first["params"]
    assert second["id"] != first["id"]
    assert ledger.trouble is None
    ledger.expire(120.0)
    assert ledger.trouble == cause("SUBSCRIBE of 2 streams was not answered, twice", CauseCode.REFUSED_CONTROL)


def test_a_late_answer_to_a_chunk_that_was_sent_again_is_unmatched() -> None:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want(["a"])
    (first,) = asked(ledger, 0.0)
    ledger.expire(10.0)
    asked(ledger, 10.0)
    assert not ledger.on_answer(SubscribeAnswer(request_id=first["id"]))
    assert ledger.on_answer(SubscribeAnswer(request_id=2))


def test_an_error_without_an_id_is_about_the_oldest_open_request() -> None:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want(["a"])
    asked(ledger)
    assert ledger.on_answer(SubscribeAnswer(request_id=None, error="3 Invalid JSON"))
    assert [message["params"] for message in asked(ledger)] == [["a"]]
    assert not SubscriptionLedger(BINANCE).on_answer(SubscribeAnswer(request_id=None, error="3 Invalid JSON"))


def test_an_exchange_that_does_not_list_is_taken_at_its_word() -> None:
    ledger = SubscriptionLedger(BINANCE)
    ledger.want(["a"])
    accept_all(ledger, asked(ledger, 0.0))
    assert len(asked(ledger, 0.0)) == 1
    ledger.expire(10.0)
    assert len(asked(ledger, 10.0)) == 1
    ledger.expire(20.0)
    assert ledger.covered() == {"a"}
    assert ledger.trouble is None


def test_renewing_unsubscribes_first_because_a_second_subscribe_alone_changes_nothing() -> None:
    ledger = settled(["a", "b"])
    ledger.renew(["b", "unknown"])
    messages = asked(ledger)
    assert [(message["method"], message["params"]) for message in messages] == [
        ("UNSUBSCRIBE", ["b"]),
        ("SUBSCRIBE", ["b"]),
    ]
    accept_all(ledger, messages)
    assert ledger.covered() == {"a", "b"}
