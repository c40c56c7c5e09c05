"""One move over several venues is one message, and each venue's alert is stored all the same."""

from __future__ import annotations

import msgspec

from altmonitor.core.alert import Alert, Direction, Kind, VenueMove
from altmonitor.core.types import Destination, Venue, of_venue
from altmonitor.engine.venue_moves import VenueMoves, VenueTime, with_firsts
from tests.fakes import ListSink

HERE, THERE = Destination(chat_id=1), Destination(chat_id=2)
BOTH = (HERE, THERE)
Step = tuple[Venue, float, float, tuple[Destination, ...]]
T0 = 1_790_000_040_000


class Desk:
    def __init__(self) -> None:
        self.sink = ListSink()
        self.learned: list[Alert] = []
        self.times: dict[Venue, VenueTime] = {
            "binance": VenueTime(skew_ms=0.0, uncertainty_ms=80.0),
            "bybit": VenueTime(skew_ms=0.0, uncertainty_ms=120.0),
            "okx": VenueTime(skew_ms=0.0, uncertainty_ms=None),
        }
        clocks = {venue: (lambda venue=venue: self.times[venue]) for venue in self.times}
        self.moves = VenueMoves(self.sink, clocks=clocks, learn=self.learned.append)

    def put(
        self,
        venue: Venue,
        at_s: float,
        size: float = 3.1,
        *,
        symbol: str = "SOLUSDT",
        kind: Kind = "price",
        direction: Direction = "PUMP",
        to: tuple[Destination, ...] = (HERE,),
        late: bool = False,
    ) -> Alert:
        event_ms = T0 + round(at_s * 1000)
        alert = Alert(
            key=of_venue(venue, f"{kind}:{symbol}:{direction}:1m:{event_ms}"),
            ts=event_ms / 1000,
            event_ms=event_ms,
            symbol=symbol,
            kind=kind,
            direction=direction,
            metric=size,
            venue=venue,
            late=late,
        )
        self.moves.put(alert, to=to)
        return alert

    def told(self) -> list[tuple[Venue, tuple[Destination, ...]]]:
        return [(alert.venue, to) for alert, to in self.sink.told]


def test_the_second_venue_is_stored_tells_nobody_again_and_the_first_message_learns_it() -> None:
    desk = Desk()
    first = desk.put("binance", 10.0)
    desk.put("bybit", 9.6, 2.9)
    assert desk.told() == [("binance", (HERE,)), ("bybit", ())]
    assert desk.sink.alerts[1].details.merged_into == first.key
    (learned,) = desk.learned
    assert learned.key == first.key
    assert learned.details.venues == (
        VenueMove(venue="bybit", size=2.9, event_ms=T0 + 9_600, ahead_s=0.4, within_s=0.2),
    )


def test_each_venues_time_is_corrected_by_its_own_clock_and_an_unmeasured_one_tells_no_order() -> None:
    desk = Desk()
    desk.times["bybit"] = VenueTime(skew_ms=-5_000.0, uncertainty_ms=120.0)  # its clock is five seconds ahead
    desk.put("binance", 10.0)
    desk.put("bybit", 15.6)
    desk.put("okx", 10.5)
    assert [(move.venue, move.ahead_s) for move in desk.learned[-1].details.venues] == [("bybit", -0.6), ("okx", None)]


def test_whoever_was_not_told_the_first_is_told_the_second() -> None:
    desk = Desk()
    desk.put("binance", 10.0, to=(HERE,))
    desk.put("bybit", 11.0, to=(HERE, THERE))
    desk.put("okx", 12.0, to=(HERE, THERE))
    assert desk.told() == [("binance", (HERE,)), ("bybit", (THERE,)), ("okx", ())]


def test_contracts_of_the_same_coin_are_one_move_whatever_their_multiple() -> None:
    desk = Desk()
    desk.put("binance", 10.0, symbol="1000PEPEUSDT")
    desk.put("okx", 11.0, symbol="PEPEUSDT")
    assert desk.told() == [("binance", (HERE,)), ("okx", ())]


def test_another_direction_kind_coin_or_time_is_another_message() -> None:
    desk = Desk()
    desk.put("binance", 10.0)
    desk.put("bybit", 11.0, direction="DUMP", size=-3.0)
    desk.put("bybit", 11.0, kind="oi", direction="UP")
    desk.put("bybit", 11.0, symbol="ADAUSDT")
    desk.put("bybit", 11.0, kind="listing", direction="UP")
    desk.put("binance", 12.0, kind="listing", direction="UP")
    desk.put("bybit", 11.0, late=True, symbol="XRPUSDT")
    desk.put("bybit", 400.0)
    assert [to for _, to in desk.told()] == [(HERE,)] * 8
    assert desk.learned == []


def test_a_venue_on_which_it_is_twice_as_large_rings_again_below_the_first_message() -> None:
    desk = Desk()
    first = desk.put("binance", 10.0, 3.0)
    desk.put("bybit", 11.0, 5.9)
    desk.put("bybit", 20.0, 6.5)
    desk.put("okx", 21.0, 12.0)
    assert desk.told() == [("binance", (HERE,)), ("bybit", ()), ("bybit", (HERE,)), ("okx", ())]
    loud = desk.sink.alerts[2]
    assert (loud.details.episode_key, loud.details.told_before_pct, loud.details.merged_into) == (first.key, 3.0, None)
    assert [(move.venue, move.size) for move in desk.learned[-1].details.venues] == [("bybit", 6.5), ("okx", 12.0)]


def test_the_first_venue_goes_on_by_its_own_rules() -> None:
    desk = Desk()
    desk.put("binance", 10.0, 3.0)
    desk.put("binance", 60.0, 6.0)
    assert desk.told() == [("binance", (HERE,)), ("binance", (HERE,))]


def test_after_a_restart_the_move_is_known_and_its_other_venues_too() -> None:
    before, after = Desk(), Desk()
    first = before.put("binance", 10.0)
    before.put("bybit", 11.0)
    stored = [msgspec.structs.replace(first, details=before.learned[-1].details, id=1), before.sink.alerts[1]]
    after.moves.restore([(stored[0], (HERE,)), (stored[1], ())])
    after.put("okx", 12.0)
    assert after.told() == [("okx", ())]
    assert [move.venue for move in after.learned[-1].details.venues] == ["bybit", "okx"]


def test_after_a_restart_a_move_is_as_long_and_as_large_as_it_was_told_and_to_all_who_heard_of_it() -> None:
    begun: Step = ("binance", 0.0, 3.0, (HERE,))
    larger: Step = ("binance", 150.0, 6.0, (HERE,))
    line: Step = ("bybit", 10.0, 3.1, BOTH)
    rows: tuple[tuple[str, tuple[Step, ...], Step], ...] = (
        ("it went on for longer than one alert lasts", (begun, larger), ("bybit", 300.0, 6.0, (HERE,))),
        ("its larger step is no news twice", (begun, larger), ("okx", 160.0, 6.5, (HERE,))),
        ("a chat heard of it by another venue's alert", (begun, line), ("okx", 30.0, 3.0, BOTH)),
        ("a venue's line keeps it going", (begun, line), ("okx", 185.0, 3.0, (HERE,))),
    )
    wrong = []
    for name, before, (venue, at_s, size, to) in rows:
        running, restarted = Desk(), Desk()
        for step_venue, step_s, step_size, step_to in before:
            running.put(step_venue, step_s, step_size, to=step_to)
        restarted.moves.restore(running.sink.told)
        for desk in (running, restarted):
            desk.put(venue, at_s, size, to=to)
        if running.told()[-1] != (venue, ()) or restarted.told() != [(venue, ())]:
            wrong.append(f"{name}: {running.told()[-1]}, {restarted.told()}")
    assert wrong == []


def test_open_interest_funding_basis_and_liquidations_of_several_venues_are_one_message_too() -> None:
    wrong = []
    for kind, size in (("oi", 6.5), ("funding", 0.06), ("liq", -350_000.0), ("basis", 0.7)):
        desk = Desk()
        direction: Direction = "UP" if size > 0 else "DOWN"
        first = desk.put("binance", 10.0, size, kind=kind, direction=direction)  # type: ignore[arg-type]
        desk.put("bybit", 20.0, size * 1.2, kind=kind, direction=direction)  # type: ignore[arg-type]
        other = desk.sink.alerts[1]
        if desk.told() != [("binance", (HERE,)), ("bybit", ())] or other.details.merged_into != first.key:
            wrong.append(f"{kind}: {desk.told()}")
    assert wrong == []


def test_of_figures_that_are_read_now_and_then_no_order_is_told_and_of_liquidations_it_is() -> None:
    desk = Desk()
    for kind, size in (("oi", 6.5), ("funding", 0.06), ("basis", 0.7), ("liq", 350_000.0)):
        desk.put("binance", 10.0, size, kind=kind, direction="UP")  # type: ignore[arg-type]
        desk.put("bybit", 12.0, size, kind=kind, direction="UP")  # type: ignore[arg-type]
    assert [alert.details.venues[0].ahead_s for alert in desk.learned] == [None, None, None, -2.0]


def test_funding_joins_for_an_hour_and_a_price_for_three_minutes() -> None:
    desk = Desk()
    for kind, size in (("funding", 0.06), ("price", 3.1)):
        desk.put("binance", 0.0, size, kind=kind, direction="UP")  # type: ignore[arg-type]
        desk.put("bybit", 3_000.0, size, kind=kind, direction="UP")  # type: ignore[arg-type]
    assert desk.told() == [("binance", (HERE,)), ("bybit", ()), ("binance", (HERE,)), ("bybit", (HERE,))]


def test_twice_as_much_liquidated_elsewhere_rings_and_twice_the_open_interest_does_not() -> None:
    desk = Desk()
    desk.put("binance", 10.0, -300_000.0, kind="liq", direction="DOWN")
    desk.put("bybit", 11.0, -900_000.0, kind="liq", direction="DOWN")
    desk.put("binance", 10.0, 6.0, kind="oi", direction="UP")
    desk.put("bybit", 11.0, 20.0, kind="oi", direction="UP")
    assert [to for _, to in desk.told()] == [(HERE,), (HERE,), (HERE,), ()]


def test_who_heard_of_it_by_a_line_of_another_alert_heard_of_it() -> None:
    desk = Desk()
    first = desk.put("binance", 0)
    line = desk.put("bybit", 1, to=(HERE, THERE))
    assert desk.told() == [("binance", (HERE,)), ("bybit", (THERE,))]
    heard = with_firsts(desk.sink.told)
    assert [(alert.key, to) for alert, to in heard] == [(first.key, (HERE,)), (line.key, (THERE, HERE))]
    assert with_firsts(desk.sink.told[1:]) == [(desk.sink.alerts[1], (THERE,))], "its first alert is not among them"


def test_a_feed_that_takes_over_goes_on_with_the_moves_that_were_told_and_with_no_others() -> None:
    leading, standing_by = Desk(), Desk()
    told = leading.put("bybit", 0)
    standing_by.put("binance", 1)  # its own first alert of the move, which nobody was told
    standing_by.put("binance", 1, symbol="ADAUSDT")
    standing_by.moves.restore(leading.sink.told)
    standing_by.put("binance", 20)
    standing_by.put("okx", 20, symbol="ADAUSDT")
    assert standing_by.sink.alerts[2].details.merged_into == told.key
    assert standing_by.told()[2:] == [("binance", ()), ("okx", (HERE,))]
    assert [alert.key for alert in standing_by.learned] == [told.key]
