"""Environment and `.env` → one frozen `Config`, every problem reported at once.

`VARIABLES` is the one table of what can be set: reading, checking, the README table (a test compares them) and the
near-miss hint all use it.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

from altmonitor.errors import ConfigError

LSR_PERIODS = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
LANGUAGES = ("en", "zh")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
TOKEN_SHAPE = re.compile(r"\d{5,}:[A-Za-z0-9_-]{30,}")
DESTINATION_SHAPE = re.compile(r"(-?\d{1,16})(?:/(\d{1,10}))?")


class Secret:
    """A string that shows itself only through `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret(empty)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where messages go: a chat, and inside a forum group a topic. Written `-1001234` or `-1001234/56`."""

    chat_id: int
    topic_id: int | None = None

    @property
    def is_group(self) -> bool:
        return self.chat_id < 0

    def __str__(self) -> str:
        return str(self.chat_id) if self.topic_id is None else f"{self.chat_id}/{self.topic_id}"

    @classmethod
    def parse(cls, text: str) -> Destination:
        match = DESTINATION_SHAPE.fullmatch(text.strip())
        if match is None:
            raise ValueError("a chat id such as 123456789 or -1001234567890, with /topic for a forum topic")
        return cls(chat_id=int(match[1]), topic_id=int(match[2]) if match[2] else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the environment decides. Units as in `VARIABLES`."""

    tg_bot_token: Secret
    tg_chat_id: Destination | None
    pump_threshold: float
    dump_threshold: float
    oi_surge_pct_1m: float
    oi_surge_pct_5m: float
    oi_min_usd: float
    vol_burst_mult: float
    vol_burst_lookback: int
    vol_burst_min_usdt: float
    min_24h_usdt: float
    cooldown_sec: int
    oi_poll_sec: int
    oi_concurrency: int
    symbols_refresh_sec: int
    tradfi_perpetuals: bool
    tg_min_send_interval: float | None  # None: 3.2 s for groups, 1.05 s for private chats
    allowed_chat_ids: frozenset[int]
    allowed_user_ids: frozenset[int]
    alert_lang: str
    alert_tz: str
    rolling: bool
    feed_gather_ms: int
    lsr_period: str
    history_enabled: bool
    state_file: Path
    db_file: Path
    api_host: str
    api_port: int
    api_token: Secret
    log_level: str
    log_format: str
    binance_rest_url: str
    binance_ws_url: str
    telegram_api_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable: how it is read, what it may be, what it means."""

    name: str
    default: str
    read: Callable[[str], object]
    allowed: str
    meaning: str

    @property
    def field(self) -> str:
        return self.name.lower()


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError
        return value

    return read


def _number_or_zero(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        return 0.0 if float(text) == 0 else _number(low, high)(text)

    return read


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,12}", text, re.ASCII):
            raise ValueError
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return read


def _flag(text: str) -> bool:
    word = text.lower()
    if word in ("true", "1", "yes", "on"):
        return True
    if word in ("false", "0", "no", "off"):
        return False
    raise ValueError


def _one_of(*choices: str, upper: bool = False) -> Callable[[str], str]:
    def read(text: str) -> str:
        word = text.upper() if upper else text.lower()
        if word not in choices:
            raise ValueError
        return word

    return read


def _ids(text: str) -> frozenset[int]:
    return frozenset(
        _whole(-(10**12) * 9, 10**12 * 9)(part.strip()) if len(part.strip()) <= 12 else _long_id(part.strip())
        for part in text.split(",")
        if part.strip()
    )


def _long_id(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,16}", text, re.ASCII):
        raise ValueError
    return int(text)


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError) as problem:
        raise ValueError from problem
    return text


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes or not parts.hostname or parts.query or parts.fragment:
            raise ValueError
        _ = parts.port  # raises ValueError when it is not a number
        return text.rstrip("/")

    return read


def _token(text: str) -> Secret:
    if text and not TOKEN_SHAPE.fullmatch(text):
        raise ValueError
    return Secret(text)


def _destination(text: str) -> Destination | None:
    return Destination.parse(text) if text else None


def _interval(text: str) -> float | None:
    return _number(0.05, 60)(text) if text else None


def _path(text: str) -> Path:
    if not text:
        raise ValueError
    return Path(text).expanduser()


VARIABLES: tuple[Variable, ...] = (
    Variable(
        name="TG_BOT_TOKEN",
        default="",
        read=_token,
        allowed="the token @BotFather gave you, 123456:ABC…",
        meaning="Telegram bot token; required for `run` unless `--dry-run`",
    ),
    Variable(
        name="TG_CHAT_ID",
        default="",
        read=_destination,
        allowed="a chat id such as 123456789 or -1001234567890, with /topic for a forum topic",
        meaning="where alerts go and commands are obeyed; required like the token",
    ),
    Variable(
        name="PUMP_THRESHOLD",
        default="3.0",
        read=_number(0.1, 100),
        allowed="0.1 to 100",
        meaning="percent of the candle's open",
    ),
    Variable(
        name="DUMP_THRESHOLD",
        default="-3.0",
        read=_number(-100, -0.1),
        allowed="-100 to -0.1",
        meaning="percent of the candle's open",
    ),
    Variable(
        name="OI_SURGE_PCT_1M",
        default="3.0",
        read=_number_or_zero(0.1, 1000),
        allowed="0.1 to 1000, or 0 for off",
        meaning="open-interest change over 1 minute, percent; 0 = off",
    ),
    Variable(
        name="OI_SURGE_PCT_5M",
        default="6.0",
        read=_number_or_zero(0.1, 1000),
        allowed="0.1 to 1000, or 0 for off",
        meaning="open-interest change over 5 minutes, percent; 0 = off",
    ),
    Variable(
        name="OI_MIN_USD",
        default="1000000",
        read=_number(0, 1e12),
        allowed="0 to 1e12",
        meaning="open interest below this (USD) raises no OI alert",
    ),
    Variable(
        name="VOL_BURST_MULT",
        default="5.0",
        read=_number_or_zero(1, 1000),
        allowed="1 to 1000, or 0 for off",
        meaning="multiple of the median quote volume; 0 = off",
    ),
    Variable(
        name="VOL_BURST_LOOKBACK",
        default="20",
        read=_whole(5, 500),
        allowed="a whole number, 5 to 500",
        meaning="closed candles the median is taken over",
    ),
    Variable(
        name="VOL_BURST_MIN_USDT",
        default="50000",
        read=_number(0, 1e12),
        allowed="0 to 1e12",
        meaning="quote volume a burst must have, USDT",
    ),
    Variable(
        name="MIN_24H_USDT",
        default="0",
        read=_number(0, 1e12),
        allowed="0 to 1e12",
        meaning="symbols with less quote volume in 24 h raise nothing, USDT",
    ),
    Variable(
        name="COOLDOWN_SEC",
        default="180",
        read=_whole(0, 86_400),
        allowed="a whole number, 0 to 86400",
        meaning="seconds between alerts of one symbol, kind and direction",
    ),
    Variable(
        name="OI_POLL_SEC",
        default="60",
        read=_whole(15, 3600),
        allowed="a whole number, 15 to 3600",
        meaning="seconds one open-interest sweep takes",
    ),
    Variable(
        name="OI_CONCURRENCY",
        default="15",
        read=_whole(1, 50),
        allowed="a whole number, 1 to 50",
        meaning="open-interest requests under way at once",
    ),
    Variable(
        name="SYMBOLS_REFRESH_SEC",
        default="3600",
        read=_whole(60, 86_400),
        allowed="a whole number, 60 to 86400",
        meaning="seconds between contract-list reads; listings are told by the stream at once",
    ),
    Variable(
        name="TRADFI_PERPETUALS",
        default="false",
        read=_flag,
        allowed="true or false",
        meaning="also watch stock, metal and FX perpetuals (`TRADIFI_PERPETUAL`)",
    ),
    Variable(
        name="TG_MIN_SEND_INTERVAL",
        default="",
        read=_interval,
        allowed="0.05 to 60, or empty",
        meaning="seconds between two messages to one chat; empty = 3.2 for groups, 1.05 for private chats",
    ),
    Variable(
        name="ALLOWED_CHAT_IDS",
        default="",
        read=_ids,
        allowed="chat ids separated by commas",
        meaning="chats that may command beside `TG_CHAT_ID`",
    ),
    Variable(
        name="ALLOWED_USER_IDS",
        default="",
        read=_ids,
        allowed="user ids separated by commas",
        meaning="when set, only these users may command, in any chat",
    ),
    Variable(
        name="ALERT_LANG",
        default="en",
        read=_one_of(*LANGUAGES),
        allowed="en or zh",
        meaning="language of messages",
    ),
    Variable(
        name="ALERT_TZ",
        default="UTC",
        read=_zone,
        allowed="an IANA zone name such as UTC or Asia/Shanghai",
        meaning="zone of the times in messages",
    ),
    Variable(
        name="ROLLING",
        default="true",
        read=_flag,
        allowed="true or false",
        meaning="also compare with the price 60 s earlier",
    ),
    Variable(
        name="FEED_GATHER_MS",
        default="20",
        read=_whole(0, 100),
        allowed="a whole number, 0 to 100",
        meaning="milliseconds socket reads are gathered; 0 = off",
    ),
    Variable(
        name="LSR_PERIOD",
        default="5m",
        read=_one_of(*LSR_PERIODS),
        allowed=" ".join(LSR_PERIODS),
        meaning="period of the long/short ratio shown",
    ),
    Variable(
        name="HISTORY_ENABLED",
        default="true",
        read=_flag,
        allowed="true or false",
        meaning="false keeps alerts only until they are delivered",
    ),
    Variable(name="STATE_FILE", default="state.json", read=_path, allowed="a file path", meaning="live settings"),
    Variable(
        name="DB_FILE",
        default="alerts.db",
        read=_path,
        allowed="a file path",
        meaning="alerts and deliveries (SQLite)",
    ),
    Variable(
        name="API_HOST",
        default="127.0.0.1",
        read=lambda text: text or _refuse(),
        allowed="an address or host name",
        meaning="where `/health` listens; beyond loopback needs `API_TOKEN`",
    ),
    Variable(
        name="API_PORT",
        default="3001",
        read=_whole(0, 65_535),
        allowed="a whole number, 0 to 65535",
        meaning="its port; 0 = any free one",
    ),
    Variable(
        name="API_TOKEN",
        default="",
        read=Secret,
        allowed="any text",
        meaning="bearer token the HTTP side asks for",
    ),
    Variable(
        name="LOG_LEVEL",
        default="INFO",
        read=_one_of(*LOG_LEVELS, upper=True),
        allowed=" ".join(LOG_LEVELS),
        meaning="how much is logged",
    ),
    Variable(
        name="LOG_FORMAT",
        default="text",
        read=_one_of("text", "json"),
        allowed="text or json",
        meaning="json for machines",
    ),
    Variable(
        name="BINANCE_REST_URL",
        default="https://fapi.binance.com",
        read=_url("https", "http"),
        allowed="an http(s) address",
        meaning="REST of the exchange",
    ),
    Variable(
        name="BINANCE_WS_URL",
        default="wss://fstream.binance.com/market",
        read=_url("wss", "ws"),
        allowed="a ws(s) address",
        meaning="streams of the exchange; `/stream` is appended",
    ),
    Variable(
        name="TELEGRAM_API_URL",
        default="https://api.telegram.org",
        read=_url("https", "http"),
        allowed="an http(s) address",
        meaning="Bot API; `/bot<token>/METHOD` is appended",
    ),
)

PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
"""Read by the network libraries themselves, for REST, WebSocket and Telegram alike."""

NOT_BUILT_YET = (
    "ALERT_BUDGET_PER_DAY",
    "SMART_MONEY_LINK",
    "SMART_MONEY_LOOKUP",
    "CHART",
    "BINANCE_WEB_URL",
    "BINANCE_ARCHIVE_URL",
)
"""Named in the plan, without effect in this version: a value given for one is answered with a warning."""

_OUR_PREFIXES = (
    "PUMP_",
    "DUMP_",
    "OI_",
    "VOL_",
    "TG_",
    "ALERT_",
    "ALLOWED_",
    "BINANCE_",
    "TELEGRAM_",
    "COOLDOWN_",
    "SYMBOLS_",
    "TRADFI_",
    "TRADIFI_",
    "FEED_",
    "LSR_",
    "HISTORY_",
    "SMART_MONEY_",
)


def _refuse() -> object:
    raise ValueError


def load(environ: Mapping[str, str], *, env_file: Path | None = Path(".env")) -> tuple[Config, list[str]]:
    """Read real environment variables over `env_file`. Returns the config and warnings (one line each).

    Raises:
        ConfigError: with one line per problem: variable, value given, what is allowed.
    """
    from_file = _read_env_file(env_file) if env_file is not None else {}
    given = {**from_file, **environ}
    values: dict[str, object] = {}
    problems: list[str] = []
    for variable in VARIABLES:
        text = given.get(variable.name, "").strip() or variable.default
        try:
            values[variable.field] = variable.read(text)
        except (ValueError, OverflowError):
            shown = "***" if variable.name in ("TG_BOT_TOKEN", "API_TOKEN") else repr(text[:60])
            problems.append(f"{variable.name}={shown} is not allowed: {variable.allowed}")
    if not problems:
        host, token = str(values["api_host"]), values["api_token"]
        if host not in ("127.0.0.1", "::1", "localhost") and not token:
            problems.append(
                f"API_HOST={host!r} is reachable from outside this machine: set API_TOKEN, or use 127.0.0.1"
            )
    if problems:
        raise ConfigError(problems)
    return Config(**{f.name: values[f.name] for f in fields(Config)}), _warnings(given)  # type: ignore[arg-type]


def _read_env_file(path: Path) -> dict[str, str]:
    try:
        parsed = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise ConfigError([f"{path} is not UTF-8 text: save it as UTF-8"]) from problem
    except OSError as problem:
        raise ConfigError([f"{path} cannot be read: {problem.strerror}"]) from problem
    return {name: value for name, value in parsed.items() if value is not None}


def _warnings(given: Mapping[str, str]) -> list[str]:
    known = [variable.name for variable in VARIABLES]
    lines = [f"{name} has no effect in this version" for name in NOT_BUILT_YET if given.get(name)]
    for name in sorted(given):
        if name.startswith(_OUR_PREFIXES) and name not in known and name not in NOT_BUILT_YET:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            lines.append(f"{name} is not a setting of altmonitor" + (f": did you mean {near[0]}?" if near else ""))
    return lines
