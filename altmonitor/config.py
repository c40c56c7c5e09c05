"""Environment and `.env` → one frozen `Config`, every problem at once. The variables: `settings/variables.py`."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from altmonitor.core.env_file import EnvFile, read_env_file
from altmonitor.core.errors import ConfigError
from altmonitor.core.proxies import PROXY_VARIABLES, read_proxies
from altmonitor.core.redaction import random_runs, secrets_in, shown_value, without_secrets
from altmonitor.core.tls import TLS_VARIABLES, tls_problems
from altmonitor.core.types import Destination, Secret, Venue
from altmonitor.settings import value_readers as read
from altmonitor.settings.variables import SECRET_VARIABLES, VARIABLES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Part = TypeVar("Part", bound="DataclassInstance")

WALLETS_BESIDE_THE_MARKET = 200
"""Asked once in five minutes they weigh 80 of the 1,200 an address has in a minute."""

API_TOKEN_CHARS_MIN = 16
"""Beyond loopback anybody may guess."""

OUR_PREFIXES = (
    "PUMP_", "DUMP_", "OI_", "VOL_", "TG_", "ALERT_", "ALLOWED_", "BINANCE_", "OKX_", "BYBIT_", "HYPERLIQUID_",
    "TELEGRAM_", "COOLDOWN_", "VENUE", "LIQUIDATIONS_", "BASIS_",
    "LISTING_", "WEBHOOK_", "NATS_", "PRESET_",
    "SYMBOLS_", "GROUP_", "TRADFI_", "TRADIFI_", "FEED_", "LSR_", "HISTORY_", "SMART_MONEY_", "TOP_TRADER_", "ROLLING_",
    "FUNDING_", "STATE_FILE", "DB_FILE", "EPISODE_", "MIN_24H", "RETENTION_", "ARCHIVE_",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the environment decides. Names, units and ranges as in `VARIABLES`."""

    tg_bot_token: Secret
    telegram_bot_tokens: tuple[Secret, ...]
    destinations: tuple[Destination, ...]  # of TG_CHAT_ID, the main one first; may be empty
    preset_channels: Mapping[Destination, str]  # name of its preset; none of them is in TG_CHAT_ID
    pump_threshold: float
    dump_threshold: float
    oi_surge_pct_1m: float
    oi_surge_pct_5m: float
    oi_min_usd: float
    vol_burst_mult: float
    vol_burst_lookback: int
    vol_burst_min_usdt: float
    funding_extreme_pct: float
    liquidations_usd: float
    liquidations_kept: bool
    basis_extreme_pct: float
    listing_alerts: bool
    min_24h_usdt: float
    cooldown_sec: int
    episode_quiet_min: float
    alert_budget_per_day: int
    oi_poll_sec: int
    oi_concurrency: int
    symbols_refresh_sec: int
    tradfi_perpetuals: bool
    venues: tuple[Venue, ...]  # at least one
    tg_min_send_interval: float | None  # None: 3.2 s for groups, 1.05 s for private chats
    allowed_chat_ids: frozenset[int]
    allowed_user_ids: frozenset[int]
    group_admins_only: bool
    alert_lang: str
    alert_tz: str
    rolling: bool
    vol_burst_early: bool
    threshold_mode: str
    adaptive_sigmas: float
    adaptive_floor_pct: float
    adaptive_volume_mult: float
    adaptive_volume_floor: float
    chart: bool
    feed_gather_ms: int
    lsr_period: str
    history_enabled: bool
    outcome_line: bool
    taker_fee_pct: float
    retention_days: int
    state_file: Path
    db_file: Path
    database_url: str
    cluster: str
    nats_url: str
    archive_dir: Path
    record: bool
    api_host: str
    api_port: int
    api_token: Secret
    api_read_token: Secret
    api_cors_origin: str
    api_keys_file: Path
    webhook_urls: tuple[str, ...]
    webhook_secret: Secret
    webhook_allow_private: bool
    log_level: str
    log_format: str
    binance_rest_url: str
    binance_ws_url: str
    telegram_api_url: str
    binance_web_url: str
    binance_archive_url: str
    okx_rest_url: str
    okx_ws_url: str
    okx_api_key: Secret
    okx_secret_key: Secret
    okx_passphrase: Secret
    bybit_rest_url: str
    bybit_ws_url: str
    hyperliquid_url: str
    hyperliquid_ws_url: str
    hyperliquid_stats_url: str
    hyperliquid_wallets: int | None  # None: as VENUES says
    smart_money_lookup: bool
    smart_money_link: bool
    scores_every_min: float
    smart_money_card_lang: str  # empty: as alert_lang
    smart_money_db_path: Path
    smart_money_watchlist: tuple[str, ...]
    smart_money_watchlist_file: Path
    smart_money_interval_min: float
    top_trader_interval_min: float
    oi_interval_min: float
    smart_money_keep_days: int
    smart_money_pool_max: int
    smart_money_shard_total: int
    smart_money_shard_index: int
    top_trader_period: str
    top_trader_pool_max: int
    top_trader_shard_total: int
    top_trader_shard_index: int
    oi_pool_max: int
    oi_shard_total: int
    oi_shard_index: int
    smart_money_alert_window_min: float
    smart_money_alert_qty_pct: float

    @property
    def cluster_id(self) -> str:
        """Which installation this is: name, and number of the main bot where there is one."""
        bot = self.tg_bot_token.reveal().partition(":")[0]
        return f"{self.cluster}/{bot}" if bot else self.cluster

    @property
    def alerts_at(self) -> Path | str:
        """Where alerts are stored: a file, or an address of PostgreSQL, which holds a login."""
        return self.database_url or self.db_file

    @property
    def bot_tokens(self) -> tuple[Secret, ...]:
        """Of all bots, the main one first; empty without any."""
        return tuple(dict.fromkeys(token for token in (self.tg_bot_token, *self.telegram_bot_tokens) if token))

    @property
    def chats(self) -> tuple[Destination, ...]:
        """All that are told something, the main one first; may be empty."""
        return (*self.destinations, *self.preset_channels)

    @property
    def tg_chat_id(self) -> Destination | None:
        """The main destination; None without any."""
        return self.destinations[0] if self.destinations else None

    @property
    def wallets_watched(self) -> int:
        """How many wallets of Hyperliquid's leaderboard; 0: none."""
        if self.hyperliquid_wallets is not None:
            return self.hyperliquid_wallets
        return WALLETS_BESIDE_THE_MARKET if "hyperliquid" in self.venues else 0

    def part(self, of: type[Part]) -> Part:
        """What one class reads, as one frozen value. of: a dataclass whose fields are named and typed as here."""
        return of(**{one.name: getattr(self, one.name) for one in fields(of)})


def is_loopback(host: str) -> bool:
    """True for addresses only this machine can reach."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load(environ: Mapping[str, str], *, env_file: Path | None = Path(".env")) -> tuple[Config, list[str]]:
    """Read real environment variables over `env_file`. Returns the config and warnings (one line each).

    An empty value counts as not given. Raises `ConfigError` with one line per problem: variable, value, what is
    allowed; what may be a secret is not repeated, whichever variable it stands in. The warnings come with them: a
    name that was spelled wrong is often why another value is missing.
    """
    file = _read_env_file(env_file)
    in_file = {name: value for name, value in file.values.items() if value.strip()}
    in_environment = {name: value for name, value in environ.items() if value.strip()}
    given = in_file | in_environment
    secrets = secrets_given(environ, env_file)
    values: dict[str, Any] = {}
    problems = list(file.problems)
    for variable in VARIABLES:
        text = given.get(variable.name, variable.default).strip()
        try:
            if variable.read is not read.path:
                text.encode()  # raises for bytes that are no UTF-8: a library would, later
            values[variable.field] = variable.read(text)
            problem = _kept_signs(variable.name, text, is_from_file=variable.name not in in_environment)
        except ValueError:
            problem = _kept_signs(variable.name, text, is_from_file=False) or f"is not allowed: {variable.allowed}"
        if problem:
            shown = "***" if variable.name in SECRET_VARIABLES else shown_value(text, secrets=secrets)
            problems.append(f"{variable.name}={shown} {problem}")
    if not problems:
        problems += _channel_problems(values["destinations"], values["preset_channels"])
        problems += token_problems(values["api_host"], values["api_token"], values["api_read_token"])
        problems += (
            _webhook_problems(values["webhook_secret"], values["history_enabled"]) if values["webhook_urls"] else []
        )
    problems += problems_of_libraries(variables_for_libraries(env_file) | dict(environ))
    warnings = [*file.remarks, *_warnings(in_file, in_environment)]
    if problems:
        raise ConfigError(problems + warnings)
    return Config(**{field.name: values[field.name] for field in fields(Config)}), warnings


def secrets_given(environ: Mapping[str, str], env_file: Path | None) -> frozenset[str]:
    """What must not stand in any message: tokens, passwords, logins of addresses, and what has the shape of a key,
    under whichever name. Raises: ConfigError when the file cannot be read."""
    tables = (environ, _read_env_file(env_file).values)
    keys = {run for table in tables for variable in VARIABLES for run in random_runs(table.get(variable.name, ""))}
    return frozenset(secrets_in(*tables, ours=SECRET_VARIABLES) | keys)


_QUOTES = ('""', "''", "“”", "„“", "‘’", "«»", "``", "””", "’’")


def _kept_signs(name: str, text: str, *, is_from_file: bool) -> str:
    """Why a value holds signs that were meant for whoever read the file it came from; '' when it does not.

    is_from_file: of `.env`, whose reader takes quotes and remarks away: what is left there was meant.
    """
    if len(text) > 1 and text[0] + text[-1] in _QUOTES and not (is_from_file and text[0] in "\"'"):
        return (
            "has quotes around it, which belong to the value here (docker run --env-file keeps them): "
            f"write {name}=value without them"
        )
    if not is_from_file and re.search(r"\s#", text):
        return (
            "has a remark behind it, which belongs to the value here (docker run --env-file and service files keep "
            "it): write the remark on a line of its own"
        )
    return ""


def _channel_problems(chats: Sequence[Destination], channels: Mapping[Destination, str]) -> list[str]:
    both = [str(chat) for chat in chats if chat in channels]
    if both:
        return [f"PRESET_CHANNELS names {', '.join(both)}, which TG_CHAT_ID names too: a chat has one of them"]
    return ["PRESET_CHANNELS needs TG_CHAT_ID: the chat of whoever runs this"] if channels and not chats else []


def _webhook_problems(secret: Secret, has_history: bool) -> list[str]:
    problems = []
    if len(secret.reveal()) < API_TOKEN_CHARS_MIN:
        problems.append(f"WEBHOOK_SECRET must have at least {API_TOKEN_CHARS_MIN} characters when WEBHOOK_URLS is set")
    if not has_history:
        problems.append("WEBHOOK_URLS needs HISTORY_ENABLED=true: what waits for a receiver is kept there")
    return problems


def token_problems(api_host: str, token: Secret, read_token: Secret) -> list[str]:
    if token and token == read_token:
        return ["API_READ_TOKEN=*** must be another one than API_TOKEN: it may only read"]
    return [] if is_loopback(api_host) else _open_to_others(api_host, token, read_token)


def _open_to_others(api_host: str, token: Secret, read_token: Secret) -> list[str]:
    reached = f"API_HOST={shown_value(api_host)} can be reached from outside this machine"
    if not token:
        return [f"{reached}: set API_TOKEN, or use 127.0.0.1"]
    return [
        f"{reached}: {name} must have at least {API_TOKEN_CHARS_MIN} characters, or use 127.0.0.1"
        for name, given in (("API_TOKEN", token), ("API_READ_TOKEN", read_token))
        if given and len(given.reveal()) < API_TOKEN_CHARS_MIN
    ]


def variables_for_libraries(env_file: Path | None) -> dict[str, str]:
    """Those of the file that are no settings but name proxies or certificates: read from the real environment alone."""
    given = _read_env_file(env_file).values
    names = (*PROXY_VARIABLES, *TLS_VARIABLES)
    return {name: text for name in names if (text := given.get(name.lower(), "") or given.get(name, ""))}


def problems_of_libraries(given: Mapping[str, str]) -> list[str]:
    """What a library would fail on when it is made or first used, one line per variable."""
    problems = tls_problems(given)
    try:
        read_proxies(given)
    except ConfigError as problem:
        problems += problem.problems
    return problems


def _read_env_file(path: Path | None) -> EnvFile:
    return EnvFile(values={}) if path is None else read_env_file(path, is_ours=is_ours)


def is_ours(name: str) -> bool:
    """Also for a name that only looks like one of our settings."""
    return name.upper() in _KNOWN or name.startswith(OUR_PREFIXES) or name.upper() in (*PROXY_VARIABLES, *TLS_VARIABLES)


_KNOWN = frozenset(variable.name for variable in VARIABLES)
_NAMES_OF_OTHER_BOTS = {
    "TG_BOT_TOKEN": re.compile(
        r"(?:TELEGRAM|TG|TELE)?_?BOT(?:_?(?:API|HTTP|ACCESS|AUTH))*_?(?:TOKEN|KEY|SECRET)"
        r"|(?:TELEGRAM|TG)(?:_?(?:API|HTTP|ACCESS|AUTH))*_?(?:TOKEN|KEY|SECRET)"
    ),
    "TG_CHAT_ID": re.compile(
        r"(?:TELEGRAM|TG|BOT)_?(?:BOT_?)?(?:TO|CHAT|CHANNEL|GROUP|USER|RECIPIENT|ADMIN|OWNER)(?:_?IDS?)?"
        r"|(?:(?:ALERT|TARGET|DEFAULT|ADMIN|OWNER|MY)_?)?(?:CHAT|CHANNEL|GROUP)_?IDS?|(?:ADMIN|OWNER)_?IDS?"
    ),
}
"""What most bots call what we call …"""
_NEAR, _NEAR_IN_FILE = 0.5, 0.8
"""How alike a name must be. A file is written for this program; the environment is everybody's."""


def _warnings(in_file: Mapping[str, str], in_environment: Mapping[str, str]) -> list[str]:
    given = {**in_file, **in_environment}
    lines = []
    for name in sorted(set(given) - _KNOWN):
        meant = _meant(name, is_in_file=name in in_file, given=given)
        if meant is not None:
            shown = without_secrets(name)
            lines.append(f"{shown} is not a setting of altmonitor" + (f": did you mean {meant}?" if meant else ""))
    return lines


def _meant(name: str, *, is_in_file: bool, given: Mapping[str, str]) -> str | None:
    """The setting that this name stands for; '' when it is meant for us and nothing is near, None when it is not."""
    upper = name.upper()
    if upper in _KNOWN:
        return upper if is_in_file or upper not in given else None
    for ours, others in _NAMES_OF_OTHER_BOTS.items():
        if others.fullmatch(upper) and ours not in given:
            return ours
    if name.startswith(OUR_PREFIXES):
        return next(iter(difflib.get_close_matches(name, _KNOWN, n=1, cutoff=_NEAR)), "")
    if is_in_file:
        return next(iter(difflib.get_close_matches(upper, _KNOWN, n=1, cutoff=_NEAR_IN_FILE)), None)
    return None
