"""What each destination was told: both stores promise the same."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from altmonitor.core.alert import Details, EpisodeEnd, StoredSize
from altmonitor.core.types import Destination
from altmonitor.interfaces.alerts import AlertHistory
from tests.fakes import cause
from tests.storage.samples import GROUP, NOW_MS, PRIVATE, TOPIC, pump
from tests.storage.test_store_contract import Store, kind, opened, postgres

__all__ = ["kind", "postgres"]

HOUR_MS = 3_600_000


async def put(store: Store, key: str, *to: Destination, hours: int = 0, **fields: Any) -> None:
    store.put(pump(key=key, at_ms=NOW_MS + hours * HOUR_MS, **fields), to=to)
    async with asyncio.timeout(60):
        while to and key not in [row.alert.key for row in await store.queued(to[0], limit=100)]:
            await store.wait_for_work()


async def keys(store: Store, destination: Destination) -> list[str]:
    return [row.alert.key for row in await store.queued(destination, limit=100)]


async def test_only_those_it_is_for_are_told(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, PRIVATE, GROUP) as store:
        await put(store, "a", PRIVATE)
        await put(store, "b", GROUP, TOPIC, GROUP)
        assert [await keys(store, at) for at in (PRIVATE, GROUP, TOPIC)] == [["a"], ["b"], ["b"]]


async def test_it_is_remembered_who_was_told_also_when_it_did_not_arrive(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, PRIVATE, GROUP) as store:
        history: AlertHistory = store
        await put(store, "a", PRIVATE, hours=-2)
        await put(store, "b", PRIVATE, GROUP)
        await put(store, "c", TOPIC, hours=1)
        (row,) = await store.queued(GROUP, limit=1)
        await store.mark_failed(GROUP, [row.alert.id or 0], error=cause("gone"))
        told = await history.stored_since(NOW_MS)
        assert [(alert.key, set(to)) for alert, to in told] == [("b", {PRIVATE, GROUP}), ("c", {TOPIC})]
        assert dict(await history.stored_first_ms()) == {
            PRIVATE: NOW_MS - 2 * HOUR_MS,
            GROUP: NOW_MS,
            TOPIC: NOW_MS + HOUR_MS,
        }


async def test_sizes_that_nothing_as_large_followed_and_all_recent_ones(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, PRIVATE, GROUP) as store:
        for hours, size, to in (
            (-9, 4.0, (PRIVATE,)),  # before what is asked for
            (-8, 3.0, (PRIVATE,)),  # followed by a larger one
            (-7, 6.0, (PRIVATE, GROUP)),
            (-6, -9.0, (PRIVATE,)),  # the other direction
            (-5, 5.0, (PRIVATE,)),  # followed by one as large
            (-4, 5.0, (PRIVATE,)),
            (-1, 3.5, (PRIVATE,)),  # recent
            (0, 4.0, (PRIVATE,)),
        ):
            await put(store, str(hours), *to, hours=hours, metric=size, direction="PUMP" if size > 0 else "DUMP")
        found = await store.stored_sizes(since_ms=NOW_MS - 8 * HOUR_MS, recent_ms=NOW_MS - 2 * HOUR_MS)
        rows = [((one.event_ms - NOW_MS) // HOUR_MS, one.size, one.destination) for one in found]
        assert sorted(rows, key=lambda row: (row[0], str(row[2]))) == [
            (-7, 6.0, GROUP),
            (-7, 6.0, PRIVATE),
            (-6, 9.0, PRIVATE),
            (-4, 5.0, PRIVATE),
            (-1, 3.5, PRIVATE),
            (0, 4.0, PRIVATE),
        ]
        assert found[0] == StoredSize(found[0].destination, "SOLUSDT", "price", "PUMP", "1m", 6.0, NOW_MS - 7 * HOUR_MS)


async def test_two_who_learn_different_things_do_not_take_them_from_one_another(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, PRIVATE) as store:
        await put(store, "a", PRIVATE, details=Details(threshold=3.0, oi_usd=1.0), oi_change=1.0, quadrant="up_up")
        first = pump(key="a")
        ended = EpisodeEnd(at_ms=NOW_MS, lasted_s=900.0, peak_pct=8.0)
        richer = msgspec.structs.replace(
            first, lsr=1.5, oi_change=-2.0, quadrant="up_down", details=Details(oi_usd=2.0, lsr_age_s=3.0)
        )
        await store.update_alert(richer)
        await store.update_alert(msgspec.structs.replace(first, details=Details(ended=ended, joined=("oi", "x2"))))
        await store.update_alert(msgspec.structs.replace(first, details=Details(oi_age_s=1.0)))
        expected = Details(threshold=3.0, oi_usd=2.0, lsr_age_s=3.0, oi_age_s=1.0, ended=ended, joined=("oi", "x2"))
        (row,) = await store.queued(PRIVATE, limit=1)
        (stored, _), *_ = await store.stored_since(0)
        for alert in (row.alert, stored):
            assert alert.details == expected
            assert (alert.lsr, alert.oi_change, alert.quadrant) == (1.5, -2.0, "up_down")


async def test_extras_that_cannot_be_read_are_replaced_by_what_is_learned(tmp_path: Path) -> None:
    async with opened("sqlite", tmp_path, PRIVATE) as store:
        await put(store, "a", PRIVATE)
        (row,) = await store.queued(PRIVATE, limit=1)
        await store.mark_sent(PRIVATE, [row.alert.id or 0], message_id=5, sent_ms=NOW_MS)
        with closing(sqlite3.connect(tmp_path / "alerts.db")) as db:
            db.execute("UPDATE alerts SET details = '{'")
            db.commit()
        await store.update_alert(pump(key="a", details=Details(lsr_age_s=3.0)))
        (alert,) = [alert for alert, _ in await store.stored_since(0)]
        assert alert.details == Details(lsr_age_s=3.0)
