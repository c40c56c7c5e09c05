"""What the engine is connected to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median

from altmonitor.core.alert import Alert, Kind
from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination, Venue
from altmonitor.detectors.sampled import Sample
from altmonitor.engine.episodes import EpisodeOptions
from altmonitor.interfaces.alerts import AlertSink
from altmonitor.interfaces.exchange import MarketContext
from altmonitor.market.book import SymbolBook
from altmonitor.market.math import change_pct
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.positioning.funding import VenueFunding
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings

NOWHERE = Destination(chat_id=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineDeps:
    """skew_ms: our clock minus the exchange's, as far as known.

    on_alert: called with each alert after it was put into the sink (enrichment hangs there).

    on_samples: with what was measured of many symbols at once, after it was judged.
    request_refill: called with (symbol, from_ms, to_ms) when closed minutes in that span are missing.
    on_episode_end: with the first alert of an episode and nothing but what it learns at the end.
    on_completed: with an alert that was told while its candle ran, and nothing but what its close adds.
    on_conditions: with what has to be remembered of conditions over a restart.
    episodes: what the environment says about them.
    venue: whose market it is; alerts carry it. fundings_of: of a contract's coin at every venue.
    is_replay: nobody will ask why or how soon something was decided, or hear how an episode ended, so none is kept; and
    `Engine.begin_after` or `Engine.listen` comes before every candle, so its close prepares nothing for the next.
    """

    clock: Clock
    sink: AlertSink
    context: MarketContext
    oi_ring: OpenInterestRing
    skew_ms: Callable[[], float] = lambda: 0.0
    on_alert: Callable[[Alert], None] = lambda alert: None
    on_samples: Callable[[Kind, Sequence[Sample]], None] = lambda kind, samples: None
    request_refill: Callable[[str, int, int], None] = lambda symbol, from_ms, to_ms: None
    on_episode_end: Callable[[Alert], None] = lambda alert: None
    on_completed: Callable[[Alert], None] = lambda alert: None
    on_conditions: Callable[[str], None] = lambda text: None
    episodes: EpisodeOptions = field(default_factory=EpisodeOptions)
    venue: Venue = "binance"
    fundings_of: Callable[[str], Sequence[VenueFunding]] = lambda symbol: ()
    is_replay: bool = False


def anybody(settings: Settings) -> tuple[Audience, ...]:
    """One audience that is nowhere, for counting and for tests."""
    return (Audience(destination=NOWHERE, settings=settings),)


# ---
# How the whole market stands, for a digest of many alerts.


@dataclass(frozen=True, slots=True, kw_only=True)
class Breadth:
    """symbols: watched; down: of them below their candle's open; median_pct: of all changes, None before any frame.

    btc_pct: of BTCUSDT, None when it is not watched or not seen yet.
    """

    symbols: int
    down: int
    median_pct: float | None
    btc_pct: float | None = None


def breadth_of(books: Iterable[SymbolBook]) -> Breadth:
    """Against the open of the running candles."""
    count = 0
    changes: dict[str, float] = {}
    for book in books:
        count += 1
        if (kline := book.kline) is not None and 0.0 < kline.open < inf:
            changes[book.symbol] = change_pct(kline.open, kline.close)
    return Breadth(
        symbols=count,
        down=sum(change < 0 for change in changes.values()),
        median_pct=median(changes.values()) if changes else None,
        btc_pct=changes.get("BTCUSDT"),
    )
