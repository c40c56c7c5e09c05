"""/who and /div: what is asked for, and why words are refused."""

from __future__ import annotations

import pytest

from altmonitor.commands.market import DivergenceArguments, WhoArguments
from altmonitor.commands.replies import Bad, Refused, SymbolsRefused
from altmonitor.commands.table import BadCommand, Command, parse
from altmonitor.settings.input import NotRead
from tests.commands.executor_kit import Desk


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
    assert desk.positions.asked == [asked]
