"""What answers look like on a terminal, in a pipe and for programs."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest
from rich.cells import cell_len

from altmonitor.cli.archive import ArchiveProgress
from altmonitor.cli.common import Answer, print_answer
from altmonitor.render.tables import table
from tests.fakes import ManualClock

SECRET = "123456789:" + "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"
SHOW = f"""
from altmonitor.cli.common import Answer, print_answer
from altmonitor.render.tables import table
wide = table(("name", "what"), [("币安人生USDT", "word " * 30)], words=(0, 1))
print_answer(Answer(values={{}}, lines=["[bold] 100 " + "long " * 30, wide, {SECRET!r}]), as_json=False)
"""


def on_a_terminal(program: str, columns: int, **environ: str) -> str:
    """stdout and stderr of a Python program in a pseudo-terminal of that width."""
    pty, fcntl, termios, struct = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios", "struct"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    known = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={**known, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environ},
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while True:
        try:
            chunk = os.read(ours, 65_536)
        except OSError:  # how the end looks on Linux
            break
        if not chunk:
            break
        said += chunk
    os.close(ours)
    assert process.wait(timeout=30) == 0, said
    return said.decode()


def test_on_a_terminal_nothing_is_wider_and_in_a_pipe_lines_are_whole_and_bare(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = on_a_terminal(SHOW, 60, NO_COLOR="1").replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert "\x1b" not in shown
    assert [line for line in shown.splitlines() if cell_len(line.rstrip()) > 60] == []
    assert shown.count("long") == shown.count("word") == 30
    exec(SHOW)  # noqa: S102 — here stdout is a pipe
    piped = capsys.readouterr().out
    assert "\x1b" not in piped
    assert piped.splitlines()[0] == "[bold] 100 " + ("long " * 30).rstrip()
    assert [line for line in piped.splitlines() if line != line.rstrip()] == []
    assert SECRET not in shown + piped


def test_looks_come_on_a_terminal_that_can_show_them_and_colours_never_against_a_wish() -> None:
    for environ, has_looks in (({}, True), ({"TERM": "dumb"}, False)):
        assert ("\x1b[2m" in on_a_terminal(SHOW, 80, **environ)) is has_looks, environ
    assert "\x1b[3" not in on_a_terminal(SHOW, 80, NO_COLOR="1")


def test_programs_get_the_values_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    answer = Answer(values={"symbol": "币安人生USDT", "at": None, "x": 1.5}, lines=["text", table(("a",), [("b",)])])
    assert print_answer(answer, as_json=True) == 0
    assert capsys.readouterr().out == '{"symbol":"币安人生USDT","at":null,"x":1.5}\n'


def test_the_bar_of_an_archive_is_drawn_on_a_terminal_and_is_lines_elsewhere() -> None:
    clock, out = ManualClock(), io.StringIO()
    progress = ArchiveProgress("archive", clock=clock, out=out)
    for done in (0, 1, 2, 4):
        clock.ms += 6_000
        progress.show(done, 4)
    assert out.getvalue() == "archive 1/4 25 %  about 36 s left\narchive 4/4 100 %  done\n"
    program = (
        "from altmonitor.cli.archive import ArchiveProgress\nfrom altmonitor.core.clock import SystemClock\n"
        "progress = ArchiveProgress('archive', clock=SystemClock())\nprogress.show(4, 4)"
    )
    shown = on_a_terminal(program, 80, NO_COLOR="1")
    assert "━━━━ 4/4 100% done" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
