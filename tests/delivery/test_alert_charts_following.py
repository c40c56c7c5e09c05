"""Charts that follow alerts: made one after the other beside the texts, and only for what rang."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from altmonitor.core.alert import Alert, Details
from altmonitor.core.types import Destination
from altmonitor.delivery.alert_charts import ChartPictureFile, FollowingPictures
from tests.storage.samples import GROUP, PRIVATE, pump

ZONES = {PRIVATE: ZoneInfo("Europe/Berlin"), GROUP: ZoneInfo("Asia/Shanghai")}


class Drawing:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.may_go = asyncio.Event()
        self.may_go.set()

    async def draw(self, alert: Alert, destination: Destination) -> ChartPictureFile | None:
        self.asked.append((alert.symbol, str(ZONES[destination])))
        await self.may_go.wait()
        if alert.symbol == "NONEUSDT":
            return None
        return ChartPictureFile(key=alert.key, png=alert.symbol.encode(), caption_html="caption", from_ms=0, to_ms=1)


class Shown:
    def __init__(self) -> None:
        self.pictures: list[tuple[Destination, bytes, int]] = []

    def show(self, destination: Destination, picture: ChartPictureFile, message_id: int) -> None:
        self.pictures.append((destination, picture.png, message_id))


@asynccontextmanager
async def following() -> AsyncIterator[tuple[FollowingPictures, Drawing, Shown]]:
    drawing, shown = Drawing(), Shown()
    pictures = FollowingPictures(draw=drawing.draw, show=shown.show)
    running = asyncio.create_task(pictures.run())
    try:
        yield pictures, drawing, shown
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def alert_queue() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_each_told_alert_is_followed_by_its_picture_in_the_zone_of_its_chat() -> None:
    async with following() as (pictures, drawing, shown):
        pictures.sent(PRIVATE, pump("AUSDT"), 7)
        pictures.sent(GROUP, pump("NONEUSDT"), 8)
        pictures.sent(GROUP, pump("BUSDT"), 9)
        await alert_queue()
        assert drawing.asked == [
            ("AUSDT", "Europe/Berlin"),
            ("NONEUSDT", "Asia/Shanghai"),
            ("BUSDT", "Asia/Shanghai"),
        ]
        assert shown.pictures == [(PRIVATE, b"AUSDT", 7), (GROUP, b"BUSDT", 9)]


async def test_what_joined_a_move_and_what_is_late_is_followed_by_none() -> None:
    async with following() as (pictures, drawing, _):
        pictures.sent(PRIVATE, pump("AUSDT", details=Details(is_silent=True)), 7)
        pictures.sent(PRIVATE, pump("BUSDT", late=True), 8)
        await alert_queue()
        assert drawing.asked == []


async def test_in_a_burst_only_the_first_are_drawn_and_nobody_waits() -> None:
    async with following() as (pictures, drawing, shown):
        drawing.may_go.clear()
        for number in range(30):
            pictures.sent(PRIVATE, pump(f"C{number}USDT"), number)
        await alert_queue()
        drawing.may_go.set()
        await alert_queue()
        assert len(shown.pictures) == 8
