"""Every command against one bag of bad arguments: what is not listed as accepted changes nothing and is explained."""

from __future__ import annotations

from datetime import UTC

import pytest

from altmonitor.commands.replies import (
    HelpShown,
    HistoryShown,
    MutedChanged,
    NumbersChanged,
    OverridesShown,
    Refused,
    Reply,
    StatsShown,
    StatusShown,
    SymbolsRefused,
    WatchlistChanged,
)
from altmonitor.commands.table import COMMANDS
from altmonitor.render import format as n
from altmonitor.render.format import Style
from altmonitor.render.replies import reply_parts
from altmonitor.settings.settings import Settings
from tests.commands.executor_kit import Desk

SINGLE_WORDS = """
    nan NaN -nan inf -inf +inf Infinity NULL None true false 0x10 0b1 1e3 1E-5 1e999 1_000 5.0.0 5,5,5 5.,5 .. , .
    - + +-5 --5 5- 5+5 5/2 ½ ５ ５% ٥ ৫ ⁵ Ⅴ 五 % %5 5%% 5$ $5 $ # / 'sol' "sol" <b>5</b> &lt; ; DROP-- \\0
    notacoin BTCUSDC PEPE SOL/USDC USDT all2 2y 2hh -2h 0h 99999999d 3.5h h m 🚀 \u200b \u202e {count} %s {0} 1,000
    5% +5 2,5 −5 -5 5 0 -0 0.05 100.01 1001 86401 720 721 50 51 .5 5x5
"""
BAG = [
    *SINGLE_WORDS.split(),
    *("9" * 400, "-" + "9" * 309, "0." + "0" * 400 + "1", "x" * 4000, "5 5 5", "5 %", "sol notacoin", "nan 5"),
]

ACCEPTED: dict[str, dict[str, float]] = {
    "set_pump": {"5%": 5.0, "+5": 5.0, "2,5": 2.5, "−5": 5.0, "-5": 5.0, "5": 5.0, "5 %": 5.0, "50": 50.0, "51": 51.0}
    | {".5": 0.5},
    "set_dump": {"5%": -5.0, "+5": -5.0, "2,5": -2.5, "−5": -5.0, "-5": -5.0, "5": -5.0, "5 %": -5.0, "50": -50.0}
    | {"51": -51.0, ".5": -0.5},
    "set_oi": {"5%": 5.0, "+5": 5.0, "2,5": 2.5, "−5": 0.0, "-5": 0.0, "5": 5.0, "5 %": 5.0, "50": 50.0, "51": 51.0}
    | {".5": 0.5, "0": 0.0, "-0": 0.0, "100.01": 100.01, "720": 720.0, "721": 721.0},
    "set_vol": {"+5": 5.0, "2,5": 2.5, "5": 5.0, "50": 50.0, "51": 51.0, "0": 0.0, "-0": 0.0, "100.01": 100.01}
    | {"720": 720.0, "721": 721.0},
    "set_funding": {"5%": 5.0, "+5": 5.0, "2,5": 2.5, "−5": 5.0, "-5": 5.0, "5": 5.0, "5 %": 5.0, ".5": 0.5}
    | {"0": 0.0, "-0": 0.0, "0.05": 0.05},
    "set_liquidations": {"0": 0.0, "-0": 0.0, "1001": 1001.0, "86401": 86_401.0},
    "set_basis": {"5%": 5.0, "+5": 5.0, "2,5": 2.5, "−5": 5.0, "-5": 5.0, "5": 5.0, "5 %": 5.0, "50": 50.0, "51": 51.0}
    | {".5": 0.5, "0": 0.0, "-0": 0.0, "0.05": 0.05},
    "cooldown": {"+5": 5, "5": 5, "0": 0, "-0": 0, "50": 50, "51": 51, "720": 720, "721": 721, "1001": 1001}
    | {"3.5h": 12_600, "0h": 0},
}
"""Argument → the first value changed. A negative number for /set_oi means off."""
FULL_WIDTH = {"５": "5", "５%": "5%"}
"""What a Chinese keyboard gives → what it means."""

SEPARATORS = {",", ";"}  # alone they are no word

LISTINGS = {
    "reset": SEPARATORS,
    "history": {"5", "+5", "50"} | SEPARATORS,
    "stats": {"5", "+5", "50", "51", "720"},
}
"""What the commands that read or list take."""

KEY = {
    "set_pump": "pump_threshold",
    "set_dump": "dump_threshold",
    "set_oi": "oi_surge_1m",
    "set_vol": "vol_burst_mult",
    "set_funding": "funding_extreme_pct",
    "set_liquidations": "liquidations_usd",
    "set_basis": "basis_extreme_pct",
    "cooldown": "cooldown_sec",
}
NEED_WORDS = {
    "who",
    "compare",
    "venue",
    "div",
    "whales",
    "trader",
    "why",
    "price",
    "oi",
    "funding",
    "chart",
    "set_move",
    "set_liq",
    "try",
}
STYLES = [Style(lang=lang, tz=UTC) for lang in ("en", "zh", "ru")]


def test_the_bag_is_full() -> None:
    assert len(set(BAG)) >= 100


@pytest.mark.parametrize("command", sorted(KEY))
async def test_a_number_is_taken_exactly_or_refused_with_usage(command: str) -> None:
    findings = []
    for argument in BAG:
        desk = Desk()
        before = desk.settings
        reply = await desk(f"/{command} {argument}")
        meant = FULL_WIDTH.get(argument, argument)
        if meant in ACCEPTED[command]:
            is_right = isinstance(reply, NumbersChanged)
            is_right &= getattr(desk.settings, KEY[command]) == ACCEPTED[command][meant]
        else:
            is_right = isinstance(reply, Refused) and is_untouched(desk, before)
            is_right &= all(is_usage(reply, command, style) for style in STYLES)
        if not is_right:
            findings.append((argument, reply, desk.settings))
    assert findings == []


def is_untouched(desk: Desk, before: Settings) -> bool:
    return desk.settings is before and desk.store.saved == []


def is_usage(reply: Reply | None, command: str, style: Style) -> bool:
    """One short message that names the command and shows how it is written."""
    assert reply is not None
    parts = reply_parts(reply, style)
    return len(parts) == 1 and f"<code>/{command}" in parts[0] and n.utf16_len(parts[0]) < 1000


def fits(reply: Reply | None) -> bool:
    assert reply is not None
    return all(n.utf16_len(part) <= 4096 for style in STYLES for part in reply_parts(reply, style))


@pytest.mark.parametrize("command", ["watch", "unwatch", "mute", "unmute"])
async def test_only_listed_contracts_enter_a_list(command: str) -> None:
    findings = []
    for argument in BAG:
        desk = Desk()
        before = desk.settings
        reply = await desk(f"/{command} {argument}")
        is_refused = isinstance(reply, Refused | SymbolsRefused) or (argument in SEPARATORS and reply is not None)
        if not (is_refused and is_untouched(desk, before) and fits(reply)):
            findings.append((argument, reply))
    assert findings == []


@pytest.mark.parametrize("command", ["reset", "stats", "history", "status", "help", "start"])
async def test_asking_with_bad_words_changes_nothing(command: str) -> None:
    findings = []
    for argument in BAG:
        desk = Desk()
        before = desk.settings
        reply = await desk(f"/{command} {argument}")
        meant = FULL_WIDTH.get(argument, argument)
        if command in ("help", "start"):
            is_right = isinstance(reply, HelpShown)
        elif command == "history" and desk.alerts.asked:  # a word that may be a delisted symbol is asked for
            is_right = isinstance(reply, HistoryShown)
            is_right &= meant in LISTINGS["history"] or bool(desk.alerts.asked[0]["symbol"])
        elif meant in LISTINGS.get(command, ()):
            is_right = isinstance(reply, OverridesShown | StatsShown)
        else:
            is_right = isinstance(reply, Refused)
        if not (is_right and is_untouched(desk, before) and fits(reply)):
            findings.append((argument, reply))
    assert findings == []


async def test_a_bare_command_is_answered() -> None:
    refused = set()
    for row in COMMANDS:
        desk = Desk()
        reply = await desk(f"/{row.name}")
        assert not isinstance(reply, NumbersChanged | WatchlistChanged | MutedChanged), row.name
        assert desk.store.saved == [], row.name
        assert reply is not None, row.name
        if isinstance(reply, Refused):
            refused.add(row.name)
        assert row.name != "status" or isinstance(reply, StatusShown)
    assert refused == {*KEY, *NEED_WORDS}
