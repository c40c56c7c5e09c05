from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from altmonitor.core.errors import ConfigError
from altmonitor.sim.market import Market
from altmonitor.sim.tape import Jump, TapeMarket
from tests.sim.exchange_kit import MINUTE, START, ask, everything, scene

HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)


def line(minute: int, o: str, h: str, low: str, c: str, *, quote: str = "1000.50", trades: int = 200) -> str:
    opened = START + minute * MINUTE
    return f"{opened},{o},{h},{low},{c},900.1,{opened + MINUTE - 1},{quote},{trades},400.5,450.25,0"


UP = line(0, "1.0700", "1.1200", "1.0500", "1.0900")
DOWN = line(1, "1.0900", "1.1000", "0.9000", "0.9500")


def tape(folder: Path, *lines: str, name: str = "LUNAUSDT-1m-2026-09.csv", **options: Any) -> TapeMarket:
    file = folder / name
    file.write_text("\n".join(lines) + "\n")
    return TapeMarket(file, **options)


def played(market: Market, minutes: int = 2) -> list[dict[str, Any]]:
    frames = market.frames(START - 1, START + minutes * MINUTE + 1_000)
    return [{"E": event["E"], **event["k"]} for event in (json.loads(frame.event) for frame in frames)]


def test_a_rising_candle_goes_open_low_high_close(tmp_path: Path) -> None:
    states = played(tape(tmp_path, UP), 1)
    closes = [state["c"] for state in states]
    assert closes[0] == "1.0700"
    assert closes[-1] == closes[-2] == "1.0900"
    assert closes.index("1.0500") < closes.index("1.1200")
    assert [float(c) for c in closes[:5]] == sorted((float(c) for c in closes[:5]), reverse=True)


def test_a_falling_candle_goes_open_high_low_close(tmp_path: Path) -> None:
    closes = [state["c"] for state in played(tape(tmp_path, UP, DOWN)) if state["t"] == START + MINUTE]
    assert (closes[0], closes[-1]) == ("1.0900", "0.9500")
    assert closes.index("1.1000") < closes.index("0.9000")


def test_no_push_leaves_the_candle_and_all_are_on_its_ticks(tmp_path: Path) -> None:
    states = played(tape(tmp_path, UP, DOWN))
    for begin, low, high in ((START, 1.05, 1.12), (START + MINUTE, 0.90, 1.10)):
        own = [state for state in states if state["t"] == begin]
        assert len(own) == 21
        for state in own:
            assert low <= float(state["l"]) <= float(state["c"]) <= float(state["h"]) <= high
            assert len(state["c"]) == 6
            assert state["c"].endswith("00")  # the file writes four decimals and uses two
        assert [state["E"] for state in own] == sorted(state["E"] for state in own)
        volumes = [float(state["q"]) for state in own]
        assert volumes == sorted(volumes)


def test_the_path_is_rounded_half_to_even_on_the_finest_decimal_of_the_file(tmp_path: Path) -> None:
    market = tape(tmp_path, line(0, "1.0", "1.4", "1.0", "1.4"), line(1, "1.4", "1.45", "1.4", "1.4"))
    closes = [state["c"] for state in played(market) if state["t"] == START]
    assert closes[:6] == ["1.0", "1.00", "1.00", "1.00", "1.0", "1.05"]
    assert closes[6:13] == ["1.10", "1.15", "1.20", "1.25", "1.30", "1.35", "1.4"]
    ticks = tape(tmp_path, line(0, "3", "4", "3", "4"))
    closes = [state["c"] for state in played(ticks, 1)]
    assert closes[4:13] == ["3", "3", "3", "3", "4", "4", "4", "4", "4"]  # 3.5 goes to the even 4


def test_a_price_written_short_does_not_lead_the_path_out_of_its_candle(tmp_path: Path) -> None:
    market = tape(tmp_path, line(0, "3.54", "3.6", "3.54", "3.6"))
    states = played(market, 1)
    assert min(float(state["c"]) for state in states) == 3.54
    assert [state["c"] for state in states][5] == "3.55"


def test_the_closing_frame_is_the_row_itself(tmp_path: Path) -> None:
    closing = [state for state in played(tape(tmp_path, UP), 1) if state["x"]]
    assert len(closing) == 1
    assert closing[0]["E"] == START + MINUTE + 400
    kept = {name: closing[0][name] for name in "tTohlcvqnVQ"}
    assert kept == {
        "t": START,
        "T": START + 59_999,
        "o": "1.0700",
        "h": "1.1200",
        "l": "1.0500",
        "c": "1.0900",
        "v": "900.1",
        "q": "1000.50",
        "n": 200,
        "V": "400.5",
        "Q": "450.25",
    }


def test_a_minute_without_trades_is_one_flat_push_and_its_close(tmp_path: Path) -> None:
    flat = line(0, "3.5", "3.5", "3.5", "3.5", quote="0", trades=0)
    states = played(tape(tmp_path, flat), 1)
    assert [(state["x"], state["n"], state["f"], state["L"]) for state in states] == [
        (False, 0, -1, -1),
        (True, 0, -1, -1),
    ]


@pytest.mark.parametrize("step_ms", [20, 700, 12_000])
def test_the_size_of_the_steps_changes_nothing(tmp_path: Path, step_ms: int) -> None:
    market = tape(tmp_path, UP, DOWN)
    frames = []
    for at_ms in range(START - 1, START + 2 * MINUTE + 12_000, step_ms):
        frames += market.frames(at_ms, at_ms + step_ms)
    assert frames == market.frames(START - 1, START + 3 * MINUTE)


def test_header_gzip_microseconds_disorder_and_repeats_are_read(tmp_path: Path) -> None:
    plain = tape(tmp_path, UP, DOWN).klines("LUNAUSDT", 0, 1 << 50)
    assert [k.close for k in plain] == [1.09, 0.95]
    assert tape(tmp_path, HEADER, UP, DOWN).klines("LUNAUSDT", 0, 1 << 50) == plain
    assert tape(tmp_path, DOWN, UP, DOWN).klines("LUNAUSDT", 0, 1 << 50) == plain
    micro = [row.replace(str(START + n * MINUTE), f"{START + n * MINUTE}000", 1) for n, row in enumerate((UP, DOWN))]
    assert tape(tmp_path, *micro).klines("LUNAUSDT", 0, 1 << 50) == plain
    packed = tmp_path / "LUNAUSDT-1m-2026-09.csv.gz"
    packed.write_bytes(gzip.compress(f"{UP}\n{DOWN}\n".encode()))
    assert TapeMarket(packed).klines("LUNAUSDT", 0, 1 << 50) == plain
    assert tape(tmp_path, f"\ufeff{HEADER}", UP, DOWN).klines("LUNAUSDT", 0, 1 << 50) == plain
    assert tape(tmp_path, f"\ufeff{UP}", DOWN).klines("LUNAUSDT", 0, 1 << 50) == plain
    zipped = tmp_path / "LUNAUSDT-1m-2026-09.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("LUNAUSDT-1m-2026-09.csv", f"{UP}\n{DOWN}\n")
    assert TapeMarket(zipped).klines("LUNAUSDT", 0, 1 << 50) == plain
    assert TapeMarket(zipped.rename(tmp_path / "LUNAUSDT-1m.csv")).klines("LUNAUSDT", 0, 1 << 50) == plain


def test_the_symbol_comes_from_the_file_name_or_is_given(tmp_path: Path) -> None:
    assert tape(tmp_path, UP).symbol == "LUNAUSDT"
    assert tape(tmp_path, UP, name="币安人生USDT-1m-2026-09-21.csv").symbol == "币安人生USDT"
    assert tape(tmp_path, UP, name="candles.csv", symbol="fooUSDT").symbol == "FOOUSDT"
    with pytest.raises(ConfigError, match="say which it is"):
        tape(tmp_path, UP, name="candles.csv")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no candles"),
        (HEADER, "holds no candles"),
        ("time;price\n1;2\n", "line 1 has 1 columns"),
        ("hello, world\n", "line 1 has 2 columns"),
        (UP.replace("1.1200", "abc"), "line 1 is no candle"),
        (f"{UP}\n{DOWN[:40]}\n", "line 2 has"),
        (UP.replace("1.1200", "1.0100"), "line 1 is no candle"),
        (UP.replace(str(START), str(START + 1), 1), "line 1 is no candle"),
        (UP.replace("1.0500", "0"), "line 1 is no candle"),
        (UP.replace("1.0700", "9" * 400), "line 1 is no candle"),
        (UP.replace(str(START), "9" * 400, 1), "line 1 is no candle"),
        (UP.replace("1.0700", "１.07"), "line 1 is no candle"),
        ("<html>\x00</html>", "columns"),
    ],
)
def test_a_file_of_something_else_is_one_clear_line(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "LUNAUSDT-1m-2026-09.csv"
    file.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as refused:
        TapeMarket(file)
    assert str(refused.value).startswith(str(file))
    assert "\n" not in str(refused.value)


def test_unreadable_files_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        TapeMarket(tmp_path / "LUNAUSDT-1m-2026-09.csv")
    broken = tmp_path / "LUNAUSDT-1m-2026-09.csv.gz"
    broken.write_bytes(gzip.compress(UP.encode() * 50)[:-20])
    with pytest.raises(ConfigError, match="not a whole gzip file"):
        TapeMarket(broken)
    broken.write_bytes(b"no gzip at all")
    with pytest.raises(ConfigError, match="not a whole gzip file"):
        TapeMarket(broken)
    broken.with_suffix("").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        TapeMarket(broken.with_suffix(""))
    gzipped, zipped = gzip.compress(UP.encode() * 50), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("LUNAUSDT-1m-2026-09.csv", UP * 50)
    found = []
    for whole, name in ((gzipped, "LUNAUSDT-1m-a.csv.gz"), (zipped.getvalue(), "LUNAUSDT-1m-a.zip")):
        for at in range(0, len(whole), 3):
            (tmp_path / name).write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
            try:
                TapeMarket(tmp_path / name)
            except ConfigError as problem:
                if "\n" in str(problem):
                    found.append((name, at, str(problem)))
    assert found == []
    empty = tmp_path / "LUNAUSDT-1m-b.zip"
    zipfile.ZipFile(empty, "w").close()
    with pytest.raises(ConfigError, match=r"LUNAUSDT-1m-b\.zip cannot be played: the zip holds no \.csv"):
        TapeMarket(empty)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        TapeMarket(tmp_path)


def test_playing_can_begin_in_the_middle_with_the_rest_as_history(tmp_path: Path) -> None:
    market = tape(tmp_path, UP, DOWN, from_ms=START + MINUTE)
    assert market.start_ms == START + MINUTE
    assert [k.open_ms for k in market.klines("LUNAUSDT", 0, market.start_ms)] == [START, START + MINUTE]
    with pytest.raises(ConfigError, match="ends before the moment asked for"):
        tape(tmp_path, UP, DOWN, from_ms=START + 2 * MINUTE)


def test_playing_can_end_before_the_file_does(tmp_path: Path) -> None:
    market = tape(tmp_path, UP, DOWN, to_ms=START + MINUTE)
    assert market.end_ms == START + MINUTE + 400
    assert [k.open_ms for k in market.klines("LUNAUSDT", 0, 1 << 50)] == [START]
    assert market.frames(START + MINUTE + 400, START + 3 * MINUTE) == []
    with pytest.raises(ConfigError, match="begins after the moment to stop at"):
        tape(tmp_path, UP, DOWN, to_ms=START)


def test_holes_stay_holes_in_time(tmp_path: Path) -> None:
    market = tape(tmp_path, UP, line(60, "8.0", "8.1", "7.9", "8.05"))
    assert market.jumps == ()
    assert market.frames(START + 62_000, START + 60 * MINUTE) == []
    assert market.frames(START + 60 * MINUTE, START + 60 * MINUTE + 500)[0].event_ms == START + 60 * MINUTE + 500
    assert not market.is_over(START + 61 * MINUTE)
    assert market.is_over(START + 61 * MINUTE + 401)


def test_long_holes_can_be_shortened_and_the_jump_is_told(tmp_path: Path) -> None:
    after = [line(1_000, "8.0", "8.1", "7.9", "8.05"), line(1_001, "8.0", "8.1", "7.9", "8.06")]
    market = tape(tmp_path, UP, *after, skip_holes_over_s=3_600)
    assert market.jumps == (Jump(hole_minutes=999, tape_ms=START + 1_000 * MINUTE, shown_ms=START + 11 * MINUTE),)
    opens = [k.open_ms for k in market.klines("LUNAUSDT", 0, 1 << 50)]
    assert opens == [START, START + 11 * MINUTE, START + 12 * MINUTE]
    assert tape(tmp_path, UP, *after, skip_holes_over_s=60_000).jumps == ()


def test_a_hole_that_playing_begins_in_is_shortened_from_there(tmp_path: Path) -> None:
    after = line(1_000, "8.0", "8.1", "7.9", "8.05")
    market = tape(tmp_path, UP, after, from_ms=START + 300 * MINUTE + 7, skip_holes_over_s=3_600)
    assert market.start_ms == START + 300 * MINUTE + 7
    assert market.jumps == (Jump(hole_minutes=700, tape_ms=START + 1_000 * MINUTE, shown_ms=START + 310 * MINUTE),)


async def test_a_tape_is_served_like_any_market(tmp_path: Path) -> None:
    market = tape(tmp_path, line(-1, "1.0600", "1.0800", "1.0500", "1.0700"), UP, DOWN, from_ms=START)
    async with scene(market=market) as world, world.connect() as socket:
        _, info, _ = await world.get("/fapi/v1/exchangeInfo")
        assert [(row["symbol"], row["status"]) for row in info["symbols"]] == [("LUNAUSDT", "TRADING")]
        await ask(socket, "SUBSCRIBE", ["lunausdt@kline_1m"])
        world.clock.move(61_000)
        frames = await everything(socket)
        assert frames[0]["stream"] == "lunausdt@kline_1m"
        assert [frame["data"]["k"]["x"] for frame in frames].count(True) == 2
        _, rows, _ = await world.get("/fapi/v1/klines", symbol="LUNAUSDT", interval="1m", limit=3)
        assert [row[4] for row in rows] == ["1.0700", "1.0900", frames[-1]["data"]["k"]["c"]]
        _, held, _ = await world.get("/fapi/v1/openInterest", symbol="LUNAUSDT")
        assert float(held["openInterest"]) > 0
        _, [day], _ = await world.get("/fapi/v1/ticker/24hr")
        assert (day["openPrice"], day["highPrice"], day["lowPrice"]) == ("1.0600", "1.1200", "1.0500")
        assert float(day["quoteVolume"]) == pytest.approx(2_001.0)
        _, [premium], _ = await world.get("/fapi/v1/premiumIndex")
        assert float(premium["markPrice"]) == pytest.approx(1.09, abs=0.001)
