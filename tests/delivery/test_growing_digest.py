"""A digest that grows: later alerts of the same storm are added by an edit, unless the reader must hear a bell."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from altmonitor.core.alert import Alert, Details
from altmonitor.core.errors import ChatMoved, ChatUnreachable, DeliveryError, MessageRefused, RetryLater
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import DigestPart
from tests.delivery.chat_fakes import PlainRenderer
from tests.delivery.dispatcher_kit import Bench, make, running
from tests.storage.samples import GROUP, PRIVATE, TOPIC

STORM = [f"C{number}USDT" for number in range(60)]
LATER = [f"D{number}USDT" for number in range(15)]


async def begin_storm(bench: Bench, *destinations: Destination) -> None:
    """A first digest that names a move of 5 %."""
    bench.put(*STORM, metric=5.0)
    await bench.said(len(destinations) or 1, within_s=10)


def texts(bench: Bench) -> list[tuple[bool, str]]:
    """(is an edit, text without the first sixty symbols)"""
    return [(said.is_edit, " ".join(w for w in said.html.split() if w not in STORM)) for said in bench.channel.said]


async def message_of(bench: Bench, symbol: str, destination: Destination = GROUP) -> int | None:
    return await bench.store.message_id_of(destination, await bench.key(symbol))


@pytest.mark.parametrize("destination", [GROUP, PRIVATE])
async def test_later_and_smaller_alerts_are_added_by_an_edit_and_point_at_the_message(destination: Destination) -> None:
    async with running(make(destination)) as bench:
        await begin_storm(bench)
        bench.put(*LATER, metric=4.9)
        await bench.said(2, within_s=7)
        assert texts(bench) == [(False, "digest:"), (True, "digest: " + " ".join(LATER))]
        assert set(STORM) <= set(bench.channel.said[1].html.split())
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
        assert await message_of(bench, "D14USDT", destination) == bench.channel.said[0].message_id


async def test_an_edit_comes_before_a_message_could() -> None:
    async with running(make(GROUP)) as bench:
        await begin_storm(bench)
        bench.put(*(f"D{number}USDT" for number in range(60)), metric=4.0)
        await bench.said(2)
        first, second = bench.channel.said
        assert second.is_edit
        assert second.at_s - first.at_s == pytest.approx(1.05, abs=0.06)


@pytest.mark.parametrize(
    "news", [{"metric": 5.1}, {"metric": 3.0, "direction": "DUMP"}, {"metric": 3.0, "kind": "oi", "direction": "UP"}]
)
async def test_what_is_larger_or_of_a_new_kind_comes_as_a_message_with_everything_that_waits(
    news: dict[str, object],
) -> None:
    async with running(make(GROUP)) as bench:
        await begin_storm(bench)
        bench.put(*LATER, metric=4.0)
        bench.put("NEWSUSDT", **news)
        await bench.said(2)
        assert texts(bench)[1] == (False, "digest: " + " ".join([*LATER, "NEWSUSDT"]))


async def test_the_rest_is_added_at_once_while_what_needs_a_bell_waits_for_the_next_message() -> None:
    async with running(make(GROUP)) as bench:
        await begin_storm(bench)
        bench.put(*LATER, *(f"E{number}USDT" for number in range(50)), metric=4.0)
        bench.put("NEWSUSDT", metric=9.0)
        await bench.said(3)
        first, edit, message = bench.channel.said
        assert (edit.is_edit, "NEWSUSDT" in edit.html, "E49USDT" in edit.html) == (True, False, True)
        assert (message.is_edit, message.html) == (False, "NEWSUSDT")
        assert message.at_s - first.at_s < 8.0


async def test_the_largest_of_the_whole_storm_counts_and_not_of_the_last_message() -> None:
    async with running(make(GROUP)) as bench:
        await begin_storm(bench)
        bench.put(*LATER, metric=3.5, direction="DUMP")
        await bench.said(2)
        bench.put(*(f"E{number}USDT" for number in range(15)), metric=4.5)
        await bench.said(3, within_s=7)
        assert [said.is_edit for said in bench.channel.said] == [False, False, True]
        assert bench.channel.said[2].message_id == bench.channel.said[1].message_id


async def test_a_digest_grows_for_a_minute_then_a_message_says_that_it_goes_on() -> None:
    async with running(make(GROUP, per_part=400)) as bench:
        await begin_storm(bench)
        for number in range(160):
            bench.put(f"D{number}USDT", metric=4.0)
            await bench.clock.advance(0.5)
        began_s = bench.channel.said[0].at_s
        later = [said.at_s - began_s for said in bench.channel.said[1:] if not said.is_edit]
        assert len(later) == 1
        assert 59.0 <= later[0] <= 69.0


@pytest.mark.parametrize("kind", ["answer", "notice"])
async def test_nothing_is_added_above_what_was_said_since(kind: str) -> None:
    async with running(make(GROUP)) as bench:
        await begin_storm(bench)
        if kind == "answer":
            bench.dispatcher.reply(GROUP, ["pong"])
        else:
            bench.dispatcher.notice(GROUP, "pong")
        await bench.said(2)
        bench.put(*LATER, metric=4.0)
        await bench.said(3)
        assert texts(bench)[2] == (False, "digest: " + " ".join(LATER))


async def test_every_topic_has_its_own_digest() -> None:
    async with running(make(GROUP, TOPIC)) as bench:
        await begin_storm(bench, GROUP, TOPIC)
        bench.put(*LATER, metric=4.0)
        await bench.said(4)
        assert [said.is_edit for said in bench.channel.said] == [False, False, True, True]
        in_group, in_topic = bench.channel.said[:2]
        assert await message_of(bench, "D1USDT", GROUP) == in_group.message_id
        assert await message_of(bench, "D1USDT", TOPIC) == in_topic.message_id


async def test_a_full_digest_takes_what_fits_and_the_rest_comes_as_a_message() -> None:
    async with running(make(GROUP, per_part=70)) as bench:
        await begin_storm(bench)
        bench.put(*LATER, metric=4.0)
        await bench.said(3)
        assert texts(bench)[1:] == [
            (True, "digest: " + " ".join(LATER[:10])),
            (False, "digest: " + " ".join(LATER[10:])),
        ]


@pytest.mark.parametrize(
    "problem",
    [
        MessageRefused("Bad Request: message to edit not found"),
        RetryLater("Telegram asks to wait", retry_after_s=3),
        ChatUnreachable("no connection to Telegram", outcome_unknown=False),
    ],
)
async def test_an_edit_that_fails_becomes_a_message(problem: DeliveryError) -> None:
    async with running(make(GROUP)) as bench:
        await begin_storm(bench)
        bench.channel.will_refuse(GROUP, problem)
        bench.put(*LATER, metric=4.0)
        await bench.said(2)
        assert texts(bench)[1] == (False, "digest: " + " ".join(LATER)), "certainly not shown before: no repeat mark"
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
        assert bench.store.outbox_status().failed == 0
        assert await message_of(bench, "D0USDT") == bench.channel.said[1].message_id


async def test_an_edit_whose_answer_got_lost_is_said_again_and_marked() -> None:
    async with running(make(GROUP)) as bench:
        await begin_storm(bench)
        bench.channel.will_refuse(GROUP, ChatUnreachable("no answer in time", outcome_unknown=True))
        bench.put(*LATER, metric=4.0)
        await bench.said(2)
        assert texts(bench)[1] == (False, "digest again: " + " ".join(LATER))


async def test_what_was_being_added_when_the_program_ended_is_said_again_and_marked() -> None:
    bench = make(GROUP)
    async with running(bench):
        await begin_storm(bench)
        bench.put(*LATER, metric=4.0)
        bench.channel.hang.add(GROUP.chat_id)
        await bench.until(lambda: len(bench.channel.calls) == 2)
    bench.channel.hang.clear()
    async with running(bench):
        await bench.said(2)
        assert texts(bench)[1] == (False, "digest again: " + " ".join(LATER))


async def test_a_digest_of_a_group_that_moved_is_left_alone() -> None:
    async with running(make(GROUP)) as bench:
        await begin_storm(bench)
        bench.channel.will_refuse(GROUP, ChatMoved("the group moved", new_chat_id=-100777))
        bench.put(*LATER, metric=4.0)
        await bench.said(2)
        assert texts(bench)[1] == (False, "digest: " + " ".join(LATER))
        assert bench.channel.said[1].destination == Destination(chat_id=-100777)


async def test_when_the_storm_is_over_a_single_alert_is_a_message_again() -> None:
    async with running(make(GROUP)) as bench:
        await begin_storm(bench)
        await bench.clock.advance(35)
        bench.put("SOLUSDT", metric=3.1)
        await bench.said(2)
        assert texts(bench)[1] == (False, "SOLUSDT")


async def test_a_lonely_straggler_of_a_storm_is_added_and_a_larger_one_told_in_full() -> None:
    async with running(make(GROUP)) as bench:
        await begin_storm(bench)
        bench.put("SMALLUSDT", metric=3.1)
        await bench.said(2, within_s=7)
        bench.put("LARGEUSDT", metric=7.0)
        await bench.said(3, within_s=7)
        assert texts(bench)[1:] == [(True, "digest: SMALLUSDT"), (False, "LARGEUSDT")]


async def test_even_1600_alerts_in_a_minute_stay_within_a_groups_limits_and_are_seen_in_time() -> None:
    async with running(make(GROUP)) as bench:
        bench.channel.delay_s = 0.15
        decided_s: dict[str, float] = {}
        for number in range(1600):
            symbol = f"C{number}USDT"
            bench.put(symbol, metric=3.0 + number * 37 % 101 / 10)
            decided_s[symbol] = bench.clock.monotonic()
            await bench.clock.advance(60 / 1600)
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
        shown_s: dict[str, float] = {}
        for said in bench.channel.said:
            for symbol in said.html.split():
                shown_s.setdefault(symbol, said.at_s)
        assert max(shown_s[symbol] - decided_s[symbol] for symbol in decided_s) <= 15.0
        assert sum(said.is_edit for said in bench.channel.said) >= 3


async def test_edits_count_in_the_minute_that_is_remembered_over_a_restart() -> None:
    bench = make(GROUP)
    async with running(bench):
        await begin_storm(bench)
        bench.put(*LATER, metric=4.0)
        await bench.said(2)
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
    sent = await bench.store.sent_since(GROUP.chat_id, 0)
    assert len(sent) == 2
    assert [round((later - earlier) / 1000) for earlier, later in pairwise(sent)] == [6]


class SizeRenderer(PlainRenderer):
    """Names each alert of a digest with its size."""

    def digest(
        self, alerts: Sequence[Alert], *, late: bool, maybe_repeated: bool = False, held: bool = False
    ) -> list[DigestPart]:
        words = " ".join(f"{alert.symbol}={alert.metric}" for alert in alerts)
        return [DigestPart(html=f"digest: {words}", alert_ids=tuple(alert.id or 0 for alert in alerts))]


async def test_a_digest_of_bursts_whose_candles_ran_is_completed_by_one_edit() -> None:
    async with running(make(GROUP, renderer=SizeRenderer())) as bench:
        bench.put(*STORM, kind="vol", direction="UP", metric=5.0, details=Details(running_s=23.0))
        await bench.said(1, within_s=10)
        bench.put(*LATER, kind="vol", direction="UP", metric=4.9)
        await bench.said(2, within_s=10)
        await bench.clock.advance(30)
        for symbol in STORM:
            await bench.learn(await bench.key(symbol), metric=9.0, details=Details(is_completed=True))
        await bench.clock.advance(30)
        told, grown, completed = (said.html for said in bench.channel.said)
        assert told == "digest: " + " ".join(f"{symbol}=5.0" for symbol in STORM)
        assert grown == told + "".join(f" {symbol}=4.9" for symbol in LATER)
        assert completed == grown.replace("=5.0", "=9.0")


async def test_what_is_added_to_a_digest_does_not_bring_old_numbers_back() -> None:
    async with running(make(GROUP, renderer=SizeRenderer())) as bench:
        bench.put(*STORM, kind="vol", direction="UP", metric=5.0, details=Details(running_s=50.0))
        await bench.said(1, within_s=10)
        await bench.learn(await bench.key(STORM[0]), metric=9.0, details=Details(is_completed=True))
        await bench.said(2, within_s=10)
        bench.put(*LATER, kind="vol", direction="UP", metric=4.9)
        await bench.said(3, within_s=20)
        assert f"{STORM[0]}=9.0 {STORM[1]}=5.0" in bench.channel.said[2].html
        assert f"{LATER[-1]}=4.9" in bench.channel.said[2].html


class TornRenderer(SizeRenderer):
    """No message has room for more than thirty alerts, the largest first; each names how many there are."""

    def digest(
        self, alerts: Sequence[Alert], *, late: bool, maybe_repeated: bool = False, held: bool = False
    ) -> list[DigestPart]:
        ordered = sorted(alerts, key=lambda alert: -(alert.metric or 0.0))
        pages = [ordered[start : start + 30] for start in range(0, len(ordered), 30)]
        return [
            DigestPart(
                html=self.digest_part_again(pages, number, maybe_repeated=maybe_repeated),
                alert_ids=tuple(alert.id or 0 for alert in page),
            )
            for number, page in enumerate(pages)
        ]

    def digest_part_again(self, parts: Sequence[Sequence[Alert]], number: int, *, maybe_repeated: bool = False) -> str:
        title = f"{number + 1}/{len(parts)} of {sum(map(len, parts))}{' again' if maybe_repeated else ''}: "
        return title + " ".join(f"{alert.symbol}={alert.metric}" for alert in parts[number])


async def test_a_digest_in_several_messages_is_completed_in_each_of_them() -> None:
    async with running(make(GROUP, renderer=TornRenderer())) as bench:
        bench.put(*STORM, kind="vol", direction="UP", metric=5.0, details=Details(running_s=23.0))
        await bench.said(2, within_s=20)
        first, second = bench.channel.said[:2]
        assert first.html == "1/2 of 60: " + " ".join(f"{symbol}=5.0" for symbol in STORM[:30])
        assert second.html == "2/2 of 60: " + " ".join(f"{symbol}=5.0" for symbol in STORM[30:])
        await bench.clock.advance(30)
        assert len(bench.channel.said) == 2, "nothing is known yet that they do not say"
        for symbol in STORM:
            await bench.learn(await bench.key(symbol), metric=9.0, details=Details(is_completed=True))
        await bench.clock.advance(60)
        last = {said.message_id: said.html for said in bench.channel.said}
        assert last == {
            first.message_id: first.html.replace("=5.0", "=9.0"),
            second.message_id: second.html.replace("=5.0", "=9.0"),
        }


async def test_what_would_stand_in_another_message_by_its_final_size_is_completed_where_it_stands() -> None:
    async with running(make(GROUP, renderer=TornRenderer())) as bench:
        bench.put(*STORM, kind="vol", direction="UP", metric=5.0, details=Details(running_s=23.0))
        await bench.said(2, within_s=20)
        await bench.clock.advance(30)
        await bench.learn(await bench.key(STORM[45]), metric=9.0, details=Details(is_completed=True))
        await bench.clock.advance(60)
        second, *edits = bench.channel.said[1:]
        assert [(said.message_id, said.html) for said in edits] == [
            (second.message_id, second.html.replace(f"{STORM[45]}=5.0", f"{STORM[45]}=9.0"))
        ]


async def test_a_message_of_a_digest_that_waited_beyond_the_close_is_completed_at_once() -> None:
    async with running(make(GROUP, renderer=TornRenderer())) as bench:
        bench.put(*STORM, kind="vol", direction="UP", metric=5.0, details=Details(running_s=57.0))
        await bench.said(1, within_s=20)
        for symbol in STORM:
            await bench.learn(await bench.key(symbol), metric=9.0, details=Details(is_completed=True))
        for _ in range(60):
            await bench.clock.advance(1)
        last = {said.message_id: said.html for said in bench.channel.said}
        assert sorted(last.values()) == [
            "1/2 of 60: " + " ".join(f"{symbol}=9.0" for symbol in STORM[:30]),
            "2/2 of 60: " + " ".join(f"{symbol}=9.0" for symbol in STORM[30:]),
        ]
