"""Debian's Chromium, headless, driven by its own driver."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
"""Vendored, unchanged, with its licences: the tests must run where no package registry is reachable."""

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
LOOK_S = 0.05

NOTES = """
window.notes = {
  asked: [], streamed: '',
  events() { return [...this.streamed.matchAll(/^event: (.*)$/mg)].map(([, name]) => name); },
};
const read = ReadableStreamDefaultReader.prototype.read;
ReadableStreamDefaultReader.prototype.read = async function () {
  const piece = await read.call(this);
  if (typeof piece.value === 'string') window.notes.streamed += piece.value;
  return piece;
};
const fetch = window.fetch;
window.fetch = (address, more) => {
  window.notes.asked.push(String(address));
  return fetch(address, more);
};
"""
"""Before any script of a page: what it asked, and what its stream brought, noted before the page itself sees it."""

STREAM_IS_OPEN = "return window.notes.events().includes('health')"
"""The first event of every stream."""


def what_is_missing() -> str:
    """'' when there is a browser; else one line."""
    if _chromium() and _driver():
        return ""
    return "no Chromium with its driver here: `make test-browser` installs Debian's as root, elsewhere install both"


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


def _driver() -> str | None:
    return shutil.which("chromedriver")


class Chrome:
    """root: address of the pages, with a slash at its end."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.root = ""

    def becomes(self, *, width: int, is_dark: bool, height: int = 900) -> None:
        is_phone = width < 600
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}
        theme = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": theme})

    def opens(self, path: str) -> None:
        self.driver.get(self.root + path)

    def signs_in(self, token: str) -> None:
        """Where a page asks for it."""
        self.opens("status")
        field = self.driver.find_elements("css selector", "input[type=password]")
        if field:
            field[0].send_keys(token, Keys.ENTER)
            self.sees("return document.querySelector('#state') && !document.querySelector('input[type=password]')")

    @contextmanager
    def scripted(self, script: str) -> Iterator[None]:
        """Every page that is opened meanwhile runs it before its own scripts."""
        command = "Page.{}ScriptToEvaluateOnNewDocument"
        added = self.driver.execute_cdp_cmd(command.format("add"), {"source": f"{{ {script} }}"})
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd(command.format("remove"), added)

    def leaves(self) -> None:
        self.driver.get("about:blank")

    def js(self, script: str, *values: Any) -> Any:
        return self.driver.execute_script(script, *values)

    def sees(self, script: str, *values: Any, within_s: float = 15.0) -> Any:
        """The first true value of `return …`. Raises: AssertionError after that time."""
        return self.waits(lambda: self.js(script, *values), script, within_s=within_s)

    def waits(self, look: Callable[[], Any], what: str, *, within_s: float) -> Any:
        end_s = time.monotonic() + within_s
        while True:
            try:
                found = look()
            except WebDriverException:  # the page is on its way to the next
                found = None
            if found:
                return found
            if time.monotonic() > end_s:
                shown = self.js("return document.body.innerText.slice(0, 1500)")
                raise AssertionError(f"not within {within_s} s: {what}\n{shown}")
            time.sleep(LOOK_S)

    def console(self) -> list[str]:
        """Errors since it was asked last."""
        return [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]

    def axe(self) -> list[str]:
        """What axe-core finds on the page: rule and element."""
        if not self.js("return 'axe' in window"):
            self.js(AXE.read_text("utf-8"))
        found = self.driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, { resultTypes: ['violations'] }).then(found => done(found.violations.flatMap("
            "  rule => rule.nodes.map(node => `${rule.id}: ${node.html.slice(0, 120)} – ${node.failureSummary}`))))"
        )
        return list(found)


@contextmanager
def chrome(profile: Path) -> Iterator[Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = _chromium() or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(_driver()))
    driver.set_page_load_timeout(60)
    driver.set_script_timeout(60)
    browser = Chrome(driver)
    try:
        with browser.scripted(NOTES):
            yield browser
    finally:
        driver.quit()
