"""Exact numbers as text."""

from __future__ import annotations

from decimal import Decimal

from altmonitor.core.json_text import camel, decimal_of, decimal_text


def test_decimals_have_no_exponent() -> None:
    found = {
        "1E+3": "1000",
        "1e-7": "0.0000001",
        "-0.000": "0",
        "0.10": "0.1",
        "1509265.3238761567721365": "1509265.3238761567721365",
        "1000": "1000",
    }
    assert {text: decimal_text(Decimal(text)) for text in found} == found
    assert decimal_text(Decimal("2.345678"), places=2) == "2.35"
    assert decimal_text(None) is None


def test_what_is_no_number_is_none() -> None:
    for wrong in ("", "nan", "inf", "-Infinity", "1e999", "٣", "1_000", "0x10", "1" * 61, True, None, [], "1,5"):
        assert decimal_of(wrong) is None, wrong
    assert decimal_of(" 1e-7 ") == Decimal("1e-7")
    assert decimal_of(12) == Decimal(12)


def test_names_of_json_keep_their_small_letters_after_digits() -> None:
    assert camel("long_ratio_vs_1h") == "longRatioVs1h"
