from __future__ import annotations

import io
import os
import subprocess
import sys

from altmonitor.core.console import make_printable


def printed(text: str, encoding: str) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    make_printable([stream])
    stream.write(text)
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_signs_that_an_encoding_lacks_become_plainer_ones() -> None:
    assert printed("✓ READY ┌─┐ │ ↑ ≥ 3 – 5 %", "cp1252") == "+ READY +-+ | ^ >= 3 – 5 %"
    assert printed("┌─ ✗ → …", "ascii") == "+- x -> ..."
    assert printed("币安 🚀", "cp1252") == "?? ?"


def test_an_encoding_that_has_them_shows_them() -> None:
    assert printed("✓ 币安", "utf-8") == "✓ 币安"
    assert printed("┌─ ✓ 币安", "cp936") == "┌─ + 币安"


def test_a_name_of_bytes_that_are_no_text_can_be_printed() -> None:
    assert printed(os.fsdecode(b"a\xff.db"), "utf-8") == "a?.db"


def test_no_command_dies_of_the_encoding_of_its_output() -> None:
    commands = (("doctor", "--help"), ("positioning", "meta"), ("history",), ("who", "scan"), ("run",))
    environ = {**os.environ, "PYTHONIOENCODING": "cp1252", "DB_FILE": "no.db", "SMART_MONEY_DB_PATH": "no.db"}
    found = []
    for command in commands:
        line = [sys.executable, "-m", "altmonitor", *command]
        done = subprocess.run(line, capture_output=True, check=False, timeout=60, env=environ)
        if b"Traceback" in done.stderr or not done.stdout + done.stderr:
            found.append(" ".join(command))
    assert found == []
