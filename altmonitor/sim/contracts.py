"""The simulated exchange's contract list: every kind the real one has, in its proportions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import floor, log10

import numpy as np
from numpy.typing import NDArray

# ---
# Names and price levels the simulated exchange starts from. Prices are of 2026's order of magnitude, nothing more.


def _words(text: str) -> list[str]:
    return text.split()


MAJORS: dict[str, float] = {
    "BTC": 77_371.5, "ETH": 2_435.6, "SOL": 148.2, "BNB": 842.0, "XRP": 1.38, "DOGE": 0.1432, "ADA": 0.412,
    "AVAX": 17.3, "LINK": 12.85, "DOT": 2.91, "TRX": 0.2871, "LTC": 84.1, "BCH": 466.0, "UNI": 5.72, "ATOM": 3.05,
    "NEAR": 2.14, "APT": 2.33, "ARB": 0.2211, "OP": 0.348, "SUI": 1.91, "SEI": 0.1384, "TIA": 0.81, "INJ": 6.44,
    "FIL": 1.52, "ETC": 14.6, "XLM": 0.2634, "HBAR": 0.1471, "ICP": 3.91, "AAVE": 171.0, "MKR": 1_412.0,
    "1000PEPE": 0.004871, "1000SHIB": 0.008615, "1000BONK": 0.012344, "1000FLOKI": 0.04721, "1000SATS": 0.00002314,
    "1000000MOG": 0.3127, "1MBABYDOGE": 0.0009812, "1000CAT": 0.00418, "1000RATS": 0.0193, "1000LUNC": 0.0384,
    "币安人生": 0.1127, "我踏马来了": 0.0312, "牛来": 0.00874, "SWARMS": 0.01243, "WIF": 0.3911, "TRUMP": 5.77,
    "HYPE": 38.4, "ZEC": 402.0, "TAO": 288.0, "ENA": 0.2714, "WLD": 0.611, "JUP": 0.2044, "ONDO": 0.461, "PNUT": 0.0812,
}  # fmt: skip

MINORS = _words("""
RENDER FET GRT ALGO VET THETA SAND MANA AXS GALA CHZ ENJ CRV LDO SNX COMP SUSHI YFI 1INCH ZRX BAT KAVA RUNE EGLD FLOW
XTZ IOTA ZIL QTUM ONT NEO KSM DASH XMR IMX GMX DYDX BLUR PENDLE STX ORDI JTO PYTH STRK DYM ALT PIXEL PORTAL AEVO ETHFI
W TNSR SAGA OMNI REZ BB NOT IO ZK LISTA ZRO BANANA DOGS NEIRO CATI HMSTR EIGEN SCR GOAT MOODENG GRASS DRIFT COW CETUS
ACT PENGU USUAL MOVE ME VANA BIO AIXBT COOKIE SONIC ANIME BERA LAYER KAITO RED SHELL NIL PARTI BABY KERNEL INIT SIGN
HUMA SOPH RESOLV HOME SAHARA NEWT ERA TREE PROVE LINEA AVNT ASTER XPL MIRA FF EDEN 0G ZBT ENSO CLO TURTLE YB KITE
ALLO BANK MET SAPIEN APR MMT FOLKS LIGHT RIVER PIEVERSE BEAT BARD MYX COAI PTB AIA NIGHT STABLE RAVE US GUA TRADOOR
""")

RETIRED = _words(
    "OMG WAVES SRM FTT RAY BTS SC TOMO CVC ANT CTK AUDIO KEEP AKRO LEND BZRX GTO STMX REEF UNFI LINA KLAY EOS"
)

TRADFI: dict[str, tuple[float, str]] = {
    "XAU": (4_461.1, "COMMODITY"), "XAG": (54.3, "COMMODITY"), "CL": (58.9, "COMMODITY"), "NATGAS": (4.31, "COMMODITY"),
    "TSLA": (347.9, "EQUITY"), "NVDA": (181.2, "EQUITY"), "AAPL": (268.0, "EQUITY"), "MSTR": (214.0, "EQUITY"),
    "COIN": (251.0, "EQUITY"), "HOOD": (112.0, "EQUITY"), "AMZN": (221.0, "EQUITY"), "META": (612.0, "EQUITY"),
    "GOOGL": (294.0, "EQUITY"), "PLTR": (163.0, "EQUITY"), "INTC": (36.2, "EQUITY"), "CRCL": (84.0, "EQUITY"),
    "QQQ": (601.0, "EQUITY"), "SPY": (664.0, "EQUITY"), "SAMSUNG": (68.4, "KR_EQUITY"), "EURUSD": (1.152, "FX"),
}  # fmt: skip

_ONSETS = _words("B C D F G H J K L M N P R S T V W X Z BR CR DR FL GR KL PL SK TR")
_VOWELS = _words("A E I O U AI EO")
_ENDINGS = ["", "N", "X", "R", "S", "L", "T", "DAO", "FI", "AI"]


def invented(number: int) -> str:
    """The `number`-th invented coin name; different numbers give different names (below 20,000)."""
    onset = _ONSETS[number % len(_ONSETS)]
    number //= len(_ONSETS)
    first = _VOWELS[number % len(_VOWELS)]
    number //= len(_VOWELS)
    return f"Q{onset}{first}{_ENDINGS[number % len(_ENDINGS)]}" + ("V" * (number // len(_ENDINGS)))


# ---
# Randomness that is a function: the same key and index give the same number, in any order, at any time.
#
# That is what lets a simulated market answer for a minute three days before its start, stream the running one and serve
# both over REST without keeping anything.


Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def key_of(*parts: object) -> int:
    """A 64-bit key of the parts' texts; stable across processes and Python versions."""
    text = "\x1f".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def keys_of(seed: int, count: int) -> Keys:
    """`count` keys that follow from one of `key_of`."""
    return _scramble(np.uint64(seed) + np.arange(count, dtype=np.uint64) * _GOLDEN)


def uniform(keys: Keys, index: Ints, salt: int | Ints) -> Floats:
    """Numbers in [0, 1), one per key and index: shape (len(keys), len(index)). SplitMix64 over both.

    salt: one, or one per index.
    """
    salts: Keys = np.asarray(salt, dtype=np.uint64)
    return _fractions(keys[:, None] ^ _scramble(index.astype(np.uint64) * _GOLDEN + salts)[None, :])


def paired(keys: Keys, index: Ints, salt: int) -> Floats:
    """Numbers in [0, 1) of each key with its own index: two arrays of one length, as is the answer."""
    return _fractions(keys ^ _scramble(index.astype(np.uint64) * _GOLDEN + np.uint64(salt)))


def _fractions(mixed: Keys) -> Floats:
    return (_scramble(mixed) >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def _scramble(z: Keys) -> Keys:
    """Of an array, in which numpy lets products go beyond 64 bits without a word."""
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


def walk(keys: Keys, steps: Ints, *, periods: tuple[int, ...], salt: int) -> Floats:
    """A bounded random walk read at `steps` (ascending): shape (len(keys), len(steps)).

    Value noise in octaves: each period p adds straight lines between random heights in ±√p at its multiples, so that
    the value moves like √time over all spans between the shortest and the longest period, and yet has a hard bound on
    how far it goes within any span.
    """
    if len(steps) == 1:
        return _at_one_step(keys, int(steps[0]), periods, salt)
    total = np.zeros((len(keys), len(steps)))
    if len(steps) and int(steps[-1]) - int(steps[0]) + 1 == len(steps):
        for octave, period in enumerate(periods):
            _add_octave(total, keys, steps, period, salt + octave)
        return total
    for octave, period in enumerate(periods):
        cell = steps // period
        share = (steps - cell * period) / period
        first, count = int(cell[0]), int(cell[-1] - cell[0]) + 2
        if count <= 2 * len(steps):
            lattice = uniform(keys, np.arange(first, first + count, dtype=np.int64), salt + octave)
            before, after = lattice[:, cell - first], lattice[:, cell - first + 1]
        else:
            before, after = uniform(keys, cell, salt + octave), uniform(keys, cell + 1, salt + octave)
        total += (2.0 * np.sqrt(period)) * (before + (after - before) * share - 0.5)
    return total


def _at_one_step(keys: Keys, step: int, periods: tuple[int, ...], salt: int) -> Floats:
    """The same number for one step, about ten times as fast: all octaves at once."""
    lengths = np.array(periods, dtype=np.int64)
    cells, salts = step // lengths, np.arange(salt, salt + len(periods))
    lattice = uniform(keys, np.concatenate((cells, cells + 1)), np.concatenate((salts, salts)))
    before, after = lattice[:, : len(periods)], lattice[:, len(periods) :]
    lines = (after - before) * ((step - cells * lengths) / lengths)
    lines += before
    lines -= 0.5
    lines *= 2.0 * np.sqrt(lengths)
    total: Floats = np.add.accumulate(lines, axis=1)[
        :, -1:
    ]  # in turn, as for many steps: a sum of another order differs
    return total


def _add_octave(total: Floats, keys: Keys, steps: Ints, period: int, salt: int) -> None:
    """The same numbers for steps without a gap, about twice as fast: each straight line is written as a whole."""
    first, last = int(steps[0]) // period, int(steps[-1]) // period
    cells = np.arange(first, last + 2, dtype=np.int64)
    edges: Ints = np.clip(cells * period, steps[0], steps[-1] + 1)
    counts = edges[1:] - edges[:-1]
    lattice = uniform(keys, cells, salt)
    line = np.repeat(np.diff(lattice, axis=1), counts, axis=1)
    line *= (steps - np.repeat(cells[:-1] * period, counts)) / period
    line += np.repeat(lattice[:, :-1], counts, axis=1)
    line -= 0.5
    line *= 2.0 * np.sqrt(period)
    total += line


# ---


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
