"""Chats that want the same are judged once, and each is told."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.engine.shared_audiences import FollowersSink, SharedAudiences
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.fakes import MINUTE, T0, ListSink, Market

MAIN, ANN, BOB, EVE = (Destination(chat_id=chat) for chat in (1, 2, 3, 4))
LOUD, CALM = Settings(pump_threshold=3.0), Settings(pump_threshold=8.0)


def of(at: Destination, wanted: object, **more: object) -> Audience:
    return Audience(destination=at, settings=wanted, **more)  # type: ignore[arg-type]


def test_those_with_equal_settings_are_one_whatever_their_language_and_the_main_one_speaks_for_its_group() -> None:
    shared = SharedAudiences()
    audiences = (of(MAIN, LOUD), of(ANN, CALM), of(BOB, LOUD, lang="ru"), of(EVE, CALM))
    judged, _ = shared.apply(audiences)
    assert [audience.destination for audience in judged] == [MAIN, ANN]
    assert shared.members == {MAIN: (MAIN, BOB), ANN: (ANN, EVE)}
    assert shared.judged_as(EVE) == ANN


def test_what_a_group_was_told_stays_with_it_when_its_representative_leaves() -> None:
    shared = SharedAudiences()
    shared.apply((of(MAIN, LOUD), of(ANN, CALM), of(BOB, CALM)))
    judged, renamed = shared.apply((of(MAIN, LOUD), of(ANN, Settings(pump_threshold=5.0)), of(BOB, CALM)))
    assert renamed(ANN) == BOB
    assert [audience.destination for audience in judged] == [MAIN, ANN, BOB]


def test_one_judgement_tells_the_whole_group_and_a_condition_tells_its_owner() -> None:
    shared, sink = SharedAudiences(), ListSink()
    shared.apply((of(MAIN, LOUD), of(ANN, CALM), of(BOB, CALM)))
    told = FollowersSink(sink, shared)
    told.put(alert("price:1", "price"), to=[MAIN, ANN])
    told.put(alert("condition:1", "condition"), to=[ANN])
    assert sink.to == {"price:1": (MAIN, ANN, BOB), "condition:1": (ANN,)}


def alert(key: str, kind: str) -> Alert:
    return Alert(key=key, ts=T0 / 1000, event_ms=T0, symbol="SOLUSDT", kind=kind, direction="PUMP")  # type: ignore[arg-type]


def test_a_reader_in_a_group_asks_why_and_is_answered_for_its_own_chat() -> None:
    shared = SharedAudiences()
    audiences, _ = shared.apply((of(MAIN, LOUD), of(ANN, CALM), of(BOB, CALM)))
    market = Market("SOLUSDT", settings=LOUD)
    market.engine.apply(audiences)
    market.engine.judged_as = shared.judged_as
    found = market.engine.explain("SOLUSDT", BOB, at_ms=None, now_ms=T0 + MINUTE)
    assert found.destination == BOB
    assert {check.threshold for check in found.checks if check.rule.kind == "price" and check.rule.window == "1m"} == {
        8.0
    }


def test_settings_that_differ_in_one_number_are_two_groups() -> None:
    shared = SharedAudiences()
    judged, _ = shared.apply((of(MAIN, LOUD), of(ANN, CALM), of(BOB, replace(CALM, cooldown_sec=60))))
    assert len(judged) == 3
