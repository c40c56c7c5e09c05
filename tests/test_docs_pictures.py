"""The README's pictures of alerts can be made again, from what detectors, texts and charts are today."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

SCRIPT = Path(__file__).parent.parent / "docs" / "make_pictures.py"


def test_each_kind_of_alert_has_a_picture_with_text_and_chart(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-W", "error", SCRIPT, tmp_path],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONUTF8": "1"},
        timeout=100,
        check=False,
    )
    assert (made.returncode, made.stderr) == (0, "")
    price, oi, volume = made.stdout.splitlines()
    assert price.startswith("alert-price.png: 📈 PUMP SUIUSDT +3.")
    assert oi.startswith("alert-oi.png: 🔼 OI SURGE AAVEUSDT +7.")
    assert volume.startswith("alert-volume.png: 📊 VOLUME LINKUSDT 8.")
    for name in ("alert-price.png", "alert-oi.png", "alert-volume.png"):
        with Image.open(tmp_path / name) as image:
            assert image.width == 964
            assert 1_000 < image.height < 1_800
        assert (tmp_path / name).stat().st_size < 60_000
