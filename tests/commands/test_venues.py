"""/venues and /venue: what is watched, and which exchange this chat hears of."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.commands.replies import Bad, HistoryShown, MutedChanged, Refused, StatsShown, SymbolsRefused
from altmonitor.commands.replies_market import Explained, NothingKnown, PriceShown, TopShown, WhoShown
from altmonitor.commands.replies_settings import BudgetProposed, ConditionAdded, ConditionsShown, TrialShown
from altmonitor.commands.venues import AtOtherVenues, NotAtThatVenue, VenueNotWatched, VenuesShown
from altmonitor.core.alert import AlertStats
from altmonitor.core.status import FeedStatus, GuardStatus, SweepStatus, VenueStatus
from altmonitor.core.types import Venue
from altmonitor.render.format import Style
from altmonitor.render.replies import reply_parts
from altmonitor.settings.changes import NOT_MUTED
from altmonitor.settings.conditions import of_market
from altmonitor.settings.settings import Settings
from altmonitor.settings.zones import zone_of
from altmonitor.storage.condition_format import condition_of, condition_row
from altmonitor.storage.overrides_format import muted_of
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
                guard=GuardStatus(
                    state="blocked",
                    until_ms=1_790_000_640_000,
                    weight_limit=0,
                    requests_used=6,
                    requests_limit=600,
                    requests_window_s=5.0,
                ),
            ),
        ),
        off=("bybit",),
        now_s=1_790_000_040.0,
    )
    (text,) = reply_parts(reply, Style(lang="en", tz=UTC))
    assert text.splitlines() == [
        "<b>Exchanges</b>",
        "Binance · 559 of 560 contracts · data 2 s ago · clock ± 81 ms · weight 0/2400 a minute",
        "Bybit · 🔴 no market data · 0 of 560 contracts · requests 6/600 in 5 s · "
        "requests are refused until 14:24:00 UTC",
        "alerts are off here: /venue on bybit",
        "Ask about one: <code>/price sol bybit</code>; also /top /oi /funding /chart /why /alert /history.",
    ]
    assert "нет рыночных данных" in reply_parts(reply, Style(lang="ru", tz=UTC))[0]
    assert "没有行情数据" in reply_parts(reply, Style(lang="zh", tz=UTC))[0]


# --- which exchange a question is about ------------------------------------------------------------------------------


def several() -> Desk:
    """Binance, then Bybit and OKX; XYZ stands at Bybit alone, ABC at both others, OKX has PEPE without a multiple."""
    elsewhere: dict[Venue, tuple[str, ...]] = {
        "bybit": ("SOLUSDT", "XYZUSDT", "ABCUSDT", "1000PEPEUSDT"),
        "okx": ("SOLUSDT", "ABCUSDT", "PEPEUSDT"),
    }
    return Desk(elsewhere=elsewhere)


async def test_a_question_names_an_exchange_before_or_behind_the_coin_and_else_is_about_the_first() -> None:
    wrong = []
    for text, venue in {
        "/price sol": "binance",
        "/price sol bybit": "bybit",
        "/price sol on OKX": "okx",
        "/price bybit sol": "bybit",
        "/price bybit:sol": "bybit",
        "/oi sol okx": "okx",
        "/funding sol на bybit": "bybit",
        "/chart sol bybit": "bybit",
        "/why sol bybit": "bybit",
        "/why sol okx 12:05": "okx",
        "/why sol 12:05 okx": "okx",
        "/top bybit": "bybit",
        "/top 5m okx": "okx",
        "/top okx 5 m": "okx",
    }.items():
        desk = several()
        await desk(text)
        asked = [name for name, market in desk.markets.items() if market.asked]
        if asked != [venue]:
            wrong.append(f"{text}: {asked}")
    assert wrong == []


async def test_what_the_first_exchange_does_not_list_is_asked_where_it_is_the_only_one_and_else_must_be_named() -> None:
    desk = several()
    assert await desk("/price xyz") == NothingKnown(command="price", symbol="XYZUSDT", venue="bybit")
    reply = await desk("/price abc")
    assert reply == AtOtherVenues(command="price", symbol="ABCUSDT", main="binance", venues=("bybit", "okx"))
    assert reply_parts(reply, Style(lang="en", tz=UTC)) == [
        "❌ /price: Binance does not list <code>ABCUSDT</code>, but Bybit, OKX do: say which, such as "
        "<code>/price abc bybit</code>."
    ]
    assert isinstance(await desk("/price nosuch"), SymbolsRefused)


async def test_a_coin_is_found_under_the_name_that_the_exchange_has_for_it() -> None:
    desk = several()
    await desk("/price 1000pepe okx")
    await desk("/price pepe bybit")
    assert [market.asked for market in (desk.markets["okx"], desk.markets["bybit"])] == [
        [("price", "PEPEUSDT")],
        [("price", "1000PEPEUSDT")],
    ]


async def test_an_exchange_that_is_not_watched_or_not_known_is_one_line() -> None:
    desk = several()
    reply = await desk("/price sol hyperliquid")
    assert reply == VenueNotWatched(command="price", venue="hyperliquid", watched=("binance", "bybit", "okx"))
    assert reply_parts(reply, Style(lang="en", tz=UTC)) == [
        "❌ /price: Hyperliquid is not watched here; watched: Binance, Bybit, OKX (VENUES)."
    ]
    for text in ("/top 5m hl", "/oi sol hl", "/alert sol hl > 5", "/why sol hl 12:05"):
        assert isinstance(await desk(text), VenueNotWatched), text
    assert await desk("/price sol kraken") == Refused(command="price", reason=Bad.NO_VENUE, word="kraken")
    assert await desk("/price sol bybit okx") == Refused(command="price", reason=Bad.EXTRA, word="okx")
    assert all(not market.asked for market in desk.markets.values())


async def test_answers_name_their_exchange_once_more_than_one_is_watched() -> None:
    desk = several()
    told = await desk("/price xyz")
    assert "<code>XYZUSDT</code> · Bybit" in reply_parts(told, Style(lang="en", tz=UTC))[0]
    why = await desk("/why sol okx")
    assert isinstance(why, Explained)
    assert reply_parts(why, Style(lang="en", tz=UTC))[0].splitlines()[0].endswith("· OKX")
    alone = await Desk()("/why sol")
    assert isinstance(alone, Explained)
    assert alone.venue is None
    price = await desk("/price sol")
    assert isinstance(price, PriceShown)
    facts = replace(price.facts, venue="bybit")
    assert reply_parts(PriceShown(facts=facts, now_s=price.now_s), Style(lang="ru", tz=UTC))[0].splitlines()[0] == (
        "💲 <code>SOLUSDT</code> <b>150.25</b> · Bybit"
    )
    top = await desk("/top 5m okx")
    assert isinstance(top, TopShown)
    named = TopShown(top=replace(top.top, venue="okx"), now_s=top.now_s)
    assert reply_parts(named, Style(lang="en", tz=UTC))[0].splitlines()[0].endswith("· OKX")
    assert [button.action for button in named.buttons][:2] == ["/top 1m okx", "/top 5m okx"]


async def test_a_coin_of_any_exchange_can_be_muted_and_watched() -> None:
    desk = several()
    await desk("/mute xyz")
    await desk("/watch abc")
    assert desk.settings.muted == {"XYZUSDT": None}
    assert desk.settings.watchlist == {"ABCUSDT"}


async def test_history_is_filtered_by_exchange() -> None:
    desk = several()
    reply = await desk("/history 5 bybit sol")
    assert isinstance(reply, HistoryShown)
    assert desk.alerts.asked[-1]["venue"] == "bybit"
    assert "Bybit" in reply_parts(reply, Style(lang="en", tz=UTC))[0]


async def test_a_condition_is_of_the_exchange_that_was_named_and_is_kept_so() -> None:
    desk = several()
    named = await desk("/alert sol bybit > 200")
    await desk("/alert sol > 200")
    await desk("/alert xyz > 1")
    assert isinstance(await desk("/alert sol > 200 on bybit"), ConditionsShown)
    assert isinstance(await desk("/alert sol binance > 200"), ConditionsShown)
    conditions = desk.settings_store.state.conditions
    assert [(one.symbol, one.venue) for one in conditions] == [
        ("SOLUSDT", "bybit"),
        ("SOLUSDT", None),
        ("XYZUSDT", "bybit"),
    ]
    assert isinstance(named, ConditionAdded)
    assert reply_parts(named, Style(lang="en", tz=UTC))[0].startswith("✅ #1 Bybit: <code>SOLUSDT</code> price ≥ 200")
    assert [condition_of(condition_row(one)) for one in conditions] == list(conditions)
    assert [one.id for one in of_market(conditions, "bybit", is_main=False)] == [1, 3]
    assert [one.id for one in of_market(conditions, "binance", is_main=True)] == [2]
    assert of_market(conditions, "okx", is_main=False) == []


async def test_the_value_of_a_condition_is_that_of_its_exchange() -> None:
    desk = several()
    reply = await desk("/alert sol okx > 100")
    assert isinstance(reply, ConditionAdded)
    assert (reply.true_at, reply.opposite) == (150.25, "/alert SOLUSDT okx < 100")
    assert desk.markets["okx"].asked == [("price", "SOLUSDT")]
    assert desk.market.asked == []


async def test_what_is_known_of_one_exchange_only_says_so_in_one_sentence_when_another_is_named() -> None:
    findings = []
    for text, about in {
        "/who sol bybit": "who",
        "/who change sol 60 okx": "who",
        "/who scan okx": "who",
        "/div sol bybit": "div",
        "/div hl sol 1h": "div",
        "/try pump 4 bybit": "counted",
        "/try bybit pump 4 last 7d": "counted",
        "/budget 20 okx": "counted",
        "/budget bybit": "counted",
    }.items():
        desk = several()
        reply = await desk(text)
        if not isinstance(reply, NotAtThatVenue) or (reply.about, reply.main) != (about, "binance"):
            findings.append(f"{text}: {reply}")
        elif any(len(reply_parts(reply, Style(lang=lang, tz=UTC))) != 1 for lang in ("en", "zh", "ru")):
            findings.append(text)
        elif desk.positions.asked:
            findings.append(f"{text} asked")
    assert findings == []


async def test_the_gap_between_crowd_and_top_traders_is_asked_of_the_exchange_that_is_named() -> None:
    asked = {}
    for text in ("/div sol", "/div sol binance", "/div sol okx 1h", "/div pepe okx", "/div okx:sol"):
        desk = several()
        await desk(text)
        asked[text] = desk.positions.asked
    assert asked == {
        "/div sol": [("divergence", "SOLUSDT", "5m")],
        "/div sol binance": [("divergence", "SOLUSDT", "5m")],
        "/div sol okx 1h": [("divergence", "SOLUSDT", "1h", "okx")],
        "/div pepe okx": [("divergence", "PEPEUSDT", "5m", "okx")],
        "/div okx:sol": [("divergence", "SOLUSDT", "5m", "okx")],
    }
    assert isinstance(await several()("/who sol binance"), WhoShown)


async def test_a_trial_and_a_budget_say_over_which_exchange_they_were_counted() -> None:
    for text, kind in {"/try pump 4": TrialShown, "/budget 20": BudgetProposed}.items():
        reply = await several()(text)
        assert isinstance(reply, kind), text
        assert reply.beside == ("binance", "bybit", "okx")
        said = "Counted over Binance alone; what only Bybit, OKX will see comes on top."
        assert said in reply_parts(reply, Style(lang="en", tz=UTC))[0]
        alone = await Desk()(text)
        assert isinstance(alone, kind)
        assert alone.beside == ()
        assert "Counted over Binance" not in reply_parts(alone, Style(lang="en", tz=UTC))[0]


async def test_counts_are_of_all_exchanges_or_of_the_one_that_is_named() -> None:
    found = {}
    for text in ("/stats", "/stats bybit", "/stats 48 bybit", "/stats okx 2d"):
        desk = several()
        reply = await desk(text)
        assert isinstance(reply, StatsShown)
        (asked,) = desk.alerts.asked
        found[text] = (reply.hours, reply.venue, asked.get("venue"), bool(reply.outcomes))
    assert found == {
        "/stats": (24, None, None, False),
        "/stats bybit": (24, "bybit", "bybit", False),
        "/stats 48 bybit": (48, "bybit", "bybit", False),
        "/stats okx 2d": (48, "okx", "okx", False),
    }
    counted = AlertStats(total=3, by_kind={"price": 3}, by_venue={"bybit": 2, "binance": 1}, by_symbol=[("SOLUSDT", 3)])
    style = Style(lang="en", tz=UTC)
    assert "Bybit 2 · Binance 1" in reply_parts(StatsShown(hours=24, stats=counted), style)[0]
    nothing = StatsShown(hours=24, stats=AlertStats(), venue="okx")
    assert reply_parts(nothing, style)[0] == "📈 No alerts in 24 h. · OKX"
