"""Which candles an alert's picture shows, and that one alert has one picture, in time or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC
from zoneinfo import ZoneInfo

from altmonitor.core.errors import ExchangeError, ExchangeUnreachable
from altmonitor.core.types import Venue
from altmonitor.delivery.alert_charts import Charting, ChartPictureFile, Pictures
from altmonitor.market.candles import Candle
from altmonitor.render.charts.layout import ChartSpec, Mark
from tests.movable_clock import MovableClock
from tests.render.charts.chart_cases import T0, zigzag
from tests.render.render_cases import OI, PRICE, VOLUME, changed

AT_MS = T0 + 39_120


@dataclass
class Exchange:
    """asked: (venue, symbol, start_ms, end_ms, limit). refuse: for the next look-ups. is_silent: it never answers."""

    clock: MovableClock
    asked: list[tuple[str, str, int, int, int]] = field(default_factory=list)
    refuse: list[ExchangeError] = field(default_factory=list)
    is_silent: bool = False

    async def candles(self, venue: Venue, symbol: str, start_ms: int, end_ms: int, limit: int) -> Sequence[Candle]:
        self.asked.append((venue, symbol, start_ms, end_ms, limit))
        await asyncio.sleep(0)
        if self.is_silent:
            await self.clock.sleep(1e9)
        if self.refuse:
            raise self.refuse.pop(0)
        return zigzag(45)

    def open_interest(self, venue: Venue, symbol: str, from_ms: int) -> Sequence[tuple[int, float]]:
        return [(T0 - 60_000, 5e6), (T0, 5.1e6)] if symbol == "SWARMSUSDT" and from_ms < T0 else []


@dataclass
class Studio:
    clock: MovableClock
    exchange: Exchange
    pictures: Pictures
    drawn: list[ChartSpec]


@asynccontextmanager
async def studio(*, now_ms: int = AT_MS + 500) -> AsyncIterator[Studio]:
    clock = MovableClock(now_ms)
    exchange = Exchange(clock)
    drawn: list[ChartSpec] = []

    def draw(spec: ChartSpec) -> bytes:
        drawn.append(spec)
        return b"png %d" % len(drawn)

    charting = Charting(draw=draw)
    pictures = Pictures(
        candles=exchange.candles,
        open_interest=exchange.open_interest,
        charting=charting,
        clock=clock,
    )
    try:
        yield Studio(clock, exchange, pictures, drawn)
    finally:
        charting.close()


async def test_the_picture_belongs_to_the_alert_and_shows_the_minutes_before_it() -> None:
    async with studio() as at:
        picture = await at.pictures.of_alert(PRICE, tz=UTC)

        assert picture == ChartPictureFile(
            key="price:SWARMSUSDT:PUMP:1m:1787958000000",
            png=b"png 1",
            caption_html="<code>SWARMSUSDT</code> · +5.21 % · 1m · 23:00:39 UTC",
            from_ms=T0 - 44 * 60_000,
            to_ms=T0 + 60_000,
        )
        assert at.exchange.asked == [("binance", "SWARMSUSDT", T0 - 44 * 60_000, T0, 45)]
        (spec,) = at.drawn
        assert (spec.symbol, spec.subtitle) == ("SWARMSUSDT", "+5.21 % · 1m · 2026-08-28 23:00:39 UTC")
        assert spec.marks == (Mark(from_ms=T0, time_ms=AT_MS, label="+5.21 %", direction="up"),)
        assert (len(spec.candles), spec.open_interest) == (45, ((T0 - 60_000, 5e6), (T0, 5.1e6)))


async def test_each_kind_marks_the_stretch_it_was_measured_over() -> None:
    async with studio() as at:
        for alert in (OI, VOLUME, changed(PRICE, direction="DUMP", metric=-3.4, note="60s")):
            assert await at.pictures.of_alert(changed(alert, key=f"{alert.key}:{alert.note}"), tz=UTC) is not None
        assert [spec.marks[0] for spec in at.drawn] == [
            Mark(from_ms=AT_MS - 298_000, time_ms=AT_MS, label="OI +7.8 %", direction="up"),
            Mark(from_ms=T0, time_ms=T0 + 60_000, label="Vol 8.3×", direction="down"),
            Mark(from_ms=AT_MS - 39_120, time_ms=AT_MS, label="−3.40 %", direction="down"),
        ]


async def test_an_open_interest_alert_of_an_old_database_is_marked_over_the_window_it_names() -> None:
    async with studio() as at:
        await at.pictures.of_alert(changed(OI, details={"window_s": None}), tz=UTC)
        assert at.drawn[0].marks[0].from_ms == AT_MS - 300_000


async def test_times_are_those_of_the_readers_zone_and_each_zone_has_its_own_picture() -> None:
    async with studio() as at:
        shanghai = await at.pictures.of_alert(PRICE, tz=ZoneInfo("Asia/Shanghai"))
        utc = await at.pictures.of_alert(PRICE, tz=UTC)
        assert shanghai is not None
        assert utc is not None
        assert shanghai.caption_html.endswith("07:00:39 UTC+08")
        assert utc.caption_html.endswith("23:00:39 UTC")
        assert [spec.tz for spec in at.drawn] == [ZoneInfo("Asia/Shanghai"), UTC]


async def test_a_picture_asked_for_later_shows_at_most_ten_minutes_more() -> None:
    async with studio(now_ms=AT_MS + 3 * 60_000) as at:
        await at.pictures.of_alert(PRICE, tz=UTC)
    async with studio(now_ms=AT_MS + 86_400_000) as later:
        await later.pictures.of_alert(PRICE, tz=UTC)
    assert [asked[3] for asked in at.exchange.asked + later.exchange.asked] == [T0 + 3 * 60_000, T0 + 10 * 60_000]


async def test_two_chats_share_one_look_up_and_one_drawing() -> None:
    async with studio() as at:
        first, second = await asyncio.gather(at.pictures.of_alert(PRICE, tz=UTC), at.pictures.of_alert(PRICE, tz=UTC))
        await at.clock.advance(60)
        third = await at.pictures.of_alert(PRICE, tz=UTC)
        assert first is second is third
        assert (len(at.exchange.asked), len(at.drawn)) == (1, 1)


async def test_a_refusing_exchange_costs_the_picture_and_nothing_else() -> None:
    async with studio() as at:
        at.exchange.refuse.append(ExchangeUnreachable("no answer"))
        assert await at.pictures.of_alert(PRICE, tz=UTC) is None
        await at.clock.advance(0.1)
        assert await at.pictures.of_alert(PRICE, tz=UTC) is not None


async def test_a_silent_exchange_costs_two_seconds() -> None:
    async with studio() as at:
        at.exchange.is_silent = True
        asking = asyncio.ensure_future(at.pictures.of_alert(PRICE, tz=UTC))
        await at.clock.advance(1.9)
        assert not asking.done()
        await at.clock.advance(0.2)
        assert await asking is None
        at.exchange.is_silent = False
        assert await at.pictures.of_alert(PRICE, tz=UTC) is not None


async def test_an_alert_without_a_drawable_candle_has_no_picture() -> None:
    def draw(spec: ChartSpec) -> bytes:
        raise ValueError("no candle")

    clock = MovableClock(AT_MS)
    charting = Charting(draw=draw)
    exchange = Exchange(clock)
    pictures = Pictures(
        candles=exchange.candles,
        open_interest=exchange.open_interest,
        charting=charting,
        clock=clock,
    )
    assert await pictures.of_alert(PRICE, tz=UTC) is None
    assert await pictures.of_symbol("SWARMSUSDT", venue="binance", tz=UTC) is None
    assert charting.counts.failed == 2
    charting.close()


async def test_a_symbol_asked_about_shows_its_alerts_and_is_drawn_once_a_minute() -> None:
    async with studio() as at:
        other = changed(VOLUME, symbol="SOLUSDT")
        picture = await at.pictures.of_symbol("SWARMSUSDT", venue="binance", tz=UTC, alerts=[PRICE, other, OI])

        assert picture is not None
        assert picture.key == "chart:SWARMSUSDT:29799300"
        assert picture.caption_html == "<code>SWARMSUSDT</code> · 23:00:39 UTC"
        assert at.exchange.asked == [("binance", "SWARMSUSDT", T0 - 98 * 60_000, T0, 99)]
        (spec,) = at.drawn
        assert [mark.label for mark in spec.marks] == ["+5.21 %", "OI +7.8 %"]
        assert await at.pictures.of_symbol("SWARMSUSDT", venue="binance", tz=UTC, alerts=[PRICE]) is picture
        await at.clock.advance(60)
        assert await at.pictures.of_symbol("SWARMSUSDT", venue="binance", tz=UTC, alerts=[PRICE]) is not picture


async def test_a_symbol_with_markup_in_its_name_is_escaped_in_the_caption() -> None:
    async with studio() as at:
        picture = await at.pictures.of_symbol("<b>&币安", venue="binance", tz=UTC)
        assert picture is not None
        assert picture.caption_html.startswith("<code>&lt;b&gt;&amp;币安</code>")
