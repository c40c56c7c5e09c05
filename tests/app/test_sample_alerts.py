"""`/test`: what is sent, in every language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

import pytest

from altmonitor.app.sample_alerts import SampleAlerts
from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.interfaces.exchange import Funding
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import MINUTE_MS, Candle, CandleUpdate
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.render.alerts import alert_html
from altmonitor.render.format import Style
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.fakes import KnownContext
from tests.movable_clock import T0, MovableClock

HERE = Destination(chat_id=77)


class Kept:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def put(self, alert: Alert, *, to: Sequence[Destination] | None = None) -> None:
        assert to == (HERE,)
        self.alerts.append(alert)


def candle(minute: int, *, close: float = 100.0, quote_usdt: float = 1_000.0, is_closed: bool = True) -> CandleUpdate:
    open_ms = T0 + minute * MINUTE_MS
    kline = Candle(
        open_ms=open_ms,
        open=100.0,
        high=max(100.0, close),
        low=min(100.0, close),
        close=close,
        quote_usdt=quote_usdt,
        taker_quote_usdt=quote_usdt / 2,
        is_closed=is_closed,
    )
    return CandleUpdate(symbol="SOLUSDT", event_ms=open_ms + 59_000, kline=kline)


async def sent(*, is_known: bool = True) -> list[Alert]:
    clock, kept = MovableClock(), Kept()
    book, ring = SymbolBook("SOLUSDT"), OpenInterestRing(period_s=60)
    if is_known:
        for minute in range(8):
            book.closed.append(candle(minute).kline)
        book.apply(candle(8, close=99.0, quote_usdt=4_000.0, is_closed=False))
        for minute in range(9):
            ring.record("SOLUSDT", time_ms=T0 + minute * MINUTE_MS, contracts=1_000.0 + 5 * minute)
        clock.jump(8 * 60 + 59)
    context = KnownContext()
    if is_known:
        context.fundings["SOLUSDT"] = Funding(symbol="SOLUSDT", rate=0.00025, mark_price=99.0, next_ms=T0)
    samples = SampleAlerts(
        clock=clock,
        book={book.symbol: book}.get,
        oi_ring=ring,
        context=context,
        listed=lambda: ["SOLUSDT"],
        sink=kept,
        audience_at=lambda destination: Audience(destination=destination, settings=Settings()),
    )
    assert list(await samples.send(HERE)) == [alert.kind for alert in kept.alerts]
    return kept.alerts


LIQ_BASIS = {
    "en": ("SHORTS LIQUIDATED</b>", "BASIS UP</b>"),
    "zh": ("空头爆仓</b>", "基差走高</b>"),
    "ru": ("ЛИКВИДАЦИИ ШОРТОВ</b>", "БАЗИС ВВЕРХ</b>"),
}


@pytest.mark.parametrize(
    ("lang", "headlines"),
    [
        (
            "en",
            (
                "DUMP</b> {symbol} <b>−1.00 %",
                "OI SURGE</b>",
                "VOLUME</b> {symbol} <b>4.0×",
                "FUNDING UP</b>",
                *LIQ_BASIS["en"],
            ),
        ),
        (
            "zh",
            (
                "砸盘</b> {symbol} <b>−1.00 %",
                "持仓激增</b>",
                "放量</b> {symbol} <b>4.0×",
                "资金费率走高</b>",
                *LIQ_BASIS["zh"],
            ),
        ),
        (
            "ru",
            (
                "ДАМП</b> {symbol} <b>−1.00 %",
                "РОСТ ОИ</b>",
                "ОБЪЁМ</b> {symbol} <b>4.0×",
                "ФАНДИНГ ВВЕРХ</b>",
                *LIQ_BASIS["ru"],
            ),
        ),
    ],
)
async def test_samples_show_the_numbers_of_this_moment_and_say_what_they_are(
    lang: str, headlines: tuple[str, ...]
) -> None:
    texts = [alert_html(alert, Style(lang=lang, tz=UTC), maybe_repeated=False) for alert in await sent()]
    for text, headline in zip(texts, headlines, strict=True):
        assert text.startswith("🧪 <i>")
        assert "/test" in text.split("\n")[0]
        assert headline.format(symbol="<code>SOLUSDT</code>") in text
    assert "+2.5 %" in texts[1]
    assert "<b>+0.0250 %</b>" in texts[3]


async def test_without_any_data_they_still_come_and_say_that_nothing_is_known() -> None:
    for alert in await sent(is_known=False):
        assert "n/a" in alert_html(alert, Style(lang="en", tz=UTC), maybe_repeated=False)
