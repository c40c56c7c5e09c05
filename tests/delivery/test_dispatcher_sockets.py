"""The dispatcher, the real Bot API client and a Bot API server with Telegram's limits, over loopback sockets."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

from altmonitor.core.clock import ScaledClock
from altmonitor.core.types import Destination, Secret
from altmonitor.delivery.deps import DeliveryDeps
from altmonitor.delivery.destination_style import DestinationStyles
from altmonitor.delivery.dispatcher import Dispatcher
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.storage.store import SqliteStore, StoreOptions
from altmonitor.telegram.bot import TelegramChannel
from tests.delivery.chat_fakes import PlainRenderer
from tests.patient_clock import PatientClock
from tests.storage.samples import GROUP, NOW_MS, pump

TOKEN = "123456:" + "A" * 35


class Whole:
    def __init__(self, clock: ScaledClock, sim: SimTelegram, store: SqliteStore, dispatcher: Dispatcher) -> None:
        self.clock = clock
        self.sim = sim
        self.store = store
        self.dispatcher = dispatcher

    def put(self, count: int, prefix: str = "C") -> None:
        for number in range(count):
            self.store.put(pump(f"{prefix}{number}USDT", at_ms=self.clock.now_ms()))

    async def until_told(self, count: int, *, within_s: float) -> None:
        async with self.clock.timeout(within_s):
            while self.store.outbox_status().sent < count:
                await self.clock.sleep(0.1)


@asynccontextmanager
async def whole(
    path: Path, *destinations: Destination, speed: float = 10, audiences: Sequence[Audience] = ()
) -> AsyncIterator[Whole]:
    """audiences: whose words are used; without any a plain renderer's."""
    clock = PatientClock(start_ms=NOW_MS, speed=speed)
    sim = SimTelegram(clock=clock, token=TOKEN)
    await sim.start()
    channel = TelegramChannel(Secret(TOKEN), api_url=sim.url, clock=clock)
    await channel.start()
    async with SqliteStore(path, clock=clock, options=StoreOptions(destinations=destinations)) as store:
        styles = DestinationStyles(audiences).of if audiences else None
        deps = DeliveryDeps(
            outbox=store, channel=channel, renderer=PlainRenderer(), clock=clock, destination_styles=styles
        )
        dispatcher = Dispatcher(deps, store.destinations)
        running = asyncio.create_task(dispatcher.run())
        try:
            yield Whole(clock, sim, store, dispatcher)
        finally:
            running.cancel()
            await asyncio.wait({running})
            await channel.stop()
            await sim.stop()
    assert sim.violations == []


async def test_530_alerts_of_one_minute_reach_a_group_in_seconds_within_its_limits(tmp_path: Path) -> None:
    async with whole(tmp_path / "alerts.db", GROUP) as all_of_it:
        began_ms = all_of_it.clock.now_ms()
        all_of_it.put(530)
        await all_of_it.until_told(530, within_s=30)
        calls = all_of_it.sim.sent("sendMessage")
        assert calls[0].at_ms - began_ms <= 5_000
        assert calls[-1].at_ms - began_ms <= 15_000
        shown = " ".join(message.text for message in all_of_it.sim.chats[GROUP.chat_id])
        assert all(f"C{number}USDT" in shown for number in range(530))
        assert len(calls) <= 5


async def test_an_outage_loses_nothing_and_the_wait_telegram_asks_for_is_kept(tmp_path: Path) -> None:
    async with whole(tmp_path / "alerts.db", GROUP, speed=20) as all_of_it:
        await all_of_it.sim.refuse_connections()
        all_of_it.put(3)
        await all_of_it.clock.sleep(20)
        await all_of_it.sim.accept_connections()
        all_of_it.sim.faults.refuse_next("sendMessage", 429, retry_after_s=7, times=1)
        await all_of_it.until_told(3, within_s=200)
        texts = [message.text for message in all_of_it.sim.chats[GROUP.chat_id]]
        assert " ".join(texts).split() == ["C0USDT", "C1USDT", "C2USDT"]
        calls = [call.at_ms for call in all_of_it.sim.sent("sendMessage")]
        assert max(later - earlier for earlier, later in pairwise(calls)) >= 7_000


async def test_a_group_that_becomes_a_supergroup_is_followed(tmp_path: Path) -> None:
    async with whole(tmp_path / "alerts.db", GROUP) as all_of_it:
        all_of_it.put(1)
        await all_of_it.until_told(1, within_s=30)
        all_of_it.sim.migrate(GROUP.chat_id, -100777)
        all_of_it.put(2, prefix="D")
        await all_of_it.until_told(3, within_s=60)
        assert [message.text for message in all_of_it.sim.chats[-100777]][-2:] == ["D0USDT", "D1USDT"]
        assert all_of_it.store.destinations == (Destination(chat_id=-100777),)


SAYS_WAIT = {
    "en": r"⏳ (\d+) s behind, 14 alerts joined into one digest",
    "ru": r"⏳ с задержкой (\d+) с, алертов в одной сводке: 14",
    "zh": r"⏳ 延迟 (\d+) 秒，14 条提醒合并为一份摘要",
}


async def test_chats_that_had_to_wait_for_others_are_told_so_in_their_language(tmp_path: Path) -> None:
    """400 chats of one bot: it can say 25 things a second, so the last ones hear 16 s later."""
    crowd = [Destination(chat_id=1 + at) for at in range(397)]
    last = {lang: Destination(chat_id=1_000 + at) for at, lang in enumerate(SAYS_WAIT)}
    audiences = [Audience(destination=at, settings=Settings()) for at in crowd]
    audiences += [Audience(destination=at, settings=Settings(), lang=lang) for lang, at in last.items()]
    everybody = [audience.destination for audience in audiences]
    async with whole(tmp_path / "alerts.db", *everybody, speed=4, audiences=audiences) as all_of_it:
        all_of_it.put(14)
        await all_of_it.until_told(14 * len(everybody), within_s=200)
        texts = {at: [message.text for message in all_of_it.sim.chats[at.chat_id]] for at in everybody}
        assert {len(said) for said in texts.values()} == {1}
        assert "behind" not in texts[crowd[0]][0]
        waits = {lang: re.findall(SAYS_WAIT[lang], texts[at][0]) for lang, at in last.items()}
        assert {lang: len(found) for lang, found in waits.items()} == {"en": 1, "ru": 1, "zh": 1}, texts[last["ru"]]
        assert min(int(found[0]) for found in waits.values()) >= 10
