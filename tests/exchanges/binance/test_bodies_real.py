"""Real answers and frames of the exchange, where they lie beside the checkout; skipped elsewhere."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from altmonitor.core.clock import SystemClock
from altmonitor.exchanges.binance.dialect import decode_kline
from altmonitor.exchanges.binance.rest import BinanceRest, binance_guard
from altmonitor.exchanges.rest.refusal import read_refusal
from altmonitor.market.contracts import is_watched
from tests.fakes import Market

DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no real data beside this checkout (../shared/data)")


@asynccontextmanager
async def answering(path: str, body: bytes) -> AsyncIterator[BinanceRest]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body if request.path == path else b"{}", content_type="application/json")

    app = web.Application()
    app.router.add_get("/{anything:.*}", answer)
    async with TestServer(app) as server:
        clock = SystemClock()
        rest = BinanceRest(str(server.make_url("/")).rstrip("/"), clock=clock, guard=binance_guard("real", clock=clock))
        await rest.start()
        try:
            yield rest
        finally:
            await rest.stop()


async def test_a_real_contract_list_gives_the_usdt_perpetuals_chinese_names_included() -> None:
    body = gzip.decompress((DATA / "rest" / "exchangeInfo-testnet-2025-12-24.json.gz").read_bytes())
    async with answering("/fapi/v1/exchangeInfo", body) as rest:
        contracts = await rest.contracts()
        assert rest.guard_status().weight_limit == 6000
    rows = json.loads(body)["symbols"]
    assert len(contracts) == len(rows)
    watched = {contract.symbol for contract in contracts if is_watched(contract, tradfi=False)}
    assert watched == {
        row["symbol"]
        for row in rows
        if (row["status"], row["quoteAsset"], row["contractType"]) == ("TRADING", "USDT", "PERPETUAL")
    }
    assert "币安人生USDT" in watched
    assert {contract.symbol for contract in contracts if is_watched(contract, tradfi=True)} > watched


@pytest.mark.parametrize("name", ["ticker-24h-subset", "premiumIndex-subset", "fundingInfo-subset"])
async def test_real_market_tables_are_read_row_by_row(name: str) -> None:
    rows = json.loads((DATA / "rest" / f"{name}.json").read_bytes())
    rows = rows if isinstance(rows, list) else [row for part in rows.values() if isinstance(part, list) for row in part]
    body = json.dumps(rows).encode()
    if name.startswith("ticker"):
        async with answering("/fapi/v1/ticker/24hr", body) as rest:
            found = {day.symbol: day.quote_usdt for day in await rest.day_tickers()}
        assert found == {row["symbol"]: float(row["quoteVolume"]) for row in rows}
    elif name.startswith("premium"):
        async with answering("/fapi/v1/premiumIndex", body) as rest:
            rates = {funding.symbol: funding.rate for funding in await rest.fundings()}
        assert rates == {row["symbol"]: float(row["lastFundingRate"]) for row in rows}
    else:
        async with answering("/fapi/v1/fundingInfo", body) as rest:
            hours = await rest.funding_hours()
        assert hours == {
            row["symbol"]: float(row["fundingIntervalHours"]) for row in rows if row["fundingIntervalHours"] != 8
        }


def test_real_ban_texts_name_their_end() -> None:
    seen = 0
    for line in (DATA / "rest" / "rate_limit_bodies.jsonl").read_text("utf-8").splitlines():
        quoted = json.loads(line)["quoted"]
        if "banned until" not in quoted:
            continue
        until_ms = int(quoted.split("banned until ")[1].split(".")[0])
        refusal = read_refusal(418, {}, quoted.encode(), exchange_ms=until_ms - 600_000)
        assert refusal is not None
        assert refusal.retry_after_s == pytest.approx(600, abs=1)
        seen += 1
    assert seen >= 3


def test_real_frames_through_a_close_leave_one_closed_candle_and_the_next_one_open() -> None:
    market = Market("BTCUSDT")
    lines = (DATA / "ws" / "kline-through-close-2026-08-28.jsonl").read_text("utf-8").splitlines()
    payloads = [json.loads(line)["payload"].encode() for line in lines]
    frames = [payload for payload in payloads if b'"kline"' in payload]
    for payload in frames:
        market.engine.on_kline(decode_kline(b'{"stream":"btcusdt@kline_1m","data":' + payload + b"}").data)
    book = market.engine.book("BTCUSDT")
    assert book is not None
    closed = [json.loads(payload)["k"] for payload in frames if json.loads(payload)["k"]["x"]]
    assert [candle.open_ms for candle in book.closed] == [kline["t"] for kline in closed]
    assert [candle.quote_usdt for candle in book.closed] == [float(kline["q"]) for kline in closed]
    assert book.open_ms == json.loads(frames[-1])["k"]["t"]
    assert dict(market.engine.refused) == {}


def test_real_frames_of_thin_contracts_are_all_taken_in_although_their_closes_come_late() -> None:
    market = Market("SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT")
    late = 0
    for line in (DATA / "ws" / "kline_1m-mainnet-2021-07-22.txt").read_text("utf-8").splitlines():
        payload = line.split(": ", 1)[1] if ": {" in line else ""
        if "@kline_1m" not in payload:
            continue
        update = decode_kline(payload.encode()).data
        late += update.kline.is_closed and update.event_ms - update.kline.open_ms - 60_000 >= 200
        market.engine.on_kline(update)
    assert late >= 4
    assert dict(market.engine.refused) == {}
    for symbol in ("SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT"):
        book = market.engine.book(symbol)
        assert book is not None
        assert len(book.closed) == 1
