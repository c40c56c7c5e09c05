"""Behind a reverse proxy that shows the pages below an address of its own."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

from tests.e2e.browser.chrome import Chrome
from tests.e2e.browser.monitor_process import MonitorProcess

PREFIX = "/tools/monitor"


def test_pages_pieces_and_charts_work_below_another_address(page: Chrome, monitor: MonitorProcess) -> None:
    command = [sys.executable, "-m", "tests.e2e.browser.proxy", str(urlsplit(monitor.url).port), PREFIX]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            assert proxy.stdout is not None
            page.root = f"http://127.0.0.1:{proxy.stdout.readline().strip()}{PREFIX}/"
            page.opens("")
            page.js("document.querySelector('thead a[href*=\"sort=symbol\"]').click()")
            page.sees("return document.querySelector('th[aria-sort=ascending]')?.innerText.includes('Symbol')")
            page.js("document.querySelector('tbody th a').click()")
            page.sees("return document.querySelector('#chart[data-drawn] canvas')")
            assert urlsplit(page.driver.current_url).path.startswith(f"{PREFIX}/symbol/")
            page.js("document.querySelector('nav a[href$=alerts]').click()")
            page.sees("return location.pathname.endsWith('/monitor/alerts') && document.querySelector('.alerts li')")
            assert page.console() == []
        finally:
            page.leaves()
            proxy.kill()
