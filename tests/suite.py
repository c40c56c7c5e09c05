"""`python -m tests.suite -- PYTEST ARGUMENTS -- PYTEST ARGUMENTS…`: parts of the suite at the same time.

Each part yields the processors to those before it. The first one's progress is shown as it goes, the others' output
when they have ended. Tests that failed are run once more, alone and one after another, so that a busy machine does not
cost a whole run: what passes only then is named at the end, as a defect of that test. What fails twice is red, and so
is a run in which more than `AT_MOST` failed or which ended in any other way.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

AT_MOST = 10
PASSED, FAILED = 0, 1  # pytest's exit codes; every other means that not all was tried
YIELDS = 5  # steps of niceness between two parts


@dataclass(frozen=True, slots=True)
class Part:
    arguments: list[str]
    folder: Path
    """Of its own: pytest notes there what failed, and takes it off when it passes."""

    def command(self, *more: str) -> list[str]:
        return [sys.executable, "-m", "pytest", "-o", f"cache_dir={self.folder}", *self.arguments, *more]

    def failed(self) -> set[str]:
        noted = self.folder / "v" / "cache" / "lastfailed"
        return set(json.loads(noted.read_text("utf-8"))) if noted.exists() else set()


def parts_of(arguments: list[str], folder: Path) -> list[Part]:
    parts: list[Part] = []
    for argument in arguments:
        if argument == "--":
            parts.append(Part([], folder / str(len(parts))))
        else:
            parts[-1].arguments.append(argument)
    return parts


def first_time(parts: list[Part]) -> list[int]:
    """The exit code of each part."""
    outputs = [part.folder.with_suffix(".txt") for part in parts]
    running = []
    for number, part in enumerate(parts):
        with outputs[number].open("wb") as output:
            command = ["nice", "-n", str(number * YIELDS), *part.command()]
            running.append(subprocess.Popen(command, stdout=output if number else None))
    codes = []
    for number, process in enumerate(running):
        codes.append(process.wait())
        print(outputs[number].read_text("utf-8", "replace"), flush=True)
    return codes


def second_time(part: Part) -> tuple[bool, list[str]]:
    """Whether all is well now, and what passed only this time."""
    before = part.failed()
    code = subprocess.run(part.command("-n", "0", "--last-failed", "--last-failed-no-failures=none")).returncode
    after = part.failed()
    return code == PASSED and not after, sorted(before - after)


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        parts = parts_of(arguments, Path(folder))
        codes = first_time(parts)
        red = [part for part, code in zip(parts, codes, strict=True) if code != PASSED]
        if not red:
            return PASSED
        count = sum(len(part.failed()) for part in red)
        is_complete = set(codes) <= {PASSED, FAILED} and all(part.failed() for part in red)
        if not is_complete or count > AT_MOST:
            print(
                f"{count} tests failed, exit codes {codes}: too much for a busy machine, nothing is run again",
                flush=True,
            )
            return FAILED
        print(f"{count} tests failed; each is run again alone", flush=True)
        outcomes = [second_time(part) for part in red]
    for name in (name for _, names in outcomes for name in names):
        print(f"passed only when run again alone: {name}", flush=True)
    return PASSED if all(is_well for is_well, _ in outcomes) else FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
