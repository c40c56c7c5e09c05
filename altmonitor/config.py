"""Environment and `.env` → one frozen `Config`, every problem reported at once. The table stands in `variables.py`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from altmonitor.core.errors import ConfigError
from altmonitor.core.types import Destination, Secret
from altmonitor.variables import NOT_BUILT_YET, OUR_PREFIXES, PROXY_VARIABLES, SECRET_VARIABLES, VARIABLES

__all__ = ["Config", "is_loopback", "load", "proxies_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the environment decides. Names, units and ranges as in `VARIABLES`."""

    tg_bot_token: Secret
    destinations: tuple[Destination, ...]  # the main one first; may be empty
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
    alert_budget_per_day: int
    oi_poll_sec: int
    oi_concurrency: int
    symbols_refresh_sec: int
    tradfi_perpetuals: bool
    tg_min_send_interval: float | None  # None: 3.2 s for groups, 1.05 s for private chats
    allowed_chat_ids: frozenset[int]
    allowed_user_ids: frozenset[int]
    group_admins_only: bool
    alert_lang: str
    alert_tz: str
    rolling: bool
    chart: bool
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
    binance_web_url: str
    smart_money_lookup: bool
    smart_money_link: bool
    smart_money_card_lang: str  # empty: as alert_lang
    smart_money_db_path: Path
    smart_money_watchlist: tuple[str, ...]
    smart_money_watchlist_file: Path
    smart_money_interval_min: float
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
    def tg_chat_id(self) -> Destination | None:
        """The main destination; None without any."""
        return self.destinations[0] if self.destinations else None


def is_loopback(host: str) -> bool:
    """True for addresses only this machine can reach."""
    return host in ("127.0.0.1", "::1", "localhost")


def load(environ: Mapping[str, str], *, env_file: Path | None = Path(".env")) -> tuple[Config, list[str]]:
    """Read real environment variables over `env_file`. Returns the config and warnings (one line each).

    An empty value counts as not given. Raises `ConfigError` with one line per problem: variable, value, what is
    allowed; the values of secrets are not repeated.
    """
    given = {name: value for name, value in _read_env_file(env_file).items() if value.strip()}
    given |= {name: value for name, value in environ.items() if value.strip()}
    values: dict[str, Any] = {}
    problems: list[str] = []
    for variable in VARIABLES:
        text = given.get(variable.name, variable.default).strip()
        try:
            values[variable.field] = variable.read(text)
        except ValueError:
            shown = "***" if variable.name in SECRET_VARIABLES else repr(text[:60])
            problems.append(f"{variable.name}={shown} is not allowed: {variable.allowed}")
    if not problems and not is_loopback(values["api_host"]) and not values["api_token"]:
        problems.append(
            f"API_HOST={values['api_host']!r} can be reached from outside this machine: set API_TOKEN, or use 127.0.0.1"
        )
    if problems:
        raise ConfigError(problems)
    return Config(**{field.name: values[field.name] for field in fields(Config)}), _warnings(given)


def proxies_of(env_file: Path) -> dict[str, str]:
    """Proxy settings that stand in the file; the network libraries themselves read only the real environment."""
    return {name: value for name, value in _read_env_file(env_file).items() if name in PROXY_VARIABLES and value}


def _read_env_file(path: Path | None) -> dict[str, str]:
    if path is None or not path.exists():
        return {}
    try:
        parsed = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise ConfigError([f"{path} is not UTF-8 text: save it as UTF-8"]) from problem
    except OSError as problem:
        raise ConfigError([f"{path} cannot be read: {problem.strerror}"]) from problem
    return {name: value for name, value in parsed.items() if value is not None}


def _warnings(given: Mapping[str, str]) -> list[str]:
    known = [variable.name for variable in VARIABLES]
    lines = [f"{name} has no effect in this version" for name in NOT_BUILT_YET if name in given]
    for name in sorted(given):
        if name.startswith(OUR_PREFIXES) and name not in known and name not in NOT_BUILT_YET:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            lines.append(f"{name} is not a setting of altmonitor" + (f": did you mean {near[0]}?" if near else ""))
    return lines
