"""Pictures of the three kinds of alert for the README: the program's own texts, buttons and charts; a simulated market.

python docs/make_pictures.py [FOLDER]        # writes alert-price.png, alert-oi.png, alert-volume.png there
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
from telegram_look import Bubble, conversation

from altmonitor.core.alert import Alert, Details, Direction, Kind
from altmonitor.delivery.alert_charts import CANDLES
from altmonitor.delivery.destination_style import MessageRenderer
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.market.math import OpenInterestChange
from altmonitor.render import format as n
from altmonitor.render.charts.alert_chart import caption_of, chart_of_alert
from altmonitor.render.charts.chart import chart_png
from altmonitor.render.signed_buttons import ButtonSigner
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Burst, Event, OiStep, Pump
from altmonitor.sim.telegram.html import parse_html
from altmonitor.sim.wire import candle_of

START_MS = 1_795_269_600_000  # 2026-11-21 14:00 UTC
SEED = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """events: what happens to `symbol` in the minutes after START_MS. swept_s: second of each minute in which the sweep
    reaches it."""

    file: str
    kind: Kind
    symbol: str
    swept_s: int
    events: tuple[Event, ...]


SCENES = (
    Scene(
        file="alert-price.png",
        kind="price",
        symbol="SUIUSDT",
        swept_s=47,
        events=(
            OiStep("SUIUSDT", START_MS + 4_000, 2.3),
            Pump("SUIUSDT", START_MS + 6_000, 4.1, over_s=30),
            Burst("SUIUSDT", START_MS + 10_000, 9),
        ),
    ),
    Scene(
        file="alert-oi.png",
        kind="oi",
        symbol="AAVEUSDT",
        swept_s=8,
        events=(
            Pump("AAVEUSDT", START_MS - 200_000, 1.6, over_s=230),
            OiStep("AAVEUSDT", START_MS - 130_000, 2.2),
            OiStep("AAVEUSDT", START_MS - 70_000, 2.6),
            OiStep("AAVEUSDT", START_MS + 4_000, 2.7),
        ),
    ),
    Scene(
        file="alert-volume.png",
        kind="vol",
        symbol="LINKUSDT",
        swept_s=8,
        events=(Burst("LINKUSDT", START_MS + 6_000, 8.3), Pump("LINKUSDT", START_MS + 8_000, 0.9, over_s=40)),
    ),
)


class Stage:
    """One scene at the moment of its alert, which is found by the plain arithmetic of the rules."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.market = SeededMarket(seed=SEED, start_ms=START_MS, symbols=200, script=scene.events)
        self.alert = {"price": self._price, "oi": self._open_interest, "vol": self._volume}[scene.kind]()

    def candles(self, *, at_ms: int, count: int) -> list[Candle]:
        """As known at that moment, oldest → newest, the last one open."""
        from_ms = at_ms // MINUTE_MS * MINUTE_MS - (count - 1) * MINUTE_MS
        rows = self.market.kline_rows(self.scene.symbol, start_ms=from_ms, end_ms=at_ms, at_ms=at_ms)
        return [candle_of(row) for row in rows]

    def samples(self, *, at_ms: int, count: int) -> list[tuple[int, float]]:
        """Open interest once a minute, oldest → newest."""
        after_ms = self.scene.swept_s * 1000
        last_ms = (at_ms - after_ms) // MINUTE_MS * MINUTE_MS + after_ms
        times = [last_ms - back * MINUTE_MS for back in reversed(range(count))]
        return [(time_ms, self.market.open_interest(self.scene.symbol, time_ms)) for time_ms in times]

    def _price(self) -> Alert:
        for second in range(10, 60):
            at_ms = START_MS + second * 1000
            candle = self.candles(at_ms=at_ms, count=1)[-1]
            change_pct = (candle.close / candle.open - 1) * 100
            if change_pct >= 3.0:
                break
        else:
            raise LookupError(f"{self.scene.file}: {self.scene.symbol} did not rise by 3 %")
        ((before_ms, before),) = self.samples(at_ms=candle.open_ms, count=1)
        fresh = self.market.open_interest(self.scene.symbol, at_ms)
        details = self._details(window_s=second, lsr_age_s=at_ms % 300_000 / 1000, **_traded(candle))
        (mood,) = self.market.moods([self.scene.symbol], 1, at_ms // 300_000)
        told = self._told("PUMP", at_ms, candle, metric=change_pct, lsr=math.exp(mood * 0.6), details=details)
        span_s = (at_ms - before_ms) / 1000
        return told.with_oi_change(OpenInterestChange(pct=(fresh / before - 1) * 100, span_s=span_s, sample_ms=at_ms))

    def _open_interest(self) -> Alert:
        at_ms = START_MS + self.scene.swept_s * 1000
        samples = self.samples(at_ms=at_ms, count=6)
        candles = self.candles(at_ms=at_ms, count=6)
        contracts, close = samples[-1][1], candles[-1].close
        change_pct = (contracts / samples[0][1] - 1) * 100
        details = self._details(window_s=300.0, oi_contracts=contracts, oi_usd=contracts * close)
        told = self._told("UP", at_ms, candles[-1], metric=change_pct, oi_change=change_pct, details=details)
        moved_pct = (close / candles[0].open - 1) * 100
        return msgspec.structs.replace(told, note="5m", candle_ms=None, change_pct=moved_pct, quadrant="up_up")

    def _volume(self) -> Alert:
        at_ms = START_MS + MINUTE_MS
        *before, candle = self.candles(at_ms=at_ms - 1, count=21)
        median_usdt = statistics.median(one.quote_usdt for one in before)
        details = self._details(median_usdt=median_usdt, baseline_count=len(before), **_traded(candle))
        return self._told("UP", at_ms, candle, metric=candle.quote_usdt / median_usdt, details=details)

    def _told(self, direction: Direction, at_ms: int, candle: Candle, **known: Any) -> Alert:
        return Alert(
            key=f"{self.scene.kind}:{self.scene.symbol}",
            id=1,
            ts=at_ms / 1000,
            event_ms=at_ms,
            symbol=self.scene.symbol,
            kind=self.scene.kind,
            direction=direction,
            candle_ms=candle.open_ms,
            price=candle.close,
            change_pct=(candle.close / candle.open - 1) * 100,
            amplitude=(candle.high - candle.low) / candle.open * 100,
            note="1m",
            **known,
        )

    def _details(self, **known: Any) -> Details:
        symbol = self.scene.symbol
        (day,) = self.market.days([symbol], START_MS)
        (mood,) = self.market.moods([symbol], 0, START_MS // 300_000)
        return Details(
            day_change_pct=(day.last / day.open - 1) * 100,
            day_quote_usdt=day.quote,
            funding_rate=0.0001 + mood * 0.0003,
            funding_hours=8.0,
            **known,
        )


def _traded(candle: Candle) -> dict[str, float]:
    return {"quote_usdt": candle.quote_usdt, "taker_buy_share": candle.taker_quote_usdt / candle.quote_usdt}


def bubbles_of(scene: Scene) -> Sequence[Bubble]:
    """The alert, and the chart that follows it."""
    stage = Stage(scene)
    alert = stage.alert
    renderer = MessageRenderer("en", UTC, signer=ButtonSigner("00" * 32))
    html = renderer.alert(alert, maybe_repeated=False)
    known_ms = alert.event_ms - 1 if scene.kind == "vol" else alert.event_ms  # a burst is told with the close
    candles = stage.candles(at_ms=known_ms, count=CANDLES)
    samples = stage.samples(at_ms=known_ms, count=CANDLES)
    if alert.details.oi_span_s is not None:  # the fresh one beside a price alert
        samples.append((known_ms, stage.market.open_interest(scene.symbol, known_ms)))
    spec = chart_of_alert(alert, candles, tz=UTC, open_interest=samples)
    at = n.clock_minute(alert.event_ms, UTC)
    headline = parse_html(html).text.split("\n")[0]
    return [
        Bubble(html=html, at=at, buttons=renderer.buttons(alert)),
        Bubble(html=caption_of(alert, tz=UTC), at=at, png=chart_png(spec), reply_to=headline),
    ]


def main(folder: Path) -> None:
    for scene in SCENES:
        bubbles = bubbles_of(scene)
        conversation(bubbles).save(folder / scene.file, "PNG", optimize=True)
        sys.stdout.write(f"{scene.file}: {bubbles[1].reply_to}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
