"""How heavy the first page is, and how long a telephone needs from its first byte until 700 rows are painted."""

from __future__ import annotations

import pytest

from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.web.pages.market import AT_ONCE
from tests.app.test_market_answers import T0
from tests.e2e.browser.chrome import Chrome
from tests.operations.operations_kit import Bench
from tests.web.pages.pages_kit import served

ROWS = 700
PAGE_BYTES_MAX = 100_000
PAINTED_MS_MAX = 1_000
TRIES = 8
"""The best of them counts: what is measured is the page, not what else the machine does."""

LONGEST_TASK_MS_MAX = 500
SORTED_MS_MAX = 1_500
WHOLE_MS_MAX = 15_000
WATCHED = """
window.tasks = [];
new PerformanceObserver(list => window.tasks.push(...list.getEntries().map(entry => entry.duration)))
  .observe({ type: 'longtask', buffered: true });
"""
"""How long the page could do nothing else, ms each."""
SORTED = """
const done = arguments[0], began = performance.now();
const old = document.getElementById('swap');
new MutationObserver((_, self) => {
  if (document.getElementById('swap') === old) return;
  self.disconnect();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
}).observe(old.parentElement, { childList: true });
document.querySelectorAll('table.live thead a')[1].click();
"""
"""Milliseconds from the click on the head of a column until the table stands there sorted."""
BARS = LONGEST_TASK_MS_MAX, LONGEST_TASK_MS_MAX, SORTED_MS_MAX, WHOLE_MS_MAX
ROWS_THERE = "return document.querySelectorAll('table.live tbody tr:not(.filler)').length"

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


def test_the_first_page_is_light_and_seven_hundred_rows_are_painted_within_a_second_on_a_slow_phone(
    browser: Chrome,
) -> None:
    browser.becomes(width=375, height=800, is_dark=False)
    measured = []
    with served(market_of(ROWS).context()) as browser.root:
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
    assert all(found["rows"] >= AT_ONCE for found in measured)
    assert max(found["bytes"] for found in measured) <= PAGE_BYTES_MAX
    assert min(found["ms"] for found in measured) <= PAINTED_MS_MAX, measured


@pytest.mark.timeout(400)
def test_no_row_holds_up_a_slow_phone_for_long_and_all_of_them_come(browser: Chrome) -> None:
    browser.becomes(width=375, height=800, is_dark=False)
    measured = []
    with served(market_of(ROWS).context()) as browser.root:
        browser.driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 4})
        try:
            for _ in range(TRIES):
                browser.opens("")
                browser.js(WATCHED)
                browser.sees(f"{ROWS_THERE} === {ROWS}", within_s=30)
                whole_ms = browser.js("return performance.now()")
                longest_ms = browser.js("return Math.max(0, ...window.tasks)")
                browser.js("window.tasks = []")
                sorted_ms = browser.driver.execute_async_script(SORTED)
                browser.sees(f"{ROWS_THERE} === {ROWS}", within_s=30)
                sort_task_ms = browser.js("return Math.max(0, ...window.tasks)")
                measured.append((longest_ms, sort_task_ms, sorted_ms, whole_ms))
                if all(found <= most for found, most in zip(measured[-1], BARS, strict=True)):
                    break
        finally:
            browser.driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 1})
            browser.leaves()
    print(measured)
    assert [min(found) <= most for found, most in zip(zip(*measured, strict=True), BARS, strict=True)] == [True] * 4, (
        measured
    )
