"""The pages in a real browser, over a monitor that runs: at a desk and on a telephone, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser.chrome import STREAM_IS_OPEN, Chrome
from tests.e2e.browser.monitor_process import LONG, NASTY, MonitorProcess

PHONE, DESK = 375, 1440
PAGES = (
    "?q=btc",
    "alerts?limit=20",
    "symbol/BTCUSDT",
    "why/BTCUSDT",
    "smart-money",
    "divergence?symbol=BTCUSDT",
    "statistics",
    "try?pump_threshold=1&min_24h_usdt=2M",
    "settings",
    "status",
)
IS_LIVE = "return document.body.dataset.state === 'ok'"
NO_CLIPPED = """
return [...document.querySelectorAll('main td, main th, main dd, main p, main a, nav a')]
  .filter(shown => shown.offsetParent && shown.scrollWidth > shown.clientWidth + 1 && !shown.closest('.cut, .hidden')
          && getComputedStyle(shown).display !== 'inline')
  .map(shown => shown.outerHTML.slice(0, 120));
"""
USABLE = "a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']"
IS_SHOWN = "shown => shown.offsetParent && !(shown.closest('details:not([open])') && shown.tagName !== 'SUMMARY')"
ONLY_NEW_ALERTS = """
const soon = window.setTimeout, often = window.setInterval;
window.setTimeout = (work, ms, ...more) => ms > 1000 ? 0 : soon(work, ms, ...more);
window.setInterval = (work, ms, ...more) => ms > 1000 ? 0 : often(work, ms, ...more);
const read = ReadableStreamDefaultReader.prototype.read;
ReadableStreamDefaultReader.prototype.read = async function () {
  const { value, done } = await read.call(this);
  return { value: value?.replaceAll('event: update', 'event: kept-back'), done };
};
"""
"""The list of alerts is also asked for anew every half minute, and when the stream tells what was learned later: not in
a page with this."""
PAGE_CLOCK = """
window.nowMs = Date.now();
window.looks = 0;
Date.now = () => { window.looks += 1; return window.nowMs; };
"""
"""The page's own time goes on when it is told to, however busy the machine is."""

ASKED_FOR_ALERTS = "window.notes.asked.filter(address => address.includes('pieces/alerts')).length"
TOLD_OF_ALERTS = "window.notes.events().filter(name => ['alert', 'reset'].includes(name)).length"
HAS_ROW = "[...document.querySelectorAll('li')].some(row => row.dataset.key === arguments[0])"


@contextmanager
def alert_of(monitor: MonitorProcess, symbol: str) -> Iterator[str]:
    """Its key, as soon as it was told."""
    monitor.tells(f"pump {symbol}")
    yield monitor.says(f"ALERT price:{symbol}").split()[1]


def test_every_page_at_a_desk_and_on_a_telephone_light_and_dark(page: Chrome, monitor: MonitorProcess) -> None:
    with alert_of(monitor, "BTCUSDT"):
        pass
    wrong: list[str] = []
    for path in PAGES:
        for width in (DESK, PHONE):
            for is_dark in (False, True):
                page.becomes(width=width, is_dark=is_dark)
                page.opens(path)
                page.sees("return document.readyState === 'complete' && document.querySelector('h1')")
                if path.startswith("symbol"):
                    page.sees("return document.querySelector('#chart[data-drawn] canvas')")
                where = f"{path} {width} {'dark' if is_dark else 'light'}: "
                if page.js("return document.documentElement.scrollWidth") > width:
                    wrong.append(where + "the page scrolls sideways")
                wrong += [where + "clipped " + html for html in page.js(NO_CLIPPED)]
                wrong += [where + found for found in page.axe()]
                wrong += [where + line for line in page.console()]
    assert wrong == [], "\n".join(wrong)


def test_a_new_alert_stands_on_the_page_because_the_stream_told_it(page: Chrome, monitor: MonitorProcess) -> None:
    """At once, that is: no timer of the page has to ring for it, and nobody asks over and over."""
    with page.scripted(ONLY_NEW_ALERTS):
        page.opens("")
    page.sees(STREAM_IS_OPEN, within_s=60)
    for symbol in ("SOLUSDT", "ADAUSDT", "XRPUSDT"):
        with alert_of(monitor, symbol) as key:
            page.sees(f"return {HAS_ROW}", key, within_s=60)
            asked, told = page.js(f"return [{ASKED_FOR_ALERTS}, {TOLD_OF_ALERTS}]")
            assert 0 < asked <= told
    href = page.js("return document.querySelector('.alerts li a[href*=why]').href")
    page.driver.get(href)
    assert "price, candle" in page.js("return document.querySelector('main').innerText")
    assert page.console() == []


def test_sort_search_and_filters_stand_in_the_address_and_survive_a_reload(page: Chrome) -> None:
    first = "return document.querySelector('tbody th').innerText"
    page.opens("")
    page.js("document.querySelector('thead a[href*=\"sort=symbol\"]').click()")
    page.sees("return document.querySelector('th[aria-sort=ascending]')?.innerText.includes('Symbol')")
    top = page.js(first)
    total = page.js("return document.querySelectorAll('table.live tbody tr').length")
    field = page.driver.find_element("css selector", "input[name=q]")
    field.send_keys("1000")
    page.sees("return location.search.includes('q=1000') && location.search.includes('sort=symbol')")
    page.js(
        "const floor = document.querySelector('select'); floor.value = '10m';"
        "floor.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    page.sees("return location.search.includes('floor=10m')")
    page.sees("return document.querySelectorAll('table.live tbody tr').length < arguments[0]", total)
    page.sees('return document.querySelector(\'#swap thead a[href*="floor=10m"][href*="q=1000"]\')')
    matches = page.js("return document.querySelector('#matches').innerText")
    page.driver.refresh()
    assert page.js("return document.querySelector('input[name=q]').value") == "1000"
    assert page.js("return document.querySelector('select').value") == "10m"
    assert page.sees("return document.querySelector('th[aria-sort=ascending]')")
    assert page.js("return document.querySelector('#matches').innerText") == matches
    assert page.js(first) >= top
    page.driver.back()
    page.sees("return !location.search.includes('floor=10m')")
    assert page.console() == []


def test_cells_change_by_themselves_and_only_on_the_screen(page: Chrome) -> None:
    page.opens("")
    page.sees("return !document.querySelector('tr.filler')", within_s=60)  # all rows have come
    page.js(
        "window.changed = new Set(); new MutationObserver(found => found.forEach(change => "
        "  window.changed.add(change.target.closest?.('tr')?.rowIndex)))"
        ".observe(document.querySelector('table.live tbody'), {childList: true, subtree: true})"
    )
    page.sees("return window.changed.size > 3")
    lowest = page.js("return Math.max(...window.changed)")
    shown = page.js(
        "return [...document.querySelectorAll('table.live tbody tr')]"
        ".filter(row => row.getBoundingClientRect().top < innerHeight).length"
    )
    assert lowest <= shown + 2
    assert page.js("return document.querySelectorAll('table.live tbody tr').length") > shown + 5


def test_a_number_says_on_hover_what_it_is_and_how_old(page: Chrome) -> None:
    page.opens("?q=BTCUSDT")
    page.js("document.querySelector('td').dispatchEvent(new PointerEvent('pointerover', {bubbles: true}))")
    title = page.js("return document.querySelector('td').title")
    assert re.match(r"Price [\d,.]+ – Last price, in the quote currency \(USDT\)\. Price .* old", title)
    page.opens("symbol/BTCUSDT")
    titles = page.js("return [...document.querySelectorAll('.facts div')].map(fact => fact.title)")
    assert all(titles)
    assert re.search(r"Price \d+ s old, of \d\d:\d\d:\d\d UTC", titles[0])


@pytest.mark.parametrize("path", ["?q=btc", "alerts?limit=3", "symbol/BTCUSDT", "try", "settings"])
def test_the_keyboard_reaches_everything(page: Chrome, path: str) -> None:
    page.opens(path)
    usable = f'[...document.querySelectorAll("{USABLE}")].filter({IS_SHOWN})'
    page.js("window.met = new Set(); document.addEventListener('focusin', event => window.met.add(event.target))")
    for _ in range(page.js(f"return {usable}.length") + 15):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
    missed = page.js(
        f"return {usable}.filter(shown => !window.met.has(shown)).map(shown => shown.outerHTML.slice(0, 100))"
    )
    assert missed == []


def test_without_a_script_everything_can_be_read_sorted_and_searched(page: Chrome) -> None:
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.opens("?q=btc&sort=change_5m")
        rows = page.driver.find_elements("css selector", "tbody tr")
        assert any("BTCUSDT" in row.text for row in rows)
        page.driver.find_element("css selector", 'thead a[href*="sort=symbol"]').click()
        assert "sort=symbol" in page.driver.current_url
        assert "q=btc" in page.driver.current_url
        page.opens("symbol/BTCUSDT")
        page.driver.find_element("css selector", "summary").click()
        assert len(page.driver.find_elements("css selector", "details tbody tr")) >= 30
    finally:
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_long_names_and_names_with_markup_are_names(page: Chrome) -> None:
    for width in (DESK, PHONE):
        page.becomes(width=width, is_dark=False)
        for name in (NASTY, LONG):
            page.opens(f"?q={quote(name[:20], safe='')}")
            row = page.sees("return document.querySelector('tbody th a')")
            assert row.get_attribute("textContent") == name
            assert page.js("return document.documentElement.scrollWidth") <= width
            page.driver.get(row.get_attribute("href"))
            assert page.js("return document.querySelector('h1').innerText") == name
            assert page.js("return document.documentElement.scrollWidth") <= width
            assert page.js("return document.querySelectorAll('main img').length") == 0
            assert page.js("return document.title").endswith("altmonitor")
    assert [line for line in page.console() if "404" not in line] == []


def test_a_monitor_that_is_blind_is_a_page_that_is_blind(page: Chrome, monitor: MonitorProcess) -> None:
    page.opens("")
    page.sees(IS_LIVE, within_s=30)
    seen = page.js("return getComputedStyle(document.body).backgroundColor")
    monitor.tells("silence")
    try:
        page.sees("return document.body.dataset.state === 'blind'", within_s=40)
        assert "BLIND: no market data for" in page.js("return document.querySelector('header').innerText")
        assert page.js("return getComputedStyle(document.body).backgroundColor") != seen
        page.becomes(width=PHONE, is_dark=True)
        assert page.axe() == []
    finally:
        monitor.tells("speak")
    page.sees(IS_LIVE, within_s=40)


def test_a_stream_that_froze_is_told_within_twenty_seconds_and_comes_back(
    page: Chrome, monitor: MonitorProcess
) -> None:
    with page.scripted(PAGE_CLOCK):
        page.opens("alerts")
    page.sees(STREAM_IS_OPEN, within_s=60)
    monitor.stands_still()
    try:
        page.js("window.looks = 0")
        page.sees("return window.looks > 2", within_s=60)  # what was under way has come
        page.js("window.nowMs += 17_000; window.looks = 0")
        page.sees("return window.looks > 2", within_s=60)
        assert page.js("return document.getElementById('frozen').hidden")  # a quiet moment is not told
        page.js("window.nowMs += 2_000")
        page.sees("return !document.getElementById('frozen').hidden", within_s=60)
        said = page.js("return document.getElementById('frozen').innerText")
        assert "Nothing has come from the monitor for 15 s" in said
        assert page.axe() == []
    finally:
        monitor.goes_on()
    page.sees("return document.getElementById('frozen').hidden", within_s=60)
    with alert_of(monitor, "LINKUSDT") as key:
        page.sees(f"return {HAS_ROW}", key)


def test_a_setting_is_changed_by_who_signed_in_and_checked_as_in_the_chat(page: Chrome) -> None:
    value = "return document.querySelector('form[data-setting=pump_threshold]').closest('tr').cells[1].innerText"
    page.opens("settings")
    field = page.driver.find_element("css selector", "form[data-setting=pump_threshold] input")
    field.clear()
    field.send_keys("4.5", Keys.ENTER)
    page.sees(f"{value} === '4.5 %'")
    page.js(
        "const field = document.querySelector('form[data-setting=pump_threshold] input');"
        "field.removeAttribute('max'); field.value = '1000'; field.form.requestSubmit()"
    )
    page.sees("return document.getElementById('said').innerText.startsWith('Not saved: pump_threshold')")
    assert page.js(value) == "4.5 %"
    field = page.driver.find_element("css selector", "form[data-setting=pump_threshold] input")
    field.clear()
    field.send_keys("3", Keys.ENTER)
    page.sees(f"{value} === '3 %'")


def test_tried_values_are_applied_by_who_signed_in_and_only_by_the_button(page: Chrome) -> None:
    in_force = "return document.querySelector('[name=pump_threshold]').dataset.now"
    page.opens("try?pump_threshold=4.5")
    assert page.js(in_force) == "3"
    page.driver.refresh()
    assert page.js(in_force) == "3", "looking changes nothing"
    for value in ("4.5", "3"):
        page.opens(f"try?pump_threshold={value}")
        page.driver.find_element("css selector", "form[data-apply] button").click()
        page.sees(f"{in_force} === '{value}'")
        assert page.js("return document.querySelector('form[data-apply]')") is None
    assert page.console() == []


def test_who_signs_out_is_asked_for_the_token_again(page: Chrome) -> None:
    page.opens("settings")
    page.driver.find_element("css selector", "form[action$=sign-out] button").click()
    page.sees("return document.querySelector('input[type=password]')")
    assert page.axe() == []
    page.driver.find_element("css selector", "input[type=password]").send_keys("wrong", Keys.ENTER)
    page.sees("return document.querySelector('[role=alert].down')")
