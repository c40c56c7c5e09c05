"""Process 1 of the container, as a real process that keeps small programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from altmonitor import __version__

KEEPER = """
import sys
from altmonitor.ops.container import Kept, keep
import os
sys.exit(keep(Kept(command=[sys.executable, "-c", sys.argv[1]], environ=os.environ,
                   watchdog_s=float(sys.argv[2]), first_pause_s=0.05)))
"""
TELL = """
import os, socket
def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
"""


def kept(program: str, *, watchdog_s: float = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", KEEPER, program, str(watchdog_s)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=30)[1]


def counting(folder: Path, then: str) -> str:
    """A program that knows its how manieth life it is, in `life`."""
    return (
        f"import os, sys, signal, time\np = {str(folder / 'lives')!r}\n"
        "open(p, 'a').write('x')\nlife = len(open(p).read())\n" + then
    )


def test_what_crashed_is_started_again_and_it_says_why(tmp_path: Path) -> None:
    program = counting(tmp_path, "if life == 1: os.kill(os.getpid(), 9)\nif life == 2: sys.exit(1)\n")

    keeper = kept(program)

    words = said(keeper)
    assert keeper.returncode == 0
    assert "the monitor ended with SIGKILL, starting it again in 0.05 s" in words
    assert "the monitor ended with exit code 1, starting it again in 0.1 s" in words
    assert (tmp_path / "lives").read_text() == "xxx"


def test_wrong_configuration_is_not_tried_again(tmp_path: Path) -> None:
    keeper = kept(counting(tmp_path, "sys.exit(2)"))

    assert "no restart helps against wrong settings" in said(keeper)
    assert keeper.returncode == 2
    assert (tmp_path / "lives").read_text() == "x"


def test_in_a_container_wrong_configuration_waits_long_and_ends_at_once_when_asked(tmp_path: Path) -> None:
    """The engine would start again what ends; a deployment sees by the mark that there is nothing to wait for."""
    mark = tmp_path / "mark"
    keeper = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            KEEPER.replace("first_pause_s=0.05", "refused_pause_s=float(sys.argv[3])").replace(
                "import os\n",
                "import os\nfrom altmonitor.ops import container\nfrom pathlib import Path\n"
                f"container.REFUSED_MARK = Path({str(mark)!r})\n",
            ),
            *(counting(tmp_path, "sys.exit(2)"), "0", "60"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert keeper.stderr is not None
    assert "no restart helps against wrong settings" in keeper.stderr.readline()
    until_s = time.monotonic() + 20
    while not mark.exists():
        assert time.monotonic() < until_s
        time.sleep(0.02)

    keeper.terminate()

    assert keeper.wait(timeout=30) == 143
    keeper.stderr.close()
    assert not mark.exists()
    assert (tmp_path / "lives").read_text() == "x"


def test_after_the_wait_wrong_configuration_is_tried_again(tmp_path: Path) -> None:
    """The token may have been refused by a Telegram that had a bad hour."""
    keeper = subprocess.Popen(
        [
            *(sys.executable, "-c", KEEPER.replace("first_pause_s=0.05", "refused_pause_s=0.2")),
            *(counting(tmp_path, "sys.exit(2 if life == 1 else 0)"), "0"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "mend .env" in said(keeper)
    assert keeper.returncode == 0
    assert (tmp_path / "lives").read_text() == "xx"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_handed_on_and_its_exit_code_is_the_programs(tmp_path: Path, number: signal.Signals) -> None:
    program = counting(
        tmp_path,
        "for n in (15, 2): signal.signal(n, lambda n, f: sys.exit(128 + n))\nprint('up', flush=True)\ntime.sleep(60)",
    )
    keeper = kept(program)
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == "up\n"

    keeper.send_signal(number)

    assert keeper.wait(timeout=30) == 128 + number
    assert (tmp_path / "lives").read_text() == "x"
    said(keeper)


def test_a_signal_between_two_lives_ends_it(tmp_path: Path) -> None:
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPER.replace("0.05", "60"), "raise SystemExit(1)", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert keeper.stderr is not None
    assert "starting it again in 60 s" in keeper.stderr.readline()

    keeper.terminate()

    assert keeper.wait(timeout=30) == 143
    keeper.stderr.close()


def test_a_program_that_falls_silent_after_it_was_ready_is_ended_and_started_again(tmp_path: Path) -> None:
    program = TELL + counting(tmp_path, "if life > 1: sys.exit(0)\ntell('READY=1')\ntime.sleep(60)")

    keeper = kept(program, watchdog_s=0.6)

    words = said(keeper)
    assert "no sign of life from the monitor" in words
    assert "ended with SIGKILL" in words
    assert (tmp_path / "lives").read_text() == "xx"


def test_nothing_is_due_before_it_is_ready_and_pings_keep_it_alive(tmp_path: Path) -> None:
    program = TELL + counting(
        tmp_path,
        "time.sleep(1.2)\ntell('STATUS=x\\nREADY=1')\n"
        "for _ in range(6):\n    time.sleep(0.25)\n    tell('WATCHDOG=1')\nsys.exit(0)",
    )

    keeper = kept(program, watchdog_s=0.7)

    assert said(keeper) == ""
    assert keeper.returncode == 0
    assert (tmp_path / "lives").read_text() == "x"


def test_a_pause_of_both_is_nobodys_silence(tmp_path: Path) -> None:
    """As by a machine that sleeps or `docker pause`: the keeper counts only what it was awake for."""
    program = TELL + counting(
        tmp_path,
        "tell('READY=1')\nprint('up', flush=True)\n"
        "for _ in range(40):\n    time.sleep(0.1)\n    tell('WATCHDOG=1')\nsys.exit(0)",
    )
    keeper = kept(program, watchdog_s=4)
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == "up\n"
    child = int(Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text())

    for process in (child, keeper.pid):
        os.kill(process, signal.SIGSTOP)
    time.sleep(5)
    os.kill(keeper.pid, signal.SIGCONT)
    time.sleep(0.6)  # the keeper looks before the program can speak
    os.kill(child, signal.SIGCONT)

    assert said(keeper) == ""
    assert keeper.returncode == 0


def test_orphans_are_reaped(tmp_path: Path) -> None:
    """As a subreaper it inherits orphans just as process 1 does."""
    adopt = "import ctypes; ctypes.CDLL(None).prctl(36, 1)\n"
    orphan = "import os, time\nif os.fork() == 0:\n    os.fork() or time.sleep(0.3)\n    os._exit(0)\ntime.sleep(2)"
    keeper = subprocess.Popen([sys.executable, "-c", adopt + KEEPER, orphan, "0"], stderr=subprocess.PIPE, text=True)
    try:
        until_s = time.monotonic() + 20
        while (children := children_of(keeper.pid)) != 1 or time.monotonic() < until_s - 19:
            assert time.monotonic() < until_s, f"{children} children, zombies among them"
            time.sleep(0.05)
    finally:
        said(keeper)
    assert keeper.returncode == 0


def children_of(pid: int) -> int:
    return len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def test_other_sub_commands_take_the_process_over() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "altmonitor.ops.container", "--version"], capture_output=True, text=True, check=True
    )

    assert done.stdout == f"altmonitor {__version__}\n"


def test_the_monitor_without_settings_ends_with_2_and_the_way_out(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TG_")}
    done = subprocess.run(
        [sys.executable, "-m", "altmonitor.ops.container", "run"],
        cwd=tmp_path,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 2
    assert "TG_BOT_TOKEN and TG_CHAT_ID not set" in done.stderr
    assert "@BotFather" in done.stderr
