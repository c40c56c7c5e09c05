"""The block file: one truth for all processes, and none lost when the disk refuses."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from altmonitor.exchanges.rest.block import BlockFile, BlockRecord

NOW_MS = 1_790_000_040_000


def test_a_published_block_is_news_to_the_others_and_not_to_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "block.json"
    mine, other = BlockFile(path), BlockFile(path)
    assert other.changed() is None
    mine.publish(BlockRecord(until_ms=NOW_MS + 1, reason="HTTP 418"))
    assert mine.changed() is None
    seen = other.changed()
    assert seen is not None
    assert (seen.until_ms, seen.reason) == (NOW_MS + 1, "HTTP 418")
    assert other.changed() is None


def test_the_later_end_stays(tmp_path: Path) -> None:
    path = tmp_path / "block.json"
    BlockFile(path).publish(BlockRecord(until_ms=2_000, reason="long"))
    assert BlockFile(path).publish(BlockRecord(until_ms=1_000, reason="short")).until_ms == 2_000
    assert json.loads(path.read_text())["until_ms"] == 2_000


def test_the_block_of_another_host_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "block.json"
    BlockFile(path, host="one").publish(BlockRecord(until_ms=9_000))
    other = BlockFile(path, host="two")
    assert other.changed() is None
    assert other.publish(BlockRecord(until_ms=5)).until_ms == 5


def test_one_of_two_processes_may_probe(tmp_path: Path) -> None:
    path = tmp_path / "block.json"
    mine, other = BlockFile(path), BlockFile(path)
    mine.publish(BlockRecord(until_ms=NOW_MS))
    assert mine.claim_probe(NOW_MS)
    assert not other.claim_probe(NOW_MS + 5_000)
    mine.release_probe()
    assert other.claim_probe(NOW_MS + 5_000)


def test_the_claim_of_a_killed_process_lapses(tmp_path: Path) -> None:
    path = tmp_path / "block.json"
    BlockFile(path).claim_probe(NOW_MS)
    assert not BlockFile(path).claim_probe(NOW_MS + 19_999)
    assert BlockFile(path).claim_probe(NOW_MS + 20_000)


def test_a_claim_from_a_clock_that_was_far_ahead_is_none(tmp_path: Path) -> None:
    path = tmp_path / "block.json"
    BlockFile(path).claim_probe(NOW_MS + 86_400_000)
    assert BlockFile(path).claim_probe(NOW_MS)


def test_clearing_leaves_a_block_that_came_after_the_claim(tmp_path: Path) -> None:
    path = tmp_path / "block.json"
    mine, other = BlockFile(path), BlockFile(path)
    mine.publish(BlockRecord(until_ms=1_000, soft_hits=2))
    mine.claim_probe(NOW_MS)
    other.publish(BlockRecord(until_ms=9_000))
    mine.clear()
    assert json.loads(path.read_text())["until_ms"] == 9_000
    mine.claim_probe(NOW_MS)
    mine.clear()
    assert json.loads(path.read_text())["until_ms"] == 0


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b'{"until_ms":"soon"}', b"{", b"[" * 5_000])
def test_a_damaged_file_is_reported_once_and_written_over(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "block.json"
    path.write_bytes(content)
    file = BlockFile(path)
    with caplog.at_level(logging.WARNING):
        assert file.changed() is None
        assert file.publish(BlockRecord(until_ms=5)).until_ms == 5
    assert json.loads(path.read_text())["until_ms"] == 5
    assert len(caplog.records) == 1
    assert "block.json" in caplog.text


def test_a_directory_that_is_not_there_costs_the_sharing_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = BlockFile(tmp_path / "gone" / "block.json")
    with caplog.at_level(logging.WARNING):
        assert file.publish(BlockRecord(until_ms=5)).until_ms == 5
        assert file.claim_probe(NOW_MS)
        file.clear()
        file.release_probe()
    assert len(caplog.records) == 1


def test_two_processes_that_write_at_once_leave_the_later_end(tmp_path: Path) -> None:
    path = tmp_path / "block.json"
    program = (
        "import sys; from pathlib import Path; from altmonitor.exchanges.rest.block import BlockFile, BlockRecord\n"
        "file = BlockFile(Path(sys.argv[1]))\n"
        "for number in range(40): file.publish(BlockRecord(until_ms=int(sys.argv[2]) + number))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), first]) for first in ("1000", "500000", "1")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert json.loads(path.read_text())["until_ms"] == 500_039
    assert [name.name for name in tmp_path.iterdir() if name.name.startswith(".")] == []
