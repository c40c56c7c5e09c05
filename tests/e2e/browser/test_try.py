"""Thresholds that are moved, in a real browser: what is counted follows at once, and nothing is changed.

ALTMONITOR_PICTURES=FOLDER: pictures are written there, as docs/dashboard-try.png.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from altmonitor.replay.live_tape import LiveTape
from altmonitor.replay.trial import DAY_MS, try_on
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import NotEnoughHistory, Trial
from tests.e2e.browser.chrome import Chrome
from tests.e2e.browser.test_dashboard import NO_CLIPPED
from tests.operations.operations_kit import Bench
from tests.replay.history import wild_columns
from tests.web.pages.pages_kit import served

TOTAL = "return document.getElementById('total').textContent"
SLIDER = "document.querySelector('[name=pump_threshold]').closest('.move').querySelector('[type=range]')"
DRAGGED = f"""
const slider = {SLIDER}, done = arguments[0];
for (let place = 0; place <= 60; place++) setTimeout(() => {{
  slider.value = place;
  slider.dispatchEvent(new Event('input', {{ bubbles: true }}));
}}, 10 * place);
setTimeout(done, 700);
"""


@pytest.fixture
def counting(browser: Chrome) -> Iterator[Chrome]:
    """The page over two days of three wild contracts."""
    live = LiveTape()
    for seed, symbol in enumerate(("SOLUSDT", "DOGEUSDT", "1000PEPEUSDT")):
        live.take_candles(symbol, wild_columns(2 * 1_440, seed=seed), lookback=20)
    tape = live.tape()

    async def tried(now: Audience, then: Audience, last_s: int | None) -> Trial | NotEnoughHistory:
        begin_ms = 0 if last_s is None else tape.to_ms - last_s * 1000
        return try_on([tape], now, then, from_ms=begin_ms, days={"price": 2.0, "vol": 2.0})

    assert tape.to_ms - tape.from_ms > DAY_MS
    context = Bench().context()
    assert context.monitor is not None
    with served(context, monitor=replace(context.monitor, try_settings=tried)) as browser.root:
        browser.becomes(width=1440, is_dark=False)
        browser.console()
        yield browser
        browser.leaves()


def test_a_slider_that_is_dragged_shows_what_its_last_place_would_have_told(counting: Chrome) -> None:
    counting.opens("try")
    counting.sees(f"return {SLIDER}")
    before = counting.js(TOTAL)
    assert before.split()[1:4] == ["alerts", "a", "day"]
    asked = "return performance.getEntriesByType('resource').filter(one => one.name.includes('/try?')).length"
    counting.driver.execute_async_script(DRAGGED)
    counting.sees("return location.search.includes('pump_threshold=4.6')")
    counting.sees(f"return document.getElementById('total').textContent !== {before!r}")
    counting.sees("return document.querySelector('#swap code')?.textContent === '/set_pump 4.6'")
    assert counting.js("return document.querySelector('[name=pump_threshold]').value") == "4.6"
    assert counting.js(asked) <= 61
    assert counting.js(f"return {SLIDER}.getAttribute('aria-valuetext')") == "4.6 %"
    told = counting.js(TOTAL)
    counting.driver.refresh()
    counting.sees(f"return {SLIDER}")
    assert counting.js(TOTAL) == told, "what you see is in the address"
    assert counting.js(f"return {SLIDER}.value") == "60"


def test_keys_move_a_slider_and_the_number_beside_it_moves_it_too(counting: Chrome) -> None:
    counting.opens("try")
    slider = counting.sees(f"return {SLIDER}")
    slider.send_keys(Keys.END)
    counting.sees("return document.querySelector('[name=pump_threshold]').value === '15'")
    counting.sees("return document.querySelector('#swap code')?.textContent === '/set_pump 15'")
    volume = "document.querySelector('[name=vol_burst_mult]')"
    counting.js(f"return {volume}.closest('.move').querySelector('[type=range]')").send_keys(Keys.END)
    counting.sees(f"return {volume}.value === '0'")
    spoken = f"return {volume}.closest('.move').querySelector('[type=range]').getAttribute('aria-valuetext')"
    assert counting.js(spoken) == "off"
    counting.sees("return [...document.querySelectorAll('#swap code')].some(one => one.textContent === '/set_vol off')")
    field = counting.driver.find_element("css selector", "[name=pump_threshold]")
    field.clear()
    field.send_keys("3.25")
    counting.sees("return document.querySelector('#swap code')?.textContent === '/set_pump 3.25'")
    assert counting.js("return document.querySelector('[name=pump_threshold]').value") == "3.25"
    counting.driver.execute_script("history.back()")
    assert [line for line in counting.console() if "/api/stream" not in line] == []  # no monitor, no stream


def test_without_a_script_the_numbers_are_typed_and_sent(counting: Chrome) -> None:
    counting.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        counting.opens("try")
        assert counting.driver.find_elements("css selector", "input[type=range]") == []
        field = counting.driver.find_element("css selector", "[name=pump_threshold]")
        field.clear()
        field.send_keys("4.5", Keys.ENTER)
        assert "pump_threshold=4.5" in counting.driver.current_url
        assert "→" in counting.driver.find_element("id", "total").text
        assert counting.driver.find_element("css selector", "#swap code").text == "/set_pump 4.5"
    finally:
        counting.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_it_can_be_used_at_a_desk_and_on_a_telephone_light_and_dark(counting: Chrome) -> None:
    wrong: list[str] = []
    for width in (1440, 375):
        for is_dark in (False, True):
            counting.becomes(width=width, is_dark=is_dark)
            counting.opens("try?pump_threshold=4.5&vol_burst_mult=12&funding_extreme_pct=0.1")
            counting.sees(f"return {SLIDER}")
            where = f"{width} {'dark' if is_dark else 'light'}: "
            if counting.js("return document.documentElement.scrollWidth") > width:
                wrong.append(where + "the page scrolls sideways")
            small = counting.js(
                "return [...document.querySelectorAll('[type=range]')].filter(one => one.offsetHeight < 24 && "
                "one.offsetParent).length"
            )
            wrong += [where + "a slider is too low for a finger"] * bool(small)
            wrong += [where + "clipped " + html for html in counting.js(NO_CLIPPED)]
            wrong += [where + found for found in counting.axe()]
            _picture(counting, width, is_dark=is_dark)
    assert wrong == [], "\n".join(wrong)


def _picture(browser: Chrome, width: int, *, is_dark: bool) -> None:
    folder = os.environ.get("ALTMONITOR_PICTURES")
    if folder is None:
        return
    phone, dark = "-phone" if width < 600 else "", "-dark" if is_dark else ""
    browser.driver.save_screenshot(str(Path(folder) / f"dashboard-try{phone}{dark}.png"))
