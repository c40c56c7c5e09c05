"""What was changed by whom, taking it back, and who may change at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altmonitor.commands.replies import (
    MutedShown,
    NotPermitted,
    NumbersChanged,
    OverridesShown,
    QueryFailed,
    Refused,
    SaveFailed,
    StatusShown,
    Unrecorded,
    WatchlistShown,
    plain,
)
from altmonitor.commands.replies_settings import Changed, ChangesShown, ConfirmAsked, NothingToUndo, Undone, UndoRefused
from altmonitor.core.types import LANGUAGES, Destination
from altmonitor.render.blocks import difference_lines
from altmonitor.render.format import Style
from altmonitor.settings.audience import BudgetSetting, Overrides
from altmonitor.settings.changes import Author, Difference, differences, in_force
from altmonitor.settings.settings import Settings
from altmonitor.settings.state import DestinationOverrides, State
from tests.commands.executor_kit import GROUP, GUEST, MAIN, NOW_S, TOPIC, Desk
from tests.effort import examples
from tests.fakes import cause

# --- the record --------------------------------------------------------------------------------------------------


async def test_a_change_is_recorded_with_who_when_where_and_what() -> None:
    desk = Desk()
    await desk("/set_pump 5")
    made = desk.changes.rows[0].made
    assert (made.at_ms, made.who, made.user_id, made.destination) == (NOW_S * 1000, "ann", 7, MAIN)
    assert made.command == "/set_pump 5"
    assert (made.before, made.after) == (
        DestinationOverrides(),
        DestinationOverrides(overrides=Overrides(numbers={"pump_threshold": 5.0})),
    )
    shown = await desk("/changes")
    assert isinstance(shown, ChangesShown)
    assert shown.rows[0][1] == (Difference(key="pump_threshold", old=None, new=5.0),)


async def test_what_changed_nothing_is_not_recorded() -> None:
    desk = Desk()
    for text in ("/set_pump nan", "/watch", "/status", "/undo", "/budget 20", "/watch all"):
        await desk(text)
    assert desk.changes.rows == []


async def test_changes_are_shown_newest_first_everywhere_in_the_main_chat_and_ones_own_elsewhere() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    await desk("/set_pump 5")
    await desk("/set_pump 6", at=GROUP)
    await desk("/set_pump 7")
    everywhere, here = await desk("/changes"), await desk("/changes", at=GROUP)
    assert isinstance(everywhere, ChangesShown)
    assert isinstance(here, ChangesShown)
    assert [row.made.command for row, _ in everywhere.rows] == ["/set_pump 7", "/set_pump 6", "/set_pump 5"]
    assert [row.made.command for row, _ in here.rows] == ["/set_pump 6"]
    last = await desk("/changes 1")
    assert isinstance(last, ChangesShown)
    assert len(last.rows) == 1


async def test_a_change_that_could_not_be_recorded_is_in_force_and_says_so() -> None:
    desk = Desk()
    desk.changes.problem = "alerts.db is locked"
    reply = await desk("/set_pump 5")
    assert isinstance(reply, Unrecorded)
    assert reply.problem == cause("alerts.db is locked")
    assert desk.settings.pump_threshold == 5.0
    assert await desk("/changes") == QueryFailed(command="changes", problem=cause("alerts.db is locked"))
    assert await desk("/undo") == QueryFailed(command="undo", problem=cause("alerts.db is locked"))


# --- undo --------------------------------------------------------------------------------------------------------


async def test_undo_takes_back_one_change_after_the_other() -> None:
    desk = Desk()
    await desk("/set_pump 5")
    await desk("/set_pump 6")
    first = await desk("/undo")
    assert isinstance(first, Undone)
    assert first.differences == (Difference(key="pump_threshold", old=6.0, new=5.0),)
    assert desk.settings.pump_threshold == 5.0
    await desk("/undo")
    assert desk.settings_store.state == State()
    assert await desk("/undo") == NothingToUndo()
    shown = await desk("/changes")
    assert isinstance(shown, ChangesShown)
    assert [(row.id, row.undone_by, row.made.undoes) for row, _ in shown.rows] == [
        (4, None, 1),
        (3, None, 2),
        (2, 3, None),
        (1, 4, None),
    ]


async def test_undo_passes_over_what_had_no_effect() -> None:
    desk = Desk()
    for text in ("/set_dump 4", "/set_pump 8", "/set_pump 8", "/lang en", "/set_oi 3"):  # the last two hold anyway
        await desk(text)
    reply = await desk("/undo")
    assert isinstance(reply, Undone)
    assert reply.change.made.command == "/set_pump 8"
    assert reply.differences == (Difference(key="pump_threshold", old=8.0, new=3.0),)
    assert (desk.settings.pump_threshold, desk.settings.dump_threshold) == (3.0, -4.0)
    again = await desk("/undo")
    assert isinstance(again, Undone)
    assert again.change.made.command == "/set_dump 4"
    assert await desk("/undo") == NothingToUndo()
    assert desk.settings_store.state == State()


async def test_undo_refuses_when_something_else_holds_by_now() -> None:
    desk = Desk()
    await desk("/set_pump 5")
    desk.changes.problem = "alerts.db is locked"
    await desk("/set_pump 9")  # in force but not on record
    desk.changes.problem = ""
    reply = await desk("/undo")
    assert isinstance(reply, UndoRefused)
    assert reply.differences == (Difference(key="pump_threshold", old=5.0, new=9.0),)
    assert desk.settings.pump_threshold == 9.0


async def test_undo_is_about_the_place_it_is_typed_in() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    await desk("/set_pump 5")
    await desk("/set_pump 6", at=GROUP)
    await desk("/set_dump 7")
    await desk("/undo", at=GROUP)
    assert [a.settings.pump_threshold for a in desk.settings_store.audiences] == [5.0, 5.0]
    assert isinstance(plain(await desk("/undo", at=GROUP)), NothingToUndo)  # type: ignore[arg-type]
    await desk("/undo")
    assert (desk.settings.pump_threshold, desk.settings.dump_threshold) == (5.0, -3.0)


async def test_undo_brings_a_removed_destination_back_with_all_it_had() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    await desk("/set_pump 6", at=GROUP)
    before = desk.settings_store.state
    await desk("/route off yes", at=GROUP)
    await desk("/undo", at=GROUP)
    assert desk.settings_store.state == before


async def test_an_undo_that_cannot_be_saved_changes_nothing_and_can_be_tried_again() -> None:
    desk = Desk()
    await desk("/set_pump 5")
    desk.store.problem = "Read-only file system"
    assert await desk("/undo") == SaveFailed(command="undo", problem=cause("Read-only file system"))
    assert desk.settings.pump_threshold == 5.0
    desk.store.problem = ""
    assert isinstance(await desk("/undo"), Undone)


COMMANDS = st.sampled_from(
    [
        "/set_pump 5",
        "/set_pump 6",
        "/set_oi 0 4",
        "/set_move 5m 4",
        "/set_liq 24h 2M",
        "/set sol pump 8",
        "/set sol default",
        "/preset calm",
        "/budget 20 yes",
        "/budget off",
        "/watch sol",
        "/watch sol doge",
        "/unwatch sol",
        "/watch all yes",
        "/mute doge",
        "/mute doge sol 2h",
        "/unmute all yes",
        "/quiet 23:00-07:00",
        "/quiet off",
        "/lang ru",
        "/lang en",
        "/tz berlin",
        "/route oi silent",
        "/route all loud",
        "/route off yes",
        "/route vol silent",
        "/alert btc > 70000",
        "/alert sol move 5m 4",
        "/alert delete 1",
        "/alert delete all yes",
        "/reset pump",
        "/reset all",
        "/reset all yes",
        "/set_pump nonsense",
    ]
)
PLACES = st.sampled_from([MAIN, GROUP, TOPIC])
START = State(
    main=Overrides(numbers={"pump_threshold": 4.0}, watchlist=frozenset({"BTCUSDT"}), muted={"DOGEUSDT": NOW_S + 99}),
    chats={GROUP: Overrides(lang="zh", muted={})},
)


@settings(max_examples=examples(150))
@given(steps=st.lists(st.tuples(COMMANDS, PLACES), max_size=25), start=st.sampled_from([State(), START]))
async def test_after_any_commands_as_many_undos_bring_back_the_beginning(
    steps: list[tuple[str, Destination]], start: State
) -> None:
    desk = Desk(destinations=(MAIN, GROUP), state=start)
    for text, at in steps:
        desk.now_s += 100
        await desk(text, at=at)
    assert desk.store.states[-1:] in ([], [desk.settings_store.state])
    for destination in (MAIN, GROUP, TOPIC):
        for _ in range(len(desk.changes.rows) + 1):
            if isinstance(plain(await desk("/undo", at=destination)), NothingToUndo):  # type: ignore[arg-type]
                break
    assert desk.settings_store.state == start


# --- who may -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "/set_pump 5",
        "/watch sol",
        "/watch all",
        "/mute doge",
        "/reset all",
        "/route silent",
        "/lang ru",
        "/preset calm",
        "/budget 20",
        "/budget 20 yes",
        "/alert btc > 70000",
        "/undo",
        "/test",
        "/pin_status",
        "/pin_status off",
    ],
)
async def test_who_may_only_read_changes_nothing(text: str) -> None:
    desk = Desk(state=START)
    assert await desk(text, who=GUEST) == NotPermitted(command=text.split()[0][1:])
    assert desk.store.states == []
    assert desk.samples.sent == []


async def test_who_may_only_read_may_read() -> None:
    desk = Desk()
    for text, kind in (
        ("/status", StatusShown),
        ("/watch", WatchlistShown),
        ("/mute", MutedShown),
        ("/reset", OverridesShown),
        ("/changes", ChangesShown),
        ("/set_pump nan", Refused),
    ):
        assert isinstance(await desk(text, who=GUEST), kind)


async def test_a_refusal_is_said_once_an_hour_to_each() -> None:
    desk = Desk()
    other = replace(GUEST, user_id=9)
    assert isinstance(await desk("/set_pump 5", who=GUEST), NotPermitted)
    assert await desk("/set_pump 5", who=GUEST) is None
    assert await desk("/mute doge", who=GUEST) is None
    assert isinstance(await desk("/set_pump 5", who=other), NotPermitted)
    desk.now_s += 3600
    assert isinstance(await desk("/set_pump 5", who=GUEST), NotPermitted)


async def test_a_channel_without_a_user_may_change_where_it_may() -> None:
    desk = Desk()
    assert isinstance(await desk("/set_pump 5", who=Author(user_id=None, name="News")), NumbersChanged)
    assert desk.store.who == ["News"]


# --- confirmation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["/watch all", "/unwatch all", "/unmute all", "/reset all", "/alert delete all"])
async def test_what_clears_a_list_asks_first_and_is_done_by_the_button(text: str) -> None:
    desk = Desk(state=START)
    await desk("/alert btc > 70000")
    before = desk.settings_store.state
    asked = await desk(text)
    assert isinstance(asked, ConfirmAsked)
    assert asked.losses
    assert desk.settings_store.state is before
    yes, no = asked.buttons
    assert await desk(no.action) is None
    assert desk.settings_store.state is before
    await desk(yes.action)
    assert desk.settings_store.state != before
    assert not isinstance(await desk(text), ConfirmAsked)


async def test_what_a_budget_chose_for_adaptive_bounds_is_a_difference_that_is_told_and_undone_alone() -> None:
    adaptive = Settings(adaptive_sigmas=6.0, adaptive_volume_mult=2.0)
    first, second = (
        DestinationOverrides(
            overrides=Overrides(
                numbers={"pump_threshold": 7.0}, budget=BudgetSetting(per_day=20, numbers={"adaptive_sigmas": sigmas})
            )
        )
        for sigmas in (8.0, 4.0)
    )
    assert [(one.key, one.old, one.new) for one in differences(first, second)] == [("adaptive_sigmas", 8.0, 4.0)]
    before, after = (
        Desk(base=adaptive, overrides=one.overrides).settings_store.audiences[0] for one in (first, second)
    )
    told = [(one.key, one.old, one.new) for one in in_force(before, after)]
    assert told == [("adaptive_sigmas", 8.0, 4.0)], "else /undo would take it for nothing and go further back"
    desk = Desk(base=adaptive, overrides=second.overrides)
    reply = await desk("/reset budget")
    assert isinstance(reply, Changed)
    assert {one.key for one in reply.differences} == {"adaptive_sigmas", "budget"}
    for lang in LANGUAGES:
        lines = difference_lines(reply.differences, Style(lang=lang, tz=UTC))
        assert any("4×" in line and "6×" in line for line in lines), lines
