"""The longest answers about followed traders."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from altmonitor.commands.replies import Reply
from altmonitor.commands.traders import CoinOfPoolShown, NoTradersKnown, TraderPictureShown
from altmonitor.interfaces.traders import CoinOfPool, TraderPicture
from altmonitor.positioning.trader_pool import coin_signal, coin_sums
from altmonitor.positioning.traders import PoolCoverage
from tests.operations.standing_traders import HELD, HOUR, ORDERS, POSITION, TRADERS
from tests.positioning.samples import T0

LONG_NAME = "<&\"'币安人生>" + "X" * 300
ADDRESS = "0x" + "ab" * 20

POOL = CoinOfPool(
    base="BTC",
    provider="hyperliquid",
    period_days=7,
    signal=coin_signal(coin_sums(HELD)["BTC"], traders={}, data_version=HOUR),
    coverage=PoolCoverage(read=40, of=100),
)
PERSON = TraderPicture(
    author_id=TRADERS[0].author_id,
    provider="okx_copy",
    period_days=30,
    performance=TRADERS[0],
    positions=(POSITION,),
    orders=ORDERS[:3],
    missing=(),
)
LONGEST: list[Reply] = [
    CoinOfPoolShown(found=replace(POOL, base=LONG_NAME)),
    CoinOfPoolShown(found=replace(POOL, signal=None)),
    TraderPictureShown(
        found=replace(
            PERSON,
            author_id=ADDRESS,
            performance=msgspec.structs.replace(TRADERS[0], nick_name=LONG_NAME),
            positions=(msgspec.structs.replace(POSITION, inst_id=LONG_NAME),) * 500,
        ),
        now_s=T0 / 1000,
    ),
    TraderPictureShown(
        found=replace(
            PERSON, performance=None, positions=(), orders=(), missing=("performance", "positions", "orders")
        ),
        now_s=T0 / 1000,
    ),
    NoTradersKnown(command="whales", word=LONG_NAME),
    NoTradersKnown(command="trader", word=LONG_NAME),
]
