"""Several destinations: what each has of its own, what it follows, and what a command typed somewhere is about."""

from __future__ import annotations

import re

import pytest

from altmonitor.commands.replies import (
    Bad,
    NoDestination,
    NothingToReset,
    NumbersChanged,
    OverridesShown,
    Placed,
    Refused,
    StatusPin,
    StatusShown,
    WatchlistChanged,
    plain,
)
from altmonitor.commands.replies_settings import (
    Changed,
    ChangesShown,
    ConditionAdded,
    ConfirmAsked,
    LanguageShown,
    NoRoute,
    NothingToUndo,
    OutcomeLineChosen,
    QuietShown,
    RouteEnded,
    RouteRefused,
    RouteShown,
    SamplesSent,
    ZoneShown,
    ZoneUnknown,
)
from altmonitor.core.alert import Kind
from altmonitor.core.types import Destination
from altmonitor.settings.audience import BudgetSetting, Overrides, QuietHours
from altmonitor.settings.changes import Difference
from altmonitor.settings.settings import Settings
from altmonitor.settings.state import EnvironmentDefaults, SettingsStore, State
from altmonitor.storage.state_format import decode, encode
from tests.commands.executor_kit import GROUP, MAIN, NOW_S, TOPIC, Desk

OTHER = Destination(chat_id=55)
ALL: frozenset[Kind] = frozenset({"price", "oi", "vol", "funding", "liq", "basis"})
OI: frozenset[Kind] = frozenset({"oi"})


def settings_store(
    main: Overrides | None = None, *, destinations: tuple[Destination, ...] = (MAIN, GROUP), **chats: Overrides
) -> SettingsStore:
    """chats: by the names `group` and `topic`."""
    places = {"group": GROUP, "topic": TOPIC}
    state = State(main=main or Overrides(), chats={places[name]: own for name, own in chats.items()})
    return SettingsStore(Settings(pump_threshold=3.0), state, home=EnvironmentDefaults(destinations=destinations))


# --- following ---------------------------------------------------------------------------------------------------


def test_numbers_are_followed_one_by_one() -> None:
    group = settings_store(
        Overrides(numbers={"pump_threshold": 5.0, "cooldown_sec": 60}), group=Overrides(numbers={"pump_threshold": 8.0})
    ).audiences[1]
    assert (group.settings.pump_threshold, group.settings.cooldown_sec) == (8.0, 60)


def test_a_list_of_its_own_counts_as_a_whole_and_an_emptied_one_stays_empty() -> None:
    main = Overrides(watchlist=frozenset({"SOLUSDT"}), muted={"DOGEUSDT": None})
    assert settings_store(main).audiences[1].settings.watchlist == {"SOLUSDT"}
    emptied = settings_store(main, group=Overrides(watchlist=frozenset(), muted={})).audiences[1].settings
    assert (emptied.watchlist, dict(emptied.muted)) == (frozenset(), {})


def test_manner_is_followed_until_it_is_set() -> None:
    quiet = QuietHours(begin_minute=1380, end_minute=420)
    main = Overrides(lang="ru", tz="Europe/Moscow", quiet=quiet, is_silent=True, kinds=frozenset({"price"}))
    followed = settings_store(main).audiences[1]
    assert (followed.lang, followed.tz, followed.quiet, followed.is_silent) == ("ru", "Europe/Moscow", quiet, True)
    assert followed.kinds == {"price"}
    own = settings_store(main, group=Overrides(lang="en", quiet="off", is_silent=False)).audiences[1]
    assert (own.lang, own.tz, own.quiet, own.is_silent) == ("en", "Europe/Moscow", None, False)


def test_one_symbols_own_numbers_lie_over_the_destinations() -> None:
    settings = (
        settings_store(
            Overrides(symbols={"SOLUSDT": {"pump_threshold": 8.0}}), group=Overrides(numbers={"dump_threshold": -9.0})
        )
        .audiences[1]
        .settings
    )
    assert settings.for_symbol("SOLUSDT").pump_threshold == 8.0
    assert settings.for_symbol("SOLUSDT").dump_threshold == -9.0
    assert settings.for_symbol("BTCUSDT").pump_threshold == 3.0


def test_the_thresholds_of_a_budget_give_way_to_what_a_chat_set_itself() -> None:
    main = Overrides(numbers={"pump_threshold": 4.0}, budget=BudgetSetting(per_day=20, numbers={"pump_threshold": 9.0}))
    audiences = settings_store(main, group=Overrides(numbers={"pump_threshold": 2.0})).audiences
    assert [a.settings.pump_threshold for a in audiences] == [9.0, 2.0]
    audiences = settings_store(main, group=Overrides(budget=BudgetSetting(per_day=0))).audiences
    assert [(a.settings.pump_threshold, a.budget_per_day) for a in audiences] == [(9.0, 20), (4.0, 0)]


def test_a_destination_is_of_the_environment_or_routed_to_and_not_removed() -> None:
    found = settings_store(topic=Overrides(kinds=frozenset({"oi"})), group=Overrides(kinds=frozenset()))
    assert [(a.destination, a.kinds) for a in found.audiences] == [
        (MAIN, ALL),
        (TOPIC, OI),
    ]
    assert [a.destination for a in settings_store(topic=Overrides(lang="ru")).audiences] == [MAIN, GROUP]


@pytest.mark.parametrize(
    ("typed", "about"),
    [
        (MAIN, MAIN),
        (GROUP, GROUP),
        (Destination(chat_id=GROUP.chat_id, topic_id=9), GROUP),
        (TOPIC, TOPIC),
        (OTHER, MAIN),
        (Destination(chat_id=55, topic_id=3), MAIN),
    ],
)
def test_a_command_is_about_its_own_place_else_the_whole_chat_else_the_main_one(
    typed: Destination, about: Destination
) -> None:
    assert settings_store(topic=Overrides(kinds=frozenset({"oi"}))).about(typed) == about


def test_the_environments_new_values_hold_where_nothing_was_changed() -> None:
    found = settings_store(Overrides(numbers={"dump_threshold": -9.0}))
    heard: list[float] = []
    found.on_change(lambda audiences: heard.append(audiences[1].settings.pump_threshold))
    found.rebase(Settings(pump_threshold=7.0))
    assert heard == [7.0]
    assert (found.main.pump_threshold, found.main.dump_threshold) == (7.0, -9.0)


# --- moved groups ------------------------------------------------------------------------------------------------


async def test_a_group_that_moved_keeps_what_it_has_and_its_changes_can_be_undone() -> None:
    new = Destination(chat_id=-100_555)
    desk = Desk(destinations=(MAIN, GROUP))
    await desk("/set_pump 8", at=GROUP)
    await desk("/alert btc > 70000", at=GROUP)
    await desk("/route oi", at=Destination(chat_id=GROUP.chat_id, topic_id=9))
    await desk.desk.follow_move(GROUP, new)
    assert [a.destination for a in desk.settings_store.audiences] == [
        MAIN,
        new,
        Destination(chat_id=new.chat_id, topic_id=9),
    ]
    assert desk.settings_store.audiences[1].settings.pump_threshold == 8.0
    assert [c.destination for c in desk.settings_store.state.conditions] == [new]
    assert desk.store.states[-1] == desk.settings_store.state
    await desk("/undo", at=new)
    await desk("/undo", at=new)
    assert desk.settings_store.audiences[1].settings.pump_threshold == 3.0
    assert desk.settings_store.state.conditions == ()


async def test_the_main_group_may_move_too() -> None:
    new = Destination(chat_id=-100_777)
    desk = Desk()
    await desk("/set_pump 8")
    await desk.desk.follow_move(MAIN, new)
    assert [(a.destination, a.settings.pump_threshold) for a in desk.settings_store.audiences] == [(new, 8.0)]
    assert isinstance(await desk("/set_pump 9", at=new), NumbersChanged)


# --- commands at a place -----------------------------------------------------------------------------------------


async def test_a_change_in_one_chat_leaves_the_others() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    reply = await desk("/set_pump 8", at=GROUP)
    assert isinstance(reply, Placed)
    assert (reply.destination, reply.is_main) == (GROUP, False)
    assert [a.settings.pump_threshold for a in desk.settings_store.audiences] == [3.0, 8.0]
    assert desk.store.states[-1] == State(chats={GROUP: Overrides(numbers={"pump_threshold": 8.0})})


async def test_with_one_destination_a_reply_does_not_name_it() -> None:
    assert isinstance(await Desk()("/set_pump 8"), NumbersChanged)


IN_THE_MAIN_CHAT = Destination(chat_id=MAIN.chat_id, topic_id=3)
OWNER = Destination(chat_id=7)
CHANGES = """set_pump 8;set_dump 8;set_oi 4 8;set_vol 8;set_move 5m 4;set_liq 24h 2M;cooldown 60;preset calm;budget 20
    budget 20 yes;budget off;reset pump;reset all yes;set sol pump 8;set sol default;watch sol;watch all yes;unwatch sol
    unwatch all;mute sol;mute sol 2h;unmute sol;unmute all yes;quiet 23-7;quiet off;lang ru;tz UTC+3;test;undo"""


async def test_a_place_without_alerts_changes_nothing_elsewhere() -> None:
    """A topic beside the one that gets alerts, another allowed chat, the general topic: whatever is typed there."""
    changed = []
    for destinations, place in [
        ((OWNER, TOPIC), Destination(chat_id=TOPIC.chat_id, topic_id=9)),
        ((OWNER, TOPIC), Destination(chat_id=TOPIC.chat_id)),
        ((OWNER,), OTHER),
        ((OWNER,), Destination(chat_id=55, topic_id=3)),
        ((TOPIC,), OTHER),
    ]:
        for text in re.split(r"[;\n]\s*", CHANGES):
            desk = Desk(destinations=destinations, state=FULL)
            reply = await desk(f"/{text}", at=place)
            command = text.split()[0]
            refused = NothingToUndo() if command == "undo" else NoDestination(command=command)
            if desk.store.states or desk.samples.sent or (reply != refused and not is_question(plain(reply))):
                changed.append((place, text, reply))
    assert changed == []


FULL = State(
    main=Overrides(
        numbers={"pump_threshold": 4.0},
        watchlist=frozenset({"SOLUSDT"}),
        muted={"SOLUSDT": None},
        symbols={"SOLUSDT": {"pump_threshold": 9.0}},
        budget=BudgetSetting(per_day=5),
    )
)


def is_question(reply: object) -> bool:
    """It was answered with what is so, and nothing was to be changed."""
    return isinstance(reply, WatchlistChanged | QuietShown)


async def test_what_concerns_the_place_itself_may_be_said_where_no_alerts_come() -> None:
    desk = Desk(destinations=(OWNER,))
    assert isinstance(await desk("/alert btc > 5", at=OTHER), ConditionAdded)
    assert isinstance(await desk("/pin_status", at=OTHER), StatusPin)
    await desk("/undo", at=OTHER)
    assert desk.settings_store.state.conditions == ()
    assert isinstance(await desk("/status", at=OTHER), StatusShown)
    await desk("/set_pump 8", at=OWNER)
    assert await desk("/undo", at=OTHER) == NothingToUndo()
    changes = await desk("/changes", at=OTHER)
    assert isinstance(changes, ChangesShown)
    assert [row.made.destination for row, _ in changes.rows] == [OTHER, OTHER]
    assert isinstance(await desk("/route all", at=OTHER), Placed | Changed)
    await desk("/set_pump 9", at=OTHER)
    assert [a.settings.pump_threshold for a in desk.settings_store.audiences] == [8.0, 9.0]


async def test_a_topic_of_a_chat_that_gets_alerts_is_about_that_chat() -> None:
    desk = Desk()
    await desk("/set_pump 8", at=IN_THE_MAIN_CHAT)
    assert desk.settings.pump_threshold == 8.0


async def test_adding_to_a_followed_list_makes_it_the_chats_own() -> None:
    state = State(main=Overrides(watchlist=frozenset({"SOLUSDT"})))
    desk = Desk(destinations=(MAIN, GROUP), state=state)
    reply = plain(await desk("/watch btc", at=GROUP))  # type: ignore[arg-type]
    assert isinstance(reply, WatchlistChanged)
    assert (reply.old, reply.new) == (("SOLUSDT",), ("BTCUSDT", "SOLUSDT"))
    assert [sorted(a.settings.watchlist) for a in desk.settings_store.audiences] == [
        ["SOLUSDT"],
        ["BTCUSDT", "SOLUSDT"],
    ]


async def test_a_reset_in_a_chat_goes_back_to_following_and_keeps_its_route() -> None:
    desk = Desk()
    await desk("/set_pump 6")
    await desk("/route oi silent", at=GROUP)  # it was none: oi is all that comes
    for text in ("/set_pump 9", "/watch sol", "/lang ru", "/quiet 23-7", "/set sol pump 8"):
        await desk(text, at=GROUP)
    asked = plain(await desk("/reset all", at=GROUP))  # type: ignore[arg-type]
    assert isinstance(asked, ConfirmAsked)
    assert [loss.key for loss in asked.losses] == ["pump_threshold", "pump_threshold", "watchlist", "quiet", "lang"]
    reply = plain(await desk("/reset all yes", at=GROUP))  # type: ignore[arg-type]
    assert isinstance(reply, Changed)
    assert Difference(key="pump_threshold", old=9.0, new=6.0) in reply.differences
    group = desk.settings_store.audiences[1]
    assert (group.settings.pump_threshold, group.lang, group.quiet, group.settings.of_symbol) == (6.0, "en", None, {})
    assert (group.kinds, group.is_silent) == (OI, True)


async def test_a_reset_of_what_nobody_changed_says_so() -> None:
    desk = Desk()
    assert await desk("/reset symbols pump") == NothingToReset(keys=("pump_threshold",), parts=("symbols",))
    await desk("/set_oi 3 7")  # the first is the default
    await desk("/lang en")
    shown = await desk("/reset")
    assert isinstance(shown, OverridesShown)
    assert [(c.setting.key, c.old, c.new) for c in shown.changes] == [("oi_surge_5m", 6.0, 7.0)]
    assert shown.others == ()


async def test_one_part_can_be_reset_alone() -> None:
    desk = Desk()
    await desk("/lang zh")
    await desk("/tz +8")
    await desk("/set_pump 9")
    await desk("/reset lang pump")
    assert desk.settings_store.state.main == Overrides(tz="UTC+8")


async def test_status_is_about_the_place_it_was_asked_in() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    await desk("/set_pump 8", at=GROUP)
    reply = await desk("/status", at=GROUP)
    assert isinstance(reply, Placed)
    shown = reply.reply
    assert isinstance(shown, StatusShown)
    assert (shown.settings.pump_threshold, shown.overridden) == (8.0, frozenset({"pump_threshold"}))
    assert desk.desk.status(now_s=NOW_S).settings.pump_threshold == 3.0


# --- route -------------------------------------------------------------------------------------------------------


async def test_a_chat_becomes_a_destination_and_stops_being_one() -> None:
    desk = Desk()
    reply = plain(await desk("/route price vol silent", at=TOPIC))  # type: ignore[arg-type]
    assert reply == Changed(
        differences=(
            Difference(key="kinds", old=frozenset(), new=frozenset({"price", "vol"})),
            Difference(key="is_silent", old=0, new=1),
        )
    )
    assert [*desk.settings_store.destinations] == [MAIN, TOPIC]
    asked = plain(await desk("/route off", at=TOPIC))  # type: ignore[arg-type]
    assert isinstance(asked, ConfirmAsked)
    assert asked.losses == (Difference(key="kinds", old=frozenset({"price", "vol"}), new=frozenset()),)
    assert isinstance(await desk("/route off yes", at=TOPIC), RouteEnded)
    assert [*desk.settings_store.destinations] == [MAIN]
    assert desk.store.states[-1] == State()


async def test_a_destination_of_the_environment_that_was_removed_stays_removed() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    await desk("/route off yes", at=GROUP)
    assert desk.store.states[-1] == State(chats={GROUP: Overrides(kinds=frozenset())})
    again = SettingsStore(Settings(), desk.store.states[-1], home=EnvironmentDefaults(destinations=(MAIN, GROUP)))
    assert [a.destination for a in again.audiences] == [MAIN]
    await desk("/route all", at=GROUP)
    assert desk.settings_store.destinations == (MAIN, GROUP)


async def test_the_main_destination_stays_one() -> None:
    desk = Desk()
    assert await desk("/route off") == RouteRefused(reason=NoRoute.MAIN_STAYS)
    assert await desk("/route off", at=OTHER) == RouteRefused(reason=NoRoute.NONE_HERE)
    await desk("/route oi yes")
    assert desk.settings_store.audiences[0].kinds == {"oi"}


async def test_what_is_not_named_keeps_its_route_and_its_sound() -> None:
    desk = Desk()
    steps = {
        "/route vol silent": (ALL, {"vol"}),
        "/route price oi silent": (ALL, {"price", "oi", "vol"}),
        "/route price loud vol silent": (ALL, {"oi", "vol"}),
        "/route funding off yes": (ALL - {"funding"}, {"oi", "vol"}),
        "/route funding loud": (ALL, {"oi", "vol"}),
        "/route silent price": (ALL, {"price", "oi", "vol"}),
        "/route all silent": (ALL, ALL),
        "/route vol loud": (ALL, ALL - {"vol"}),
        "/route loud": (ALL, frozenset()),
    }
    for text, (kinds, silent) in steps.items():
        assert isinstance(await desk(text), Changed), text
        here = desk.settings_store.audiences[0]
        assert (here.kinds, {kind for kind in ALL if here.is_silent_for(kind)}) == (kinds, silent), text
        restored = SettingsStore(Settings(), decode(encode(desk.settings_store.state)), home=desk.settings_store.home)
        assert restored.audiences == desk.settings_store.audiences, text


async def test_kinds_are_taken_away_only_after_it_was_said() -> None:
    for text, action, kinds in (
        ("/route price", "/route price", {"price"}),
        ("/route vol off", "/route vol off", ALL - {"vol"}),
        ("/route price oi vol", "/route price oi vol", {"price", "oi", "vol"}),
    ):
        desk = Desk()
        asked = await desk(text)
        assert isinstance(asked, ConfirmAsked), text
        assert asked.action == action
        assert asked.losses == (Difference(key="kinds", old=ALL, new=frozenset(kinds)),)
        assert desk.settings_store.audiences[0].kinds == ALL
        await desk(asked.buttons[0].action)
        assert desk.settings_store.audiences[0].kinds == kinds


async def test_sound_alone_can_be_changed_and_makes_a_new_place_a_destination_of_all_kinds() -> None:
    desk = Desk()
    await desk("/route silent")
    assert (desk.settings_store.audiences[0].is_silent, desk.settings_store.audiences[0].kinds) == (True, ALL)
    await desk("/route loud", at=GROUP)
    assert (desk.settings_store.audiences[1].is_silent, desk.settings_store.audiences[1].kinds) == (False, ALL)


async def test_a_bare_route_shows_who_gets_what() -> None:
    desk = Desk()
    shown = await desk("/route", at=OTHER)
    assert shown == RouteShown(audiences=desk.settings_store.audiences, here=None)
    assert await desk("/route all") == RouteShown(
        audiences=desk.settings_store.audiences, here=desk.settings_store.audiences[0]
    )


# --- the line of outcomes ------------------------------------------------------------------------------------------


async def test_the_line_of_outcomes_is_switched_per_destination_and_followed_until_then() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    assert plain(await desk("/outcome_line", at=MAIN)) == OutcomeLineChosen(is_on=True)
    reply = await desk("/outcome_line off")
    assert plain(reply) == Changed(differences=(Difference(key="outcome_line", old=True, new=False),))
    assert [one.outcome_line for one in desk.settings_store.audiences] == [False, False]
    await desk("/outcome_line вкл", at=GROUP)
    assert [one.outcome_line for one in desk.settings_store.audiences] == [False, True]
    again = plain(await desk("/outcome_line off"))
    assert again == OutcomeLineChosen(is_on=False)
    assert decode(encode(desk.settings_store.state)) == desk.settings_store.state
    await desk("/reset outcome_line")
    assert desk.settings_store.audiences[0].outcome_line
    wrong = plain(await desk("/outcome_line maybe"))
    assert isinstance(wrong, Refused)
    assert (wrong.reason, wrong.meant) == (Bad.NO_SUCH_WORD, ("/outcome_line on", "/outcome_line off"))


def test_the_environment_decides_about_the_line_until_a_chat_does() -> None:
    home = EnvironmentDefaults(destinations=(MAIN,), outcome_line=False)
    assert not SettingsStore(Settings(), home=home).audiences[0].outcome_line
    chosen = State(main=Overrides(outcome_line=True))
    assert SettingsStore(Settings(), chosen, home=home).audiences[0].outcome_line


# --- quiet hours, language, zone -----------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["23:00-07:00", "23-7", "23:00 - 07:00", "23:00–7", "23:00—07:00", "23:00 −07:00"])
async def test_quiet_hours_are_read_as_people_write_them(typed: str) -> None:
    desk = Desk()
    await desk(f"/quiet {typed}")
    assert desk.settings_store.audiences[0].quiet == QuietHours(begin_minute=1380, end_minute=420)
    assert await desk("/quiet") == QuietShown(quiet=QuietHours(begin_minute=1380, end_minute=420))
    await desk("/quiet off")
    assert desk.settings_store.audiences[0].quiet is None


async def test_midnight_may_be_called_24() -> None:
    desk = Desk()
    await desk("/quiet 22:00-24:00")
    assert desk.settings_store.audiences[0].quiet == QuietHours(begin_minute=1320, end_minute=0)


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("UTC", "UTC"),
        ("utc+3", "UTC+3"),
        ("+8", "UTC+8"),
        ("GMT-5", "UTC-5"),
        ("UTC−03:00", "UTC-3"),
        ("UTC +5:30", "UTC+5:30"),
        ("Rio de Janeiro", "America/Sao_Paulo"),
        ("北京", "Asia/Shanghai"),
        ("Мумбаи", "Asia/Kolkata"),
    ],
)
async def test_a_zone_is_found_by_what_people_call_it(typed: str, zone: str) -> None:
    desk = Desk(state=State(main=Overrides(tz="Asia/Tokyo")))
    await desk(f"/tz {typed}")
    assert desk.settings_store.audiences[0].tz == zone
    assert await desk("/tz") == ZoneShown(tz=zone, now_s=NOW_S)


async def test_a_misspelled_zone_gets_suggestions() -> None:
    reply = await Desk()("/tz brlin")
    assert isinstance(reply, ZoneUnknown)
    assert reply.suggestions[0] == "Europe/Berlin"
    assert reply.buttons[0].action == "/tz Europe/Berlin"


async def test_setting_what_is_followed_already_keeps_it_when_what_is_followed_changes() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    reply = plain(await desk("/lang en", at=GROUP))  # type: ignore[arg-type]
    assert reply == Changed(differences=(Difference(key="lang", old="en", new="en"),))
    await desk("/lang ru")
    assert [a.lang for a in desk.settings_store.audiences] == ["ru", "en"]
    assert await desk("/lang") == Placed(destination=MAIN, is_main=True, reply=LanguageShown(lang="ru"))


async def test_a_sample_goes_to_the_destination_the_command_is_about() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    assert await desk("/test", at=Destination(chat_id=GROUP.chat_id, topic_id=4)) == SamplesSent(kinds=("price", "oi"))
    assert desk.samples.sent == [GROUP]


async def test_history_and_stats_are_about_what_the_place_received() -> None:
    desk = Desk(destinations=(OWNER, GROUP))
    topic = Destination(chat_id=GROUP.chat_id, topic_id=9)
    for place in (OWNER, GROUP, topic, OTHER):
        await desk("/history", at=place)
        await desk("/stats", at=place)
    expected = [{OWNER}, {GROUP}, {topic, GROUP}, {OTHER}]
    assert desk.alerts.places == [places for places in expected for _ in range(2)]
