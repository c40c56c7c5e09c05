"""Who is positioned which way: formulas over what exchanges tell, without any I/O, clock or log.

    from altmonitor.positioning import smart_money
    smart_money.share_of_oi(1_860_314_867, 3_610_164_191)     # 0.258

What followed traders hold      smart_money: sizes, entries, profits, share of the open interest
Ratios of longs to shorts       ratios (accounts, positions, taker trades) · divergence (top traders against the crowd)
Open interest and funding       open_interest (change of contracts, profit and loss) · funding
Over stored snapshots           history (change, trend, scan, position alerts) · statistics_history
Everything of one contract      picture · json_values (the same as JSON values)
Wallets of a public venue       wallets (states, changes) · wallet_pool (sums, liquidation levels) · wallet_fills
Rounding, units, periods        units

Conventions. Units stand in names and types: `_usd`, `_coins`, `_ms` (unix milliseconds), `Percent` (5.0 = 5 %),
`Fraction` (0…1). None is what is not known and never 0. Values are frozen; lists are oldest → newest. ValueError is
raised for arguments that mean nothing, never for data. Importing this package reads, opens and starts nothing; a module
is loaded when it is first named. Its only third package is msgspec.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = [
    "divergence",
    "funding",
    "history",
    "json_values",
    "open_interest",
    "picture",
    "ratios",
    "smart_money",
    "statistics_history",
    "tracked_values",
    "trader_pool",
    "traders",
    "units",
    "wallet_fills",
    "wallet_pool",
    "wallets",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return __all__
