"""What the operator is told about altmonitor itself: one small value per notice, each sent once per change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from altmonitor.settings.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeBase:
    """at_ms: when it happened, our clock, unix ms; the message may arrive much later."""

    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Found from before. queued: undelivered alerts. cooldowns: running ones. candles: loaded for baselines."""

    queued: int = 0
    cooldowns: int = 0
    candles: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(NoticeBase):
    """is_blind: no market data yet. alerts_per_day: what these thresholds would have raised, over the last history_s
    seconds; None: not known."""

    version: str
    symbols: int
    settings: Settings
    restored: Restored = field(default_factory=Restored)
    alerts_per_day: float | None = None
    history_s: float | None = None
    is_blind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindSince(NoticeBase):
    """since_ms: last data frame, None when there never was one. symbols: how many are not seen,
    0 when not even their list is known."""

    reason: str
    since_ms: int | None
    symbols: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackAfter(NoticeBase):
    """missed_minutes: candles that closed unseen. is_filled: they were fetched and looked through afterwards."""

    since_ms: int
    missed_minutes: int
    is_filled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeBlockedNotice(NoticeBase):
    """until_ms: nothing is asked before. is_region: refused for where we are, so waiting will hardly help."""

    until_ms: int
    reason: str
    is_region: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFree(NoticeBase):
    blocked_since_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebsiteBlocked(NoticeBase):
    """The exchange's website, where followed traders are told, refuses us; until_ms: nothing is asked before."""

    until_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationClosed(NoticeBase):
    """The bot may not write there; its alerts wait. chat: as configured, `-1001234/56`."""

    chat: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationOpen(NoticeBase):
    chat: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResumed(NoticeBase):
    """Told in the chat itself. since_ms: when it stopped; None: not in this run, but some alerts were given up.

    late: alerts that waited and come now. given_up: alerts that had become too old.
    """

    since_ms: int | None
    reason: str = ""
    late: int = 0
    given_up: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsRefused(NoticeBase):
    """count: alerts that were given up because of what they say."""

    chat: str
    count: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicLost(NoticeBase):
    """chat: with the topic, `-1001234/56`. Its messages go to the chat's general topic."""

    chat: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFound(NoticeBase):
    """Told in the topic itself. diverted: messages that went to the general topic meanwhile."""

    diverted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkew(NoticeBase):
    """skew_ms: our clock minus the exchange's; positive is ahead."""

    skew_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFine(NoticeBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskTrouble(NoticeBase):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFine(NoticeBase):
    since_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsDamaged(NoticeBase):
    """kept_as: where the damaged file now lies."""

    kept_as: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondPollerNotice(NoticeBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSetAside(NoticeBase):
    kept_as: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolsSilent(NoticeBase):
    symbols: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolsBack(NoticeBase):
    symbols: Sequence[str]


Notice = (
    Started
    | BlindSince
    | BackAfter
    | ExchangeBlockedNotice
    | ExchangeFree
    | WebsiteBlocked
    | DestinationClosed
    | DestinationOpen
    | DeliveryResumed
    | AlertsRefused
    | TopicLost
    | TopicFound
    | ClockSkew
    | ClockFine
    | DiskTrouble
    | DiskFine
    | SettingsDamaged
    | SecondPollerNotice
    | DatabaseSetAside
    | SymbolsSilent
    | SymbolsBack
)
