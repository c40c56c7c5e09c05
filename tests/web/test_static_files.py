from __future__ import annotations

import hashlib

from altmonitor.web.static_files import CHARTS, STATIC, StaticFiles


def test_the_vendored_charts_are_the_published_ones_with_licence_and_notice() -> None:
    folder = (STATIC / CHARTS).parent
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert found == {
        "lightweight-charts.standalone.production.mjs": (
            "1bb1ee79f9d4dd17261b53d930f7a8995748276f80e7ba0e24412b5068062f5f"
        ),
        "LICENSE": "70c9d5382506dd184465425c08a99ad9bd6d9ac1313c252968ba0b585e5ef823",
        "NOTICE": "1f77c00550ad60813f63bd9cbb97bb8300a1c708d7da55f3ee49773f2bb37b43",
    }
    assert "TradingView" in (folder / "NOTICE").read_text("utf-8")


def test_an_address_changes_with_the_content_and_only_files_of_the_folder_have_one() -> None:
    files = StaticFiles()
    charts = files.get(CHARTS)
    assert charts is not None
    assert files.address(CHARTS) == f"static/{CHARTS}?v=1bb1ee79f9d4"
    assert len(charts.gzipped) < 70_000
    for name in ("../server.py", "/etc/passwd", "vendor", "", "app.css/..", "nothing.js"):
        assert files.get(name) is None, name
