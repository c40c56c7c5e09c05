"""The exchange's archive of past days: zipped CSVs with checksums, generated when they are asked for, and its quirks.

A month of minutes on the market's quarter-second grid would take ten seconds to compute; here it is drawn at once from
a generator of its own, around the contract's price, the same for the same seed, and wild enough to raise alerts.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from altmonitor.market.candles import MINUTE_MS
from altmonitor.sim.bodies import funding_hours
from altmonitor.sim.contracts import SimContract, key_of
from altmonitor.sim.market import Market
from altmonitor.sim.settlements import settled

PREFIX: Final = "/data/futures/um"
DAY_MS: Final = 86_400_000
KEPT_FILES: Final = 32
KEPT_MONTHS: Final = 12
"""Of minutes, 3 MB each."""
KLINE_HEADER: Final = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
METRICS_HEADER: Final = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)
FUNDING_HEADER: Final = "calc_time,funding_interval_hours,last_funding_rate"
SeriesServed = Literal["klines", "metrics", "funding"]
_KLINES = re.compile(r"/(daily|monthly)/klines/([^/]+)/1m/\2-1m-(\d{4}-\d{2}(?:-\d{2})?)\.zip(\.CHECKSUM)?$")
_METRICS = re.compile(r"/daily/metrics/([^/]+)/\1-metrics-(\d{4}-\d{2}-\d{2})\.zip(\.CHECKSUM)?$")
_FUNDING = re.compile(r"/monthly/fundingRate/([^/]+)/\1-fundingRate-(\d{4}-\d{2})\.zip(\.CHECKSUM)?$")
_STAMP = (1980, 1, 1, 0, 0, 0)


@dataclass(slots=True, kw_only=True)
class ArchiveQuirks:
    """What the real archive has been seen to do; everything off at first, read anew at every request.

    is_headless: no line of names. microseconds_every: each n-th row of candles counts in microseconds. is_shuffled,
    is_doubled, is_second_off, has_blanks: of metrics (stamps one second late, empty cells of ratios). has_bom: the text
    begins with a byte order mark. odd_rows: numbers of rows that lack a column. missing: names of files answered with
    404. truncated: files that end in the middle. wrong_checksums: file → how many times its published sha256 is wrong,
    -1 for good. checksum_texts: file → what its checksum file says instead. refusals: file → statuses answered first.
    revision: another number, files with another content.
    """

    is_headless: bool = False
    microseconds_every: int = 0
    is_shuffled: bool = False
    is_doubled: bool = False
    is_second_off: bool = False
    has_blanks: bool = False
    has_bom: bool = False
    odd_rows: tuple[int, ...] = ()
    missing: set[str] = field(default_factory=set)
    truncated: set[str] = field(default_factory=set)
    wrong_checksums: dict[str, int] = field(default_factory=dict)
    checksum_texts: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, list[int]] = field(default_factory=dict)
    revision: int = 0


SEED: Final = 1


class SimArchive:
    """requests: how often each file was asked for, checksums included."""

    def __init__(self, market: Market, *, now_ms: Callable[[], int]) -> None:
        self.quirks = ArchiveQuirks()
        self.requests: Counter[str] = Counter()
        self._market = market
        self._now_ms = now_ms
        self._files: dict[tuple[str, int], bytes] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PREFIX + "/{path:.*}", self._serve)]

    async def _serve(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix(PREFIX)
        name = path.rpartition("/")[2]
        self.requests[name] += 1
        refused = self.quirks.refusals.get(name)
        if refused:
            return web.Response(status=refused.pop(0), headers={"Retry-After": "1"})
        found = self._asked(path)
        if found is None or name.removesuffix(".CHECKSUM") in self.quirks.missing:
            return web.Response(
                status=404, text="<Error><Code>NoSuchKey</Code></Error>", content_type="application/xml"
            )
        content = await asyncio.to_thread(self._file, *found)
        if not name.endswith(".CHECKSUM"):
            return web.Response(body=content, content_type="application/zip")
        said = self.quirks.checksum_texts.get(name.removesuffix(".CHECKSUM"))
        if said is not None:
            return web.Response(text=said, content_type="text/plain")
        digest, left = (
            hashlib.sha256(content).hexdigest(),
            self.quirks.wrong_checksums.get(name.removesuffix(".CHECKSUM"), 0),
        )
        if left:
            self.quirks.wrong_checksums[name.removesuffix(".CHECKSUM")] = left - 1
            digest = digest[::-1]
        return web.Response(text=f"{digest}  {name.removesuffix('.CHECKSUM')}\n", content_type="text/plain")

    def _asked(self, path: str) -> tuple[str, SimContract, str, SeriesServed] | None:
        """(name of the zip, contract, month or day, what of it); None for what is not there (yet)."""
        klines, metrics, funding = _KLINES.match(path), _METRICS.match(path), _FUNDING.match(path)
        series: SeriesServed = "klines" if klines else "metrics" if metrics else "funding"
        if klines is not None:
            is_whole = (klines[1] == "monthly") == (len(klines[3]) == len("2025-02"))
            symbol, when = (klines[2], klines[3]) if is_whole else ("", "")
        elif metrics is not None:
            symbol, when = metrics[1], metrics[2]
        elif funding is not None:
            symbol, when = funding[1], funding[2]
        else:
            return None
        contract = self._market.contract(symbol)
        try:
            is_over = bool(when) and span_of(when)[1] <= self._now_ms()
        except ValueError:
            return None
        name = path.rpartition("/")[2].removesuffix(".CHECKSUM")
        return None if contract is None or not is_over else (name, contract, when, series)

    def _file(self, name: str, contract: SimContract, when: str, series: SeriesServed) -> bytes:
        known = self._files.get((name, self.quirks.revision))
        if known is None:
            made = {"klines": self._kline_lines, "metrics": self._metric_lines, "funding": self._funding_lines}
            text = "\n".join(made[series](contract, when)) + "\n"
            known = _zipped(name, ("\ufeff" if self.quirks.has_bom else "") + text)
            self._files[name, self.quirks.revision] = known
            while len(self._files) > KEPT_FILES:
                del self._files[next(iter(self._files))]
        return known[: len(known) // 2] if name in self.quirks.truncated else known

    def forget(self) -> None:
        """Quirks of the text were changed: files are made anew."""
        self._files.clear()

    def _kline_lines(self, contract: SimContract, when: str) -> Iterator[str]:
        quirks, from_ms, to_ms = self.quirks, *span_of(when)
        if not quirks.is_headless:
            yield KLINE_HEADER
        minutes = month_of_minutes(contract, when[:7], seed=SEED + quirks.revision)
        asked = slice(*np.searchsorted(minutes.open_ms, [from_ms, to_ms]).tolist())
        names = ("open_ms", "open", "high", "low", "close", "quote", "taker_share")
        columns = [getattr(minutes, name)[asked].tolist() for name in names]  # plain numbers: several times cheaper
        price = f"%.{contract.price_decimals}f"
        cells = f"%d,{price},{price},{price},{price},%.3f,%d,%.4f,%d,%.3f,%.4f"
        for at, (opened, *prices, close, quote, taker) in enumerate(zip(*columns, strict=True)):
            number = asked.start + at
            unit = 1000 if quirks.microseconds_every and number % quirks.microseconds_every == 0 else 1
            amount, closed = quote / close, (opened + MINUTE_MS) * unit - 1
            numbers = (amount, closed, quote, max(1, int(quote / 400)), amount * taker, quote * taker)
            row = cells % (opened * unit, *prices, close, *numbers)
            yield row if at in quirks.odd_rows else f"{row},0"

    def _metric_lines(self, contract: SimContract, when: str) -> Iterator[str]:
        quirks, from_ms, to_ms = self.quirks, *span_of(when)
        yield METRICS_HEADER
        minutes = month_of_minutes(contract, when[:7], seed=SEED + quirks.revision)
        stamps = list(range(from_ms, to_ms, 5 * MINUTE_MS))
        if quirks.is_doubled:
            stamps += stamps
        if quirks.is_shuffled:
            stamps = [stamps[at] for at in np.random.default_rng(SEED).permutation(len(stamps))]
        for stamp in stamps:
            at = (stamp - int(minutes.open_ms[0])) // MINUTE_MS
            contracts, mood = float(minutes.open_interest[at]), float(minutes.taker_share[at])
            shown = datetime.fromtimestamp(stamp / 1000 + quirks.is_second_off, UTC).strftime("%Y-%m-%d %H:%M:%S")
            ratios = [f"{1 + mood * part:.4f}" for part in (0.9, 0.7, 0.5, 0.3)]
            if quirks.has_blanks and at % 3 == 0:
                ratios[at % 4] = ""
            value = contracts * float(minutes.close[at])
            yield ",".join([shown, contract.symbol, f"{contracts:.3f}", f"{value:.4f}", *ratios])

    def _funding_lines(self, contract: SimContract, when: str) -> Iterator[str]:
        if not self.quirks.is_headless:
            yield FUNDING_HEADER
        hours = funding_hours(contract)
        paid = settled(contract, *span_of(when), hours=hours, seed=SEED + self.quirks.revision) if hours else []
        for time_ms, rate in paid:
            yield f"{time_ms + 7},{hours},{rate:.8f}"


def span_of(when: str) -> tuple[int, int]:
    """Begin and end of `2025-02` or `2025-02-03`, unix ms. Raises ValueError."""
    begin = np.datetime64(when)
    ends = [moment.astype("datetime64[ms]").astype(np.int64) for moment in (begin, begin + 1)]
    return int(ends[0]), int(ends[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfMinutes:
    """Columns, one row per minute. quote: quote volume. taker_share: 0…1. open_interest: base coins."""

    open_ms: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    quote: NDArray[np.float64]
    taker_share: NDArray[np.float64]
    open_interest: NDArray[np.float64]


@lru_cache(maxsize=KEPT_MONTHS)  # each of its days is a file, and is asked for twice: the file and its checksum
def month_of_minutes(contract: SimContract, month: str, *, seed: int) -> MonthOfMinutes:
    """Returns with heavy tails whose size drifts over hours; volume that grows with them, and bursts; open interest
    that steps now and then. Each month ends where the next one begins."""
    from_ms, to_ms = span_of(month)
    count = (to_ms - from_ms) // MINUTE_MS
    draw = np.random.default_rng(key_of(seed, contract.symbol, month) % 2**63)
    begin, end = (_anchor(contract, at_ms, seed=seed) for at_ms in (from_ms, to_ms))
    size = 0.0011 * np.exp(0.5 * np.repeat(draw.standard_normal(count // 60 + 1), 60)[:count])
    steps = size * draw.standard_t(3, count)
    path = np.cumsum(steps)
    path += np.linspace(0, 1, count + 1)[1:] * (end - begin - path[-1])
    close = contract.price * np.exp(begin + path)
    opened = np.append(contract.price * np.exp(begin), close[:-1])
    reach = size * np.abs(draw.standard_t(4, (2, count))) * 0.6
    high, low = np.maximum(opened, close) * (1 + reach[0]), np.minimum(opened, close) * (1 - np.minimum(reach[1], 0.9))
    busy = np.exp(0.45 * draw.standard_normal(count)) * (1 + 25 * np.abs(close / opened - 1))
    bursts = np.where(draw.random(count) < 1 / 600, draw.uniform(4, 30, count), 1.0)
    held = np.cumsum(
        np.where(draw.random(count) < 1 / 4000, draw.uniform(-0.12, 0.12, count), 2e-4 * draw.standard_normal(count))
    )
    held -= np.linspace(0, 1, count) * held[-1]
    decimals = contract.price_decimals
    prices = [np.maximum(np.round(column, decimals), 10.0**-decimals) for column in (opened, high, low, close)]
    return MonthOfMinutes(
        open_ms=np.arange(from_ms, to_ms, MINUTE_MS, dtype=np.int64),
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        quote=contract.quote_per_minute * busy * bursts,
        taker_share=draw.uniform(0.3, 0.7, count),
        open_interest=contract.quote_per_minute * 180 / contract.price * np.exp(held),
    )


def _anchor(contract: SimContract, at_ms: int, *, seed: int) -> float:
    """Logarithm of the price at the border of two months, against the contract's."""
    return 0.2 * (key_of(seed, contract.symbol, "month", at_ms) % 2001 / 1000 - 1)


def _zipped(name: str, text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        member = zipfile.ZipInfo(name.removesuffix(".zip") + ".csv", _STAMP)
        packed.writestr(member, text.encode(), compress_type=zipfile.ZIP_DEFLATED, compresslevel=1)
    return content.getvalue()
