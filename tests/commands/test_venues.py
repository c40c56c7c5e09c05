"""/venues and /venue: what is watched, and which exchange this chat hears of."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.commands.replies import MutedChanged
from altmonitor.commands.venues import VenuesShown
from altmonitor.core.status import FeedStatus, GuardStatus, SweepStatus, VenueStatus
from altmonitor.render.format import Style
from altmonitor.render.replies import reply_parts
from altmonitor.settings.changes import NOT_MUTED
from altmonitor.settings.settings import Settings
from altmonitor.settings.zones import zone_of
from altmonitor.storage.state_format import muted_of
from tests.commands.executor_kit import Desk
from tests.fakes import Market

UTC = zone_of("UTC")


async def test_a_venue_is_switched_off_and_on_undone_and_kept_over_a_restart() -> None:
    desk = Desk()
    off = await desk("/venue off bybit")
    assert isinstance(off, MutedChanged)
    assert off.changes == (("@bybit", NOT_MUTED, None),)
    assert desk.settings_store.audiences[0].settings.is_muted("@bybit", 0.0)
    assert muted_of({"@bybit": None, "sol": None}) == {"@bybit": None, "SOLUSDT": None}
    for lang, word in (("en", "Bybit"), ("zh", "Bybit"), ("ru", "Bybit")):
        assert word in reply_parts(off, Style(lang=lang, tz=UTC))[0]
    on = await desk("/venue bybit on")
    assert isinstance(on, MutedChanged)
    assert on.changes == (("@bybit", None, NOT_MUTED),)
    assert not desk.settings_store.audiences[0].settings.is_muted("@bybit", 0.0)
    await desk("/undo")
    assert desk.settings_store.audiences[0].settings.is_muted("@bybit", 0.0)


def test_an_alert_of_a_venue_that_is_off_is_not_raised_and_the_others_are() -> None:
    settings = replace(Settings(), muted={"@bybit": None})
    there, here = Market(settings=settings, venue="bybit"), Market(settings=settings)
    for market in (there, here):
        market.push(104.0)
    assert (len(there.sink.alerts), len(here.sink.alerts)) == (0, 1)


def test_the_list_says_of_each_how_it_is_in_three_languages() -> None:
    feed = FeedStatus(connections=1, last_frame_age_s=2.0, symbols_expected=560, symbols_covered=559, is_blind=False)
    reply = VenuesShown(
        venues=(
            VenueStatus(
                venue="binance", feed=feed, sweep=SweepStatus(), guard=GuardStatus(state="open"), clock_ms=81.4
            ),
            VenueStatus(
                venue="bybit",
                feed=replace(feed, is_blind=True, symbols_covered=0),
                sweep=SweepStatus(),
                guard=GuardStatus(state="blocked", until_ms=1_790_000_640_000, reason="HTTP 403"),
            ),
        ),
        off=("bybit",),
        now_s=1_790_000_040.0,
    )
    (text,) = reply_parts(reply, Style(lang="en", tz=UTC))
    assert text.splitlines() == [
        "<b>Exchanges</b>",
        "Binance · 559 of 560 contracts · data 2 s ago · clock ± 81 ms",
        "Bybit · 🔴 no market data · 0 of 560 contracts · requests are refused until 14:24:00 UTC",
        "alerts are off here: /venue on bybit",
    ]
    assert "нет рыночных данных" in reply_parts(reply, Style(lang="ru", tz=UTC))[0]
    assert "没有行情数据" in reply_parts(reply, Style(lang="zh", tz=UTC))[0]
