"""How one venue speaks on its market socket. All that the feed knows of a venue is what stands here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from altmonitor.market.candles import KlineUpdate
from altmonitor.market.contracts import ContractNews

Method = Literal["SUBSCRIBE", "UNSUBSCRIBE", "LIST"]


class KlineEnvelope(Protocol):
    """What a candle comes in. Reading `data` is all that happens to it, once per frame."""

    @property
    def data(self) -> KlineUpdate: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribeAnswer:
    """The venue's word on one control message.

    request_id: None when an error does not say what it is about. streams: what a LIST names, None for other requests.
    error: empty when the request was accepted.
    """

    request_id: int | None
    streams: list[str] | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ShutdownNotice:
    """The server will close this connection soon."""


@dataclass(frozen=True, slots=True)
class HeartbeatAnswer:
    """The venue has heard our heartbeat. No data: a connection that answers may be dead all the same."""


class Skipped(StrEnum):
    """Why a frame was counted and not used."""

    MALFORMED = "malformed"  # not JSON, or not UTF-8
    WRONG_SHAPE = "wrong_shape"  # JSON, but not what this kind of frame promises
    UNKNOWN_EVENT = "unknown_event"
    COIN_MARGINED = "coin_margined"
    UNMATCHED_ANSWER = "unmatched_answer"  # acknowledges what was not asked, or no longer


OtherFrame = (
    ContractNews | SubscribeAnswer | ShutdownNotice | HeartbeatAnswer | Skipped | tuple[KlineUpdate, ...] | KlineUpdate
)
"""What `decode_other` may find. A candle here is one outside its usual envelope; several came in one frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """path: appended to the base address. news_streams: beside the candles, carried by the first connection alone.

    kline_stream: symbol → name of its 1-minute stream. encode: a control message; streams is None for a LIST.
    decode_kline: raises one of `not_a_kline` for anything but a candle. decode_other: reads those, never raises.

    has_list: the venue tells what is subscribed; where it does not, its acknowledgements have to do.
    closings: candles that are over by the clock since it was last asked, for a venue that never says so.
    heartbeat: text the venue wants to hear every `heartbeat_s`; empty where WebSocket pings are enough.
    """

    path: str
    news_streams: tuple[str, ...]
    kline_stream: Callable[[str], str]
    encode: Callable[[Method, tuple[str, ...] | None, int], str]
    decode_kline: Callable[[bytes], KlineEnvelope]
    not_a_kline: tuple[type[Exception], ...]
    decode_other: Callable[[bytes], OtherFrame]

    streams_per_connection: int
    """From this many on another connection is opened."""
    connection_life_s: float
    """A connection is replaced after this long (give or take 2 %)."""
    handshakes: int
    handshake_window_s: float
    """At most so many connections are opened in any so many seconds."""
    largest_message_bytes: int
    """Of a control message."""
    control_interval_s: float
    """Between two control messages."""
    answer_within_s: float = 10.0
    has_list: bool = True
    heartbeat: str = ""
    heartbeat_s: float = 0.0
    closings: Callable[[], Sequence[KlineUpdate]] | None = None
