"""Which answers are blocks, and how long they ask us to stay away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.causes import CauseCode
from altmonitor.exchanges.rest.refusal import Severity, read_refusal, retry_after_s

NOW_MS = 1_790_000_000_000  # Mon, 21 Sep 2026 14:13:20 GMT


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        (418, Severity.SOFT),
        (429, Severity.SOFT),
        (403, Severity.HARD),
        (451, Severity.REGION),
        (200, None),
        (400, None),
        (404, None),
        (408, None),
        (500, None),
        (503, None),
    ],
)
def test_a_status_means_what_the_exchange_means_by_it(status: int, severity: Severity | None) -> None:
    refusal = read_refusal(status, {}, b"", exchange_ms=NOW_MS)
    assert (refusal.severity if refusal else None) == severity


def test_a_geography_text_is_a_region_block_whatever_its_status() -> None:
    body = b'{"code":0,"msg":"Service unavailable from a restricted location according to \'b. Eligibility\' in terms"}'
    for status in (400, 403, 451):
        refusal = read_refusal(status, {}, body, exchange_ms=NOW_MS)
        assert refusal is not None
        assert refusal.severity is Severity.REGION
        assert refusal.reason.code is CauseCode.REGION


def test_a_good_answer_may_contain_any_words() -> None:
    assert read_refusal(200, {}, b'{"msg":"restricted location, banned until 1790000600000"}', exchange_ms=0) is None


def test_an_exchanges_own_code_is_a_block_also_behind_a_400_and_no_other_exchanges() -> None:
    body = b'{"code":-1003,"msg":"Too many requests."}'
    refusal = read_refusal(400, {}, body, exchange_ms=NOW_MS, too_many_codes=(-1003,))
    assert refusal is not None
    assert refusal.severity is Severity.SOFT
    assert read_refusal(400, {}, body, exchange_ms=NOW_MS) is None


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("14400", 14_400.0),
        ("13860", 13_860.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("Mon, 21 Sep 2026 14:18:20 GMT", 300.0),
        ("Mon, 21 Sep 2026 14:08:20 GMT", None),  # in the past
        ("0", None),
        ("-5", None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("99999999999999999999999", 2_592_000.0),
        ("inf", 2_592_000.0),
        ("Mon, 99 Sep 2026 14:18:20 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str, wait_s: float | None) -> None:
    assert retry_after_s({"Retry-After": text}, exchange_ms=NOW_MS) == wait_s


@given(st.text(max_size=40))
def test_no_retry_after_text_breaks_the_reader(text: str) -> None:
    wait_s = retry_after_s({"Retry-After": text}, exchange_ms=NOW_MS)
    assert wait_s is None or 0 < wait_s <= 2_592_000


def test_the_end_of_a_ban_named_in_the_body_counts_from_the_exchanges_clock() -> None:
    body = (
        b'{"code":-1003,"msg":"Way too many requests; IP(1.2.3.4) banned until 1790000600000. Please use websocket."}'
    )
    refusal = read_refusal(418, {}, body, exchange_ms=NOW_MS)
    assert refusal is not None
    assert refusal.retry_after_s == 600.0


def test_the_later_of_header_and_body_counts() -> None:
    body = b'{"code":-1003,"msg":"banned until 1790000600000"}'
    refusal = read_refusal(418, {"Retry-After": "60"}, body, exchange_ms=NOW_MS)
    assert refusal is not None
    assert refusal.retry_after_s == 600.0


@given(st.integers(200, 599), st.binary(max_size=300))
def test_no_body_breaks_the_reader(status: int, body: bytes) -> None:
    refusal = read_refusal(status, {}, body, exchange_ms=NOW_MS)
    assert refusal is None or refusal.status == status
