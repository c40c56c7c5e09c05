"""Lines that fit, in every script the wizard speaks."""

from __future__ import annotations

import string

from altmonitor.ops.wizard.texts import TABLES
from altmonitor.ops.wrapping import width_of, wrapped


def test_what_fits_stays_as_it_is_with_its_columns() -> None:
    text = "Write this code:    K7M2QX\n  in a group:  /pair K7M2QX"
    assert wrapped(text, 80) == text


def test_a_long_line_goes_on_below_its_own_words() -> None:
    assert wrapped("✗ The bot cannot write there: add it to the group", 30).splitlines() == [
        "✗ The bot cannot write there:",
        "  add it to the group",
    ]
    assert wrapped("  12) calm: price and open interest", 30).splitlines() == [
        "  12) calm: price and open",
        "      interest",
    ]


def test_chinese_is_cut_between_signs_which_take_two_columns_and_no_comma_begins_a_line() -> None:
    lines = wrapped("✗ 网络可用，但无法连接 Telegram（127.0.0.1:1）：看来在这里被屏蔽，请使用代理。", 30).splitlines()
    assert all(width_of(line) <= 30 for line in lines)
    assert [line.strip()[0] for line in lines[1:] if line.strip()[0] in "，。：）"] == []
    assert "".join(line.strip() for line in lines).replace(" ", "") == (
        "✗网络可用，但无法连接Telegram（127.0.0.1:1）：看来在这里被屏蔽，请使用代理。"
    )


def test_an_address_is_never_cut() -> None:
    link = "https://t.me/MyAltBot?start=52RDMU&more=" + "x" * 40
    assert link in wrapped(f"  to the bot itself: {link} and press START", 40).splitlines()[1]


def test_every_text_of_the_wizard_fits_80_columns_in_every_language() -> None:
    names = {"count": 3, "code": "K7M2QX", "bot": "MyAltBot", "seconds": 60, "number": 42, "chat": "-1001234567890"}
    too_long = []
    for lang, table in TABLES.items():
        for key, text in table.items():
            filled = text.format_map({**dict.fromkeys(_blanks(text), "x" * 12), **names})
            too_long += [(lang, key, line) for line in wrapped(filled, 80).splitlines() if width_of(line) > 80]
    assert too_long == []


def _blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
