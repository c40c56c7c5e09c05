"""Questions to the market: what is asked of whom, and what is said when there is no answer; then /who and /div."""

from __future__ import annotations

import pytest

from altmonitor.commands.market import DivergenceArguments, WhoArguments
from altmonitor.commands.replies import Bad, Placed, QueryFailed, Refused, SymbolsRefused
from altmonitor.commands.replies_market import (
    AnswerFailed,
    ChartShown,
    Explained,
    FundingShown,
    NothingKnown,
    OpenInterestShown,
    PriceShown,
    TopShown,
)
from altmonitor.commands.table import BadCommand, Command, parse
from altmonitor.core.alert import Alert, StoredAlert
from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import ExchangeUnreachable, StorageError
from altmonitor.settings.audience import Overrides
from altmonitor.settings.input import NotRead
from altmonitor.settings.state import State
from tests.commands.executor_kit import GROUP, MAIN, Desk
from tests.fakes import cause


@pytest.mark.parametrize(
    ("text", "kind", "asked"),
    [
        ("/top", TopShown, ("top", "1h", 10)),
        ("/top 24H", TopShown, ("top", "24h", 10)),
        ("/price sol", PriceShown, ("price", "SOLUSDT")),
        ("/oi SOL/USDT", OpenInterestShown, ("oi", "SOLUSDT")),
        ("/funding $sol", FundingShown, ("funding", "SOLUSDT")),
        ("/chart solusdt", ChartShown, ("chart", "SOLUSDT")),
        ("/why sol", Explained, ("why", "SOLUSDT", None, MAIN)),
    ],
)
async def test_the_listed_symbol_is_asked_for(text: str, kind: type, asked: tuple[object, ...]) -> None:
    desk = Desk()
    assert isinstance(await desk(text), kind)
    assert desk.market.asked == [asked]


@pytest.mark.parametrize("command", ["price", "oi", "funding", "chart"])
async def test_what_is_not_known_yet_is_said(command: str) -> None:
    assert await Desk()(f"/{command} btc") == NothingKnown(command=command, symbol="BTCUSDT")


@pytest.mark.parametrize("command", ["price", "oi", "funding", "chart", "why"])
async def test_an_unlisted_symbol_is_not_asked_for(command: str) -> None:
    desk = Desk()
    reply = await desk(f"/{command} pepe")
    assert isinstance(reply, SymbolsRefused)
    assert reply.unlisted[0].suggestions == ("1000PEPEUSDT",)
    assert desk.market.asked == []


@pytest.mark.parametrize("text", ["/top", "/price sol", "/oi sol", "/funding sol", "/chart sol", "/why sol"])
async def test_an_exchange_or_a_database_that_does_not_answer_is_said_not_raised(text: str) -> None:
    desk = Desk()
    desk.market.problem = ExchangeUnreachable("no answer within 10 s")
    assert await desk(text) == AnswerFailed(
        command=text.split()[0][1:], problem=cause("no answer within 10 s", CauseCode.NO_ANSWER)
    )
    desk.market.problem = StorageError("alerts.db is locked")
    assert await desk(text) == QueryFailed(command=text.split()[0][1:], problem=cause("alerts.db is locked"))


@pytest.mark.parametrize(
    ("typed", "zone", "at_ms"),
    [
        ("12:05", "UTC", 1_789_992_300_000),  # today, 2026-09-21
        ("14:13:20", "UTC", 1_790_000_000_000),  # this very second
        ("14:14", "UTC", 1_789_913_640_000),  # has not been yet today: yesterday's
        ("2026-09-20 23:59", "UTC", 1_789_948_740_000),
        ("12:05", "Europe/Berlin", 1_789_985_100_000),
        ("0:30", "Asia/Shanghai", 1_789_921_800_000),
    ],
)
async def test_a_time_is_read_in_the_zone_of_the_chat_and_was_before_now(typed: str, zone: str, at_ms: int) -> None:
    desk = Desk(state=State(main=Overrides(tz=zone)))
    assert isinstance(await desk(f"/why sol {typed}"), Explained)
    assert desk.market.asked == [("why", "SOLUSDT", at_ms, MAIN)]


SUMMER_ENDS_S = 1_792_890_000  # 2026-10-25 01:00 UTC: in Berlin 3:00 becomes 2:00
SUMMER_BEGINS_S = 1_774_746_000  # 2026-03-29 01:00 UTC: in Berlin 2:00 becomes 3:00


@pytest.mark.parametrize(
    ("typed", "now_s", "at_s"),
    [
        ("2:30", SUMMER_ENDS_S - 1_000, SUMMER_ENDS_S - 1_800),  # the first 2:30; the second is still to come
        ("2:30", SUMMER_ENDS_S + 2_000, SUMMER_ENDS_S + 1_800),
        ("2026-10-25 2:30", SUMMER_ENDS_S + 86_400, SUMMER_ENDS_S + 1_800),
        ("2026-10-25 00:30 utc", SUMMER_ENDS_S + 86_400, SUMMER_ENDS_S - 1_800),
        ("23:59", SUMMER_ENDS_S + 79_200 + 60, SUMMER_ENDS_S + 79_200 - 60),  # a minute after midnight
        ("12:00", SUMMER_ENDS_S + 600, SUMMER_ENDS_S - 54_000),  # yesterday's, in summer time
        ("12:00", SUMMER_ENDS_S + 93_600, SUMMER_ENDS_S + 36_000),  # 3 in the morning: a day has 25 hours
        ("2:30", SUMMER_BEGINS_S + 7_200, SUMMER_BEGINS_S - 84_600),  # there was none today
    ],
)
async def test_a_time_is_the_last_one_the_clock_showed_also_where_it_was_set(typed: str, now_s: int, at_s: int) -> None:
    desk = Desk(state=State(main=Overrides(tz="Europe/Berlin")))
    desk.now_s = now_s
    assert isinstance(await desk(f"/why sol {typed}"), Explained)
    assert desk.market.asked == [("why", "SOLUSDT", at_s * 1000, MAIN)]


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("2026-09-21 14:14", "2026-09-21 14:14"),  # a minute from now
        ("2026-03-29 2:30", "2026-03-29 02:30"),  # the clock was put forward past it
        ("2026-02-31 12:00", "2026-02-31 12:00"),
        ("24:00", "24:00"),
        ("12:05 CET", "12:05 CET"),
        ("UTC", "UTC"),
    ],
)
async def test_a_time_that_was_not_is_refused_by_name(typed: str, word: str) -> None:
    desk = Desk(state=State(main=Overrides(tz="Europe/Berlin")))
    now = "2026-09-21 14:14" in typed
    if now:
        desk = Desk()
    reply = await desk(f"/why sol {typed}")
    assert isinstance(reply, Refused)
    assert (reply.reason, reply.word, desk.market.asked) == (Bad.NO_TIME, word, [])


async def test_of_a_contract_that_left_the_exchange_a_minute_that_is_known_is_explained() -> None:
    desk = Desk()
    assert isinstance(await desk("/why luna 12:05"), SymbolsRefused)
    told = StoredAlert(
        alert=Alert(key="k", ts=1.0, event_ms=1, symbol="LUNAUSDT", kind="price", direction="DUMP"), delivery="sent"
    )
    desk.market.told = (told,)
    reply = await desk("/why luna 12:05")
    assert isinstance(reply, Explained)
    assert reply.explanation.symbol == "LUNAUSDT"
    assert isinstance(await desk("/why luna"), SymbolsRefused)


async def test_why_is_asked_for_the_destination_it_is_typed_in() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    reply = await desk("/why sol", at=GROUP)
    assert isinstance(reply, Placed)
    assert reply.destination == GROUP
    assert desk.market.asked == [("why", "SOLUSDT", None, GROUP)]


# --- who is positioned -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("/who sol", WhoArguments(symbol="sol")),
        ("/who SCAN", WhoArguments(symbol="", about="scan")),
        ("/who scanusdt", WhoArguments(symbol="scanusdt")),
        ("/who change sol", WhoArguments(symbol="sol", about="change", minutes=60)),
        ("/who change sol 90", WhoArguments(symbol="sol", about="change", minutes=90)),
        ("/who trend sol 2h", WhoArguments(symbol="sol", about="trend", minutes=120)),
        ("/who trend sol 7d", WhoArguments(symbol="sol", about="trend", minutes=10_080)),
        ("/div btc", DivergenceArguments(symbol="btc", period="5m")),
        ("/div btc 1H", DivergenceArguments(symbol="btc", period="1h")),
    ],
)
def test_words_become_a_request(text: str, request_: object) -> None:
    parsed = parse(text)
    assert isinstance(parsed, Command)
    assert parsed.request == request_


@pytest.mark.parametrize(
    ("text", "reason", "word"),
    [
        ("/who", Bad.MISSING, ""),
        ("/who change", Bad.MISSING, ""),
        ("/who sol 60", Bad.EXTRA, "60"),
        ("/who scan sol", Bad.EXTRA, "sol"),
        ("/who change sol 60 5", Bad.EXTRA, "5"),
        ("/who change sol 0", NotRead.OUT_OF_RANGE, "0"),
        ("/who change sol 8d", NotRead.OUT_OF_RANGE, "8d"),
        ("/who change sol 90s", NotRead.NOT_WHOLE, "90s"),
        ("/who trend sol 1.5", NotRead.NOT_WHOLE, "1.5"),
        ("/div", Bad.MISSING, ""),
        ("/div btc 7m", Bad.NO_SUCH_WORD, "7m"),
        ("/div btc 1h 2h", Bad.EXTRA, "2h"),
    ],
)
def test_wrong_words_are_refused_with_the_reason(text: str, reason: object, word: str) -> None:
    parsed = parse(text)
    assert isinstance(parsed, BadCommand)
    assert isinstance(parsed.reply, Refused)
    assert (parsed.reply.reason, parsed.reply.word) == (reason, word)


@pytest.mark.parametrize("text", ["/who nosuch", "/who change nosuch", "/div nosuch"])
async def test_a_contract_that_is_not_listed_is_not_asked_about(text: str) -> None:
    assert isinstance(await Desk()(text), SymbolsRefused)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("/who sol", ("who", "SOLUSDT")),
        ("/who scan", ("scan", 10)),
        ("/who change sol", ("change", "SOLUSDT", 60)),
        ("/who trend sol 2h", ("trend", "SOLUSDT", 120)),
        ("/div sol 1h", ("divergence", "SOLUSDT", "1h")),
    ],
)
async def test_whoever_knows_is_asked(text: str, asked: tuple[object, ...]) -> None:
    desk = Desk()
    assert not isinstance(await desk(text), Refused | SymbolsRefused)
    assert desk.positions.asked[0] == asked


async def test_change_asks_for_all_three_tables() -> None:
    desk = Desk()
    await desk("/who change sol 90")
    assert desk.positions.asked == [("change", "SOLUSDT", 90), ("statistics_change", "SOLUSDT", 90)]
