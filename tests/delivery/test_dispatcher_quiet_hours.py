"""Quiet hours hold alerts back and let them go together; nothing else waits for them."""

import pytest

from altmonitor.core.alert import Details
from altmonitor.core.errors import ChatUnreachable
from altmonitor.core.types import Destination
from altmonitor.delivery.digest_decision import DestinationStyle
from tests.delivery.chat_fakes import PlainRenderer
from tests.delivery.dispatcher_kit import Bench, make, running
from tests.storage.samples import GROUP, NOW_MS, PRIVATE, TOPIC

HOUR_S = 3600.0


class Nights:
    """Quiet hours by destination: (begin, end) in seconds after the start."""

    def __init__(self) -> None:
        self.nights: dict[Destination, tuple[float, float]] = {}
        self.silent: set[Destination] = set()

    def __call__(self, where: Destination) -> DestinationStyle:
        return DestinationStyle(
            renderer=PlainRenderer(),
            is_silent=where in self.silent,
            quiet_until=lambda at_ms: self._until(where, at_ms),
        )

    def _until(self, where: Destination, at_ms: int) -> int | None:
        if where not in self.nights:
            return None
        begin_ms, end_ms = (NOW_MS + int(at_s * 1000) for at_s in self.nights[where])
        return end_ms if begin_ms <= at_ms < end_ms else None


def quiet(*destinations: Destination, begin_s: float, end_s: float) -> tuple[Bench, Nights]:
    nights = Nights()
    nights.nights = dict.fromkeys(destinations, (begin_s, end_s))
    return make(*destinations, destination_styles=nights), nights


async def test_they_hold_what_comes_and_let_it_go_as_one_digest_at_the_end() -> None:
    bench, _ = quiet(PRIVATE, begin_s=0, end_s=8 * HOUR_S)
    async with running(bench):
        for symbol in ("AUSDT", "BUSDT", "CUSDT"):
            bench.put(symbol)
            await bench.clock.advance(2 * HOUR_S)
        assert bench.channel.said == []
        await bench.said(1, within_s=2 * HOUR_S + 1)
        assert [said.html for said in bench.channel.said] == ["held digest: AUSDT BUSDT CUSDT"]
        assert bench.channel.said[0].at_s - 1000.0 < 8 * HOUR_S + 1
        assert bench.dispatcher.latency_ms() == (None, None)
        bench.put("DUSDT")
        assert (await bench.said(2))[1] == "DUSDT"


async def test_the_last_minutes_before_the_end_belong_to_the_digest_too() -> None:
    bench, _ = quiet(PRIVATE, begin_s=0, end_s=600)
    async with running(bench):
        await bench.clock.advance(590)
        bench.put("AUSDT")
        assert await bench.said(1) == ["held digest: AUSDT"]


async def test_what_had_not_been_told_when_they_began_is_held_too() -> None:
    bench, _ = quiet(PRIVATE, begin_s=5, end_s=HOUR_S)
    bench.channel.will_refuse(PRIVATE, *[ChatUnreachable("no connection", outcome_unknown=False)] * 6)
    async with running(bench):
        bench.put("AUSDT")
        await bench.clock.advance(6)
        calls = len(bench.channel.calls)
        await bench.clock.advance(1000)
        assert len(bench.channel.calls) == calls
        bench.channel.refuse.clear()
        assert await bench.said(1, within_s=HOUR_S) == ["held digest: AUSDT"]


@pytest.mark.parametrize("symbols", [["AUSDT"], [f"C{number}USDT" for number in range(12)]])
async def test_what_was_about_to_leave_when_they_began_is_held_too(symbols: list[str]) -> None:
    bench, _ = quiet(PRIVATE, begin_s=5, end_s=HOUR_S)
    async with running(bench):
        await bench.clock.advance(4)
        bench.store.refusals = 6
        bench.put(*symbols)
        await bench.clock.advance(HOUR_S - 100)
        assert bench.store.refusals == 0
        assert bench.channel.calls == []
        assert bench.store.outbox_status().trouble is None
        assert await bench.said(1, within_s=200) == ["held digest: " + " ".join(symbols)]


async def test_they_hold_over_a_restart() -> None:
    bench, _ = quiet(PRIVATE, begin_s=0, end_s=HOUR_S)
    async with running(bench):
        bench.put("AUSDT")
        await bench.clock.advance(10)
    bench.begin_again()
    async with running(bench):
        await bench.clock.advance(1800)
        assert bench.channel.said == []
        assert await bench.said(1, within_s=HOUR_S) == ["held digest: AUSDT"]


async def test_a_restart_after_their_end_still_says_what_it_is() -> None:
    bench, _ = quiet(PRIVATE, begin_s=0, end_s=HOUR_S)
    bench.put("AUSDT")
    await bench.clock.advance(2 * HOUR_S)
    async with running(bench):
        assert await bench.said(1) == ["held digest: AUSDT"]


async def test_a_night_of_nearly_a_day_takes_nothing_from_the_time_an_alert_has_to_arrive() -> None:
    bench, _ = quiet(PRIVATE, begin_s=0, end_s=23.9 * HOUR_S)
    async with running(bench):
        bench.put("AUSDT", age_s=500)
        await bench.clock.advance(23.9 * HOUR_S - 1)
        bench.channel.will_refuse(PRIVATE, *[ChatUnreachable("no connection", outcome_unknown=False)] * 30)
        await bench.clock.advance(900)
        bench.channel.refuse.clear()
        assert await bench.said(1, within_s=100) == ["held digest: AUSDT"]
        ((_, resumption),) = bench.resumptions
        assert (resumption.late, resumption.given_up) == (0, 0), "it was the night that held it"


async def test_a_storm_inside_comes_in_as_few_messages_as_it_fits_in() -> None:
    bench, _ = quiet(GROUP, begin_s=0, end_s=HOUR_S)
    async with running(bench):
        for number in range(400):
            bench.put(f"C{number}USDT")
        await bench.clock.advance(HOUR_S)
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
        texts = bench.channel.texts(GROUP)
        assert len(texts) == 3
        assert all(text.startswith("held digest: ") for text in texts)


async def test_fresh_alerts_do_not_wait_behind_what_was_held() -> None:
    bench, _ = quiet(GROUP, begin_s=0, end_s=HOUR_S)
    async with running(bench):
        bench.put("HELDUSDT")
        await bench.clock.advance(HOUR_S - 0.01)
        await bench.clock.advance(0.01)
        bench.put("FRESHUSDT")
        await bench.said(2)
        assert sorted(bench.channel.texts(GROUP)) == ["FRESHUSDT", "held digest: HELDUSDT"]
        assert bench.channel.said[1].at_s - 1000 - HOUR_S < 4


async def test_ended_by_a_command_they_let_go_at_once() -> None:
    bench, nights = quiet(PRIVATE, begin_s=0, end_s=8 * HOUR_S)
    async with running(bench):
        bench.put("AUSDT")
        await bench.clock.advance(HOUR_S)
        nights.nights.clear()
        bench.dispatcher.set_destinations([PRIVATE])
        assert await bench.said(1, within_s=2) == ["held digest: AUSDT"]


async def test_one_topics_night_is_not_the_others() -> None:
    bench, nights = quiet(GROUP, TOPIC, begin_s=0, end_s=HOUR_S)
    del nights.nights[TOPIC]
    async with running(bench):
        bench.put("AUSDT")
        await bench.said(1)
        await bench.clock.advance(60)
        assert (bench.channel.texts(GROUP), bench.channel.texts(TOPIC)) == ([], ["AUSDT"])


async def test_answers_come_as_ever_and_news_without_a_bell() -> None:
    bench, _ = quiet(PRIVATE, begin_s=0, end_s=HOUR_S)
    async with running(bench):
        bench.dispatcher.reply(PRIVATE, ["pong"])
        bench.dispatcher.notice(PRIVATE, "blind")
        await bench.said(2)
        assert [(said.html, said.silent) for said in bench.channel.said] == [("pong", False), ("blind", True)]


async def test_they_do_not_spin_while_they_hold() -> None:
    bench, _ = quiet(PRIVATE, begin_s=0, end_s=8 * HOUR_S)
    async with running(bench):
        bench.put("AUSDT")
        await bench.clock.advance(HOUR_S)
        assert bench.store.looks < 200


async def test_a_silent_destination_hears_no_bell_but_for_answers() -> None:
    nights = Nights()
    nights.silent = {PRIVATE}
    async with running(make(PRIVATE, destination_styles=nights)) as bench:
        bench.put("AUSDT")
        await bench.said(1)
        bench.dispatcher.notice(PRIVATE, "blind")
        bench.dispatcher.reply(PRIVATE, ["pong"])
        await bench.said(3)
        assert {said.html: said.silent for said in bench.channel.said} == {"AUSDT": True, "blind": True, "pong": False}


async def test_what_only_joined_a_move_rings_no_bell_and_a_digest_does_unless_all_of_it_only_joined() -> None:
    joined = Details(is_silent=True, episode_key="first")
    async with running(make(PRIVATE)) as bench:
        bench.put("AUSDT", key="first")
        await bench.said(1)
        bench.put("AUSDT", key="second", kind="oi", direction="UP", details=joined)
        await bench.said(2)
        bench.put(*(f"C{number}USDT" for number in range(20)), details=joined)
        await bench.said(3)
        bench.put(*(f"D{number}USDT" for number in range(60)), metric=9.0)
        await bench.said(4)
        assert [(said.silent, said.reply_to) for said in bench.channel.said] == [
            (False, None),
            (True, 1000),
            (True, None),
            (False, None),
        ]
