"""How heavy the first page is, and how long a telephone needs from its first byte until 700 rows are painted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from altmonitor.market.quotes import DayTicker, Funding
from tests.app.test_market_answers import T0
from tests.e2e.browser.chrome import Chrome
from tests.operations.operations_kit import Bench
from tests.web.pages.pages_kit import pages

ROWS = 700
PAGE_BYTES_MAX = 100_000
PAINTED_MS_MAX = 1_000
TRIES = 8
"""The best of them counts: what is measured is the page, not what else the machine does."""

PAINTED = """
const entries = performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource'));
const paint = performance.getEntriesByName('first-contentful-paint')[0];
const files = entries.filter(entry => !entry.name.includes('/api/') && !entry.name.includes('/pieces/'));
return paint && { ms: paint.startTime - entries[0].responseStart, dom_ms: entries[0].domInteractive,
  bytes: files.reduce((sum, entry) => sum + entry.transferSize, 0),
  rows: document.querySelectorAll('table.live tbody tr').length };
"""


def market_of(count: int) -> Bench:
    bench = Bench()
    for number in range(count - len(bench.known.books)):
        symbol = f"COIN{number:03d}USDT"
        price = 0.0123 * (1 + number) ** 1.7
        bench.known.add(symbol, start=price, now=price * (1 + (number % 17 - 8) / 500))
        bench.known.days[symbol] = DayTicker(
            symbol=symbol, last_price=price, change_pct=number % 23 - 11.5, quote_usdt=1e5 * (number + 1) ** 1.6
        )
        bench.known.fundings[symbol] = Funding(
            symbol=symbol, rate=(number % 31 - 15) / 1e5, mark_price=price, next_ms=T0 + 3_600_000
        )
        for at_s, contracts in ((-280, 1e6), (-40, 1.01e6), (20, 1e6 * (1 + number % 9 / 100))):
            bench.known.ring.record(symbol, time_ms=T0 + at_s * 1000, contracts=contracts)
    return bench


@contextmanager
def served(bench: Bench) -> Iterator[str]:
    """The address of its pages, from a thread of their own."""
    ready, over = threading.Event(), asyncio.Event()
    told: list[str] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with pages(bench.context()) as site:
            told.append(f"http://127.0.0.1:{site.port}/")
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield told[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def test_the_first_page_is_light_and_seven_hundred_rows_are_painted_within_a_second_on_a_slow_phone(
    browser: Chrome,
) -> None:
    browser.becomes(width=375, height=800, is_dark=False)
    measured = []
    with served(market_of(ROWS)) as browser.root:
        browser.driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 4})
        browser.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
        try:
            for _ in range(TRIES):
                browser.opens("")
                measured.append(browser.sees(PAINTED, within_s=30))
                if measured[-1]["ms"] <= PAINTED_MS_MAX and len(measured) > 1:
                    break
        finally:
            browser.driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 1})
            browser.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": False})
            browser.leaves()
    print(measured)
    assert {found["rows"] for found in measured} == {ROWS}
    assert max(found["bytes"] for found in measured) <= PAGE_BYTES_MAX
    assert min(found["ms"] for found in measured) <= PAINTED_MS_MAX, measured
