"""Alerts, answers, notices and edits through a chat service that keeps Telegram's limits."""

from itertools import pairwise

import pytest

from altmonitor.core.alert import Details
from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import (
    ChatMoved,
    ChatUnreachable,
    DeliveryError,
    MessageRefused,
    RetryLater,
    TokenRefused,
)
from altmonitor.core.types import Destination
from tests.delivery.dispatcher_kit import make, running
from tests.storage.samples import GROUP, PRIVATE, TOPIC, pump


async def test_a_single_alert_leaves_at_once_and_is_recorded_with_its_message() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.put("SOLUSDT")
        began_s = bench.clock.monotonic()
        assert await bench.said(1) == ["SOLUSDT"]
        assert bench.channel.said[0].at_s - began_s < 1.0
        await bench.until(lambda: bench.store.outbox_status().sent == 1)
        assert await bench.store.message_id_of(PRIVATE, await bench.key("SOLUSDT")) == 1000


async def test_what_waits_is_looked_at_three_times_for_an_alert() -> None:
    """Whether something waits, what it is, and whether more waits; its turn among the chats of the bot adds none."""
    async with running(make(PRIVATE)) as bench:
        for symbol in ("AUSDT", "BUSDT"):
            bench.put(symbol)
            await bench.until(lambda: bench.store.outbox_status().queued == 0)
            await bench.clock.advance(5.0)
        before = bench.store.looks
        bench.put("CUSDT")
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
        await bench.clock.settle()
        assert bench.store.looks - before == 3


async def test_what_is_learned_about_an_alert_wakes_only_the_chat_that_was_told() -> None:
    """Of a hundred; whether an earlier run had told the others is asked once for all of them."""
    chats = [Destination(chat_id=1 + at) for at in range(100)]
    async with running(make(*chats)) as bench:
        bench.store.put(pump("AUSDT", at_ms=bench.clock.now_ms()), to=chats[:1])
        await bench.until(lambda: bench.store.outbox_status().sent == 1)
        await bench.clock.advance(5.0)
        key = await bench.key("AUSDT")
        looks, lookups = bench.store.looks, bench.store.lookups
        await bench.learn(key, lsr=1.5)
        await bench.until(lambda: len(bench.edits()) == 1)
        await bench.clock.advance(5.0)
        assert bench.store.looks - looks <= 4
        assert bench.store.lookups - lookups == 3  # by this test, for the edit, and for the ninety-nine


async def test_every_destination_gets_every_alert_at_its_own_pace() -> None:
    async with running(make(PRIVATE, GROUP)) as bench:
        bench.put("AUSDT", "BUSDT", "CUSDT")
        await bench.said(6)
        assert bench.channel.texts(PRIVATE) == ["AUSDT", "BUSDT", "CUSDT"]
        assert bench.channel.texts(GROUP) == ["AUSDT", "BUSDT", "CUSDT"]
        at_s = {at: [said.at_s for said in bench.channel.said if said.destination == at] for at in (PRIVATE, GROUP)}
        assert at_s[PRIVATE][2] - at_s[PRIVATE][0] == pytest.approx(2.1)
        assert at_s[GROUP][2] - at_s[GROUP][0] == pytest.approx(6.4)


async def test_530_alerts_of_one_minute_are_on_a_groups_screen_in_seconds() -> None:
    async with running(make(GROUP)) as bench:
        bench.channel.delay_s = 0.15
        began_s = bench.clock.monotonic()
        for number in range(530):
            bench.put(f"C{number}USDT")
        await bench.until(lambda: bench.store.outbox_status().sent == 530, within_s=40)
        assert bench.channel.said[0].at_s - began_s <= 5.0
        assert bench.channel.said[-1].at_s - began_s <= 15.0
        sent = " ".join(said.html for said in bench.channel.said)
        assert all(f"C{number}USDT" in sent for number in range(530))
        assert len(bench.channel.said) <= 5


async def test_a_storm_spread_over_a_minute_gathers_into_few_digests() -> None:
    async with running(make(GROUP)) as bench:
        decided_s: dict[str, float] = {}
        for number in range(530):
            bench.put(f"C{number}USDT")
            decided_s[f"C{number}USDT"] = bench.clock.monotonic()
            await bench.clock.advance(60 / 530)
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
        shown_s: dict[str, float] = {}
        for said in bench.channel.said:
            for symbol in said.html.split():
                shown_s.setdefault(symbol, said.at_s)
        assert decided_s.keys() <= shown_s.keys()
        assert max(shown_s[symbol] - decided_s[symbol] for symbol in decided_s) <= 15.0
        assert len(bench.channel.said) <= 16
        assert bench.dispatcher.latency_ms()[0] is not None


async def test_topics_of_one_group_share_its_pace() -> None:
    async with running(make(GROUP, TOPIC)) as bench:
        bench.put("AUSDT", "BUSDT")
        await bench.said(4)
        assert bench.channel.texts(TOPIC) == ["AUSDT", "BUSDT"]


async def test_an_escalation_replies_to_the_first_message_of_its_episode() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.put("SOLUSDT", key="first")
        await bench.said(1)
        bench.put("SOLUSDT", key="first:x2", details=Details(episode_key="first"))
        bench.put("DOGEUSDT", details=Details(episode_key="never told"))
        await bench.said(3)
        assert [said.reply_to for said in bench.channel.said] == [None, 1000, None]


async def test_a_wait_asked_for_is_kept_in_full_for_that_chat_only() -> None:
    async with running(make(PRIVATE, GROUP)) as bench:
        bench.channel.will_refuse(PRIVATE, RetryLater("Telegram asks to wait", retry_after_s=20))
        bench.put("SOLUSDT")
        await bench.said(2)
        times = [at_s for at_s, at in bench.channel.calls if at == PRIVATE]
        assert times[1] - times[0] >= 20
        assert bench.channel.texts(PRIVATE) == ["SOLUSDT"], "a refused message was certainly not shown: no repeat mark"
        assert bench.happened == []


async def test_a_message_whose_answer_got_lost_is_sent_again_and_marked_with_its_id() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.channel.will_refuse(PRIVATE, ChatUnreachable("no answer in time", outcome_unknown=True))
        bench.put("SOLUSDT")
        assert await bench.said(1) == ["SOLUSDT again#1"]
        ((where, resumption),) = bench.resumptions
        assert (where, str(resumption.reason), resumption.is_closed) == (PRIVATE, "no answer in time", False)
        assert (resumption.late, resumption.given_up) == (0, 0), "a second is no delay"


async def test_an_outage_ends_with_a_digest_marked_late_and_one_report_of_what_came_late() -> None:
    async with running(make(PRIVATE)) as bench:
        down = ChatUnreachable("no connection to Telegram", outcome_unknown=False)
        bench.channel.will_refuse(PRIVATE, *[down] * 9)
        bench.put("AUSDT", "BUSDT", age_s=500)
        await bench.until(lambda: len(bench.channel.calls) >= 4, within_s=120)
        bench.put("CUSDT")
        texts = await bench.said(2, within_s=900)
        assert sorted(texts) == ["CUSDT", "late digest: AUSDT BUSDT"]
        ((_, resumption),) = bench.resumptions
        assert (str(resumption.reason), resumption.late, resumption.given_up) == ("no connection to Telegram", 3, 0)
        assert bench.happened == [(PRIVATE, resumption)]
        pauses = [later - earlier for (earlier, _), (later, _) in pairwise(bench.channel.calls[:10])]
        assert max(pauses) <= 61.5
        assert pauses[5] > pauses[0]


async def test_alerts_older_than_a_day_are_given_up_and_counted() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.put("OLDUSDT", age_s=90_000)
        bench.put("SOLUSDT")
        assert await bench.said(1) == ["SOLUSDT"]
        await bench.clock.settle()
        ((where, resumption),) = bench.resumptions
        assert (where, resumption.since_ms, resumption.late, resumption.given_up) == (PRIVATE, None, 0, 1)
        states = {sent.alert.symbol: sent.delivery for sent in await bench.store.recent(limit=5)}
        assert states["OLDUSDT"] == "expired"


async def test_a_group_that_became_a_supergroup_gets_its_message_at_once_and_the_next_ones() -> None:
    supergroup = Destination(chat_id=-100777)
    async with running(make(GROUP)) as bench:
        bench.channel.will_refuse(GROUP, ChatMoved("the group moved", new_chat_id=-100777))
        bench.put("SOLUSDT")
        await bench.said(1, within_s=3)
        bench.put("DOGEUSDT")
        await bench.said(2)
        bench.dispatcher.reply(GROUP, ["pong"])
        bench.dispatcher.notice(GROUP, "news")
        await bench.said(4)
        assert bench.channel.texts(supergroup) == ["SOLUSDT", "DOGEUSDT", "pong", "news"]
        assert bench.happened == [(GROUP, supergroup)]


async def test_refused_markup_is_sent_as_plain_text_and_the_rest_goes_on() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.channel.will_refuse(PRIVATE, MessageRefused("can't parse entities", code=CauseCode.MARKUP))
        bench.put("SOL<b>&USDT")
        assert await bench.said(1) == ["SOL&amp;USDT"]
        assert bench.happened == []


async def test_a_text_that_is_never_accepted_fails_and_does_not_hold_up_the_next() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.channel.will_refuse(PRIVATE, MessageRefused("message is too long", code=CauseCode.TOO_LONG))
        bench.put("AUSDT")
        await bench.until(lambda: bench.happened == [(PRIVATE, 1, "message is too long")])
        bench.put("BUSDT")
        assert await bench.said(1) == ["BUSDT"]
        states = {sent.alert.symbol: sent.delivery for sent in await bench.store.recent(limit=5)}
        assert states == {"AUSDT": "failed", "BUSDT": "sent"}


async def test_a_reply_whose_target_is_gone_is_sent_without_it() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.put("SOLUSDT", key="first")
        await bench.said(1)
        bench.channel.will_refuse(PRIVATE, MessageRefused("message to be replied not found", code=CauseCode.REPLY_GONE))
        bench.put("SOLUSDT", key="first:x2", details=Details(episode_key="first"))
        await bench.said(2)
        assert bench.channel.said[1].reply_to is None


async def test_an_alert_without_words_fails_alone() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.put("UNSPEAKABLEUSDT", "SOLUSDT")
        assert await bench.said(1) == ["SOLUSDT"]
        assert bench.store.outbox_status().failed == 1


async def test_alerts_of_a_digest_without_words_are_told_one_by_one() -> None:
    async with running(make(PRIVATE)) as bench:
        symbols = [f"C{number}USDT" for number in range(11)]
        bench.put(*symbols, "UNSPEAKABLEUSDT")
        assert await bench.said(11) == symbols
        await bench.until(lambda: bench.store.outbox_status().failed == 1)


async def test_a_refused_token_is_fatal_once_and_everything_stays_queued() -> None:
    async with running(make(PRIVATE, GROUP)) as bench:
        refused = TokenRefused("Telegram refuses the bot token")
        bench.channel.will_refuse(PRIVATE, refused)
        bench.channel.will_refuse(GROUP, refused)
        bench.put("SOLUSDT")
        await bench.until(lambda: "Telegram refuses the bot token" in bench.happened)
        bench.put("DOGEUSDT")
        await bench.clock.advance(30)
        assert bench.channel.said == []
        assert bench.happened.count("Telegram refuses the bot token") == 1
        assert bench.store.outbox_status().queued == 4


async def test_answers_go_before_alerts_and_notices_after_them() -> None:
    bench = make(PRIVATE)
    bench.put("AUSDT", "BUSDT")
    bench.dispatcher.notice(PRIVATE, "started")
    bench.dispatcher.reply(PRIVATE, ["one", "two"], reply_to=5)
    async with running(bench):
        assert await bench.said(5) == ["one", "two", "AUSDT", "BUSDT", "started"]
        assert [said.reply_to for said in bench.channel.said] == [5, None, None, None, None]


async def test_a_wait_asked_for_is_kept_over_a_restart() -> None:
    bench = make(PRIVATE)
    async with running(bench):
        bench.channel.will_refuse(PRIVATE, RetryLater("Telegram asks to wait", retry_after_s=300))
        bench.put("SOLUSDT")
        await bench.until(lambda: len(bench.channel.calls) == 1)
    bench.begin_again()
    async with running(bench):
        await bench.said(1, within_s=400)
        first, second = bench.channel.calls
        assert second[0] - first[0] >= 300


async def test_a_clock_set_back_makes_no_wait_longer() -> None:
    bench = make(PRIVATE)
    async with running(bench):
        bench.channel.will_refuse(PRIVATE, RetryLater("Telegram asks to wait", retry_after_s=60))
        bench.put("SOLUSDT")
        await bench.until(lambda: len(bench.channel.calls) == 1)
    bench.clock.jump(-7200)
    bench.begin_again()
    async with running(bench):
        assert await bench.said(1, within_s=70) == ["SOLUSDT"]


async def test_a_chat_known_by_two_ids_has_one_pace() -> None:
    async with running(make(GROUP)) as bench:
        supergroup = Destination(chat_id=-100777)
        bench.dispatcher.reply(supergroup, ["pong"])
        await bench.said(1)
        bench.channel.will_refuse(GROUP, ChatMoved("the group moved", new_chat_id=-100777))
        bench.put("SOLUSDT")
        await bench.said(2)
        pong, alert = bench.channel.said
        assert (alert.destination, alert.html) == (supergroup, "SOLUSDT")
        assert alert.at_s - pong.at_s >= 3.2


async def test_asking_for_help_again_and_again_does_not_hold_up_alerts() -> None:
    bench = make(PRIVATE)
    for _ in range(20):
        bench.dispatcher.reply(PRIVATE, ["help"])
    bench.put("AUSDT")
    async with running(bench):
        assert await bench.said(4) == ["help", "help", "AUSDT", "help"]


async def test_a_chat_that_only_commands_is_answered_at_its_own_pace() -> None:
    stranger = Destination(chat_id=99)
    async with running(make(PRIVATE)) as bench:
        bench.dispatcher.reply(stranger, ["hello", "again"])
        await bench.said(2)
        assert bench.channel.texts(stranger) == ["hello", "again"]


async def test_an_answer_waits_an_hour_for_a_chat_that_cannot_be_reached() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.channel.will_refuse(PRIVATE, RetryLater("Telegram asks to wait", retry_after_s=3500))
        bench.dispatcher.reply(PRIVATE, ["first"])
        await bench.until(lambda: len(bench.channel.calls) == 1)
        await bench.clock.advance(3400)
        bench.dispatcher.reply(PRIVATE, ["second"])
        assert await bench.said(2, within_s=110) == ["first", "second"]


async def test_an_answer_of_an_hour_ago_is_dropped() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.channel.will_refuse(PRIVATE, RetryLater("Telegram asks to wait", retry_after_s=3700))
        bench.dispatcher.reply(PRIVATE, ["stale"])
        await bench.until(lambda: len(bench.channel.calls) == 1)
        await bench.clock.advance(3600)
        bench.dispatcher.reply(PRIVATE, ["recent"])
        assert await bench.said(1, within_s=110) == ["recent"]


async def test_what_is_learned_after_sending_comes_by_an_edit_within_two_seconds() -> None:
    async with running(make(GROUP)) as bench:
        bench.put("SOLUSDT", key="first")
        await bench.said(1)
        alert = (await bench.store.alerts_of(["first"]))["first"]
        await bench.store.update_alert(pump("SOLUSDT", key="first", lsr=1.5))
        bench.dispatcher.refresh("first")
        await bench.said(2)
        edit = bench.channel.said[1]
        assert (edit.html, edit.message_id, edit.is_edit) == ("SOLUSDT lsr=1.5", 1000, True)
        assert edit.at_s - bench.channel.said[0].at_s <= 2.0
        assert alert.lsr is None


async def test_what_is_learned_while_the_message_is_under_way_is_not_lost() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.channel.delay_s = 2.0
        bench.put("SOLUSDT", key="first")
        await bench.until(lambda: len(bench.channel.calls) == 1)
        await bench.store.update_alert(pump("SOLUSDT", key="first", lsr=1.5))
        bench.dispatcher.refresh("first")
        assert await bench.said(2) == ["SOLUSDT", "SOLUSDT lsr=1.5"]


async def test_what_is_learned_before_sending_needs_no_edit() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.put("AUSDT", "BUSDT", key="")
        await bench.until(lambda: len(bench.channel.said) == 1)
        key = await bench.key("BUSDT")
        await bench.store.update_alert(pump("BUSDT", key=key, lsr=1.5))
        bench.dispatcher.refresh(key)
        assert await bench.said(2) == ["AUSDT", "BUSDT lsr=1.5"]
        await bench.clock.advance(5)
        assert len(bench.channel.said) == 2


async def test_a_burst_that_ran_is_completed_by_an_edit_also_where_the_chat_was_busy() -> None:
    async with running(make(GROUP)) as bench:
        bench.put("SOLUSDT", key="burst", kind="vol", details=Details(running_s=23.0))
        await bench.said(1)
        await bench.clock.advance(40)
        await bench.learn("burst", lsr=9.5, details=Details(is_completed=True))
        assert await bench.said(2) == ["SOLUSDT", "SOLUSDT lsr=9.5"]


async def test_one_message_is_edited_at_most_every_two_seconds() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.put("SOLUSDT", key="first")
        await bench.said(1)
        for number in range(30):
            await bench.learn("first", lsr=float(number))
            await bench.clock.advance(0.3)
        edits = [said.at_s for said in bench.channel.said if said.is_edit]
        assert 3 <= len(edits) <= 6
        assert min(later - earlier for earlier, later in pairwise(edits)) >= 2.0


async def test_edits_never_use_up_what_alerts_need() -> None:
    async with running(make(GROUP)) as bench:
        bench.put("SOLUSDT", key="first")
        await bench.said(1)
        for number in range(60):
            await bench.learn("first", lsr=float(number))
            await bench.clock.advance(1.1)
        first_s = bench.channel.said[0].at_s
        assert sum(1 for said in bench.channel.said if said.at_s - first_s < 60) == 17


async def test_edits_of_a_digest_are_not_attempted() -> None:
    async with running(make(GROUP)) as bench:
        bench.put(*(f"C{number}USDT" for number in range(60)))
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
        said = len(bench.channel.said)
        bench.dispatcher.refresh(await bench.key("C59USDT"))
        await bench.clock.advance(10)
        assert len(bench.channel.said) == said


async def test_a_stop_lets_the_message_under_way_finish() -> None:
    bench = make(PRIVATE)
    bench.channel.delay_s = 0.5
    async with running(bench):
        bench.put("SOLUSDT")
        await bench.until(lambda: len(bench.channel.calls) == 1)
    assert bench.store.outbox_status().sent == 1


async def test_a_stop_does_not_wait_for_a_chat_service_that_hangs() -> None:
    bench = make(PRIVATE)
    bench.channel.hang.add(PRIVATE.chat_id)
    async with running(bench):
        bench.put("SOLUSDT")
        await bench.until(lambda: len(bench.channel.calls) == 1)
    assert 1.9 <= bench.stop_took_s < 3.0
    (row,) = await bench.store.queued(PRIVATE, limit=5)
    assert row.maybe_repeated
    bench.channel.hang.clear()
    async with running(bench):
        assert await bench.said(1) == ["SOLUSDT again#1"]


async def test_what_was_sent_before_a_restart_counts_in_the_groups_minute() -> None:
    bench = make(GROUP, min_interval_s=0.05)
    for number in range(20):
        bench.put(f"OLD{number}USDT")
        await bench.store.mark_sent(GROUP, [number + 1], message_id=number, sent_ms=bench.clock.now_ms())
    began_s = bench.clock.monotonic()
    async with running(bench):
        bench.put("SOLUSDT")
        await bench.said(1, within_s=90)
        assert bench.channel.said[0].at_s - began_s >= 59


@pytest.mark.parametrize(
    "problem", [RetryLater("wait", retry_after_s=5), ChatUnreachable("no connection", outcome_unknown=False)]
)
async def test_a_digest_that_is_held_up_is_told_completely_afterwards(problem: DeliveryError) -> None:
    async with running(make(GROUP, per_part=40)) as bench:
        bench.channel.will_refuse(GROUP, problem)
        bench.put(*(f"C{number}USDT" for number in range(100)))
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
        sent = " ".join(bench.channel.texts(GROUP)).replace("digest:", "").split()
        assert sorted(sent) == sorted(f"C{number}USDT" for number in range(100))
