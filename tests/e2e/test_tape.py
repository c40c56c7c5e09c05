"""Real and made-up candles, played as a tape: what is told is what an independent count of the same rows says."""

from __future__ import annotations

import ast
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from altmonitor.core.alert import Alert
from altmonitor.exchanges.binance.dialect import decode_kline
from altmonitor.market.candles import CandleUpdate
from altmonitor.settings.settings import Settings
from altmonitor.sim.tape import TapeMarket
from altmonitor.storage.rows import merged
from tests import replay_count
from tests.e2e.tape_kit import HISTORY, LEAD_IN, STARTS, Demo, demo, eventful_file, play
from tests.fakes import Market
from tests.replay_count import CLOSE_PUSH, MINUTE, Rules, Told, count, moment, rows_of, table, volume_alerts

ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / "klines"
LUNA = "LUNAUSDT-1m-2022-05.csv.gz"
BASELINE = 20


def archive(name: str) -> Path:
    """A month of the exchange's public archive, kept beside the checkout."""
    if not (ARCHIVE / name).exists():
        pytest.skip(f"no archive file {name} beside this checkout")
    return ARCHIVE / name


class Played:
    """The engine alone, with the history before `from_ms` known, fed the very bytes that a socket would carry."""

    def __init__(self, file: Path, from_ms: int, to_ms: int, settings: Settings | None = None) -> None:
        tape = TapeMarket(file, from_ms=from_ms, to_ms=to_ms)
        self.symbol = tape.symbol
        self.market = Market(self.symbol, settings=settings)
        engine = self.market.engine
        engine.refill(self.symbol, tape.klines(self.symbol, from_ms - BASELINE * MINUTE, from_ms - 1))
        for begin in range(from_ms, tape.end_ms + 1, MINUTE):
            for frame in tape.frames(max(begin - 1, from_ms + CLOSE_PUSH - MINUTE), begin + MINUTE - 1):
                self.market.clock.ms = frame.event_ms
                engine.on_kline(decode_kline(b'{"data":%b}' % frame.event).data)

    @property
    def alerts(self) -> list[Alert]:
        """As they stand at the end."""
        told = {alert.key: alert for alert in self.market.sink.alerts}
        for learned in self.market.completed:
            told[learned.key] = merged(told[learned.key], learned)
        return list(told.values())


def assert_told(alerts: list[Alert], expected: list[Told], symbol: str) -> None:
    """One by one, in order: key (symbol, kind, direction, window, candle, step), moment and measured value."""
    told = [(alert.key, alert.event_ms) for alert in alerts]
    assert told == [(one.key(symbol), one.event_ms) for one in expected]
    sizes = [alert.metric for alert in alerts]
    assert sizes == pytest.approx([float(one.size) for one in expected], rel=1e-9)
    assert [alert.details.told_before_pct is not None for alert in alerts] == [one.step > 0 for one in expected]


def test_the_count_stands_on_its_own() -> None:
    tree = ast.parse(Path(replay_count.__file__).read_text("utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {"csv", "fractions"} <= set(names) <= set(sys.stdlib_module_names) | {"__future__", "collections.abc"}


@pytest.mark.parametrize("is_rolling", [True, False], ids=["rolling", "candle only"])
@pytest.mark.parametrize(
    ("name", "begin", "end", "alerts"),  # alerts: with the 60 s comparison, and without
    [
        (LUNA, "2022-05-12", "2022-05-13", (1072, 912)),
        (LUNA, "2022-05-13T00:00", "2022-05-31T07:00", (54, 48)),  # over a hole of 26,240 minutes
        ("FILUSDT-1m-2025-02.csv.gz", "2025-02-03", "2025-02-04", (17, 16)),
        ("NEARUSDT-1m-2025-02.csv.gz", "2025-02-03", "2025-02-04", (41, 37)),
        ("AVAXUSDT-1m-2025-02.csv.gz", "2025-02-03", "2025-02-04", (14, 10)),
        ("FILUSDT-1m-2024-10.csv.gz", "2024-10-28", "2024-10-29", (59, 59)),  # 89 flat candles without a trade
    ],
)
def test_the_engine_tells_a_recorded_day_as_counted(
    name: str, begin: str, end: str, alerts: tuple[int, int], is_rolling: bool
) -> None:
    file = archive(name)
    begin_ms, end_ms = moment(begin), moment(end)
    expected = count(rows_of(file), begin_ms, end_ms, Rules(is_rolling=is_rolling))
    assert len(expected) == alerts[0 if is_rolling else 1]
    played = Played(file, begin_ms, end_ms, Settings(rolling=is_rolling))
    assert_told(played.alerts, expected, played.symbol)


def test_without_a_cooldown_every_candle_is_told_as_counted() -> None:
    file = archive(LUNA)
    begin_ms, end_ms = moment("2022-05-12T12:00"), moment("2022-05-12T18:00")
    expected = count(rows_of(file), begin_ms, end_ms, Rules(cooldown_s=0))
    played = Played(file, begin_ms, end_ms, Settings(cooldown_sec=0))
    assert_told(played.alerts, expected, played.symbol)


def test_the_count_of_the_worst_day_is_the_one_written_down() -> None:
    rows, begin_ms, end_ms = rows_of(archive(LUNA)), moment("2022-05-12"), moment("2022-05-13")
    assert table(count(rows, begin_ms, end_ms)) == {
        ("price", "PUMP", "1m", False): 212,
        ("price", "PUMP", "1m", True): 89,
        ("price", "PUMP", "60s", False): 89,
        ("price", "PUMP", "60s", True): 136,
        ("price", "DUMP", "1m", False): 188,
        ("price", "DUMP", "1m", True): 104,
        ("price", "DUMP", "60s", False): 129,
        ("price", "DUMP", "60s", True): 119,
        ("price", "PUMP", "episode", True): 1,
        ("price", "DUMP", "episode", True): 2,
        ("vol", "DOWN", "1m", False): 3,
    }
    assert table(count(rows, begin_ms, end_ms, Rules(is_rolling=False))) == {
        ("price", "PUMP", "1m", False): 291,
        ("price", "PUMP", "1m", True): 155,
        ("price", "DUMP", "1m", False): 286,
        ("price", "DUMP", "1m", True): 174,
        ("price", "PUMP", "episode", True): 2,
        ("price", "DUMP", "episode", True): 1,
        ("vol", "DOWN", "1m", False): 3,
    }


@pytest.mark.parametrize(
    ("name", "bursts", "after_20_rows"),
    [
        ("FILUSDT-1m-2025-02.csv.gz", 1037, 1037),
        ("NEARUSDT-1m-2025-02.csv.gz", 1211, 1211),
        ("AVAXUSDT-1m-2025-02.csv.gz", 700, 699),  # one within the first 20 minutes of the month
    ],
)
def test_bursts_of_a_whole_month_without_a_cooldown(name: str, bursts: int, after_20_rows: int) -> None:
    rows = rows_of(archive(name))
    always = Rules(cooldown_s=0, is_early=False)  # candles are fed when they are closed
    expected = volume_alerts(rows, 0, rows[-1].open_ms + 1, always)
    assert len(expected) == bursts
    assert sum(one.candle_ms >= rows[20].open_ms for one in expected) == after_20_rows
    tape = TapeMarket(archive(name))
    market = Market(tape.symbol, settings=Settings(cooldown_sec=0, pump_threshold=100, dump_threshold=-100))
    for candle in tape.klines(tape.symbol, 0, tape.end_ms):
        market.engine.on_kline(CandleUpdate(event_ms=candle.open_ms + CLOSE_PUSH, symbol=tape.symbol, kline=candle))
    assert_told(market.sink.alerts, expected, tape.symbol)


# --- through the whole program, over real sockets


def assert_arrived(ran: Demo, expected: list[Told]) -> None:
    """Stored one by one as counted, sent, and seen in the chat."""
    assert ran.alerts == [(one.key("LUNAUSDT"), one.event_ms) for one in expected]
    assert ran.sizes == pytest.approx([float(one.size) for one in expected], rel=1e-9)
    assert (ran.late, ran.unsent) == (0, 0)
    assert ran.message_ids <= ran.shown_ids


def test_the_engine_tells_a_made_up_tape_as_counted(tmp_path: Path) -> None:
    file = eventful_file(tmp_path)
    rows = rows_of(file)
    played = Played(file, rows[HISTORY].open_ms, rows[-1].open_ms + 1)
    assert len(played.alerts) == 11
    assert_told(played.alerts, count(rows, rows[HISTORY].open_ms, 1 << 50), played.symbol)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--from", "2026-09-21T14:00", "--to", "2026-09-21T14:00"], "--to 2026-09-21T14:00 is not later than --from"),
        (["--to", "soon"], "--to 'soon' is not a time such as"),
        (["--to", "2026-09-01"], "begins after the moment to stop at"),
    ],
)
def test_options_that_make_no_sense_are_one_clear_line(tmp_path: Path, options: list[str], complaint: str) -> None:
    ran = play(eventful_file(tmp_path), *options)
    assert ran.returncode == 2
    assert complaint in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_the_database_of_another_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "alerts.db").touch()
    ran = play(eventful_file(tmp_path), "--keep", str(tmp_path))
    assert (ran.returncode, ran.stderr) == (
        2,
        f"--keep {tmp_path} already holds alerts.db of another run: name a new folder\n",
    )
    assert (tmp_path / "alerts.db").read_bytes() == b""


def test_a_made_up_tape_arrives_in_the_chat_as_counted(tmp_path: Path) -> None:
    file = eventful_file(tmp_path)
    begin = STARTS - timedelta(minutes=LEAD_IN)
    expected = count(rows_of(file), int(begin.timestamp() * 1000), 1 << 50)
    assert [(one.direction, one.window, one.step, round(float(one.size), 2)) for one in expected] == [
        ("PUMP", "1m", 0, 3.0),
        ("PUMP", "60s", 0, 3.44),
        ("PUMP", "1m", 0, 3.35),
        ("PUMP", "60s", 1, 6.72),
        ("DUMP", "1m", 0, -3.8),
        ("DUMP", "1m", 1, -7.68),
        ("DUMP", "1m", 2, -15.45),
        ("UP", "1m", 0, 7.33),
        ("DOWN", "1m", 0, 8.67),
        ("PUMP", "episode", 1, 30.0),  # behind the hole: the whole move since its first alert has doubled
        ("UP", "1m", 0, 7.5),
    ]
    ran = demo(file, begin=begin, folder=tmp_path / "kept")
    assert_arrived(ran, expected)
    assert ran.chat.count("BLIND since") == 1  # the hole, and nothing else
    assert "PUMP LUNAUSDT +3.00 %" in ran.chat
    assert ran.chat.endswith("11 alerts: price DUMP 3, price PUMP 5, vol DOWN 1, vol UP 2\n")


def test_an_hour_of_the_worst_day_arrives_in_the_chat_as_counted(tmp_path: Path) -> None:
    file = archive(LUNA)
    begin, end = datetime(2022, 5, 12, 1, 20, tzinfo=UTC), datetime(2022, 5, 12, 2, 30, tzinfo=UTC)
    expected = count(rows_of(file), moment("2022-05-12T01:20"), moment("2022-05-12T02:30"))
    ran = demo(file, begin=begin, end=end, folder=tmp_path / "kept")
    assert_arrived(ran, expected)
    assert "BLIND" not in ran.chat
