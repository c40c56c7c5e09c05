"""Arguments of questions about followed traders: their types, and how what was given becomes a request.

Words of a fixed list are read in any case. A number may come as text or as a number: exact amounts travel as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar, cast, get_args

import msgspec

from altmonitor.core.json_text import camel, decimal_of
from altmonitor.interfaces.traders import PROVIDERS, Granularity
from altmonitor.operations.arguments import WORDS, shown
from altmonitor.operations.errors import BadArgument
from altmonitor.positioning.trader_pool import (
    SORT_KEYS,
    AumTier,
    DrawdownTier,
    PnlTier,
    PoolFilter,
    SortBy,
    WinRateTier,
)

W = TypeVar("W", bound=str)

PERIODS: Final = ("3", "7", "30", "90")
GRANULARITIES: Final[tuple[Granularity, ...]] = get_args(Granularity)
LEADERBOARD_PERIOD: Final = "90"
SIGNAL_PERIOD: Final = "7"
MOST_IDS: Final = 100
MOST_COINS: Final = 100
_ID: Final = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)
_TIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "pnlTier": get_args(PnlTier),
    "winRateTier": get_args(WinRateTier),
    "maxDrawdownTier": get_args(DrawdownTier),
    "aumTier": get_args(AumTier),
}

_POOL_ONLY: Final = "chooses a pool for signals; a ranking takes"
_RANKING_ONLY: Final = "is for a ranking of traders; a pool for signals takes"
_NO_POOL: Final = "chooses a pool by its success; here authorIds name the traders"
LEADERBOARD_HINTS: Final = {
    "pnl": "pnl is called minPnl here",
    "winRate": "winRate is called minWinRate here",
    "winRatio": "winRatio is called minWinRate here",
    "asset": "asset is called minAum here",
    "aum": "aum is called minAum here",
    "maxRetreat": "maxRetreat is called maxDrawdown here",
    "pnlTier": f"pnlTier {_POOL_ONLY} minPnl",
    "winRateTier": f"winRateTier {_POOL_ONLY} minWinRate",
    "maxDrawdownTier": f"maxDrawdownTier {_POOL_ONLY} maxDrawdown",
    "aumTier": f"aumTier {_POOL_ONLY} minAum",
    "asOfTime": "asOfTime is for trends; a ranking takes updateTime (yyyyMMddHHmm, UTC+8)",
    "authorIds": "authorIds are asked for with get_performance_by_trader",
}
SIGNAL_HINTS: Final = {
    "pnl": f"pnl {_RANKING_ONLY} pnlTier",
    "minPnl": f"minPnl {_RANKING_ONLY} pnlTier",
    "winRate": f"winRate {_RANKING_ONLY} winRateTier",
    "winRatio": f"winRatio {_RANKING_ONLY} winRateTier",
    "minWinRate": f"minWinRate {_RANKING_ONLY} winRateTier",
    "maxDrawdown": f"maxDrawdown {_RANKING_ONLY} maxDrawdownTier",
    "maxRetreat": f"maxRetreat {_RANKING_ONLY} maxDrawdownTier",
    "asset": f"asset {_RANKING_ONLY} aumTier",
    "minAum": f"minAum {_RANKING_ONLY} aumTier",
    "updateTime": "updateTime is of a ranking; a trend takes asOfTime (yyyyMMddHH, UTC)",
    "authorIds": "authorIds go with the tools that end in by_trader",
    "instId": "signals take instCcy or instCcyList",
}
NAMED_HINTS: Final = {
    **{name: f"{name} {_NO_POOL}" for name in (*_TIERS, "lmtNum", "minPnl", "minWinRate", "maxDrawdown", "minAum")},
    **{name: f"{name} {_NO_POOL}" for name in ("pnl", "winRate", "winRatio", "maxRetreat", "asset")},
    "updateTime": "updateTime is of a ranking",
}


def _words(text: str, *, description: str, **more: Any) -> msgspec.Meta:
    return msgspec.Meta(description=description, extra={WORDS: text}, **more)


def _listed(allowed: Sequence[str], description: str) -> msgspec.Meta:
    return _words(f"one of {', '.join(allowed)}", description=description, extra_json_schema={"enum": list(allowed)})


_NUMBER_WORDS: Final = "a number such as 0.5, as text or as a number"

ProviderWord = Annotated[str, _listed(PROVIDERS, "Left out: whoever can answer.")]
SortWord = Annotated[str, _listed(SORT_KEYS, "USD or percentage.")]
PeriodWord = Annotated[str | int, _listed(PERIODS, "Days.")]
GranularityWord = Annotated[str, _listed(GRANULARITIES, "Bucket.")]
AmountWord = Annotated[str | int | float, _words(_NUMBER_WORDS, description="USD.")]
RatioWord = Annotated[str | int | float, _words("a number from 0 to 1", description="A fraction: 0.8 = 80 %.")]
IdWord = Annotated[
    str,
    _words(
        "the id of a trader",
        description="Trader: 0x… of hyperliquid, code or number of OKX.",
        min_length=1,
        max_length=64,
        examples=["540D011FDACCB47A"],
    ),
]
IdsWord = Annotated[
    str | list[str],
    _words(f"1 to {MOST_IDS} ids of traders, a list or separated by commas", description="Ids of traders."),
]
CursorWord = Annotated[str, _words("an id as text", description="Id of the last row before.", max_length=64)]
NewerWord = Annotated[str, _words("an id as text", description="Id of the first row after.", max_length=64)]
InstrumentWord = Annotated[
    str,
    _words("an instrument such as BTC-USDT-SWAP, or BTC", description="BTC-USDT-SWAP or BTC.", max_length=40),
]
CoinWord = Annotated[str, _words("a coin such as BTC", description="Such as BTC.", min_length=1, max_length=40)]
CoinsWord = Annotated[
    str | list[str],
    _words(f"1 to {MOST_COINS} coins, a list or separated by commas", description="Not with topInstruments."),
]
PageLimit = Annotated[int, msgspec.Meta(ge=1, le=100, description="Rows.")]


class TraderArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    provider: ProviderWord | None = None


class PoolArguments(TraderArguments, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    sort_by: SortWord = "pnl"
    period: PeriodWord = SIGNAL_PERIOD
    pnl_tier: Annotated[str, _listed(_TIERS["pnlTier"], "TOP20: best fifth.")] = "PNL_ANY"
    win_rate_tier: Annotated[str, _listed(_TIERS["winRateTier"], "At least, percent.")] = "WR_ANY"
    max_drawdown_tier: Annotated[str, _listed(_TIERS["maxDrawdownTier"], "At most, percent.")] = "MR_ANY"
    aum_tier: Annotated[str, _listed(_TIERS["aumTier"], "By assets.")] = "AUM_ANY"
    lmt_num: Annotated[int, msgspec.Meta(ge=1, le=2000, description="Traders that stay.")] = 100

    def pool(self) -> PoolFilter:
        """Raises: BadArgument."""
        return PoolFilter(
            sort_by=sort_key(self.sort_by),
            period_days=period_days(self.period),
            pnl_tier=cast("PnlTier", _tier("pnlTier", self.pnl_tier)),
            win_rate_tier=cast("WinRateTier", _tier("winRateTier", self.win_rate_tier)),
            max_drawdown_tier=cast("DrawdownTier", _tier("maxDrawdownTier", self.max_drawdown_tier)),
            aum_tier=cast("AumTier", _tier("aumTier", self.aum_tier)),
            most=self.lmt_num,
        )


def one_of(name: str, given: str, allowed: Sequence[W]) -> W:
    """Raises: BadArgument with the list."""
    found = next((word for word in allowed if word.lower() == given.strip().lower()), None)
    if found is None:
        raise BadArgument(f"{name} must be one of {', '.join(allowed)}, not {shown(given)}")
    return found


def _tier(name: str, given: str) -> str:
    """`TOP20` is understood as `PNL_TOP20` where that is meant."""
    prefix = _TIERS[name][0].partition("_")[0]
    bare = given.strip()
    full = bare if bare.upper().startswith(f"{prefix}_") else f"{prefix}_{bare}"
    allowed = _TIERS[name]
    return one_of(name, full if full.upper() in allowed else given, allowed)


def sort_key(given: str) -> SortBy:
    return one_of("sortBy", given, SORT_KEYS)


def period_days(given: str | int) -> int:
    return int(one_of("period", str(given), PERIODS))


def bound(name: str, given: str | float | None, *, low: int | None = None, high: int | None = None) -> Decimal | None:
    """Raises: BadArgument for what is no number or out of its range."""
    if given is None:
        return None
    value = decimal_of(given)
    if value is None or (low is not None and value < low) or (high is not None and value > high):
        limits = f" from {low} to {high}" if high is not None else " of at least 0" if low == 0 else ""
        raise BadArgument(f"{name} must be a number{limits}, not {shown(given)}")
    return value


def _split(given: str | Sequence[str]) -> list[str]:
    parts = given.split(",") if isinstance(given, str) else given
    return list(dict.fromkeys(word for part in parts if (word := part.strip())))


def trader_ids(given: str | Sequence[str]) -> tuple[str, ...]:
    """Each once, in the order given. Raises: BadArgument."""
    found = _split(given)
    if not 1 <= len(found) <= MOST_IDS:
        raise BadArgument(f"authorIds must be 1 to {MOST_IDS} ids of traders, not {len(found)}")
    return tuple(trader_id("authorIds", one) for one in found)


def trader_id(name: str, given: str) -> str:
    """Raises: BadArgument."""
    word = given.strip()
    if _ID.fullmatch(word) is None:
        raise BadArgument(f"{name} must be an id of letters and digits, not {shown(given)}")
    return word


def cursors(after: str | None, before: str | None) -> tuple[str | None, str | None]:
    """Raises: BadArgument."""
    if after is not None and before is not None:
        raise BadArgument("after and before do not go together")
    return (
        None if after is None else trader_id("after", after),
        None if before is None else trader_id("before", before),
    )


def coin(name: str, given: str) -> str:
    """`BTC-USDT-SWAP` → `BTC`. Raises: BadArgument."""
    base = given.strip().partition("-")[0].upper()
    if not base.isalnum() or len(base) > 20:
        raise BadArgument(f"{name} must be a coin such as BTC, not {shown(given)}")
    return base


def coins(given: str | Sequence[str] | None, top: int | None) -> tuple[str, ...]:
    """Empty where the most held ones are wanted. Raises: BadArgument, also for both."""
    if given is None:
        return ()
    if top is not None:
        raise BadArgument("topInstruments and instCcyList do not go together: name one of them")
    found = tuple(dict.fromkeys(coin("instCcyList", one) for one in _split(given)))
    if not 1 <= len(found) <= MOST_COINS:
        raise BadArgument(f"instCcyList must be 1 to {MOST_COINS} coins, not {len(found)}")
    return found


def ranking_time(given: str | None) -> str | None:
    """Raises: BadArgument."""
    return None if given is None else _stamp("updateTime", given, "%Y%m%d%H%M", "yyyyMMddHHmm in UTC+8 (12 digits)")


def signal_hour(given: str | None, *, now_hour: str) -> str | None:
    """now_hour: yyyyMMddHH. Raises: BadArgument."""
    if given is None:
        return None
    hour = _stamp("asOfTime", given, "%Y%m%d%H", "yyyyMMddHH in UTC (10 digits)")
    if hour > now_hour:
        raise BadArgument(f"asOfTime must not be after this hour, {now_hour}, as {shown(given)} is")
    return hour


def _stamp(name: str, given: str, pattern: str, words: str) -> str:
    text = given.strip()
    with suppress(ValueError):
        if text.isascii() and text.isdecimal() and f"{datetime.strptime(text, pattern):{pattern}}" == text:  # noqa: DTZ007 — only its shape
            return text
    raise BadArgument(f"{name} must be {words}, not {shown(given)}")


def keyword(given: str) -> str:
    """Raises: BadArgument for what is blank or no text."""
    word = given.strip()
    if not word or not word.isprintable():
        raise BadArgument(f"keyword must be a part of a name, not {shown(given)}")
    return word
