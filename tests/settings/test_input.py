from __future__ import annotations

import pytest

from altmonitor.settings.input import find, nearest, spelled, split_words
from tests.commands.executor_kit import LISTED


@pytest.mark.parametrize(
    ("word", "symbol"),
    [
        ("sol", "SOLUSDT"),
        ("SOLUSDT", "SOLUSDT"),
        ("solusdt", "SOLUSDT"),
        ("sol/usdt", "SOLUSDT"),
        ("SOL-USDT", "SOLUSDT"),
        ("sol_usdt", "SOLUSDT"),
        ("sol:usdt", "SOLUSDT"),
        ("SOL/USDT:USDT", "SOLUSDT"),
        ("SOLUSDT.P", "SOLUSDT"),
        ("BINANCE:SOLUSDT.P", "SOLUSDT"),
        ("SOL-USDT-SWAP", "SOLUSDT"),
        ("$sol", "SOLUSDT"),
        ("#SOL", "SOLUSDT"),
        ("ＳＯＬ", "SOLUSDT"),
        ("s\u200bol", "SOLUSDT"),
        ("1000pepe", "1000PEPEUSDT"),
        ("币安人生", "币安人生USDT"),
        ("币安人生usdt", "币安人生USDT"),
        ("usdc", "USDCUSDT"),
        ("BTCUSDC", "BTCUSDC"),
        ("btc/usdc", "BTCUSDC"),
        ("4", "4USDT"),
        ("straße", "STRAßEUSDT"),
        ("usdt", ""),
        ("/", ""),
        ("$", ""),
        ("", ""),
    ],
)
def test_any_usual_spelling_becomes_the_exchanges(word: str, symbol: str) -> None:
    assert spelled(word) == symbol


@pytest.mark.parametrize(
    ("word", "first"),
    [
        ("PEPE", "1000PEPEUSDT"),
        ("pepeusdt", "1000PEPEUSDT"),
        ("BTCUSDC", "BTCUSDT"),
        ("BTCUSD", "BTCUSDT"),
        ("luna", "LUNA2USDT"),
        ("1000btc", "BTCUSDT"),
        ("DOGGE", "DOGEUSDT"),
        ("solana", "SOLUSDT"),
        ("币安", "币安人生USDT"),
    ],
)
def test_an_unlisted_word_gets_the_nearest_contract(word: str, first: str) -> None:
    assert find(word, LISTED) is None
    assert nearest(word, LISTED)[0] == first


def test_nothing_is_suggested_for_a_word_like_no_contract() -> None:
    assert nearest("zzzzzzzz", LISTED) == ()
    assert nearest("USDT", LISTED) == ()
    assert nearest("x" * 4000, LISTED) == ()


def test_a_listed_word_wins_over_every_spelling_rule() -> None:
    assert find("BTCUSDT_260327", {"BTCUSDT_260327", "BTCUSDT"}) == "BTCUSDT_260327"
    assert find("btcusdt_260327", {"BTCUSDT_260327", "BTCUSDT"}) == "BTCUSDT_260327"
    assert find("solusdc", {"SOLUSDC"}) == "SOLUSDC"


def test_words_are_separated_by_commas_of_any_keyboard() -> None:
    assert split_words(("SOL,doge，pepe", "、btc;", ",")) == ("SOL", "doge", "pepe", "btc")


def test_at_most_three_are_suggested() -> None:
    listed = {f"AB{letter}USDT" for letter in "CDEFGHIJ"}
    assert nearest("ab", listed) == ("ABCUSDT", "ABDUSDT", "ABEUSDT")
