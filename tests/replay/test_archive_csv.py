"""Files of the archive: everything they have been seen to do."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.archive_files import ArchiveFileError
from altmonitor.replay.archive import import_files, listed
from altmonitor.replay.archive_csv import read_archive_file
from altmonitor.replay.columns import CandleColumns, FundingColumns, OpenInterestColumns, Source
from altmonitor.replay.store import HistoryStore
from tests.replay.history import FEB_2025, real_file

HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
NAME = "BTCUSDT-1m-2025-02.csv"
METRICS = "BTCUSDT-metrics-2025-02-01.csv"
METRICS_HEADER = "create_time,symbol,sum_open_interest,sum_open_interest_value,a,b,c,d"


def row(minute: int, *, close: str = "101", unit: int = 1, off_ms: int = 0) -> str:
    opened = (FEB_2025 + minute * 60_000 + off_ms) * unit
    return f"{opened},100,102,99,{close},5,{opened + 59_999 * unit},500,7,2,200,0"


def candles(text: str | bytes, name: str = NAME) -> tuple[CandleColumns, list[str]]:
    read = read_archive_file(name, text.encode() if isinstance(text, str) else text, source=Source.ARCHIVE)
    assert isinstance(read.columns, CandleColumns)
    return read.columns, [str(problem) for problem in read.problems]


def minutes(columns: CandleColumns) -> list[int]:
    return [int(ms - FEB_2025) // 60_000 for ms in columns.open_ms]


def zipped(text: str, name: str = NAME) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, text)
    return content.getvalue()


def test_header_or_none_bom_or_none_packed_or_not() -> None:
    plain = "\n".join([row(0), row(1)]) + "\n"
    whole = {
        "plain": plain.encode(),
        "header": f"{HEADER}\n{plain}".encode(),
        "byte order mark": ("\ufeff" + plain).encode(),
        "both": ("\ufeff" + HEADER + "\n" + plain).encode(),
        "windows": f"{HEADER}\n{plain}".replace("\n", "\r\n").encode(),
        "gzip": gzip.compress(plain.encode()),
        "zip": zipped(plain),
        "no end of line": plain.rstrip().encode(),
        "empty lines": plain.replace("\n", "\n\n").encode(),
    }
    found = {name: candles(content) for name, content in whole.items()}
    for name, (columns, problems) in found.items():
        assert minutes(columns) == [0, 1], name
        assert problems == [], name
        assert columns.candle(1).close == 101.0
        assert columns.candle(1).trades == 7
        assert columns.candle(1).taker_quote_usdt == 200.0


def test_milliseconds_and_microseconds_mixed_shuffled_and_twice() -> None:
    columns, problems = candles(
        "\n".join([row(3, unit=1000), row(1), row(2, unit=1000), row(1, close="100.5"), row(0)])
    )
    assert minutes(columns) == [0, 1, 2, 3]
    assert columns.close.tolist() == [101.0, 100.5, 101.0, 101.0]
    assert problems == [f"{NAME}: line 4: its minute is there before, with other numbers; these count"]


def test_a_stamp_a_second_off_is_that_minute_and_half_a_minute_off_is_none() -> None:
    columns, problems = candles("\n".join([row(0, off_ms=1000), row(1, off_ms=-1000), row(2, off_ms=30_000)]))
    assert minutes(columns) == [0, 1]
    assert problems == [f"{NAME}: line 3: its time is no whole minute"]


def test_odd_rows_are_named_and_the_others_are_taken() -> None:
    text = "\n".join(
        [HEADER, row(0), "1,2,3", row(1), row(2).replace("102", "98"), row(3, close="x"), row(4, close="nan"), row(5)]
    )
    columns, problems = candles(text)
    assert minutes(columns) == [0, 1, 5]
    assert problems == [
        f"{NAME}: line 3: 3 columns instead of 12",
        f"{NAME}: line 5: these prices and volumes are no candle",
        f"{NAME}: line 6: a cell that is no number",
        f"{NAME}: 1 more line is no data",
    ]


def test_what_cannot_be_used_at_all_says_why() -> None:
    for name, content, expected in (
        (NAME, b"", "it holds no rows"),
        (NAME, HEADER.encode(), "it holds no rows"),
        (NAME, b"a,b\nc,d\n", "line 1: 2 columns instead of 12, and no other line is data"),
        (NAME, row(0).replace(",", ";").encode(), "line 1: 1 column instead of 12$"),
        (NAME, zipped(row(0), "ETHUSDT-1m-2025-02.csv"), "ETHUSDT-1m-2025-02.csv, which is not what its own name says"),
        (NAME, zipped(row(0), "BTCUSDT-5m-2025-02.csv"), "which is not what its own name says"),
        ("BTCUSDT-1m-2025-04.csv", row(0).encode(), "its rows are of 2025-02-01 to 2025-02-01, which is not"),
        ("BTCUSDT-1m-2025-13.csv", row(0).encode(), "its name holds no day or month that there is"),
        ("BTCUSDT-1m-2025-02-30.csv", row(0).encode(), "its name holds no day or month that there is"),
        (NAME, b"\xff\xfe\x00", "it is not UTF-8 text"),
        (NAME, zipped(row(0))[:-40], "it is not a whole zip file"),
        (NAME, zipped(row(0), "readme.txt"), "the zip holds no .csv"),
        (NAME, gzip.compress(row(0).encode())[:-9], "it is not a whole gzip file"),
        ("BTCUSDT-5m-2025-02.csv", row(0).encode(), "candles of 5m: only those of 1m are kept"),
        ("notes.csv", row(0).encode(), "its name does not say what it holds"),
    ):
        with pytest.raises(ArchiveFileError, match=expected):
            read_archive_file(name, content, source=Source.ARCHIVE)


def test_one_odd_line_costs_no_other_whatever_it_looks_like() -> None:
    for odd, why in (
        ('"never closed,1,2', "1 column instead of 12"),
        ("x" * 200_000, "1 column instead of 12"),
        ("\0\0\0", "1 column instead of 12"),
        (row(2) + ",0", "13 columns instead of 12"),
    ):
        columns, problems = candles("\n".join([HEADER, row(0), row(1), odd, row(3), row(4)]))
        assert (minutes(columns), problems) == ([0, 1, 3, 4], [f"{NAME}: line 4: {why}"]), odd[:20]


def test_numbers_that_only_python_reads_are_none() -> None:
    odd = [row(1, close="1_01"), row(2, close="１０１"), row(3).replace("1738", "١٧٣٨"), row(4, close="0x65"), row(5)]
    columns, problems = candles("\n".join([row(0), *odd]))
    assert minutes(columns) == [0, 5]
    named = [f"{NAME}: line {line}: a cell that is no number" for line in (2, 3, 4)]
    assert problems == [*named, f"{NAME}: 1 more line is no data"]


def test_prices_and_volumes_that_cannot_be_are_named() -> None:
    for cell in ("nan", "inf", "-inf", "-101", "1e400"):
        columns, problems = candles("\n".join([row(0), row(1, close=cell), row(2)]))
        assert (minutes(columns), len(problems)) == ([0, 2], 1), cell
    columns, problems = candles("\n".join([row(0), row(1).replace(",7,", ",1e30,"), row(2).replace(",500,", ",-500,")]))
    assert minutes(columns) == [0]
    assert problems == [f"{NAME}: line {line}: these prices and volumes are no candle" for line in (2, 3)]


def test_candles_of_five_minutes_under_a_name_of_one_are_named() -> None:
    for unit in (1, 1_000):
        longer = row(5, unit=unit).replace(
            str((FEB_2025 + 6 * 60_000 - 1) * unit + unit - 1), str((FEB_2025 + 10 * 60_000) * unit - 1)
        )
        longer = longer.replace(str((FEB_2025 + 5 * 60_000 + 59_999) * unit), str((FEB_2025 + 10 * 60_000 - 1) * unit))
        columns, problems = candles("\n".join([row(0), longer, row(11)]))
        assert minutes(columns) == [0, 11]
        assert problems == [f"{NAME}: line 2: it lasts longer than a minute"]
    columns, problems = candles(row(0).replace(str(FEB_2025 + 59_999), "0"))
    assert (minutes(columns), problems) == ([0], []), "a file of one's own may say nothing of the end"


def test_a_minute_that_is_there_again_with_other_numbers_is_named_and_the_last_one_counts() -> None:
    columns, problems = candles("\n".join([row(0), row(1), row(0), row(1, close="101.5"), row(2)]))
    assert (minutes(columns), columns.close.tolist()) == ([0, 1, 2], [101.0, 101.5, 101.0])
    assert problems == [f"{NAME}: line 4: its minute is there before, with other numbers; these count"]


def test_metrics_of_another_symbol_or_with_a_zone_or_none() -> None:
    def line(when: str, symbol: str = "BTCUSDT", contracts: str = "100") -> str:
        return f"{when},{symbol},{contracts},1000,1,1,1,1"

    rows = [
        line("2025-02-01 00:00:00"),
        line("2025-02-01 00:05:00", "ETHUSDT", "7"),
        line("2025-02-01 08:10:00+08:00", "btcusdt"),
        line("2025-02-01T00:15:00Z", ""),
        line("2025-02-01"),
        line("٢٠٢٥-02-01 00:20:00"),
        line("2025-02-01 00:25:00", contracts="１００"),
        line("2025-02-01 00:30:00", contracts="1_00"),
    ]
    read = read_archive_file(METRICS, "\n".join([METRICS_HEADER, *rows]).encode(), source=Source.ARCHIVE)
    assert isinstance(read.columns, OpenInterestColumns)
    assert ((read.columns.time_ms - FEB_2025) // 60_000).tolist() == [0, 10, 15]
    assert [str(one) for one in read.problems] == [
        f"{METRICS}: line 3: it is of ETHUSDT",
        f"{METRICS}: line 6: '2025-02-01' is no time",
        f"{METRICS}: line 7: '٢٠٢٥-02-01 00:20:00' is no time",
        f"{METRICS}: 2 more lines are no data",
    ]
    with pytest.raises(ArchiveFileError, match="line 2: it is of ETHUSDT"):
        read_archive_file(METRICS, f"{METRICS_HEADER}\n{rows[1]}".encode(), source=Source.ARCHIVE)


def test_zips_of_odd_shapes_are_refused_in_one_line() -> None:
    locked = bytearray(zipped(row(0)))
    locked[6] |= 1
    locked[locked.find(b"PK\x01\x02") + 8] |= 1
    name = NAME.replace(".csv", ".zip")
    for content, expected in (
        (bytes(locked), "the zip is encrypted"),
        (b"", "it is not a whole zip file: File is not a zip file"),
        (zipped(row(0), "BTCUSDT-1m-2025-02.zip"), "the zip holds no .csv"),
        (zipped(""), "it holds no rows"),
        (
            zipped(row(0), "ETHUSDT-1m-2025-02.csv"),
            "it holds ETHUSDT-1m-2025-02.csv, which is not what its own name says",
        ),
    ):
        with pytest.raises(ArchiveFileError) as refusal:
            candles(content, name)
        assert str(refusal.value) == expected


def test_what_is_yet_to_come_is_no_data() -> None:
    content, now_ms = "\n".join([row(0), row(1), row(2)]).encode(), FEB_2025 + 2 * 60_000
    read = read_archive_file(NAME, content, source=Source.IMPORTED, now_ms=now_ms)
    assert len(read.columns) == 2
    assert [str(one) for one in read.problems] == [f"{NAME}: line 3: its time is yet to come"]
    lines = [METRICS_HEADER, "2025-02-01 00:00:00,BTCUSDT,10,1,1,1,1,1", "2025-02-01 00:05:00,BTCUSDT,10,1,1,1,1,1"]
    held = read_archive_file(METRICS, "\n".join(lines).encode(), source=Source.IMPORTED, now_ms=now_ms)
    assert len(held.columns) == 1
    assert [str(one) for one in held.problems] == [f"{METRICS}: line 3: its time is yet to come"]


def test_a_zip_whose_content_was_damaged_on_the_way_is_refused() -> None:
    packed = bytearray(zipped("\n".join(row(at) for at in range(500))))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(ArchiveFileError, match="not a whole zip file"):
        read_archive_file(NAME, bytes(packed), source=Source.ARCHIVE)


def test_metrics_unsorted_doubled_a_second_off_and_blank() -> None:
    lines = [
        METRICS_HEADER,
        "2025-02-01 00:10:00,BTCUSDT,12,1200,1,2,3,4",
        "2025-02-01 00:05:01,BTCUSDT,11,1100,,2,3,4",
        "2025-02-01 00:00:00,BTCUSDT,10,1000,1,2,3,4",
        "2025-02-01 00:10:00,BTCUSDT,12.5,1250,1,2,3,4",
        "2025-02-01 00:14:59,BTCUSDT,13,1300,1,2,3,4",
        "2025-02-01 00:20:00,BTCUSDT,,1300,1,2,3,4",
        "2025-02-01 00:25:00,BTCUSDT,1",
        "yesterday,BTCUSDT,1,1,1,1,1,1",
    ]
    read = read_archive_file(METRICS, "\n".join(lines).encode(), source=Source.ARCHIVE)
    assert isinstance(read.columns, OpenInterestColumns)
    assert [(ms - FEB_2025) // 60_000 for ms in read.columns.time_ms] == [0, 5, 10, 15]
    assert read.columns.contracts.tolist() == [10.0, 11.0, 12.5, 13.0]
    assert np.isnan(read.columns.top_accounts).tolist() == [False, True, False, False]
    assert [str(problem).partition(": ")[2] for problem in read.problems] == [
        "line 7: no open interest",
        "line 8: 3 columns instead of 8",
        "line 9: 'yesterday' is no time",
    ]


@given(content=st.binary(max_size=300), name=st.sampled_from([NAME, METRICS, "X-1m-2025-02.zip", "x.csv.gz"]))
def test_bytes_of_any_kind_give_rows_or_one_clear_refusal(content: bytes, name: str) -> None:
    try:
        read = read_archive_file(name, content, source=Source.IMPORTED)
    except ArchiveFileError as problem:
        assert str(problem)
        assert "\n" not in str(problem)
    else:
        assert len(read.columns) > 0


def test_import_takes_what_it_can_and_names_the_rest(tmp_path: Path) -> None:
    folder, store = tmp_path / "in", HistoryStore(tmp_path / "store")
    (folder / "deep").mkdir(parents=True)
    (folder / "BTCUSDT-1m-2025-02.csv").write_text(row(0) + "\n" + row(1))
    (folder / "deep" / "BTCUSDT-1m-2025-02-01.zip").write_bytes(zipped(row(1, close="100.5") + "\n" + row(2)))
    (folder / "ETHUSDT-1m-2025-02.zip").write_bytes(zipped(row(0))[:-30])
    (folder / "notes.txt").write_text("not looked at")
    report = import_files(store, [folder, tmp_path / "gone.csv"])
    assert (report.files, report.new, report.changed) == (2, 3, 1)
    assert [problem.partition(":")[0].rpartition("/")[2] for problem in report.problems] == [
        "ETHUSDT-1m-2025-02.zip",
        "gone.csv",
    ]
    found = store.candles("BTCUSDT", 0, 1 << 50)
    assert minutes(found) == [0, 1, 2]
    assert found.close[1] == 100.5
    stored = store.month("BTCUSDT", "2025-02")
    assert stored is not None
    assert [one.name for one in stored.inputs] == ["import:BTCUSDT-1m-2025-02.csv", "import:BTCUSDT-1m-2025-02-01.zip"]


def test_what_would_hang_or_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    pipe, huge, good = (tmp_path / f"{name}USDT-1m-2025-02.csv" for name in ("A", "B", "C"))
    os.mkfifo(pipe)
    with huge.open("wb") as file:
        file.truncate(513 * 1024 * 1024)
    good.write_text(row(0))
    report = import_files(HistoryStore(tmp_path / "store"), [Path("/dev/zero"), pipe, huge, good])
    assert (report.files, report.new) == (1, 1)
    assert report.problems == ["/dev/zero: it is no file", f"{pipe}: it is no file", f"{huge.name}: more than 512 MB"]


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path) -> None:
    assert import_files(HistoryStore(tmp_path / "store"), [tmp_path]).problems == ["no .csv, .csv.gz or .zip there"]


def test_the_real_luna_became_another_coin_after_its_hole(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    report = import_files(store, [real_file("LUNAUSDT-1m-2022-05.csv.gz")])
    assert (report.new, report.problems) == (18_400, [])
    rows = list(listed(store))
    assert [(row.missing_minutes, row.rows) for row in rows] == [(26_240, 18_400)]
    assert [hole.minutes for hole in rows[0].other_coins] == [26_240]
    columns = store.candles("LUNAUSDT", 0, 1 << 60)
    changes = (columns.close / columns.open - 1) * 100
    assert (int((changes >= 3 - 1e-9).sum()), int((changes <= -3 + 1e-9).sum())) == (592, 681)


def fundings(text: str, name: str = "BTCUSDT-fundingRate-2025-02.csv") -> tuple[FundingColumns, list[str]]:
    read = read_archive_file(name, text.encode(), source=Source.ARCHIVE)
    assert isinstance(read.columns, FundingColumns)
    return read.columns, [str(problem) for problem in read.problems]


def test_settled_funding_is_read_with_or_without_names_to_the_minute_and_each_settlement_once() -> None:
    lines = [f"{FEB_2025 + 8 * 3_600_000 + 12},8,0.00010000", f"{FEB_2025 + 4},8,-0.00250000"]
    for text in ("\n".join(lines), "calc_time,funding_interval_hours,last_funding_rate\n" + "\r\n".join(lines * 2)):
        read, problems = fundings(text)
        assert problems == []
        assert read.time_ms.tolist() == [FEB_2025, FEB_2025 + 8 * 3_600_000]
        assert read.rate.tolist() == [-0.0025, 0.0001]
        assert read.interval_h.tolist() == [8.0, 8.0]


def test_rows_that_are_no_settlement_are_named_and_the_others_stay() -> None:
    good = f"{FEB_2025},4,0.0001"
    for odd, said in {
        f"{FEB_2025},0.0001": "line 2: 2 columns instead of 3",
        "yesterday,8,0.0001": "line 2: a cell that is no number",
        f"{FEB_2025},8,1_0": "line 2: a cell that is no number",
        "17,8,0.0001": "line 2: '17' is no time",
        f"{FEB_2025},0,0.0001": "line 2: no rate of funding",
        f"{FEB_2025},999,0.0001": "line 2: no rate of funding",
        f"{FEB_2025},8,nan": "line 2: no rate of funding",
        f"{FEB_2025},8,3": "line 2: no rate of funding",
    }.items():
        read, problems = fundings(f"{good}\n{odd}\n")
        assert read.rate.tolist() == [0.0001], odd
        assert problems == [f"BTCUSDT-fundingRate-2025-02.csv: {said}"], odd
    with pytest.raises(ArchiveFileError, match="not what its name says"):
        fundings(good, "BTCUSDT-fundingRate-2024-02.csv")


def test_the_case_of_a_name_says_nothing_but_of_minutes_and_months() -> None:
    good = f"{FEB_2025},8,0.0001"
    for name in ("btcusdt-fundingrate-2025-02.csv", "BTCUSDT-FUNDINGRATE-2025-02.CSV"):
        read, problems = fundings(good, name)
        assert (len(read), problems) == (1, []), name
    inside = zipped(good, "btcusdt-fundingrate-2025-02.csv")
    read_zip = read_archive_file("BTCUSDT-fundingRate-2025-02.zip", inside, source=Source.IMPORTED)
    assert len(read_zip.columns) == 1
    with pytest.raises(ArchiveFileError, match="candles of 1M: only those of 1m are kept"):
        candles(row(0), "BTCUSDT-1M-2025-02.csv")


def test_a_file_of_funding_that_somebody_has_is_taken_in_and_listed(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-fundingRate-2025-02.csv").write_text(
        f"{FEB_2025},8,0.0001\n{FEB_2025 + 28_800_000},8,0.0002\n"
    )
    store = HistoryStore(tmp_path / "store")
    report = import_files(store, [tmp_path / "BTCUSDT-fundingRate-2025-02.csv"])
    assert (report.files, report.new, report.problems) == (1, 2, [])
    (row,) = listed(store)
    assert (row.symbol, row.series, row.rows, row.missing_minutes) == ("BTCUSDT", "funding", 2, 0)
    found = store.funding("BTCUSDT", 0, 1 << 50)
    assert (found.rate.tolist(), found.interval_h.tolist()) == ([0.0001, 0.0002], [8.0, 8.0])
