"""Pictures of the dashboard for docs/dashboard.md and README: the demo's market in a real browser.

python docs/make_dashboard_pictures.py [FOLDER]        # writes dashboard-*.png there; needs Chromium and its driver
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.e2e.browser.chrome import Chrome, chrome, what_is_missing

DEMO = ("-m", "altmonitor", "demo", "--symbols", "160", "--speed", "4")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")
DESK, PHONE = (1440, 900), (375, 800)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """ready: JavaScript that is true when the page is as it should be seen."""

    name: str
    path: str
    size: tuple[int, int] = DESK
    is_dark: bool = False
    ready: str = "document.querySelector('main')"


DRAWN = "document.querySelector('#chart[data-drawn] canvas') && document.querySelector('.lines p b')"


def pictures(symbol: str) -> list[Picture]:
    """symbol: the contract that rose."""
    return [
        Picture(name="symbol", path=f"symbol/{symbol}", ready=DRAWN),
        Picture(name="symbol-phone", path=f"symbol/{symbol}", size=PHONE, is_dark=True, ready=DRAWN),
        Picture(name="market", path=""),
        Picture(name="market-phone", path="?sort=change_5m", size=PHONE, is_dark=True),
        Picture(name="alerts", path="alerts"),
        Picture(name="why", path=f"why/{symbol}", size=PHONE),
        Picture(name="traders", path="smart-money", ready="document.querySelectorAll('tbody tr').length > 5"),
        Picture(name="gaps", path="divergence?symbol=BTCUSDT", is_dark=True),
        Picture(name="counts", path="statistics", size=PHONE),
        Picture(name="settings", path="settings"),
        Picture(name="health", path="status", is_dark=True),
    ]


def take(browser: Chrome, picture: Picture, folder: Path) -> None:
    width, height = picture.size
    browser.becomes(width=width, height=height, is_dark=picture.is_dark)
    end_s = time.monotonic() + 120
    while True:
        browser.opens(picture.path)
        try:
            browser.sees(f"return {picture.ready}", within_s=20)
            break
        except AssertionError:
            if time.monotonic() > end_s:
                raise
    time.sleep(1.5)  # colours of what just changed
    browser.driver.save_screenshot(str(folder / f"dashboard-{picture.name}.png"))
    print(f"dashboard-{picture.name}.png")  # noqa: T201


def address_in(said: Path) -> str:
    """Of the dashboard, as soon as it answers. Raises: TimeoutError."""
    for _ in range(600):
        found = ADDRESS.search(said.read_text("utf-8"))
        with suppress(OSError):
            if found is not None:
                urlopen(found[0] + "health", timeout=5).close()  # noqa: S310 – of this machine
                return found[0]
        time.sleep(0.1)
    raise TimeoutError("the demo shows no dashboard")


def main(folder: Path) -> None:
    missing = what_is_missing()
    if missing:
        sys.exit(missing)
    command = [sys.executable, *DEMO]
    with (
        tempfile.TemporaryDirectory() as place,
        (Path(place) / "said").open("w+") as said,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said) as demo,  # noqa: S603 – ourselves
        chrome(Path(place) / "profile") as browser,
    ):
        try:
            browser.root = address_in(Path(said.name))
            browser.opens("alerts")
            rose = "return document.querySelector('li[data-key^=price][data-key*=PUMP] a')?.textContent"
            symbol = browser.sees(rose, within_s=120)
            browser.sees("return document.querySelectorAll('li[data-key]').length >= 4", within_s=120)
            blind = [Picture(name="blind", path="", ready="document.body.dataset.state === 'blind'")]
            for picture in pictures(symbol):
                browser.opens("status")
                if blind and browser.js("return document.body.dataset.state") == "blind":  # once, for a while
                    take(browser, blind.pop(), folder)
                browser.sees("return document.body.dataset.state !== 'blind'", within_s=120)
                take(browser, picture, folder)
            for picture in blind:
                take(browser, picture, folder)
        finally:
            demo.kill()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
