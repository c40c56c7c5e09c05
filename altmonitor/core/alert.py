"""An alert: what was found, when, and what is known about it. A value; nothing here decides, stores or sends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import msgspec

from altmonitor.core.types import Destination, Fraction, Venue
from altmonitor.market.math import OpenInterestChange, Quadrant, quadrant


@dataclass(frozen=True, slots=True, kw_only=True)
class WhaleLine:
    """Entries in quote currency; shares 0…1. oi_share: of all followed traders, not of the whales alone.

    age_s: since capture, at the moment of the alert; 0 for what was captured after it.
    """

    age_s: float
    long_entry: float | None = None
    short_entry: float | None = None
    long_profit_share: Fraction | None = None
    short_profit_share: Fraction | None = None
    oi_share: Fraction | None = None


DeliveryState = Literal["queued", "sent", "failed", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    """A stored alert. delivery: the least finished state over its destinations; None without any delivery row."""

    alert: Alert
    delivery: DeliveryState | None


class AlertPlace(NamedTuple):
    """Where an alert stands in a list that is newest first: `ts` and id."""

    ts: float
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStats:
    """by_kind, by_venue: only those that occurred. by_symbol: the most frequent first, as many as asked for at most."""

    total: int = 0
    by_kind: Mapping[Kind, int] = field(default_factory=dict)
    by_venue: Mapping[Venue, int] = field(default_factory=dict)
    by_symbol: Sequence[tuple[str, int]] = ()


CROWD_SHARE = 0.8
CROWD_MIN = 5
"""So many symbols and such a share of them in one direction are a crowd; fewer are just two lists."""


def against_the_crowd(pumps: int, dumps: int) -> Direction | None:
    """The direction in which few symbols moved while the crowd went the other way; None without a crowd.

    In a crash the one contract that rises is the news: a digest names it first, and it is asked about first.
    """
    crowd = max(pumps, dumps)
    if crowd < CROWD_MIN or crowd < CROWD_SHARE * (pumps + dumps):
        return None
    return "PUMP" if pumps <= dumps else "DUMP"


OWNER = "@"
"""What one chat is told otherwise than the others has its own row: the event's key, this, and the destination."""
_OWNED = re.compile(rf"{OWNER}-?\d+(?:/\d+)?$", re.ASCII)


def event_key(key: str) -> str:
    """Of the market event that an alert with this key tells, whoever it is told."""
    return _OWNED.sub("", key)


SAMPLE_KEY = "test:"
"""Keys of samples begin so: they are delivered like alerts, and counted, listed and restored nowhere."""

DetectedKind = Literal["price", "oi", "vol", "funding", "liq", "basis"]
"""What the detectors raise, and what can be routed, counted and asked for by name."""

DETECTED_KINDS: tuple[DetectedKind, ...] = get_args(DetectedKind)

Kind = Literal[DetectedKind, "condition", "position", "divergence", "listing"]
"""condition: a condition somebody set with /alert came true. position: followed traders of a tracked symbol grew or cut
a side. divergence: crowd and top traders went apart. listing: a contract came, will go, or went. What differs between
kinds stands in `detectors/kinds.py`."""

Direction = Literal["PUMP", "DUMP", "UP", "DOWN"]

Missing = Literal["blocked", "budget", "no_sample", "stale", "no_answer", "too_many"]
"""Why something about an alert could not be had in time. blocked, budget: of requests to the exchange. no_sample: there
is none from before the move. stale: the exchange has counted no later than that. too_many: its turn did not come."""


class EpisodeEnd(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a move went on. peak_pct, last_pct: against the price the first alert's change was measured from, percent."""

    at_ms: int
    lasted_s: float
    peak_pct: float | None = None
    last_pct: float | None = None


class Positions(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Kind position: a side's coins at both ends of so many minutes, and its average entry now.
    Kind divergence: percent long of all accounts, and of the top traders' positions."""

    from_coins: float | None = None
    to_coins: float | None = None
    minutes: float | None = None
    entry: float | None = None
    crowd_long_pct: float | None = None
    top_long_pct: float | None = None


class TrackedSide(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Coins held at both ends and the change in percent; share of its traders in profit, percent. None: not known."""

    from_coins: float | None = None
    to_coins: float | None = None
    change_pct: float | None = None
    from_profit_pct: float | None = None
    to_profit_pct: float | None = None


class OutcomeLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How the latest independent moments with alerts like this went on. moments: how many; went_on: in the alert's
    direction after so many minutes; median_pct: in that direction. is_chance: so far the kind as a whole is not
    distinguishable from chance."""

    moments: int
    went_on: int
    median_pct: float
    minutes: int
    is_chance: bool


class TrackedMove(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a tracker stored over so many minutes before the alert."""

    minutes: float
    long: TrackedSide
    short: TrackedSide


class VenueMove(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The same move at another venue. size: as the alert's `metric`. event_ms: by that venue's clock.

    ahead_s: so much earlier than the alert it stands in, below 0 later, within ± within_s, both clocks' uncertainty;
    None where one of them was never compared with ours.
    """

    venue: Venue
    size: float
    event_ms: int
    ahead_s: float | None = None
    within_s: float | None = None


class FundingElsewhere(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Of the same coin at another venue at the alert's moment, percent per 8 h. is_predicted: Hyperliquid says so."""

    venue: Venue
    rate_8h_pct: float
    is_predicted: bool = False


class Details(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a message shows beside the columns of the `alerts` table. None: not known, shown as n/a or left out."""

    threshold: float | None = None  # the bound that was reached: percent for price and oi, multiple for vol
    threshold_sigmas: float | None = None  # … and how many times the contract's usual minute that is; None: it is fixed
    threshold_busy_times: float | None = None  # … or its busy minute, for vol
    window_s: float | None = None  # the span really measured, seconds (60 s asked can be 58.7 s)
    told_before_pct: float | None = None  # escalation: the value the reader was told last, percent
    episode_key: str | None = None  # escalation: key of the first alert of this move; its message is replied to
    oi_contracts: float | None = None  # open interest now, contracts (base coins)
    oi_usd: float | None = None  # the same at the last price, USD
    oi_age_s: float | None = None  # age of the newest open-interest sample at event time, seconds
    oi_span_s: float | None = None  # of a price alert: seconds between the two samples of `oi_change`
    oi_missing: str | None = None  # of a price alert: why it has no `oi_change`, a `Missing`; None: not asked for yet
    quote_usdt: float | None = None  # quote volume of the candle so far, USDT
    running_s: float | None = None  # volume told while its candle ran: how far into it, seconds
    is_completed: bool = False  # … and what that candle had in the end has taken the place of what it had by then
    median_usdt: float | None = None  # median of the baseline, USDT
    baseline_count: int | None = None  # closed candles the median was taken over
    taker_buy_share: float | None = None  # taker buy quote volume / quote volume of the candle, 0…1
    funding_rate: float | None = None  # fraction per funding interval (0.0001 = 0.01 %)
    funding_hours: float | None = None  # length of that interval, hours
    next_funding_ms: int | None = None  # unix milliseconds of the next settlement
    day_change_pct: float | None = None  # price change over 24 h, percent
    day_quote_usdt: float | None = None  # quote volume over 24 h, USDT
    lsr_age_s: float | None = None  # age of the long/short ratio, seconds
    lsr_missing: str | None = None  # of a price alert: why it has no `lsr`, a `Missing`
    is_silent: bool = False  # it belongs to an episode whose first message rang already, and is no escalation
    today_count: int | None = None  # how many of this symbol the readers were told today, this one included
    largest_days: int | None = None  # nothing larger of this symbol, kind and direction was told in so many whole days
    ended: EpisodeEnd | None = None  # the first alert of an episode that is over
    joined: tuple[str, ...] = ()  # the first alert of an episode: what joined it, `oi`, `vol`, `x2` …, oldest → newest
    condition: str | None = None  # kind `condition`: what was asked for, as it was typed
    condition_id: int | None = None
    whales: WhaleLine | None = None  # what the largest followed traders hold; None also where nobody is followed
    positions: Positions | None = None  # kinds position and divergence
    tracked: TrackedMove | None = None  # of a tracked symbol: how the followed traders moved before it
    outcomes: OutcomeLine | None = None  # of earlier alerts of its kind and direction; None: too few, or not wanted
    has_followed: bool = False  # the exchange's page of followed traders knows the symbol, and may be linked
    venues: tuple[VenueMove, ...] = ()  # the first alert of a move: where else it was seen, in that order
    fundings: tuple[FundingElsewhere, ...] = ()  # kinds funding and basis
    merged_into: str | None = None  # key of the alert of another venue whose message tells this one too
    contract_ms: int | None = None  # kind listing: when trading began or ends, unix ms
    old_name: str | None = None  # kind listing: under which the coin was traded until now
    is_sample: bool = False  # asked for with /test: nothing happened, and it is counted nowhere


class Alert(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One alert, as stored. The columns are those of the `alerts` table (see storage/schema).

    key: deterministic, `kind:symbol:direction:window:candle or sample time[:x<step>]`; the same market event gives the
        same key in a live run, after a restart and in a replay. Of another venue than Binance its name stands first.
    ts: unix seconds of detection on our clock. event_ms: the exchange's event time.
    candle_ms: open time of the candle; None for open interest.
    price: last price. change_pct: price change measured (percent; for oi and vol that of the same window, if known).
    oi_change: open-interest change, percent: beside a price alert from the newest sample before the move to the newest
        one (`details.oi_span_s`), of an oi alert over its window. amplitude: (high − low) / open of the candle,
        percent. lsr: global long/short account ratio.
    metric: the number that was compared with the threshold: percent for price and oi, multiple of the median for vol.
    quadrant: sign of price change, sign of oi change; None when either is unknown or did not move.
    note: the window, `1m`, `5m` or `60s`; of a position the side, of a divergence the period of the ratios.
    late: detected after the fact (back-fill), told as such.
    """

    key: str
    ts: float
    event_ms: int
    symbol: str
    kind: Kind
    direction: Direction
    candle_ms: int | None = None
    price: float | None = None
    change_pct: float | None = None
    oi_change: float | None = None
    amplitude: float | None = None
    lsr: float | None = None
    metric: float | None = None
    quadrant: Quadrant | None = None
    note: str = ""
    late: bool = False
    details: Details = Details()
    venue: Venue = "binance"
    id: int | None = None  # set by the store

    @property
    def minute_ms(self) -> int:
        """Beginning of the minute it is about, however long after that it was found; unix ms."""
        at_ms = self.event_ms - self.late if self.candle_ms is None else self.candle_ms  # late: found at a candle's end
        return at_ms // 60_000 * 60_000

    @property
    def is_running(self) -> bool:
        """It was told while its candle ran, and nothing is known of the close: its numbers are those so far."""
        return self.details.running_s is not None and not self.details.is_completed

    @property
    def began_ms(self) -> int:
        """When the move it tells of began, as far as its window reaches; unix ms."""
        window_s = 60.0 if self.details.window_s is None else self.details.window_s
        window_ms = self.event_ms - round(window_s * 1000)
        return window_ms if self.candle_ms is None else min(window_ms, self.candle_ms)

    def with_oi_change(self, change: OpenInterestChange) -> Alert:
        """Of a price alert: how open interest changed over its move, and the quadrant of the two."""
        return msgspec.structs.replace(
            self,
            oi_change=change.pct,
            quadrant=quadrant(self.change_pct, change.pct),
            details=msgspec.structs.replace(self.details, oi_span_s=change.span_s),
        )


class StoredSize(NamedTuple):
    """size: what was compared with the threshold, without its sign."""

    destination: Destination
    symbol: str
    kind: Kind
    direction: Direction
    note: str
    size: float
    event_ms: int
    venue: Venue = "binance"
