"""What failed is run once more, alone; what passes only then is named, what fails twice is red."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.suite import AT_MOST, main

FINE = "def test_fine():\n    pass\n"
WRONG = "def test_wrong():\n    assert False\n"
IN_COMPANY = """
import os

def test_alone():
    assert "PYTEST_XDIST_WORKER" not in os.environ  # as a test that a busy machine makes fail
"""
ONCE = """
from pathlib import Path

import pytest

@pytest.mark.parametrize("number", range({count}))
def test_once(number):
    marker = Path(__file__).parent / f"{{number}}.ran"
    assert marker.exists() or marker.touch()  # fails the first time
"""
DIES = "import os\n\ndef test_takes_its_process_along():\n    os._exit(1)\n"
AGAIN = "passed only when run again alone: "
UNUSED = ("asyncio", "anyio", "schemathesis", "hypothesispytest", "timeout", "faulthandler")
FAST = tuple(word for name in UNUSED for word in ("-p", f"no:{name}"))


class Suite:
    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capfd = capfd

    def run(self, *parts: dict[str, str], workers: int = 0) -> tuple[int, str]:
        """Exit code and output of a suite with a file for each name in each part."""
        arguments = []
        for number, files in enumerate(parts):
            place = self._folder / f"part{number}"
            place.mkdir()
            for name, text in files.items():
                (place / f"test_{name}.py").write_text(text, "utf-8")
            (place / "pytest.ini").write_text("[pytest]\n", "utf-8")
            settings = [f"--rootdir={place}", "-c", str(place / "pytest.ini"), *FAST]
            arguments += ["--", "-n", str(workers), *settings, str(place)]
        return main(arguments), self._capfd.readouterr().out


@pytest.fixture
def suite(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # of the run that this test belongs to
    return Suite(tmp_path, capfd)


def test_parts_that_pass_are_shown_and_nothing_is_run_again(suite: Suite) -> None:
    code, said = suite.run({"a": FINE, "b": FINE}, {"c": FINE})
    assert code == 0
    assert "2 passed" in said
    assert "1 passed" in said
    assert "again" not in said


def test_what_fails_beside_others_has_the_machine_for_itself_the_second_time(suite: Suite) -> None:
    code, said = suite.run({"a": FINE, "b": IN_COMPANY}, workers=1)
    assert code == 0
    assert said.splitlines()[-1] == f"{AGAIN}test_b.py::test_alone"


def test_what_fails_twice_is_red_whatever_else_passes_then(suite: Suite) -> None:
    code, said = suite.run({"a": FINE, "b": ONCE.format(count=2)}, {"c": WRONG})
    assert code == 1
    assert said.splitlines()[-2:] == [f"{AGAIN}test_b.py::test_once[0]", f"{AGAIN}test_b.py::test_once[1]"]
    assert len([line for line in said.splitlines() if line.startswith("FAILED") and "test_wrong" in line]) == 2


def test_more_failures_than_a_busy_machine_makes_are_not_run_again(suite: Suite) -> None:
    code, said = suite.run({"a": ONCE.format(count=AT_MOST)}, {"c": ONCE.format(count=1)})
    assert code == 1
    assert f"{AT_MOST + 1} tests failed" in said
    assert AGAIN not in said


def test_a_part_that_could_not_try_everything_is_red_whatever_passes_again(suite: Suite) -> None:
    code, said = suite.run({"a": "def test_\n"}, {"b": ONCE.format(count=1)}, {"c": DIES})
    assert code == 1
    assert AGAIN not in said
