"""Alerts and a reader's eye, shared by the render tests."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import msgspec

from altmonitor.core.alert import Alert, Details

AT_MS = 1_787_958_039_120  # 2026-08-28 23:00:39 UTC

PRICE = Alert(
    key="price:SWARMSUSDT:PUMP:1m:1787958000000",
    id=512,
    ts=1_787_958_039.2,
    event_ms=AT_MS,
    symbol="SWARMSUSDT",
    kind="price",
    direction="PUMP",
    candle_ms=1_787_958_000_000,
    price=0.006161,
    change_pct=5.213,
    metric=5.213,
    oi_change=2.314,
    amplitude=7.4,
    lsr=1.42,
    quadrant="up_up",
    note="1m",
    details=Details(
        window_s=39.12,
        oi_age_s=0.0,
        oi_span_s=41.2,
        quote_usdt=1_200_000.0,
        taker_buy_share=0.62,
        funding_rate=0.0001,
        funding_hours=4.0,
        day_change_pct=12.4,
        day_quote_usdt=48_200_000.0,
        lsr_age_s=190.0,
    ),
)

OI = Alert(
    key="oi:SWARMSUSDT:UP:5m:1787958039120",
    id=513,
    ts=1_787_958_039.2,
    event_ms=AT_MS,
    symbol="SWARMSUSDT",
    kind="oi",
    direction="UP",
    price=0.006161,
    change_pct=2.1,
    metric=7.82,
    oi_change=7.82,
    lsr=1.42,
    quadrant="up_up",
    note="5m",
    details=Details(window_s=298.0, oi_contracts=7.823e9, oi_usd=48_200_000.0, funding_rate=-0.00375),
)

VOLUME = Alert(
    key="vol:SWARMSUSDT:DOWN:1m:1787958000000",
    id=514,
    ts=1_787_958_060.4,
    event_ms=1_787_958_060_020,
    symbol="SWARMSUSDT",
    kind="vol",
    direction="DOWN",
    candle_ms=1_787_958_000_000,
    price=0.006161,
    change_pct=-1.2,
    metric=8.3,
    amplitude=2.04,
    note="1m",
    details=Details(quote_usdt=4_200_000.0, median_usdt=506_000.0, baseline_count=20, taker_buy_share=0.38),
)


def changed(alert: Alert, *, details: dict[str, Any] | None = None, **fields: Any) -> Alert:
    if details is not None:
        fields["details"] = msgspec.structs.replace(alert.details, **details)
    return msgspec.structs.replace(alert, **fields)


class _Reader(HTMLParser):
    """Refuses what Telegram would refuse: unknown tags, tags that cross or stay open, a bare < or &."""

    ALLOWED = ("b", "i", "code", "a")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.pieces = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.ALLOWED, tag
        self.open.append(tag)
        self.pieces += 1
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert "<" not in data
        assert "&" not in data
        self.text += data

    def handle_entityref(self, name: str) -> None:
        self.text += {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}[name]

    def handle_charref(self, name: str) -> None:
        raise AssertionError(name)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


def read(html: str) -> _Reader:
    """What a person sees of Telegram HTML. Fails on markup Telegram would not take."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    assert reader.pieces <= 100  # Telegram formats no more than that
    assert len(html.encode("utf-16-le")) <= 2 * 4096
    return reader


def has_cjk(text: str) -> bool:
    return re.search(r"[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]", text) is not None
