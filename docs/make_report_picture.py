"""The picture of a report for the README: `make demo-replay`'s own, as Chromium shows its first screen.

python docs/make_report_picture.py [FOLDER]        # writes report.png there; needs chromium and chromedriver
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from selenium import webdriver

from altmonitor.cli.demo_replay import REPORT, demo_replay

WIDTH, HEIGHT = 900, 1_600
SEED = 7
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def picture(page: Path) -> Image.Image:
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--window-size={WIDTH},{HEIGHT}"):
        options.add_argument(flag)
    with webdriver.Chrome(options=options) as browser:
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(page.as_uri())
        return Image.open(BytesIO(browser.get_screenshot_as_png()))


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as kept:
        demo_replay(seed=SEED, keep=Path(kept))
        shown = picture(Path(kept).resolve() / REPORT)
    shown.convert("RGB").quantize(64).save(folder / "report.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
