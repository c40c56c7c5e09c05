"""Every variable of the environment: its default, how it is read, what is allowed, what it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from altmonitor.core.types import LANGUAGES, Secret
from altmonitor.settings import value_readers as read
from altmonitor.settings.settings import SETTINGS, Sign

LSR_PERIODS = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")


@dataclass(frozen=True, slots=True)
class Variable:
    """`read` turns text into a value and raises ValueError when it is not `allowed`. kept_as: see `field`."""

    name: str
    default: str
    read: Callable[[str], object]
    allowed: str
    meaning: str
    kept_as: str = ""

    @property
    def field(self) -> str:
        """Name of the field of `Config`."""
        return self.kept_as or self.name.lower()


def _threshold(name: str, default: str, meaning: str) -> Variable:
    """One that the chat can set, too: its bounds stand in the row of `SETTINGS`."""
    setting = next(setting for setting in SETTINGS if setting.variable == name)
    low, high = setting.low, setting.high
    if setting.sign is Sign.NEGATED:
        low, high = -high, -low
    allowed = f"{low:g} to {high:g}".replace("e+", "e")
    if setting.is_whole:
        return Variable(name, default, read.whole(int(low), int(high)), f"a whole number, {allowed}", meaning)
    is_off_beside = setting.has_off and low > 0
    reader = read.number(low, high, or_zero=is_off_beside)
    return Variable(name, default, reader, allowed + (", or 0 for off" if is_off_beside else ""), meaning)


HTTP, WS = read.url("https", "http"), read.url("wss", "ws")


CHATS = "chat ids such as 123456789 or -1001234567890, with /topic for a forum topic, separated by commas"


# fmt: off
VARIABLES: tuple[Variable, ...] = (
    Variable("TG_BOT_TOKEN", "", read.token, "the token @BotFather gave you, 123456:ABC…",
             "Telegram bot token; required for `run` unless `--dry-run`"),
    Variable("TG_CHAT_ID", "", read.destinations, CHATS,
             "where alerts go and commands are obeyed, the main chat first; required like the token", "destinations"),
    Variable("TELEGRAM_BOT_TOKENS", "", read.tokens, "tokens of several bots, separated by commas, each bot once",
             "more bots beside `TG_BOT_TOKEN`: chats are shared out among them; each may send 30 messages a second"),
    Variable("PRESET_CHANNELS", "", read.preset_channels,
             "calm=CHAT, normal=CHAT, active=CHAT or original=CHAT, with a chat id each, separated by commas",
             "channels for others to read: each is told by its preset, whatever the main chat is set to"),
    _threshold("PUMP_THRESHOLD", "3.0", "percent of the candle's open"),
    _threshold("DUMP_THRESHOLD", "-3.0", "percent of the candle's open"),
    _threshold("OI_SURGE_PCT_1M", "3.0", "open-interest change over 1 minute, percent; 0 = off"),
    _threshold("OI_SURGE_PCT_5M", "6.0", "open-interest change over 5 minutes, percent; 0 = off"),
    _threshold("OI_MIN_USD", "1000000", "open interest below this (USD) raises no OI alert"),
    _threshold("VOL_BURST_MULT", "5.0", "multiple of the median quote volume; 0 = off"),
    Variable("VOL_BURST_LOOKBACK", "20", read.whole(5, 500), "a whole number, 5 to 500",
             "closed candles the median is taken over"),
    _threshold("VOL_BURST_MIN_USDT", "50000", "quote volume a burst must have, USDT"),
    _threshold("FUNDING_EXTREME_PCT", "0", "funding per 8 h that crosses ± this raises an alert, percent; 0 = off"),
    _threshold("LIQUIDATIONS_USD", "0", "liquidations of one side within a minute that raise an alert, USD; 0 = off"),
    Variable("LIQUIDATIONS_KEPT", "false", read.flag, "true or false",
             "listen to liquidations and keep them for /v1/liquidations also where nobody is alerted"),
    _threshold("BASIS_EXTREME_PCT", "0",
               "distance of mark from index price that crosses ± this raises an alert, percent; 0 = off"),
    Variable("LISTING_ALERTS", "false", read.flag, "true or false",
             "tell, without a sound, of new contracts and of those that end"),
    _threshold("MIN_24H_USDT", "0", "symbols with less quote volume in 24 h raise nothing, USDT"),
    _threshold("COOLDOWN_SEC", "180", "seconds between alerts of one symbol, kind and direction"),
    Variable("EPISODE_QUIET_MIN", "15", read.number(1, 60), "1 to 60",
             "minutes without an alert of a symbol after which its move counts as over"),
    Variable("ALERT_BUDGET_PER_DAY", "0", read.whole(0, 1000), "a whole number, 0 to 1000",
             "thresholds are chosen so that about this many alerts a day are sent; 0 = as they are set"),
    Variable("OI_POLL_SEC", "60", read.whole(15, 3600), "a whole number, 15 to 3600",
             "seconds one open-interest sweep takes"),
    Variable("OI_CONCURRENCY", "15", read.whole(1, 50), "a whole number, 1 to 50",
             "open-interest requests under way at once"),
    Variable("SYMBOLS_REFRESH_SEC", "3600", read.whole(60, 86_400), "a whole number, 60 to 86400",
             "seconds between reads of the contract list; listings are told by the stream at once"),
    Variable("TRADFI_PERPETUALS", "false", read.flag, "true or false",
             "also watch stock, metal and FX perpetuals (`TRADIFI_PERPETUAL`)"),
    Variable("VENUES", "binance", read.venues, "binance, bybit, okx, hyperliquid, separated by commas",
             "exchanges that are watched; questions that name none are about the first"),
    Variable("TG_MIN_SEND_INTERVAL", "", read.interval, "0.05 to 60, or empty",
             "seconds between two messages to one chat; empty = 3.2 for groups, 1.05 for private chats"),
    Variable("ALLOWED_CHAT_IDS", "", read.ids, "chat ids separated by commas",
             "chats that may command beside `TG_CHAT_ID`"),
    Variable("ALLOWED_USER_IDS", "", read.ids, "user ids separated by commas",
             "when set, only these users may command, in any chat"),
    Variable("GROUP_ADMINS_ONLY", "true", read.flag, "true or false",
             "in groups only administrators may change settings"),
    Variable("ALERT_LANG", "en", read.one_of(*LANGUAGES), "en, zh or ru", "language of messages"),
    Variable("ALERT_TZ", "UTC", read.zone, "a zone such as UTC, Asia/Shanghai or UTC+5:30",
             "zone of times in messages"),
    Variable("CHART", "true", read.flag, "true or false",
             "a chart picture follows each alert; it never delays the text"),
    Variable("ROLLING", "true", read.flag, "true or false", "also compare with the price 60 s earlier"),
    Variable("VOL_BURST_EARLY", "true", read.flag, "true or false",
             "tell a volume burst as soon as the running candle has reached the bound; false = at its close"),
    Variable("THRESHOLD_MODE", "fixed", read.one_of("fixed", "adaptive"), "fixed or adaptive",
             "adaptive: bounds of price and volume follow from what each contract usually does, measured every hour"),
    Variable("ADAPTIVE_SIGMAS", "6", read.number(1, 100), "1 to 100",
             "a price bound is so many times the contract's own usual minute, where `THRESHOLD_MODE=adaptive`"),
    Variable("ADAPTIVE_FLOOR_PCT", "1", read.number(0.1, 100), "0.1 to 100", "and at least so many percent"),
    Variable("ADAPTIVE_VOLUME_MULT", "2", read.number(0, 100), "0 to 100",
             "the bound of a burst is so many times the contract's 95th percentile; 0: `VOL_BURST_MULT`"),
    Variable("ADAPTIVE_VOLUME_FLOOR", "3", read.number(1, 1000), "1 to 1000", "and at least so many times its median"),
    Variable("FEED_GATHER_MS", "20", read.whole(0, 100), "a whole number, 0 to 100",
             "milliseconds socket reads are gathered; 0 = off"),
    Variable("LSR_PERIOD", "5m", read.one_of(*LSR_PERIODS), " ".join(LSR_PERIODS),
             "period of the long/short ratio shown"),
    Variable("HISTORY_ENABLED", "true", read.flag, "true or false", "false keeps alerts only until they are delivered"),
    Variable("OUTCOME_LINE", "true", read.flag, "true or false",
             "alerts say how the last 20 independent moments like theirs went on; `/outcome_line` in a chat"),
    Variable("TAKER_FEE_PCT", "0.05", read.number(0, 5), "0 to 5",
             "fee of a taker, percent of each side: what outcomes are reckoned with after fees"),
    Variable("RETENTION_DAYS", "90", read.whole(1, 3650), "a whole number, 1 to 3650",
             "alerts and changes of settings older than this are deleted, days"),
    Variable("STATE_FILE", "state.json", read.path, "a file path", "live settings changed in the chat"),
    Variable("DB_FILE", "alerts.db", read.path, "a file path", "alerts and deliveries (SQLite)"),
    Variable("DATABASE_URL", "", read.server_url("postgresql", "postgres"), "postgresql://user:password@host:5432/database",
             "PostgreSQL instead of `DB_FILE` and `STATE_FILE`; needed for `run --role`, see docs/scale.md"),
    Variable("CLUSTER", "altmonitor", read.cluster, "letters, digits, . _ and -, at most 60",
             "name of the installation that a PostgreSQL database belongs to; two never share one"),
    Variable("NATS_URL", "", read.server_url("nats", "tls"), "nats://host:4222",
             "with JetStream: notifiers hear at once what is new in PostgreSQL, else they look ten times a second"),
    Variable("ARCHIVE_DIR", "data/archive", read.path, "a folder path",
             "candles and open interest of past days, for `archive`, `replay` and `tune`"),
    Variable("RECORD", "false", read.flag, "true or false",
             "the monitor keeps its own candles and open interest in ARCHIVE_DIR"),
    Variable("API_HOST", "127.0.0.1", read.host, "an address or host name",
             "where `/health` listens; beyond loopback needs `API_TOKEN` of at least 16 characters"),
    Variable("API_PORT", "3001", read.whole(0, 65_535), "a whole number, 0 to 65535", "its port; 0 = any free one"),
    Variable("API_TOKEN", "", Secret, "any text",
             "token for everything over HTTP: a bearer token, or typed at `/sign-in`"),
    Variable("API_READ_TOKEN", "", Secret, "any text",
             "a second token that may only read; `/share/<it>` is a link to hand on"),
    Variable("API_CORS_ORIGIN", "", read.origin, "an origin such as https://example.org",
             "the one other site whose pages may read over HTTP"),
    Variable("API_KEYS_FILE", "api-keys.json", read.path, "a file path",
             "keys and plans of the Smart Money API; without that file nobody is asked for a key"),
    Variable("WEBHOOK_URLS", "", read.urls, "http(s) addresses, separated by commas",
             "each gets every alert as a signed POST, in order and again until it is taken"),
    Variable("WEBHOOK_SECRET", "", Secret, "text of 16 characters or more", "key of the signature of webhooks"),
    Variable("WEBHOOK_ALLOW_PRIVATE", "false", read.flag, "true or false",
             "webhooks may go to addresses of this machine and its network"),
    Variable("LOG_LEVEL", "INFO", read.one_of("DEBUG", "INFO", "WARNING", "ERROR"), "DEBUG, INFO, WARNING or ERROR",
             "how much is logged"),
    Variable("LOG_FORMAT", "text", read.one_of("text", "json"), "text or json", "json for machines"),
    Variable("BINANCE_REST_URL", "https://fapi.binance.com", HTTP, "an http(s) address", "REST of the exchange"),
    Variable("BINANCE_WS_URL", "wss://fstream.binance.com/market", WS, "a ws(s) address",
             "streams of the exchange; `/stream` is appended"),
    Variable("BINANCE_WEB_URL", "https://www.binance.com", HTTP, "an http(s) address",
             "the website's overview of followed traders"),
    Variable("BINANCE_ARCHIVE_URL", "https://data.binance.vision", HTTP, "an http(s) address",
             "past days of the exchange as files, for `altmonitor archive fetch`"),
    Variable("OKX_REST_URL", "https://www.okx.com", HTTP, "an http(s) address",
             "OKX, when it is watched or asked (`positioning --venue okx`)"),
    Variable("OKX_WS_URL", "wss://ws.okx.com/ws/v5", WS, "a ws(s) address",
             "its streams; `/business` and `/public` are appended"),
    Variable("OKX_API_KEY", "", read.header_secret, "a key that may only read, in plain letters",
             "with OKX_SECRET_KEY and OKX_PASSPHRASE: `smartmoney` also asks OKX itself (provider `okx_key`)"),
    Variable("OKX_SECRET_KEY", "", read.header_secret, "its secret, in plain letters",
             "signs what is asked with OKX_API_KEY"),
    Variable("OKX_PASSPHRASE", "", read.header_secret, "its passphrase, in plain letters", "goes with OKX_API_KEY"),
    Variable("BYBIT_REST_URL", "https://api.bybit.com", HTTP, "an http(s) address",
             "Bybit, when it is watched or asked (`positioning --venue bybit`)"),
    Variable("BYBIT_WS_URL", "wss://stream.bybit.com/v5/public", WS, "a ws(s) address",
             "its streams; `/linear` is appended"),
    Variable("HYPERLIQUID_URL", "https://api.hyperliquid.xyz", HTTP, "an http(s) address",
             "Hyperliquid, when it is watched; `/info` is appended"),
    Variable("HYPERLIQUID_WS_URL", "wss://api.hyperliquid.xyz", WS, "a ws(s) address",
             "its streams; `/ws` is appended"),
    Variable("HYPERLIQUID_STATS_URL", "https://stats-data.hyperliquid.xyz", HTTP, "an http(s) address",
             "its leaderboard and its list of vaults, read once an hour where wallets are watched"),
    Variable("HYPERLIQUID_WALLETS", "", read.count_or_empty, "a whole number, 0 to 13600, or empty",
             "wallets of its leaderboard whose positions are watched; empty = 200 where `VENUES` has hyperliquid, "
             "else none"),
    Variable("SMART_MONEY_LOOKUP", "true", read.flag, "true or false",
             "ask the website who is positioned and show a line about whales on alerts"),
    Variable("SMART_MONEY_LINK", "true", read.flag, "true or false",
             "link the website's page of followed traders on alerts of symbols it knows"),
    Variable("SCORES_EVERY_MIN", "5", read.number(1, 1_440, or_zero=True), "1 to 1440, or 0 for never",
             "minutes between two looks at the scores of the contracts in the Smart Money API's preferences"),
    Variable("SMART_MONEY_CARD_LANG", "", read.one_of("", *LANGUAGES), "en, zh or ru, or empty",
             "language of panels; empty = ALERT_LANG"),
    Variable("SMART_MONEY_DB_PATH", "data/snapshots.db", read.path, "a file path",
             "what `altmonitor track` stores (SQLite)"),
    Variable("SMART_MONEY_WATCHLIST", "", read.names, "symbols separated by commas",
             "only these are tracked; pool and shards do not count then"),
    Variable("SMART_MONEY_WATCHLIST_FILE", "watchlist.json", read.path, "a file path",
             'more of them: a JSON list, or `{"symbols": [...]}`'),
    Variable("SMART_MONEY_INTERVAL_MIN", "0", read.number(1, 10_080, or_zero=True), "1 to 10080, or 0 for one sweep",
             "minutes from the start of one sweep of followed traders to the next; 0 = one sweep of everything"),
    Variable("TOP_TRADER_INTERVAL_MIN", "30", read.number(1, 10_080), "1 to 10080",
             "minutes between sweeps of the top-trader ratios, at :00 and :30"),
    Variable("OI_INTERVAL_MIN", "30", read.number(1, 10_080), "1 to 10080",
             "minutes between sweeps of the tracked open interest, at :15 and :45"),
    Variable("SMART_MONEY_KEEP_DAYS", "30", read.whole(1, 3650), "a whole number, 1 to 3650",
             "tracked rows older than this are deleted, days"),
    Variable("SMART_MONEY_POOL_MAX", "0", read.whole(0, 10_000), "a whole number, 0 to 10000",
             "at most so many symbols are tracked; 0 = all"),
    Variable("SMART_MONEY_SHARD_TOTAL", "1", read.whole(1, 100), "a whole number, 1 to 100",
             "trackers the pool is divided among"),
    Variable("SMART_MONEY_SHARD_INDEX", "0", read.whole(0, 99), "a whole number below SHARD_TOTAL",
             "which of them this one is, from 0"),
    Variable("TOP_TRADER_PERIOD", "5m", read.one_of(*LSR_PERIODS), " ".join(LSR_PERIODS),
             "bucket of the tracked top-trader ratios"),
    Variable("TOP_TRADER_POOL_MAX", "0", read.whole(0, 10_000), "a whole number, 0 to 10000",
             "as SMART_MONEY_POOL_MAX, for the ratios"),
    Variable("TOP_TRADER_SHARD_TOTAL", "1", read.whole(1, 100), "a whole number, 1 to 100",
             "as SMART_MONEY_SHARD_TOTAL, for the ratios"),
    Variable("TOP_TRADER_SHARD_INDEX", "0", read.whole(0, 99), "a whole number below SHARD_TOTAL",
             "as SMART_MONEY_SHARD_INDEX, for the ratios"),
    Variable("OI_POOL_MAX", "0", read.whole(0, 10_000), "a whole number, 0 to 10000",
             "as SMART_MONEY_POOL_MAX, for tracked open interest"),
    Variable("OI_SHARD_TOTAL", "1", read.whole(1, 100), "a whole number, 1 to 100",
             "as SMART_MONEY_SHARD_TOTAL, for tracked open interest"),
    Variable("OI_SHARD_INDEX", "0", read.whole(0, 99), "a whole number below SHARD_TOTAL",
             "as SMART_MONEY_SHARD_INDEX, for tracked open interest"),
    Variable("SMART_MONEY_ALERT_WINDOW_MIN", "30", read.number(1, 1440), "1 to 1440",
             "minutes a change of position is measured over"),
    Variable("SMART_MONEY_ALERT_QTY_PCT", "5", read.number(0.1, 1000), "0.1 to 1000",
             "change of a side's size that is told for symbols of the watchlist, percent"),
    Variable("TELEGRAM_API_URL", "https://api.telegram.org", HTTP, "an http(s) address",
             "Bot API; `/bot<token>/METHOD` is appended"),
)
# fmt: on

SECRET_VARIABLES = (
    "TG_BOT_TOKEN", "TELEGRAM_BOT_TOKENS", "DATABASE_URL", "NATS_URL",
    "API_TOKEN", "API_READ_TOKEN", "WEBHOOK_URLS", "WEBHOOK_SECRET",
    "OKX_API_KEY", "OKX_SECRET_KEY", "OKX_PASSPHRASE",
)  # fmt: skip
