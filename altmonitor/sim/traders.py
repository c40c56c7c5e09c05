"""One crowd of traders per contract, behind every number about who is positioned.

Everybody who holds the contract is in it, so that longs and shorts both add up to its open interest. The followed
traders of the overview, the top traders of the ratios and all accounts are parts of the same crowd. Like the market it
is a function of time: a trader holds one position for a span of his own, entered at the price of its beginning.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from altmonitor.sim.contracts import SimContract
from altmonitor.sim.names import MAJORS
from altmonitor.sim.noise import Flags, Floats, Ints, Keys, key_of, keys_of, paired, walk
from altmonitor.sim.port import Market

_STEP_MS = 300_000
_HOUR_MS = 3_600_000
_HOLDS_MS = (_HOUR_MS // 2, _HOUR_MS, 2 * _HOUR_MS, 4 * _HOUR_MS, 12 * _HOUR_MS, 24 * _HOUR_MS, 48 * _HOUR_MS)
_TOP_PART = 0.2  # by margin balance; of all accounts the top traders, of the followed ones the whales
_FOLLOWED = 0.3
_FLAT = 0.15
_LEAN = 0.3  # how far a group's mood moves the chance of a long away from one half
_KEPT_PRICES = 20_000


@dataclass(frozen=True, slots=True)
class _Crowd:
    """Arrays of one entry per trader. is_top: of all; is_followed; is_whale: of the followed."""

    keys: Keys
    margin: Floats
    hold_ms: Ints
    phase_ms: Ints
    is_top: Flags
    is_followed: Flags
    is_whale: Flags
    moods: Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """One moment of the whole crowd: arrays of one entry per trader. coins: above 0 long, below 0 short, 0 none.

    since_ms: when the position was entered.
    """

    coins: Floats
    since_ms: Ints
    is_top: Flags
    is_followed: Flags
    is_whale: Flags


class Traders:
    """venue: another one has another crowd in the same contracts."""

    def __init__(self, market: Market, *, venue: str = "") -> None:
        self._market = market
        self._venue = venue
        self._crowds: dict[str, _Crowd] = {}
        self._prices: OrderedDict[tuple[str, int], float] = OrderedDict()

    def are_followed(self, contract: SimContract, at_ms: int) -> bool:
        """Whether the overview knows the contract: trading USDT perpetuals of coins, some small ones left out."""
        if contract.contract_type != "PERPETUAL" or contract.quote_asset != "USDT":
            return False
        is_large = contract.base_asset in MAJORS
        return contract.status_at(at_ms) == "TRADING" and (is_large or key_of("followed", contract.symbol) % 8 > 0)

    def positions(self, contract: SimContract, at_ms: int) -> Positions:
        crowd = self._crowd(contract)
        turn = (at_ms + crowd.phase_ms) // crowd.hold_ms
        since_ms = np.maximum(turn * crowd.hold_ms - crowd.phase_ms, contract.onboard_ms)
        is_long = paired(crowd.keys, turn, salt=800) < 0.5 + _LEAN * self._moods(crowd, since_ms)
        is_flat = paired(crowd.keys, turn, salt=801) < _FLAT
        built_up = 0.6 + 0.4 * np.clip(2 * (at_ms - since_ms) / crowd.hold_ms, 0.0, 1.0)
        weight = crowd.margin * (0.5 + paired(crowd.keys, turn, salt=802)) * built_up * ~is_flat
        held = self._market.open_interest(contract.symbol, at_ms)
        long, short = weight * is_long, weight * ~is_long
        coins = held * (long / max(float(long.sum()), 1e-12) - short / max(float(short.sum()), 1e-12))
        return Positions(
            coins=coins,
            since_ms=since_ms,
            is_top=crowd.is_top,
            is_followed=crowd.is_followed,
            is_whale=crowd.is_whale,
        )

    def entries(self, contract: SimContract, positions: Positions) -> Floats:
        """The price at which each position was entered."""
        moments, places = np.unique(positions.since_ms, return_inverse=True)
        prices = np.array([self._price(contract.symbol, int(ms)) for ms in moments])
        found: Floats = prices[places]
        return found

    def _price(self, symbol: str, at_ms: int) -> float:
        if (symbol, at_ms) not in self._prices:
            self._prices[symbol, at_ms] = self._market.prices([symbol], at_ms)[0]
            if len(self._prices) > _KEPT_PRICES:
                self._prices.popitem(last=False)
        return self._prices[symbol, at_ms]

    def _moods(self, crowd: _Crowd, since_ms: Ints) -> Floats:
        """−1…1 at each trader's entry: one mood for the top traders, one for the others."""
        steps, places = np.unique(since_ms // _STEP_MS, return_inverse=True)
        values = np.clip(walk(crowd.moods, steps, periods=(24, 96, 384), salt=820) / 24, -1.0, 1.0)
        found: Floats = np.where(crowd.is_top, values[0, places], values[1, places])
        return found

    def _crowd(self, contract: SimContract) -> _Crowd:
        if contract.symbol not in self._crowds:
            self._crowds[contract.symbol] = self._gather(contract)
        return self._crowds[contract.symbol]

    def _gather(self, contract: SimContract) -> _Crowd:
        count = int(300 + 40 * (contract.quote_per_minute / 60_000) ** 0.5)
        seed = key_of("traders", contract.symbol, self._venue)
        keys = keys_of(seed, count)
        dice = np.stack([paired(keys, np.zeros(count, dtype=np.int64), salt=810 + n) for n in range(4)])
        margin = (1.0 - 0.999 * dice[0]) ** -0.8  # few large ones, many small ones
        hold_ms = np.array(_HOLDS_MS, dtype=np.int64)[(dice[1] * len(_HOLDS_MS)).astype(np.int64)]
        grid_ms = np.where(hold_ms > 4 * _HOUR_MS, _HOUR_MS, _STEP_MS)
        is_followed = dice[3] < _FOLLOWED
        return _Crowd(
            keys=keys,
            margin=margin,
            hold_ms=hold_ms,
            phase_ms=(dice[2] * (hold_ms // grid_ms)).astype(np.int64) * grid_ms,
            is_top=_largest(margin, np.ones(count, dtype=bool)),
            is_followed=is_followed,
            is_whale=_largest(margin, is_followed),
            moods=np.array([key_of(seed, "top mood"), key_of(seed, "mood")], dtype=np.uint64),
        )


def _largest(margin: Floats, among: Flags) -> Flags:
    """The fifth of `among` with the most margin."""
    floor = np.quantile(margin[among], 1 - _TOP_PART)
    found: Flags = among & (margin >= floor)
    return found
