"""A fetch from the simulated archive: whatever that does, what can be had is had, and the rest is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from altmonitor.core.clock import ScaledClock
from altmonitor.core.errors import ExchangeUnreachable, RegionBlocked
from altmonitor.exchanges.binance.positioning import BinancePositioning
from altmonitor.exchanges.binance.rest import BinanceRest, binance_guard
from altmonitor.exchanges.rest.client import HttpGet
from altmonitor.exchanges.rest.guard import RestAnswer
from altmonitor.replay.columns import Source
from altmonitor.replay.fetch import ArchiveFetch, ArchiveSilent, FetchDeps, FetchReport, MissingDays, published_sha256
from altmonitor.replay.fetch_recent import RecentRest
from altmonitor.replay.store import HistoryStore, SeriesName
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket

MARCH_5_NOON = 1_741_176_000_000
DAY_MS = 86_400_000
FEB = "BTCUSDT-1m-2025-02.zip"


@dataclass
class Place:
    exchange: SimExchange
    store: HistoryStore
    fetch: Callable[..., ArchiveFetch]
    deps: FetchDeps
    steps: list[tuple[int, int]] = field(default_factory=list)

    async def run(
        self,
        first: str,
        last: str,
        *,
        symbols: tuple[str, ...] = ("BTCUSDT",),
        series: tuple[SeriesName, ...] = ("klines",),
        is_recheck: bool = False,
    ) -> FetchReport:
        return await self.fetch(is_recheck=is_recheck).run(symbols, series, first_day=first, last_day=last)

    def asked(self) -> list[str]:
        return sorted(name for name in self.exchange.archive.requests if not name.endswith(".CHECKSUM"))


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    clock = ScaledClock(start_ms=MARCH_5_NOON, speed=60.0)
    market = SeededMarket(seed=1, start_ms=MARCH_5_NOON, symbols=20)
    async with SimExchange(market, clock=clock) as exchange:
        archive = HttpGet(exchange.archive_url, clock=clock, trust_env=False, within_s=600.0)
        rest = BinanceRest(
            exchange.rest_url, clock=clock, guard=binance_guard("sim", clock=clock), trust_env=False, within_s=600.0
        )
        await archive.start()
        await rest.start()
        steps: list[tuple[int, int]] = []
        deps = FetchDeps(
            store=HistoryStore(folder),
            archive=archive,
            recent=RecentRest(candles=rest, open_interest=BinancePositioning(rest, clock=clock), funding=rest),
            clock=clock,
            on_progress=lambda done, total: steps.append((done, total)),
        )
        try:
            yield Place(
                exchange=exchange,
                store=deps.store,
                fetch=lambda is_recheck: ArchiveFetch(deps, is_recheck=is_recheck),
                deps=deps,
                steps=steps,
            )
        finally:
            await rest.stop()
            await archive.stop()


async def test_a_month_that_is_over_is_one_file_and_a_second_run_asks_for_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        report = await at.run("2025-02-01", "2025-02-28")
        assert (report.files, report.new, report.problems, report.missing) == (1, 40_320, [], [])
        assert at.asked() == [FEB]
        at.exchange.archive.requests.clear()
        again = await at.run("2025-02-01", "2025-02-28")
        assert (again.files, again.kept, again.new) == (0, 1, 0)
        assert at.asked() == []
        assert at.steps == [(1, 1), (1, 1)]


async def test_a_few_days_are_daily_files_and_the_running_day_comes_over_rest(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        report = await at.run("2025-03-04", "2025-03-05", series=("klines", "oi"))
        assert report.problems == []
        assert report.missing == []
        found = at.store.candles("BTCUSDT", 0, 1 << 50)
        assert set(found.source[:1_440].tolist()) == {Source.ARCHIVE}
        assert set(found.source[1_440:].tolist()) == {Source.REST}
        assert len(found) >= 1_440 + 720
        assert at.asked() == ["BTCUSDT-1m-2025-03-04.zip", "BTCUSDT-metrics-2025-03-04.zip"]
        held = at.store.open_interest("BTCUSDT", 0, 1 << 50)
        assert set(held.source[:288].tolist()) == {Source.ARCHIVE}
        assert set(held.source[288:].tolist()) == {Source.REST}
        assert len(held) >= 288 + 144


async def test_quirks_change_nothing_of_what_is_read(tmp_path: Path) -> None:
    async with place(tmp_path / "plain") as at:
        await at.run("2025-02-01", "2025-02-01", series=("klines", "oi"))
        plain, held = at.store.candles("BTCUSDT", 0, 1 << 50), at.store.open_interest("BTCUSDT", 0, 1 << 50)
    async with place(tmp_path / "odd") as at:
        quirks = at.exchange.archive.quirks
        quirks.is_headless = quirks.is_shuffled = quirks.is_doubled = quirks.has_bom = True
        quirks.is_second_off = quirks.has_blanks = True
        quirks.microseconds_every = 7
        report = await at.run("2025-02-01", "2025-02-01", series=("klines", "oi"))
        assert (report.files, report.problems) == (2, [])
        odd, odd_held = at.store.candles("BTCUSDT", 0, 1 << 50), at.store.open_interest("BTCUSDT", 0, 1 << 50)
    assert odd.open_ms.tolist() == plain.open_ms.tolist()
    assert odd.close.tolist() == plain.close.tolist()
    assert odd_held.time_ms.tolist() == held.time_ms.tolist()
    assert odd_held.contracts.tolist() == held.contracts.tolist()


async def test_a_checksum_that_is_wrong_once_is_forgiven_and_one_that_stays_wrong_is_flagged(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        at.exchange.archive.quirks.wrong_checksums = {"BTCUSDT-1m-2025-02-01.zip": 1, "BTCUSDT-1m-2025-02-02.zip": -1}
        report = await at.run("2025-02-01", "2025-02-02")
        assert report.flagged == ["BTCUSDT-1m-2025-02-02.zip"]
        assert at.exchange.archive.requests["BTCUSDT-1m-2025-02-01.zip"] == 2
        assert at.exchange.archive.requests["BTCUSDT-1m-2025-02-02.zip"] == 2
        assert report.new == 2 * 1_440
        stored = at.store.month("BTCUSDT", "2025-02")
        assert stored is not None
        assert [(one.name[11:-4], one.is_flagged) for one in stored.inputs] == [
            ("1m-2025-02-01"[3:], False),
            ("1m-2025-02-02"[3:], True),
        ]


async def test_a_broken_file_is_named_and_tried_again_the_next_time(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        quirks = at.exchange.archive.quirks
        quirks.truncated.add("BTCUSDT-1m-2025-02-02.zip")
        quirks.odd_rows = (3,)
        report = await at.run("2025-02-01", "2025-02-03")
        assert report.files == 2
        assert report.new == 2 * 1_439
        assert [problem.partition(" (")[0].partition(":")[0] for problem in sorted(report.problems)] == [
            "BTCUSDT-1m-2025-02-01.zip",
            "BTCUSDT-1m-2025-02-02.zip",
            "BTCUSDT-1m-2025-02-03.zip",
        ]
        assert "line 5: 11 columns instead of 12" in report.problems[0]
        quirks.truncated.clear()
        quirks.odd_rows = ()
        at.exchange.archive.forget()
        again = await at.run("2025-02-01", "2025-02-03")
        assert (again.files, again.kept, again.new) == (1, 2, 1_440)


async def test_days_that_nobody_has_are_named_as_spans(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        for day in (3, 4, 7):
            at.exchange.archive.quirks.missing.add(f"BTCUSDT-1m-2025-02-{day:02}.zip")
        at.exchange.archive.quirks.missing.add(FEB)
        report = await at.run("2025-02-01", "2025-02-09", symbols=("BTCUSDT", "NOSUCHUSDT"))
        assert report.missing == [
            MissingDays("BTCUSDT", "klines", "2025-02-03", "2025-02-04", 2),
            MissingDays("BTCUSDT", "klines", "2025-02-07", "2025-02-07", 1),
            MissingDays("NOSUCHUSDT", "klines", "2025-02-01", "2025-02-09", 9),
        ]
        assert report.new == 6 * 1_440


async def test_refusals_are_waited_out_and_an_archive_that_stays_away_is_a_problem_not_the_end(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        at.exchange.archive.quirks.refusals = {
            "BTCUSDT-1m-2025-02-01.zip": [429, 503],
            "BTCUSDT-1m-2025-02-02.zip": [500] * 9,
        }
        report = await at.run("2025-02-01", "2025-02-03")
        assert report.files == 2
        assert report.problems == ["BTCUSDT-1m-2025-02-02.zip: HTTP 500, asked 4 times: run it again later"]


async def test_an_archive_that_answers_nothing_ends_the_fetch_and_keeps_what_was_read(tmp_path: Path) -> None:
    async with place(tmp_path) as at:

        class Wire:
            def __init__(self, answers: int) -> None:
                self.answers, self.asked = answers, 0

            async def send(self, target: str) -> RestAnswer:
                self.asked += 1
                if self.asked > self.answers:
                    raise ExchangeUnreachable("cannot connect")
                return await at.deps.archive.send(target)

        nobody, lost = Wire(0), Wire(4)
        for wire in (nobody, lost):
            deps = replace(at.deps, archive=wire, parallel=1)
            with pytest.raises(ArchiveSilent, match=r"the archive does not answer \(cannot connect\)"):
                await ArchiveFetch(deps).run(("BTCUSDT",), ("klines",), first_day="2025-01-25", last_day="2025-01-31")
        assert nobody.asked == 4
        assert lost.asked == 4 + 3 * 4
        assert len(at.store.candles("BTCUSDT", 0, 1 << 50)) == 2 * 1_440


async def test_from_a_country_where_it_does_not_answer_it_says_so_at_once(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        at.exchange.archive.quirks.refusals = {"BTCUSDT-1m-2025-02-01.zip.CHECKSUM": [451]}
        with pytest.raises(RegionBlocked, match="does not answer from here"):
            await at.run("2025-02-01", "2025-02-03")


async def test_a_reissued_file_is_noticed_when_it_is_asked_for(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        await at.run("2025-02-01", "2025-02-01")
        at.exchange.archive.quirks.revision = 1
        assert (await at.run("2025-02-01", "2025-02-01")).kept == 1
        report = await at.run("2025-02-01", "2025-02-01", is_recheck=True)
        assert (report.files, report.new) == (1, 0)
        assert report.changed > 1_000
        assert (await at.run("2025-02-01", "2025-02-01", is_recheck=True)).kept == 1


async def test_a_fetch_that_is_stopped_keeps_what_it_had_and_the_next_one_asks_for_the_rest_alone(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as at:
        days = [f"BTCUSDT-1m-2025-02-{day:02}.zip" for day in range(1, 8)]
        fetching = asyncio.create_task(at.run("2025-02-01", "2025-02-07"))
        while at.exchange.archive.requests[days[3]] == 0:  # noqa: ASYNC110 — the simulator counts
            await asyncio.sleep(0.01)
        fetching.cancel()
        await asyncio.wait({fetching})
        kept = len(at.store.candles("BTCUSDT", 0, 1 << 50))
        assert kept >= 3 * 1_440
        at.exchange.archive.requests.clear()
        report = await at.run("2025-02-01", "2025-02-07")
        assert report.new == 7 * 1_440 - kept
        assert at.asked() == days[kept // 1_440 :]


async def test_a_day_of_recorded_minutes_is_not_fetched_again(tmp_path: Path) -> None:
    async with place(tmp_path / "one") as at:
        await at.run("2025-02-02", "2025-02-02")
        day = at.store.candles("BTCUSDT", 0, 1 << 50)
    async with place(tmp_path / "two") as at:
        at.store.add("BTCUSDT", "klines", day)
        await at.run("2025-02-01", "2025-02-03")
        assert at.asked() == ["BTCUSDT-1m-2025-02-01.zip", "BTCUSDT-1m-2025-02-03.zip"]


def test_a_checksum_file_is_read_as_whatever_tool_wrote_it() -> None:
    digest, other, name = "ab" * 32, "cd" * 32, "BTCUSDT-1m-2025-02.zip"
    for text, expected in (
        (f"{digest}  {name}\n", digest),
        (f"{digest.upper()} *{name}\r\n", digest),
        (f"\ufeff{digest}", digest),
        (f"SHA256 ({name}) = {digest}\n", digest),
        (f"{other}  ETHUSDT-1m-2025-02.zip\n{digest}  {name}\n", digest),
        ("<html>404</html>", ""),
        (digest[:-1], ""),
        (digest * 2, ""),
        ("", ""),
    ):
        assert published_sha256(text.encode(), name) == expected, text
    assert published_sha256(b"\xff\xfe\0", name) == ""


async def test_a_file_whose_checksum_says_nothing_is_used_flagged(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        at.exchange.archive.quirks.checksum_texts = {"BTCUSDT-1m-2025-02-01.zip": "<html>not here</html>"}
        report = await at.run("2025-02-01", "2025-02-02")
        assert (report.flagged, report.new, report.problems) == (["BTCUSDT-1m-2025-02-01.zip"], 2 * 1_440, [])


async def test_funding_of_months_that_are_over_is_a_file_and_of_the_running_one_comes_over_rest(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        report = await at.run("2025-02-10", "2025-03-05", series=("funding",))
        assert (report.files, report.problems, report.missing) == (1, [], [])
        assert at.asked() == ["BTCUSDT-fundingRate-2025-02.zip"]
        found = at.store.funding("BTCUSDT", 0, 1 << 50)
        hours = int(found.interval_h[0])
        assert set(np.diff(found.time_ms).tolist()) == {hours * 3_600_000}, "no hole between file and REST"
        assert found.source.tolist().count(Source.ARCHIVE) == 28 * 24 // hours
        assert found.source[-1] == Source.REST
        assert set(found.interval_h.tolist()) == {float(hours)}
        at.exchange.archive.requests.clear()
        again = await at.run("2025-02-10", "2025-02-28", series=("funding",))
        assert (again.files, again.kept, at.asked()) == (0, 1, [])


async def test_funding_that_neither_the_archive_nor_rest_has_is_named_as_missing(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        report = await at.run("2025-02-10", "2025-02-11", symbols=("NOSUCHUSDT",), series=("funding",))
        assert report.problems == []
        assert [(one.series, one.first, one.last, one.days) for one in report.missing] == [
            ("funding", "2025-02-10", "2025-02-11", 2)
        ]
