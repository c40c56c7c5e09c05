"""Addresses and limits of Binance USDⓈ-M futures.

Sources: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams (2026-05) and
its page on live subscribing (2026-01).
"""

from __future__ import annotations

from typing import Final

# Streams.

STREAM_PATH: Final = "/stream"
"""Combined streams. The base must be routed (`…/market`): without the route the exchange accepts the connection and
every subscription and then sends no candle. Source: change notice of 2026-03-05, in force since 2026-04-23."""

CONTRACT_INFO_STREAM: Final = "!contractInfo"

MAX_CONTROL_FRAME_BYTES: Final = 3_500
"""Larger control messages (from about 4 KB) are reported to be ignored."""

CONTROL_INTERVAL_S: Final = 0.3
"""Between two control messages. The exchange disconnects above 10 a second, pings and pongs included."""

ANSWER_WITHIN_S: Final = 10.0

STREAMS_PER_CONNECTION: Final = 900
"""From this many on another connection is opened; the exchange's limit is 1,024."""

CONNECTION_LIFE_S: Final = 23 * 3600.0
"""The exchange cuts a connection after 24 hours."""

MAX_HANDSHAKES: Final = 250
HANDSHAKE_WINDOW_S: Final = 300.0
"""300 connections per 5 minutes and address are documented for spot; assumed here."""


def kline_stream(symbol: str) -> str:
    """Stream names are lower case; a name in upper case is acknowledged and silent."""
    return f"{symbol.lower()}@kline_1m"
