"""The table of what followed alerts, with numbers in it, in a real browser.

ALTMONITOR_PICTURES=FOLDER: its picture is written there, as docs/dashboard-outcomes.png.
"""

from __future__ import annotations

import os
from pathlib import Path

from altmonitor.core.outcome import OutcomeRow, OutcomeSummary
from tests.e2e.browser.chrome import Chrome
from tests.e2e.browser.test_dashboard import NO_CLIPPED
from tests.operations.operations_kit import Bench
from tests.render.test_outcomes import row, summary
from tests.web.pages.pages_kit import served

ROWS: tuple[OutcomeRow, ...] = (
    row(mean_pct=0.25, hit=0.53),
    row(direction="PUMP", alerts=80, unknown=3, moments=30, mean_pct=-0.4, median_pct=-0.2, hit=0.4, verdict=None),
    row(direction="DUMP", alerts=40, moments=15, mean_pct=1.12, median_pct=0.9, hit=0.61, verdict=None),
    row(direction="PUMP", quadrant="up_up", alerts=44, moments=18, mean_pct=0.31, verdict=None),
    row(kind="oi", alerts=310, moments=122, mean_pct=0.02, median_pct=-0.01, verdict="like_chance"),
    row(kind="oi", direction="UP", alerts=190, moments=80, mean_pct=0.1, verdict=None),
    row(kind="oi", direction="DOWN", alerts=1, moments=1, mean_pct=9.0, verdict=None),
    row(kind="vol", alerts=1204, moments=388, mean_pct=-0.08, median_pct=-0.05, hit=0.48, verdict="more_than_chance"),
)


def test_the_table_of_outcomes_can_be_read_at_a_desk_and_on_a_telephone_light_and_dark(browser: Chrome) -> None:
    async def outcomes() -> OutcomeSummary:
        return summary(*ROWS)

    wrong: list[str] = []
    with served(Bench().context(), outcomes=outcomes) as browser.root:
        browser.console()
        for width in (1440, 375):
            for is_dark in (False, True):
                browser.becomes(width=width, is_dark=is_dark)
                browser.opens("statistics")
                browser.sees("return document.readyState === 'complete' && document.querySelector('table.outcomes')")
                where = f"{width} {'dark' if is_dark else 'light'}: "
                if browser.js("return document.documentElement.scrollWidth") > width:
                    wrong.append(where + "the page scrolls sideways")
                wrong += [where + "clipped " + html for html in browser.js(NO_CLIPPED)]
                wrong += [where + found for found in browser.axe()]
                wrong += [
                    where + line for line in browser.console() if "/api/stream" not in line
                ]  # no monitor, no stream
                _picture(browser, width, is_dark=is_dark)
        browser.leaves()
    assert wrong == [], "\n".join(wrong)


def _picture(browser: Chrome, width: int, *, is_dark: bool) -> None:
    folder = os.environ.get("ALTMONITOR_PICTURES")
    if folder is None or is_dark:
        return
    browser.js("document.querySelector('table.outcomes').scrollIntoView()")
    name = "dashboard-outcomes.png" if width > 600 else "dashboard-outcomes-phone.png"
    browser.driver.save_screenshot(str(Path(folder) / name))
