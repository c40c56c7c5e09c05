"""Only the folders of the venues that are watched are imported: a monitor of one exchange carries no other."""

from __future__ import annotations

import subprocess
import sys

OTHERS = ("bybit", "okx", "hyperliquid")
CODE = """
import sys
import altmonitor.app.app
from altmonitor.exchanges.venues import adapter_of
for venue in sys.argv[1:]:
    adapter_of(venue)
print(" ".join(sorted({name.split(".")[2] for name in sys.modules if name.startswith("altmonitor.exchanges.")})))
"""


def imported(*venues: str) -> set[str]:
    found = subprocess.run([sys.executable, "-c", CODE, *venues], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_a_monitor_of_binance_alone_imports_no_other_venue() -> None:
    assert imported("binance") & {"binance", *OTHERS} == {"binance"}


def test_each_venue_brings_its_own_folder_and_no_other() -> None:
    for venue in OTHERS:
        assert imported(venue) & set(OTHERS) == {venue}
