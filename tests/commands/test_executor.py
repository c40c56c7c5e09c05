"""What each command does to the settings in force, and that nothing is in force that was not saved."""

from __future__ import annotations

import asyncio

import pytest

from altmonitor.commands.replies import (
    HistoryOff,
    HistoryShown,
    MutedChanged,
    MutedShown,
    NumbersChanged,
    OverridesShown,
    QueryFailed,
    SaveFailed,
    StatsShown,
    StatusShown,
    SymbolsRefused,
    UniverseUnknown,
    WatchlistChanged,
    WatchlistShown,
)
from altmonitor.core.alert import Alert, AlertStats, StoredAlert
from altmonitor.settings.audience import Overrides
from altmonitor.settings.changes import NOT_MUTED
from altmonitor.settings.input import Unlisted
from altmonitor.settings.settings import Settings
from tests.commands.executor_kit import NOW_S, Desk
from tests.fakes import cause


def alert(symbol: str, number: int = 1) -> Alert:
    return Alert(
        key=f"price:{symbol}:PUMP:1m:{number}",
        ts=NOW_S - number,
        event_ms=(NOW_S - number) * 1000,
        symbol=symbol,
        kind="price",
        direction="PUMP",
        metric=3.5,
        id=number,
    )


# --- numbers -----------------------------------------------------------------------------------------------------


async def test_a_change_is_saved_with_who_then_in_force_and_told_old_to_new() -> None:
    desk = Desk()
    reply = await desk("/set_pump 2.75")
    assert isinstance(reply, NumbersChanged)
    assert [(c.setting.key, c.old, c.new) for c in reply.changes] == [("pump_threshold", 3.0, 2.75)]
    assert desk.settings.pump_threshold == 2.75
    assert desk.store.saved[0].numbers == {"pump_threshold": 2.75}
    assert desk.store.who == ["ann (7)"]


async def test_two_numbers_change_together_or_not_at_all() -> None:
    desk = Desk()
    await desk("/set_oi 4 8")
    assert (desk.settings.oi_surge_1m, desk.settings.oi_surge_5m) == (4.0, 8.0)
    await desk("/set_oi 5 nonsense")
    assert (desk.settings.oi_surge_1m, desk.settings.oi_surge_5m) == (4.0, 8.0)
    await desk("/set_oi 0")
    assert (desk.settings.oi_surge_1m, desk.settings.oi_surge_5m) == (0.0, 8.0)


async def test_only_what_was_changed_is_kept() -> None:
    desk = Desk(base=Settings(pump_threshold=8.0, cooldown_sec=60))
    await desk("/cooldown 0")
    assert desk.store.saved[-1] == Overrides(numbers={"cooldown_sec": 0})
    assert desk.settings.pump_threshold == 8.0


async def test_a_number_equal_to_the_environments_is_kept_too() -> None:
    desk = Desk(base=Settings(pump_threshold=3.0))
    await desk("/set_pump 3")
    assert desk.store.saved[-1].numbers == {"pump_threshold": 3.0}


async def test_when_saving_fails_nothing_changes_and_the_reply_says_so() -> None:
    desk = Desk()
    before = desk.settings
    desk.store.problem = "state.json cannot be written (Read-only file system)"
    for text in ("/set_dump 9", "/watch sol", "/mute doge", "/cooldown 5"):
        reply = await desk(text)
        assert isinstance(reply, SaveFailed)
        assert "Read-only" in reply.problem.text
    assert desk.settings is before
    assert desk.settings_store.overrides == Overrides()


async def test_subscribers_hear_of_a_change_after_it_was_saved() -> None:
    desk = Desk()
    heard: list[tuple[float, int]] = []
    desk.settings_store.on_change(
        lambda audiences: heard.append((audiences[0].settings.pump_threshold, len(desk.store.saved)))
    )
    await desk("/set_pump 5")
    await desk("/set_pump nonsense")
    assert heard == [(5.0, 1)]


async def test_changes_sent_at_once_take_turns_and_none_is_lost() -> None:
    desk = Desk()
    desk.store.gate = asyncio.Event()
    tasks = [asyncio.create_task(desk(text)) for text in ("/set_pump 5", "/set_dump 6", "/watch sol", "/watch doge")]
    for _ in range(5):
        await asyncio.sleep(0)
    assert desk.settings == Settings()
    desk.store.gate.set()
    await asyncio.gather(*tasks)
    assert (desk.settings.pump_threshold, desk.settings.dump_threshold) == (5.0, -6.0)
    assert desk.settings.watchlist == {"SOLUSDT", "DOGEUSDT"}
    assert desk.store.states[-1] == desk.settings_store.state


async def test_status_is_answered_while_a_change_is_being_saved() -> None:
    desk = Desk()
    desk.store.gate = asyncio.Event()
    change = asyncio.create_task(desk("/set_pump 5"))
    await asyncio.sleep(0)
    reply = await asyncio.wait_for(desk("/status"), 60)
    assert isinstance(reply, StatusShown)
    assert reply.settings.pump_threshold == 3.0
    desk.store.gate.set()
    await change


async def test_reset_goes_back_to_the_environment() -> None:
    desk = Desk(base=Settings(pump_threshold=8.0))
    await desk("/set_pump 5")
    await desk("/set_vol 9")
    shown = await desk("/reset")
    assert isinstance(shown, OverridesShown)
    assert [(c.setting.key, c.old, c.new) for c in shown.changes] == [
        ("pump_threshold", 8.0, 5.0),
        ("vol_burst_mult", 5.0, 9.0),
    ]
    reply = await desk("/reset pump")
    assert isinstance(reply, NumbersChanged)
    assert [(c.old, c.new) for c in reply.changes] == [(5.0, 8.0)]
    assert desk.settings.pump_threshold == 8.0
    assert desk.store.saved[-1].numbers == {"vol_burst_mult": 9.0}
    await desk("/reset all yes")
    assert desk.store.saved[-1] == Overrides()
    assert await desk("/reset all") == OverridesShown(changes=())


# --- watchlist ---------------------------------------------------------------------------------------------------


async def test_watch_adds_and_bare_watch_only_lists() -> None:
    desk = Desk()
    reply = await desk("/watch sol, 币安人生")
    assert reply == WatchlistChanged(old=(), new=("SOLUSDT", "币安人生USDT"), added=("SOLUSDT", "币安人生USDT"))
    assert await desk("/watch") == WatchlistShown(symbols=("SOLUSDT", "币安人生USDT"))
    assert desk.settings.watchlist == {"SOLUSDT", "币安人生USDT"}


async def test_watch_all_clears() -> None:
    desk = Desk(overrides=Overrides(watchlist=frozenset({"SOLUSDT"})))
    reply = await desk("/watch all yes")
    assert isinstance(reply, WatchlistChanged)
    assert reply.is_all_now
    assert desk.settings.watchlist == frozenset()
    assert await desk("/watch all") == WatchlistChanged(old=(), new=())
    assert len(desk.store.saved) == 1


async def test_one_unlisted_word_refuses_the_whole_command_with_suggestions() -> None:
    desk = Desk()
    reply = await desk("/watch sol pepe zzzzzz")
    assert reply == SymbolsRefused(
        command="watch",
        unlisted=(
            Unlisted(given="pepe", suggestions=("1000PEPEUSDT",)),
            Unlisted(given="zzzzzz", suggestions=()),
        ),
    )
    assert desk.settings.watchlist == frozenset()


async def test_what_is_watched_already_is_said_and_not_saved_again() -> None:
    desk = Desk(overrides=Overrides(watchlist=frozenset({"SOLUSDT"})))
    reply = await desk("/watch sol SOL/USDT")
    assert reply == WatchlistChanged(old=("SOLUSDT",), new=("SOLUSDT",), already=("SOLUSDT",))
    assert desk.store.saved == []


async def test_watching_a_muted_symbol_warns() -> None:
    desk = Desk(overrides=Overrides(muted={"SOLUSDT": None, "DOGEUSDT": NOW_S - 1}))
    reply = await desk("/watch sol doge")
    assert isinstance(reply, WatchlistChanged)
    assert reply.muted_too == ("SOLUSDT",)


async def test_unwatching_the_last_says_that_all_are_watched_now() -> None:
    desk = Desk(overrides=Overrides(watchlist=frozenset({"SOLUSDT", "DOGEUSDT"})))
    first = await desk("/unwatch sol btc")
    assert first == WatchlistChanged(
        old=("DOGEUSDT", "SOLUSDT"), new=("DOGEUSDT",), removed=("SOLUSDT",), absent=("BTCUSDT",)
    )
    last = await desk("/unwatch doge")
    assert isinstance(last, WatchlistChanged)
    assert last.is_all_now


async def test_a_delisted_symbol_can_be_taken_off_even_before_the_universe_is_known() -> None:
    for listed in ((), ("BTCUSDT",)):
        desk = Desk(overrides=Overrides(watchlist=frozenset({"GONEUSDT"}), muted={"GONEUSDT": None}), listed=listed)
        await desk("/unwatch gone")
        await desk("/unmute gone")
        assert desk.settings.watchlist == frozenset()
        assert desk.settings.muted == {}


async def test_before_the_universe_is_known_no_symbol_is_taken() -> None:
    desk = Desk(listed=())
    assert await desk("/watch sol") == UniverseUnknown(command="watch")
    assert await desk("/mute sol") == UniverseUnknown(command="mute")
    assert desk.store.saved == []


# --- mutes -------------------------------------------------------------------------------------------------------


async def test_a_mute_for_a_while_ends_by_itself() -> None:
    desk = Desk()
    reply = await desk("/mute doge 2h")
    assert reply == MutedChanged(changes=(("DOGEUSDT", NOT_MUTED, NOW_S + 7200),), muted_count=1)
    assert desk.settings.is_muted("DOGEUSDT", NOW_S + 7199.9)
    assert not desk.settings.is_muted("DOGEUSDT", NOW_S + 7200)
    desk.now_s = NOW_S + 7200
    assert await desk("/mute") == MutedShown(muted={})


async def test_mutes_that_ended_are_dropped_with_the_next_change() -> None:
    desk = Desk(overrides=Overrides(muted={"DOGEUSDT": NOW_S - 1, "BTCUSDT": None}))
    await desk("/mute sol")
    assert desk.store.saved[-1].muted == {"BTCUSDT": None, "SOLUSDT": None}


async def test_a_mute_for_good_and_a_timed_one_replace_each_other() -> None:
    desk = Desk(overrides=Overrides(muted={"DOGEUSDT": None}))
    reply = await desk("/mute doge 1d")
    assert reply == MutedChanged(changes=(("DOGEUSDT", None, NOW_S + 86_400),), muted_count=1)
    reply = await desk("/mute doge")
    assert reply == MutedChanged(changes=(("DOGEUSDT", NOW_S + 86_400, None),), muted_count=1)


async def test_unmute_says_what_was_not_muted() -> None:
    desk = Desk(overrides=Overrides(muted={"DOGEUSDT": None, "SOLUSDT": NOW_S + 5}))
    reply = await desk("/unmute doge btc")
    assert reply == MutedChanged(changes=(("DOGEUSDT", None, NOT_MUTED),), absent=("BTCUSDT",), muted_count=1)
    assert await desk("/unmute btc") == MutedChanged(changes=(), absent=("BTCUSDT",), muted_count=1)
    assert len(desk.store.saved) == 1
    await desk("/unmute all yes")
    assert desk.settings.muted == {}


async def test_a_coin_whose_name_is_a_number_can_be_muted() -> None:
    desk = Desk()
    await desk("/mute 4 30m")
    assert desk.settings.muted == {"4USDT": NOW_S + 1800}


# --- asking ------------------------------------------------------------------------------------------------------


async def test_history_asks_for_the_listed_symbol() -> None:
    desk = Desk()
    desk.alerts.told = tuple(StoredAlert(alert=alert("SOLUSDT", i), delivery="sent") for i in range(1, 30))
    reply = await desk("/history 20 sol price")
    assert desk.alerts.asked == [{"limit": 20, "symbol": "SOLUSDT", "kind": "price", "since_s": None}]
    assert isinstance(reply, HistoryShown)
    assert len(reply.alerts) == 20


async def test_history_of_a_delisted_symbol_is_shown_and_of_an_unknown_one_suggests() -> None:
    desk = Desk()
    desk.alerts.told = (StoredAlert(alert=alert("GONEUSDT"), delivery="sent"),)
    gone = await desk("/history gone")
    assert isinstance(gone, HistoryShown)
    assert len(gone.alerts) == 1
    unknown = await desk("/history pepe")
    assert isinstance(unknown, HistoryShown)
    assert (unknown.symbol, unknown.suggestions) == ("PEPEUSDT", ("1000PEPEUSDT",))


async def test_stats_ask_for_the_hours_before_now() -> None:
    desk = Desk()
    desk.alerts.stats_answer = AlertStats(total=3, by_kind={"oi": 3}, by_symbol=[("SOLUSDT", 3)])
    reply = await desk("/stats 48")
    assert desk.alerts.asked == [{"since_s": NOW_S - 172_800, "top": 10}]
    assert reply == StatsShown(hours=48, stats=desk.alerts.stats_answer)


@pytest.mark.parametrize("text", ["/history", "/stats"])
async def test_a_database_that_cannot_be_read_is_said_not_raised(text: str) -> None:
    desk = Desk()
    desk.alerts.problem = "alerts.db is locked"
    reply = await desk(text)
    assert reply == QueryFailed(command=text[1:], problem=cause("alerts.db is locked"))


@pytest.mark.parametrize("text", ["/history", "/stats"])
async def test_without_history_the_command_says_so(text: str) -> None:
    assert await Desk(is_history_on=False)(text) == HistoryOff(command=text[1:])


async def test_status_knows_what_is_watched_and_not_listed() -> None:
    desk = Desk(overrides=Overrides(watchlist=frozenset({"SOLUSDT", "LUNAUSDT"})))
    reply = await desk("/status")
    assert isinstance(reply, StatusShown)
    assert reply.unlisted == ("LUNAUSDT",)
    assert desk.desk.status(now_s=NOW_S).unlisted == ("LUNAUSDT",)
    desk.listed = ()  # not read yet: nothing can be said of them
    unread = await desk("/status")
    assert isinstance(unread, StatusShown)
    assert unread.unlisted == ()


async def test_status_carries_settings_overrides_and_health() -> None:
    desk = Desk(overrides=Overrides(numbers={"pump_threshold": 5.0}))
    reply = await desk("/status")
    assert isinstance(reply, StatusShown)
    assert reply.settings is desk.settings
    assert reply.overridden == {"pump_threshold"}
    assert reply.health.status == "ok"


async def test_talk_and_commands_for_another_bot_get_no_answer() -> None:
    desk = Desk()
    assert await desk("good morning") is None
    assert await desk("/status@OtherBot", bot_name="AltBot") is None
