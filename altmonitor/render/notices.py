"""What the operator is told about altmonitor itself: one small value per notice, each sent once per change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from altmonitor.core.causes import Cause
from altmonitor.core.types import Venue
from altmonitor.settings.settings import Settings


class NoticeBase(msgspec.Struct, frozen=True, kw_only=True):
    """at_ms: when it happened, our clock, unix ms; the message may arrive much later. venue: of which exchange it
    tells; None where there is no other, and for what concerns none."""

    at_ms: int
    venue: Venue | None = None


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """Found from before. queued: undelivered alerts. cooldowns: running ones. candles: loaded for baselines."""

    queued: int = 0
    cooldowns: int = 0
    candles: int = 0


class Started(NoticeBase, frozen=True, kw_only=True):
    """is_blind: no market data yet. alerts_per_day: what these thresholds would have raised, over the last history_s
    seconds; None: not known."""

    version: str
    symbols: int
    settings: Settings
    restored: Restored = msgspec.field(default_factory=Restored)
    alerts_per_day: float | None = None
    history_s: float | None = None
    is_blind: bool = False


class BlindSince(NoticeBase, frozen=True, kw_only=True):
    """reasons: one for each cause among the connections. since_ms: last data frame, None when there never was one.
    symbols: how many are not seen, 0 when not even their list is known."""

    reasons: Sequence[Cause]
    since_ms: int | None
    symbols: int


class BackAfter(NoticeBase, frozen=True, kw_only=True):
    """missed_minutes: candles that closed unseen. is_filled: they were fetched and looked through afterwards.
    is_since_known: False when since_ms is no more than the earliest moment that is looked through."""

    since_ms: int
    missed_minutes: int
    is_filled: bool
    is_since_known: bool = True


class ExchangeBlockedNotice(NoticeBase, frozen=True, kw_only=True):
    """until_ms: nothing is asked before. is_region: refused for where we are, so waiting will hardly help."""

    until_ms: int
    reason: Cause | None
    is_region: bool = False


class ExchangeFree(NoticeBase, frozen=True, kw_only=True):
    blocked_since_ms: int | None = None


class WebsiteBlocked(NoticeBase, frozen=True, kw_only=True):
    """The exchange's website, where followed traders are told, refuses us; until_ms: nothing is asked before."""

    until_ms: int
    reason: Cause | None


class DestinationClosed(NoticeBase, frozen=True, kw_only=True):
    """The bot may not write there; its alerts wait. chat: as configured, `-1001234/56`."""

    chat: str
    reason: Cause


class DestinationOpen(NoticeBase, frozen=True, kw_only=True):
    chat: str


class DeliveryResumed(NoticeBase, frozen=True, kw_only=True):
    """Told in the chat itself. since_ms: when it stopped; None: not in this run, but some alerts were given up.

    late: alerts that waited and come now. given_up: alerts that had become too old.
    """

    since_ms: int | None
    reason: Cause | None = None
    late: int = 0
    given_up: int = 0


class BotRefused(NoticeBase, frozen=True, kw_only=True):
    """The token of one of several bots is not valid any more; its chats hear nothing. bot: its number."""

    bot: int


class AlertsRefused(NoticeBase, frozen=True, kw_only=True):
    """count: alerts that were given up because of what they say."""

    chat: str
    count: int
    reason: Cause


class TopicLost(NoticeBase, frozen=True, kw_only=True):
    """chat: with the topic, `-1001234/56`. Its messages go to the chat's general topic."""

    chat: str
    reason: Cause


class TopicFound(NoticeBase, frozen=True, kw_only=True):
    """Told in the topic itself. diverted: messages that went to the general topic meanwhile."""

    diverted: int


class ClockSkew(NoticeBase, frozen=True, kw_only=True):
    """skew_ms: our clock minus the exchange's; positive is ahead."""

    skew_ms: float


class ClockFine(NoticeBase, frozen=True, kw_only=True):
    pass


class OpenInterestMissing(NoticeBase, frozen=True, kw_only=True):
    """reason: None where nothing failed. percent: of the contracts of which figures came."""

    reason: Cause | None
    percent: int


class OpenInterestBack(NoticeBase, frozen=True, kw_only=True):
    since_ms: int | None = None


class DiskTrouble(NoticeBase, frozen=True, kw_only=True):
    """is_waiting: nothing is sent that is not stored."""

    reason: Cause
    is_waiting: bool = False


class DiskFine(NoticeBase, frozen=True, kw_only=True):
    since_ms: int | None = None


class BrokerTrouble(NoticeBase, frozen=True, kw_only=True):
    """names: of the processes that noticed."""

    reason: Cause
    names: Sequence[str] = ()


class BrokerFine(NoticeBase, frozen=True, kw_only=True):
    since_ms: int | None = None


class SettingsDamaged(NoticeBase, frozen=True, kw_only=True):
    """kept_as: where the damaged file now lies. is_left: it could not be moved, and no change is saved over it. What
    was wrong in it stands in the log."""

    kept_as: str
    is_left: bool = False


class SecondPollerNotice(NoticeBase, frozen=True, kw_only=True):
    """is_webhook: it is no other program but a webhook, which stays until somebody removes it."""

    is_webhook: bool = False


class DatabaseSetAside(NoticeBase, frozen=True, kw_only=True):
    kept_as: str


class SymbolsSilent(NoticeBase, frozen=True, kw_only=True):
    symbols: Sequence[str]


class SymbolsBack(NoticeBase, frozen=True, kw_only=True):
    symbols: Sequence[str]


class Lacked(msgspec.Struct, frozen=True, kw_only=True):
    """What the feed of this name did not get and another one does. what: figures are those that are asked for. reason:
    None where nothing more is known."""

    by: str
    venue: Venue
    what: Literal["prices", "figures"]
    reason: Cause | None = None


class FeedTakenOver(NoticeBase, frozen=True, kw_only=True):
    """Of several feeds another one leads. by: its name. silent_s: from the last that was heard of the one before until
    this one led. lacked: that one gave way for it; None: it was not heard of. alerts: of that time, which this one
    found as well and tells now. is_blind: it sees nothing either. is_new: it did not see all of that time itself, and
    looks for it in the closed minutes."""

    by: str
    silent_s: float
    lacked: Lacked | None = None
    alerts: int
    is_blind: bool = False
    is_new: bool = False


Notice = (
    Started
    | FeedTakenOver
    | BlindSince
    | BackAfter
    | ExchangeBlockedNotice
    | ExchangeFree
    | WebsiteBlocked
    | DestinationClosed
    | DestinationOpen
    | DeliveryResumed
    | AlertsRefused
    | BotRefused
    | TopicLost
    | TopicFound
    | ClockSkew
    | ClockFine
    | OpenInterestMissing
    | OpenInterestBack
    | DiskTrouble
    | DiskFine
    | BrokerTrouble
    | BrokerFine
    | SettingsDamaged
    | SecondPollerNotice
    | DatabaseSetAside
    | SymbolsSilent
    | SymbolsBack
)
