"""Wallets of the simulated Hyperliquid: a leaderboard, what each holds, what it traded, and how its account went.

Shapes field by field as the venue answers (2026-10). What a wallet holds follows from its number and the time alone, or
is what a test sets; the list names them all, and addresses outside it hold nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

import msgspec
from aiohttp import web

from altmonitor.core.venue_names import hyperliquid_coin
from altmonitor.sim.control import ExchangeFaults, ExchangeStats
from altmonitor.sim.market import Market

STATS: Final = "/hyperliquid/stats/Mainnet"
WALLETS: Final = 60
VAULTS: Final = 3
"""Of the wallets: the first ones."""
KINDS: Final = frozenset({"clearinghouseState", "userFills", "portfolio"})
STEP_MS: Final = 600_000
"""A wallet looks at its positions once in so long, each at a moment of its own."""
LIKED: Final = {"BTCUSDT": 1, "ETHUSDT": 2, "SOLUSDT": 3}
"""Every n-th wallet trades them."""
FILLS_MAX: Final = 2_000
PERIODS_MS: Final = {"day": 86_400_000, "week": 7 * 86_400_000, "month": 30 * 86_400_000, "allTime": 400 * 86_400_000}
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")

SimFill = dict[str, object]


class NoAddress(Exception):
    """What was asked about is none."""


def address_of(number: int) -> str:
    return f"0x{number * 0x9E3779B97F4A7C15 % (1 << 160):040x}"


class SimWallets:
    """The leaderboard names `WALLETS` of them. unreachable: addresses whose questions end in a 500.

    coins: names and symbols of the main dex, in its order. `hold` sets what a wallet has from now on, `trade` what it
    did; both also bring an address onto the list.
    """

    def __init__(self, market: Market, *, coins: Callable[[int], Sequence[str]]) -> None:
        self._market = market
        self._coins = coins
        self._numbers = {address_of(number): number for number in range(1, WALLETS + 1)}
        self._vaults = [address_of(number) for number in range(1, VAULTS + 1)]
        self._held: dict[str, Mapping[str, float]] = {}
        self._fills: dict[str, list[SimFill]] = {}
        self.unreachable: set[str] = set()

    @property
    def addresses(self) -> tuple[str, ...]:
        """In the order of the leaderboard."""
        return tuple(self._numbers)

    def only(self, *addresses: str) -> None:
        """From now on the leaderboard names these and nobody else."""
        self._numbers = {address: self._numbers.get(address, number) for number, address in enumerate(addresses, 1)}
        self._vaults = [address for address in self._vaults if address in self._numbers]

    def hold(self, address: str, **sizes: float) -> None:
        """sizes: coin → coins, below 0 for a short; nothing: no position at all."""
        self._held[address] = dict(sizes)
        self._numbers.setdefault(address, len(self._numbers) + 1)

    def trade(self, address: str, fills: Sequence[SimFill]) -> None:
        """fills: oldest → newest, in the venue's words."""
        self._fills[address] = list(fills)
        self._numbers.setdefault(address, len(self._numbers) + 1)

    # --- the two files

    def leaderboard(self) -> dict[str, object]:
        return {"leaderboardRows": [self._row(address, number) for address, number in self._numbers.items()]}

    def _row(self, address: str, number: int) -> dict[str, object]:
        worth = 2e7 / number**0.7
        random = Random(number)
        windows: list[object] = []
        for name, days in {"day": 1, "week": 7, "month": 30, "allTime": 400}.items():
            pnl = worth * random.gauss(0.01, 0.03) * days**0.5
            busy = 400.0 if number % 10 == 5 else 12.0
            volume = worth * busy * days / 30
            if number % 10 == 5:
                pnl = volume * 0.0001
            windows.append([name, {"pnl": f"{pnl:.6f}", "roi": f"{pnl / worth:.10f}", "vlm": f"{volume:.2f}"}])
        return {
            "ethAddress": address,
            "accountValue": f"{worth:.10f}",
            "windowPerformances": windows,
            "prize": 0,
            "displayName": f'Trader "{number}" {{x}}' if number % 7 == 0 else None,
        }

    def vaults(self) -> list[object]:
        return [
            {
                "apr": 0.12,
                "pnls": [["day", ["0.0", "12.5"]], ["week", ["0.0"]], ["month", ["0.0"]], ["allTime", ["0.0"]]],
                "summary": {
                    "name": f"Vault {at}",
                    "vaultAddress": address,
                    "leader": address_of(10_000 + at),
                    "tvl": "1250000.5",
                    "isClosed": False,
                    "relationship": {"type": "normal"},
                    "createTimeMillis": 1_736_422_051_357,
                },
            }
            for at, address in enumerate(self._vaults, 1)
        ]

    # --- one wallet

    def answer(self, kind: str, asked: Mapping[str, object], now_ms: int) -> object:
        """Raises: NoAddress, which the venue answers with a 422."""
        user = str(asked.get("user", ""))
        if not _ADDRESS.fullmatch(user):
            raise NoAddress(user)
        address = user.lower()
        match kind:
            case "clearinghouseState":
                return self._state(address, now_ms)
            case "userFills":
                return list(reversed(self._fills.get(address) or self._made_up_fills(address, now_ms)))[:FILLS_MAX]
            case _:
                return self._portfolio(address, now_ms)

    def _sizes(self, address: str, now_ms: int) -> dict[str, tuple[float, int]]:
        """Coin → (size, when it was last changed; 0 where that was set by a test)."""
        if address in self._held:
            return {coin: (size, 0) for coin, size in self._held[address].items() if size}
        number = self._numbers.get(address)
        if number is None:
            return {}
        coins = self._coins(now_ms)
        liked = [symbol for symbol, nth in LIKED.items() if number % nth == 0 and symbol in coins]
        others = [symbol for symbol in coins if symbol not in LIKED]
        chosen = [*liked, *Random(number).sample(others, k=min(len(others), 1 + number % 3))]
        step, offset_ms = (now_ms + number * 7_919) // STEP_MS, number * 7_919
        found: dict[str, tuple[float, int]] = {}
        for at, symbol in enumerate(chosen):
            changed_ms = ((step + at) // 3 * 3 - at) * STEP_MS - offset_ms
            random = Random(f"{number}:{symbol}:{changed_ms}")
            (price,) = self._market.prices([symbol], changed_ms)
            usd = random.choice((0.0, 1.0, 1.0, -1.0)) * 1e6 / number**0.5 * random.uniform(0.5, 2.0)
            if usd and price > 0 and round(usd / price, 4):
                found[hyperliquid_coin(symbol)] = (round(usd / price, 4), changed_ms)
        return found

    def _state(self, address: str, now_ms: int) -> dict[str, object]:
        symbols = {hyperliquid_coin(symbol): symbol for symbol in self._coins(now_ms)}
        sizes = {coin: row for coin, row in self._sizes(address, now_ms).items() if coin in symbols}
        prices = self._market.prices([symbols[coin] for coin in sizes], now_ms)
        worth = 2e7 / self._numbers[address] ** 0.7 if address in self._numbers else 0.0
        rows: list[object] = []
        total = margin = 0.0
        for (coin, (size, changed_ms)), price in zip(sizes.items(), prices, strict=True):
            random = Random(f"{address}:{coin}:{changed_ms}")
            leverage, is_cross = random.choice((3, 5, 10, 20)), random.random() < 0.7
            (entry,) = self._market.prices([symbols[coin]], changed_ms or now_ms)
            value = abs(size) * price
            upnl = size * (price - entry)
            side = 1 if size > 0 else -1
            liquidation = entry * (1 - side * 0.9 / leverage)
            total, margin = total + value, margin + value / leverage
            rows.append(
                {
                    "type": "oneWay",
                    "position": {
                        "coin": coin,
                        "szi": f"{size:.4f}",
                        "leverage": {"type": "cross", "value": leverage}
                        if is_cross
                        else {"type": "isolated", "value": leverage, "rawUsd": f"{-size * entry:.6f}"},
                        "entryPx": f"{entry:.10f}",
                        "positionValue": f"{value:.6f}",
                        "unrealizedPnl": f"{upnl:.6f}",
                        "returnOnEquity": f"{upnl / (value / leverage):.10f}",
                        "liquidationPx": None if is_cross and leverage == 3 else f"{liquidation:.10f}",
                        "marginUsed": f"{value / leverage:.6f}",
                        "maxLeverage": 40,
                        "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
                    },
                }
            )
        summary = {
            "accountValue": f"{worth:.6f}",
            "totalNtlPos": f"{total:.6f}",
            "totalRawUsd": f"{worth - total:.6f}",
            "totalMarginUsed": f"{margin:.6f}",
        }
        return {
            "marginSummary": summary,
            "crossMarginSummary": summary,
            "crossMaintenanceMarginUsed": f"{margin / 2:.6f}",
            "withdrawable": f"{max(0.0, worth - margin):.6f}",
            "assetPositions": rows,
            "time": now_ms,
        }

    def _made_up_fills(self, address: str, now_ms: int) -> list[SimFill]:
        """A wallet of the list opened and closed one coin every day of the last thirty."""
        number = self._numbers.get(address)
        if number is None:
            return []
        symbol = self._coins(now_ms)[number % 5]
        fills: list[SimFill] = []
        for day in range(30, 0, -1):
            at_ms = (now_ms // 86_400_000 - day) * 86_400_000 + number * 60_000
            bought, sold = (self._market.prices([symbol], at_ms + later)[0] for later in (0, 3_600_000))
            size = 1_000.0 / bought
            opened = fill(hyperliquid_coin(symbol), "B", size, bought, time_ms=at_ms, start=0.0, tid=day * 2)
            pnl = size * (sold - bought)
            closed = fill(
                hyperliquid_coin(symbol),
                "A",
                size,
                sold,
                time_ms=at_ms + 3_600_000,
                start=size,
                tid=day * 2 + 1,
                pnl=pnl,
            )
            fills += [opened, closed]
        fills.sort(key=lambda row: int(str(row["time"])))
        return fills

    def _portfolio(self, address: str, now_ms: int) -> list[object]:
        number = self._numbers.get(address)
        if number is None:
            return []
        worth, found = 2e7 / number**0.7, list[object]()
        for prefix in ("", "perp"):
            for name, length_ms in PERIODS_MS.items():
                times = [now_ms - length_ms + length_ms * at // 12 for at in range(13)]
                random, pnl = Random(f"{number}:{name}"), [0.0]
                for _ in times[1:]:
                    pnl.append(pnl[-1] + worth * random.gauss(0.002, 0.01))
                found.append(
                    [
                        f"{prefix}{name[0].upper()}{name[1:]}" if prefix else name,
                        {
                            "accountValueHistory": [
                                [ms, f"{worth + value - pnl[-1]:.6f}"] for ms, value in zip(times, pnl, strict=True)
                            ],
                            "pnlHistory": [[ms, f"{value:.6f}"] for ms, value in zip(times, pnl, strict=True)],
                            "vlm": f"{worth * 3:.2f}",
                        },
                    ]
                )
        return found


def fill(
    coin: str,
    side: str,
    size: float,
    price: float,
    *,
    time_ms: int,
    start: float,
    tid: int,
    pnl: float = 0.0,
    oid: int | None = None,
    liquidated: str = "",
) -> SimFill:
    """One row of `userFills`. side: B or A. start: the position before it. liquidated: whose position, '' for none."""
    signed = size if side == "B" else -size
    is_opening = start == 0 or (start > 0) is (signed > 0)
    direction = f"{'Open' if is_opening else 'Close'} {'Long' if (start + signed / 2) > 0 else 'Short'}"
    row: SimFill = {
        "coin": coin,
        "px": f"{price:.10f}",
        "sz": f"{size:.6f}",
        "side": side,
        "time": time_ms,
        "startPosition": f"{start:.6f}",
        "dir": direction,
        "closedPnl": f"{pnl:.6f}",
        "hash": f"0x{tid:064x}",
        "oid": tid * 10 if oid is None else oid,
        "crossed": True,
        "fee": "0.500000",
        "tid": tid,
        "feeToken": "USDC",
    }
    if liquidated:
        row["liquidation"] = {"liquidatedUser": liquidated, "markPx": f"{price:.10f}", "method": "market"}
    return row


class HyperliquidStats:
    """The two files that lie beside the venue's interface. rest faults count under their paths, see `STATS`."""

    def __init__(
        self, wallets: SimWallets, *, now_ms: Callable[[], int], faults: ExchangeFaults, stats: ExchangeStats
    ) -> None:
        self._wallets = wallets
        self._now_ms = now_ms
        self._faults = faults
        self._stats = stats

    def routes(self) -> list[web.RouteDef]:
        return [web.get(f"{STATS}/leaderboard", self._serve), web.get(f"{STATS}/vaults", self._serve)]

    async def _serve(self, request: web.Request) -> web.Response:
        self._stats.request(request.path, self._now_ms())
        fault = self._faults.rest_fault(request.path, None)
        if fault is not None and fault.status is not None:
            return web.Response(status=fault.status, text=fault.body or "")
        if fault is not None and fault.html_200:
            return web.Response(text="<html><body>gateway</body></html>", content_type="text/html")
        is_list = request.path.endswith("vaults")
        body = msgspec.json.encode(self._wallets.vaults() if is_list else self._wallets.leaderboard())
        if fault is not None and (fault.truncate or fault.cut):
            body = body[: len(body) // 2]
        return web.Response(body=body, content_type="application/json")
