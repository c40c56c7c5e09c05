"""Audiences → styles: whose language, zone, bell and quiet hours hold where."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from altmonitor.core.types import Destination
from altmonitor.delivery.destination_style import TEXTS_REMEMBERED, DestinationStyles, quiet_until_ms
from altmonitor.interfaces.delivery import Press
from altmonitor.settings.audience import Audience, QuietHours
from altmonitor.settings.settings import Settings
from tests.render.render_cases import PRICE

MAIN, CHAT, TOPIC = Destination(chat_id=5), Destination(chat_id=-100), Destination(chat_id=-100, topic_id=7)
NIGHT = QuietHours(begin_minute=23 * 60, end_minute=7 * 60)


def audience(where: Destination, **fields: object) -> Audience:
    return Audience(destination=where, settings=Settings(), **fields)  # type: ignore[arg-type]


def ms(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def iso(unix_ms: int | None) -> str | None:
    return None if unix_ms is None else datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def test_each_destination_has_its_own_words_and_a_topic_without_any_those_of_its_chat_else_of_the_main_one() -> None:
    destination_styles = DestinationStyles([audience(MAIN), audience(CHAT, lang="zh", is_silent=True)])

    def first_line(where: Destination) -> str:
        return destination_styles.of(where).renderer.alert(PRICE, maybe_repeated=False).split("\n")[0]

    assert "PUMP" in first_line(MAIN)
    assert "拉升" in first_line(CHAT)
    assert "拉升" in first_line(TOPIC)
    assert "PUMP" in first_line(Destination(chat_id=9))
    assert (destination_styles.of(TOPIC).is_silent, destination_styles.of(MAIN).is_silent) == (True, False)


def test_new_audiences_hold_at_once() -> None:
    destination_styles = DestinationStyles([audience(MAIN)])
    destination_styles.apply([audience(MAIN, lang="ru", tz="Europe/Berlin"), audience(TOPIC, lang="zh")])
    assert (destination_styles.style(MAIN).lang, str(destination_styles.style(MAIN).tz)) == ("ru", "Europe/Berlin")
    assert destination_styles.style(TOPIC).lang == "zh"
    assert destination_styles.style(CHAT).lang == "ru"


def test_a_group_that_moved_speaks_as_before_under_either_id() -> None:
    destination_styles = DestinationStyles([audience(MAIN), audience(CHAT, lang="zh")])
    moved = Destination(chat_id=-100777)
    destination_styles.moved(CHAT, moved)
    assert destination_styles.style(moved).lang == "zh"
    destination_styles.apply([audience(MAIN), audience(moved, lang="ru")])
    assert destination_styles.style(moved).lang == "ru"


def test_without_an_audience_there_is_nothing_to_speak_for() -> None:
    with pytest.raises(ValueError, match="one audience at least"):
        DestinationStyles([])


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-20 22:59", None),
        ("2026-11-20 23:00", "2026-11-21 07:00"),
        ("2026-11-21 00:00", "2026-11-21 07:00"),
        ("2026-11-21 06:59", "2026-11-21 07:00"),
        ("2026-11-21 07:00", None),
    ],
)
def test_quiet_hours_over_midnight_end_on_the_next_morning(at: str, until: str | None) -> None:
    assert iso(quiet_until_ms(audience(MAIN, quiet=NIGHT), ms(at))) == until


def test_quiet_hours_are_those_of_the_readers_zone() -> None:
    there = audience(MAIN, quiet=NIGHT, tz="Asia/Shanghai")
    assert iso(quiet_until_ms(there, ms("2026-11-20 15:00"))) == "2026-11-20 23:00"
    assert quiet_until_ms(there, ms("2026-11-20 23:30")) is None


def test_quiet_hours_within_one_day() -> None:
    noon = audience(MAIN, quiet=QuietHours(begin_minute=12 * 60, end_minute=13 * 60 + 30))
    assert iso(quiet_until_ms(noon, ms("2026-11-20 12:10"))) == "2026-11-20 13:30"
    assert quiet_until_ms(noon, ms("2026-11-20 13:30")) is None


@pytest.mark.parametrize(
    ("night", "begin_utc", "end_utc"),
    [
        ("2026-03-28 23:30", "2026-03-28 22:30", "2026-03-29 05:00"),
        ("2026-10-24 23:30", "2026-10-24 21:30", "2026-10-25 06:00"),
    ],
)
def test_a_night_in_which_the_clocks_change_ends_by_the_clock_on_the_wall(
    night: str, begin_utc: str, end_utc: str
) -> None:
    berlin = audience(MAIN, quiet=NIGHT, tz="Europe/Berlin")
    at_ms = ms(night, "Europe/Berlin")
    assert iso(at_ms) == begin_utc
    assert iso(quiet_until_ms(berlin, at_ms)) == end_utc


def test_in_the_hour_that_comes_twice_the_end_lies_ahead() -> None:
    """02:30 comes twice in Berlin on this night; the second time it is 01:30 UTC."""
    berlin = audience(MAIN, quiet=QuietHours(begin_minute=60, end_minute=2 * 60 + 45), tz="Europe/Berlin")
    second_half_past_two = ms("2026-10-25 01:30")
    until_ms = quiet_until_ms(berlin, second_half_past_two)
    assert until_ms is not None
    assert until_ms > second_half_past_two
    assert iso(until_ms) == "2026-10-25 01:45"


def test_what_waits_in_quiet_hours_counts_from_their_end() -> None:
    destination_styles = DestinationStyles([audience(MAIN, quiet=NIGHT)])
    assert iso(destination_styles.due_ms(MAIN, ms("2026-11-20 23:30"))) == "2026-11-21 07:00"
    assert destination_styles.due_ms(MAIN, ms("2026-11-20 12:00")) == ms("2026-11-20 12:00")


def test_what_many_chats_are_told_alike_is_written_once_and_anew_where_anything_differs() -> None:
    chats = [Destination(chat_id=1 + at) for at in range(300)]
    audiences = [audience(at, lang="ru" if at.chat_id % 2 else "zh") for at in chats]
    styles = DestinationStyles(audiences)
    alerts = [PRICE, msgspec.structs.replace(PRICE, id=8, symbol="XRPUSDT")]
    parts = {id(styles.of(at).renderer.digest(alerts, late=False)): None for at in chats}
    texts = {id(styles.of(at).renderer.alert(PRICE, maybe_repeated=False)): None for at in chats}
    assert (len(parts), len(texts)) == (2, 2)  # a language each
    renderer = styles.of(chats[0]).renderer
    learned = msgspec.structs.replace(PRICE, oi_change=7.5)
    assert "7.5" in renderer.alert(learned, maybe_repeated=False)
    assert "7.5" not in renderer.alert(PRICE, maybe_repeated=False)
    assert renderer.alert(PRICE, maybe_repeated=True) != renderer.alert(PRICE, maybe_repeated=False)
    press = Press(action="mute", by="Ann", at_ms=PRICE.event_ms)
    assert "Ann" in renderer.alert(PRICE, maybe_repeated=False, presses=[press])
    assert renderer.digest(alerts[:1], late=False) != renderer.digest(alerts, late=False)


def test_texts_are_remembered_for_a_while_only() -> None:
    renderer, before = DestinationStyles([audience(MAIN)]).of(MAIN).renderer, PRICE
    first = renderer.alert(before, maybe_repeated=False)
    for number in range(TEXTS_REMEMBERED):
        renderer.alert(msgspec.structs.replace(PRICE, id=100 + number), maybe_repeated=False)
    assert renderer.alert(before, maybe_repeated=False) is not first
    assert renderer.alert(before, maybe_repeated=False) == first
