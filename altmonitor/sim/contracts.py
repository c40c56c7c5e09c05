"""The simulated exchange's contract list: every kind the real one has, in its proportions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import floor, log10

from altmonitor.sim.names import MAJORS, MINORS, RETIRED, TRADFI, invented
from altmonitor.sim.noise import key_of

NEVER_MS = 4_133_404_800_000  # 2100-12-25: what the exchange writes as the delivery date of a perpetual
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SimContract:
    """One contract. `statuses`: (from_ms, status), oldest first; before the first it is not listed at all.

    price: level the walk swings around. quote_per_minute: USDT an ordinary minute turns over. price_decimals and
    qty_decimals also are the tick and the step: 10^-decimals.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    contract_type: str
    statuses: tuple[tuple[int, str], ...]
    price: float
    price_decimals: int
    qty_decimals: int
    quote_per_minute: float
    onboard_ms: int
    delivery_ms: int = NEVER_MS
    underlying_type: str = "COIN"

    def status_at(self, at_ms: int) -> str | None:
        """None: not listed yet."""
        found = None
        for from_ms, status in self.statuses:
            if from_ms <= at_ms:
                found = status
        return found

    def trading_span(self) -> tuple[int, int]:
        """[from, to) in unix ms in which it trades; (0, 0) when it never does."""
        for number, (from_ms, status) in enumerate(self.statuses):
            if status == "TRADING":
                later = self.statuses[number + 1 :]
                return from_ms, later[0][0] if later else NEVER_MS
        return 0, 0

    def becoming(self, status: str, at_ms: int) -> SimContract:
        """The same contract, with this status from `at_ms` on."""
        earlier = tuple(entry for entry in self.statuses if entry[0] < at_ms)
        return replace(self, statuses=(*earlier, (at_ms, status)))


def make_contracts(*, seed: int, count: int, start_ms: int) -> list[SimContract]:
    """`count` (≥ 20) contracts: about 3 in 4 are trading USDT perpetuals, the rest is what a filter must drop."""
    if count < 20:
        raise ValueError(f"a market needs at least 20 symbols to have every kind, not {count}")
    usdc, tradfi, settling = max(2, count * 6 // 100), max(2, count * 8 // 100), max(2, count * 8 // 100)
    rows = [_make(seed, start_ms, base=base, quote="USDC") for base in list(MAJORS)[:usdc]]
    rows += _tradfi(seed, start_ms, tradfi)
    gone = [*RETIRED, *(f"{base}OLD" for base in MINORS)][:settling]
    rows += [_make(seed, start_ms, base=base, status="SETTLING") for base in gone]
    rows += [_make(seed, start_ms, base="SOON", status="PENDING_TRADING")]
    rows += _quarterlies(seed, start_ms)
    names = [*MAJORS, *MINORS]
    names += [invented(number) for number in range(max(0, count - len(rows) - len(names)))]
    coins = [_make(seed, start_ms, base=base) for base in names[: count - len(rows)]]
    return coins + rows


def new_listing(symbol: str, *, seed: int, at_ms: int) -> SimContract:
    """A USDT perpetual that is unknown before `at_ms`."""
    base = symbol.removesuffix("USDT")
    contract = _make(seed, at_ms, base=base)
    return replace(contract, symbol=symbol, onboard_ms=at_ms, statuses=((at_ms, "TRADING"),))


def price_decimals_for(price: float) -> int:
    """Decimals that make one tick 0.01 % to 0.001 % of the price, as the exchange does."""
    return min(10, max(1, 4 - floor(log10(price))))


def _make(
    seed: int, start_ms: int, *, base: str, quote: str = "USDT", status: str = "TRADING", price: float | None = None
) -> SimContract:
    dice = key_of(seed, "contract", base, quote)
    level = price or MAJORS.get(base) or 10 ** (-6.5 + 8.5 * (dice % 1009) / 1009)
    rank = list(MAJORS).index(base) if base in MAJORS else len(MAJORS)
    turnover = 60_000 * 10 ** (1.5 * (dice // 1009 % 1013) / 1013) * (1 + 60 / (1 + rank) ** 1.2)
    onboard_ms = start_ms - DAY_MS * (10 + dice // 7 % 1500)
    contract = SimContract(
        symbol=base + quote,
        base_asset=base,
        quote_asset=quote,
        contract_type="PERPETUAL",
        statuses=((onboard_ms, status),),
        price=level,
        price_decimals=price_decimals_for(level),
        qty_decimals=max(0, min(3, 1 + floor(log10(level)))),
        quote_per_minute=turnover,
        onboard_ms=onboard_ms,
    )
    if status == "PENDING_TRADING":  # announced: in the list before its first trade
        return replace(contract, onboard_ms=start_ms + 7 * DAY_MS)
    return contract


def _tradfi(seed: int, start_ms: int, count: int) -> list[SimContract]:
    rows = []
    for base, (price, kind) in list(TRADFI.items())[:count]:
        contract = _make(seed, start_ms, base=base, price=price)
        rows.append(replace(contract, contract_type="TRADIFI_PERPETUAL", underlying_type=kind))
    return rows


def _quarterlies(seed: int, start_ms: int) -> list[SimContract]:
    rows = []
    near, far = _quarter_ends(start_ms)
    for base in ("BTC", "ETH"):
        for kind, delivery in (("CURRENT_QUARTER", near), ("NEXT_QUARTER", far)):
            contract = _make(seed, start_ms, base=base)
            rows.append(
                replace(
                    contract,
                    symbol=f"{base}USDT_{delivery:%y%m%d}",
                    contract_type=kind,
                    delivery_ms=int(delivery.timestamp() * 1000),
                    quote_per_minute=contract.quote_per_minute / 50,
                )
            )
    return rows


def _quarter_ends(start_ms: int) -> tuple[datetime, datetime]:
    """The next two last Fridays of a quarter, 08:00 UTC."""
    now = datetime.fromtimestamp(start_ms / 1000, UTC)
    found = []
    for year in (now.year, now.year + 1):
        for month in (3, 6, 9, 12):
            following = datetime(year + month // 12, month % 12 + 1, 1, 8, tzinfo=UTC)
            last = following - timedelta(days=1)
            friday = last - timedelta(days=(last.weekday() - 4) % 7)
            if friday > now:
                found.append(friday)
    return found[0], found[1]
