"""tests/ mirrors the package: whoever reads a module finds its tests by name."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "altmonitor"
OF_THE_WHOLE = {"browser", "chaos", "e2e", "scale", "ship"}
"""Folders of tests that run the whole program."""


def test_every_test_file_is_named_after_a_module_beside_it_or_after_its_package() -> None:
    """`test_digest.py` and `test_digest_edits.py` test `digest.py`; `test_ops_upgrade.py` tests `ops` as a whole."""
    strangers = []
    for file in TESTS.glob("*/**/test_*.py"):
        folder = file.parent.relative_to(TESTS)
        if folder.parts[0] in OF_THE_WHOLE:
            continue
        there = {path.stem for path in (PACKAGE / folder).iterdir() if not path.name.startswith("_")}
        names = {folder.name, *there}
        subject = file.stem.removeprefix("test_")
        if not any(subject == name or subject.startswith(f"{name}_") for name in names):
            strangers.append(str(file.relative_to(TESTS)))
    assert sorted(strangers) == []


def test_every_folder_of_tests_is_a_package_of_the_program() -> None:
    folders = {file.parent.relative_to(TESTS) for file in TESTS.glob("*/**/test_*.py")}
    own = [folder for folder in folders if folder.parts[0] not in OF_THE_WHOLE]
    assert [str(folder) for folder in own if not (PACKAGE / folder).is_dir()] == []
