"""One by one, together, or not yet."""

import msgspec
import pytest

from altmonitor.delivery.digest_decision import DigestMoment, Gather, SendNow, Wait, decide
from altmonitor.interfaces.delivery import Queued
from tests.storage.samples import GROUP, NOW_MS, pump


def row(number: int, *, waited_s: float = 0.0, age_s: float | None = None, **fields: object) -> Queued:
    at_ms = NOW_MS - int((waited_s if age_s is None else age_s) * 1000)
    alert = msgspec.structs.replace(pump(f"C{number}USDT", at_ms=at_ms), id=number, late=bool(fields.get("late")))
    return Queued(
        alert=alert,
        destination=GROUP,
        attempts=0,
        queued_ms=NOW_MS - int(waited_s * 1000),
        maybe_repeated=bool(fields.get("maybe_repeated")),
    )


def moment(*, fits: int = 3, **fields: object) -> DigestMoment:
    return DigestMoment(now_ms=NOW_MS, can_leave=lambda count: count <= fits, **fields)  # type: ignore[arg-type]


def ids(decision: object) -> list[int | None]:
    assert isinstance(decision, Gather)
    return [each.alert.id for each in decision.rows]


def test_nothing_waits() -> None:
    assert decide([], moment()) is None


def test_a_single_alert_leaves_at_once() -> None:
    only = row(1)
    assert decide([only], moment()) == SendNow(row=only)


def test_what_fits_leaves_one_by_one_oldest_first() -> None:
    rows = [row(1), row(2), row(3)]
    assert decide(rows, moment()) == SendNow(row=rows[0])


def test_too_much_gathers_for_a_moment_and_leaves_together() -> None:
    young = [row(number, waited_s=0.1) for number in range(1, 5)]
    decision = decide(young, moment())
    assert isinstance(decision, Wait)
    assert decision.seconds == pytest.approx(0.2, abs=0.002)
    rows = [row(1, waited_s=0.3), *young[1:]]
    assert decide(rows, moment()) == Gather(rows=tuple(rows), late=False)


def test_a_full_message_does_not_wait_for_more() -> None:
    assert ids(decide([row(number) for number in range(1, 61)], moment())) == list(range(1, 61))


def test_later_alerts_of_a_storm_gather_into_the_next_digest() -> None:
    storm = moment(digest_age_s=5.0, sent_lately=40)
    decision = decide([row(1, waited_s=2.0)], storm)
    assert isinstance(decision, Wait)
    assert decision.seconds == pytest.approx(4.0, abs=0.002)
    assert ids(decide([row(1, waited_s=6.0), row(2, waited_s=1.0)], storm)) == [1, 2]


def test_when_the_storm_is_over_a_single_alert_leaves_at_once_again() -> None:
    only = row(1)
    assert decide([only], moment(digest_age_s=5.0, sent_lately=0)) == SendNow(row=only)
    assert decide([only], moment(digest_age_s=31.0, sent_lately=40)) == SendNow(row=only)


def test_old_news_leaves_in_a_digest_marked_late_even_alone() -> None:
    assert decide([row(1, age_s=601)], moment()) == Gather(rows=(row(1, age_s=601),), late=True)
    assert isinstance(decide([row(1, age_s=599)], moment()), SendNow)


def test_what_was_found_after_the_fact_is_told_as_late() -> None:
    found = row(1, late=True)
    assert decide([found], moment()) == Gather(rows=(found,), late=True)


def test_fresh_alerts_go_before_old_ones_but_not_for_ever() -> None:
    rows = [row(1, age_s=5000), row(2)]
    assert decide(rows, moment(fresh_in_a_row=2)) == SendNow(row=rows[1])
    assert decide(rows, moment(fresh_in_a_row=3)) == Gather(rows=(rows[0],), late=True)


def test_possible_repeats_leave_apart_from_the_rest() -> None:
    doubtful = [row(number, waited_s=1, maybe_repeated=True) for number in (1, 2)]
    sure = [row(number, waited_s=1) for number in (3, 4, 5)]
    assert ids(decide([*sure, *doubtful], moment())) == [1, 2]
    assert decide([*sure, doubtful[0], row(6, waited_s=1)], moment()) == SendNow(row=doubtful[0])
