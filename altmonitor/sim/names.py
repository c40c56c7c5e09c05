"""Names and price levels the simulated exchange starts from. Prices are of 2026's order of magnitude, nothing more."""

from __future__ import annotations


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
