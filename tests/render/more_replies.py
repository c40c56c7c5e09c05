"""The longest answers to the commands about one destination and about the market."""

from __future__ import annotations

from datetime import UTC

from altmonitor.commands.replies import (
    NoDestination,
    NotPermitted,
    NumbersChanged,
    Placed,
    Reply,
    Unrecorded,
    number_change,
)
from altmonitor.commands.replies_market import (
    AnswerFailed,
    ChartShown,
    Explained,
    FundingShown,
    NothingKnown,
    OpenInterestShown,
    PriceShown,
    TopShown,
)
from altmonitor.commands.replies_settings import (
    BudgetAccepted,
    BudgetProposed,
    BudgetShown,
    BudgetUnknown,
    Changed,
    ChangesShown,
    ConditionAdded,
    ConditionsDeleted,
    ConditionsShown,
    ConditionUnknown,
    ConfirmAsked,
    LanguageShown,
    NoRoute,
    NothingToUndo,
    OutcomeLineChosen,
    PresetsShown,
    QuietShown,
    RouteEnded,
    RouteRefused,
    RouteShown,
    SamplesSent,
    SymbolNumbersShown,
    TooManyConditions,
    TrialShown,
    Undone,
    UndoRefused,
    ZoneShown,
    ZoneUnknown,
)
from altmonitor.commands.venues import AtOtherVenues, NotAtThatVenue, VenueNotWatched
from altmonitor.core.alert import DETECTED_KINDS, Alert, StoredAlert
from altmonitor.core.types import Destination
from altmonitor.detectors.kinds import RULES
from altmonitor.detectors.verdict import Explanation, RuleCheck, Verdict
from altmonitor.interfaces.queries import (
    TOP_WINDOWS,
    ChartPicture,
    FundingFacts,
    OpenInterestFacts,
    PriceFacts,
    Top,
    TopRow,
)
from altmonitor.render.format import Style
from altmonitor.settings.audience import Audience, QuietHours
from altmonitor.settings.changes import NOT_MUTED, ChangeMade, Difference, RecordedChange
from altmonitor.settings.conditions import Condition, FundingCrosses, Predicate, PriceCrosses, PriceMoves
from altmonitor.settings.presets import (
    PRESETS,
    BudgetProposal,
    BudgetRow,
    NotEnoughHistory,
    ThresholdRow,
    Trial,
    TrialMove,
    TrialRow,
)
from altmonitor.settings.settings import SETTINGS, Settings
from altmonitor.settings.state import DestinationOverrides
from tests.fakes import cause

NOW_S = 1_790_000_000  # 2026-09-21 14:13:20 UTC
NOW_MS = NOW_S * 1000
PLACE = Destination(chat_id=-1002, topic_id=7)
EN = Style(lang="en", tz=UTC)
LONG_NAME = "<&\"'币安人生>USDT" + "X" * 60
NAMES = frozenset(f"<&\"'币安人生{number}>USDT" + "X" * 60 for number in range(700))

DIFFERENCES = (
    *(Difference(key=setting.key, old=None, new=setting.high) for setting in SETTINGS),
    *(Difference(key=setting.key, old=setting.high, new=None, symbol=LONG_NAME) for setting in SETTINGS),
    *(Difference(key=setting.key, old=setting.low, new=setting.low) for setting in SETTINGS),
    Difference(key="watchlist", old=frozenset(), new=NAMES),
    Difference(key="watchlist", old=NAMES, new=None),
    Difference(key="kinds", old=frozenset(DETECTED_KINDS), new=frozenset()),
    Difference(key="is_silent", old=0, new=1),
    Difference(key="quiet", old=QuietHours(begin_minute=1380, end_minute=420), new="off"),
    Difference(key="lang", old="en", new="ru"),
    Difference(key="tz", old="UTC", new="<script>"),
    Difference(key="budget", old=20, new=0),
    Difference(key="outcome_line", old=True, new=False),
    Difference(key="condition", old="a<b" * 30, new=None),
    *(Difference(key="muted", old=NOT_MUTED, new=NOW_S + at, symbol=LONG_NAME) for at in range(700)),
    Difference(key="muted", old=None, new=NOT_MUTED, symbol="DOGEUSDT"),
)


def change(number: int, **made: object) -> RecordedChange:
    values: dict[str, object] = {
        "at_ms": NOW_MS - number * 60_000,
        "who": "<ann>",
        "user_id": 7,
        "destination": PLACE,
        "command": "/set_pump 5",
        "before": DestinationOverrides(),
        "after": DestinationOverrides(),
    }
    return RecordedChange(id=number, made=ChangeMade(**(values | made)), undone_by=None)  # type: ignore[arg-type]


def condition(number: int, predicate: Predicate, symbol: str = "BTCUSDT") -> Condition:
    return Condition(
        id=number,
        destination=PLACE,
        owner_id=7,
        owner_name="<ann>" * 100,
        text="btc > 70k",
        created_s=NOW_S,
        symbol=symbol,
        predicate=predicate,
    )


PREDICATES: tuple[Predicate, ...] = (
    PriceCrosses(side="above", level=70_000.0),
    PriceCrosses(side="below", level=0.00001234),
    PriceMoves(window="5m", pct=4.0),
    FundingCrosses(side="above", rate=0.0005),
    FundingCrosses(side="below", rate=-0.0005),
)
CONDITIONS = tuple(condition(number, PREDICATES[number % 5], LONG_NAME) for number in range(1, 51))
PROPOSAL = BudgetProposal(
    per_day=1000,
    rows=(
        BudgetRow(
            kind="price",
            thresholds=tuple(ThresholdRow(key=s.key, before=s.low, after=s.high) for s in SETTINGS),
            before_per_day=90.25,
            after_per_day=9.75,
        ),
        BudgetRow(kind="oi", thresholds=(), before_per_day=None, after_per_day=None),
    ),
    history_days=7.25,
    is_day_coming=True,
    conditions=50,
    conditions_per_day=123.4,
)
LONG_MOVES = (TrialMove(symbol=LONG_NAME, at_ms=NOW_MS, size=-12.345),) * 3
LONG_TRIAL = Trial(
    rows=tuple(
        TrialRow(kind=kind, now=12_345, then=6_789, days=2.9, peak=999, peak_ms=NOW_MS, lost=LONG_MOVES, new=LONG_MOVES)
        for kind in DETECTED_KINDS
    ),
    from_ms=NOW_MS - 3 * 86_400_000,
    to_ms=NOW_MS,
)
TOLD = StoredAlert(
    alert=Alert(
        key="k", ts=NOW_S, event_ms=NOW_MS, symbol=LONG_NAME, kind="price", direction="PUMP", metric=4.05, note="1m"
    ),
    delivery="sent",
)
CHECKS = tuple(
    RuleCheck(
        rule=rule,
        verdict=verdict,
        value=4.05,
        threshold=3.0,
        from_ms=NOW_MS - 60_000,
        to_ms=NOW_MS,
        sample_age_s=12.0,
        floor_usd=1e6,
        measured_usd=5e5,
        until_ms=NOW_MS + 60_000,
    )
    for rule in RULES
    for verdict in Verdict
)
AUDIENCES = tuple(
    Audience(
        destination=Destination(chat_id=-1000 - number), settings=Settings(), kinds=frozenset(DETECTED_KINDS[:number])
    )
    for number in range(4)
)
ROWS = [TopRow(symbol=LONG_NAME, change_pct=-12.5, price=0.00001234, day_quote_usdt=1e9) for _ in range(10)]
LONGEST: list[Reply] = [
    ConfirmAsked(command="reset", action="/reset all", losses=DIFFERENCES),
    Changed(differences=DIFFERENCES),
    Changed(differences=DIFFERENCES[-1:], is_reset=True),
    SymbolNumbersShown(rows={}),
    SymbolNumbersShown(rows={}, symbol=LONG_NAME),
    SymbolNumbersShown(rows=dict.fromkeys(NAMES, PRESETS["calm"])),
    *(PresetsShown(current=name) for name in ("", *PRESETS)),
    BudgetShown(per_day=0, numbers={}),
    BudgetShown(per_day=20, numbers=PRESETS["calm"]),
    BudgetProposed(proposal=PROPOSAL),
    BudgetProposed(proposal=PROPOSAL, beside=("binance", "bybit", "okx", "hyperliquid")),
    BudgetAccepted(proposal=PROPOSAL),
    TrialShown(
        changes=tuple(number_change(s.key, Settings(), Settings()) for s in SETTINGS), trial=LONG_TRIAL, asked_s=604_800
    ),
    BudgetUnknown(missing=NotEnoughHistory(has_days=0.25, needs_days=1.0)),
    QuietShown(quiet=None),
    QuietShown(quiet=QuietHours(begin_minute=1380, end_minute=420)),
    LanguageShown(lang="ru"),
    OutcomeLineChosen(is_on=True),
    ZoneShown(tz="America/Argentina/ComodRivadavia", now_s=NOW_S),
    ZoneUnknown(word="<berln>", suggestions=("Europe/Berlin", "America/Argentina/ComodRivadavia")),
    ZoneUnknown(word="&" * 40, suggestions=()),
    RouteShown(audiences=AUDIENCES, here=AUDIENCES[1]),
    RouteShown(audiences=AUDIENCES, here=None),
    RouteEnded(),
    *(RouteRefused(reason=reason) for reason in NoRoute),
    ChangesShown(rows=(), now_s=NOW_S),
    ChangesShown(
        rows=tuple((change(at, command="<" * 300, who="&" * 300), DIFFERENCES) for at in range(1, 51)), now_s=NOW_S
    ),
    Undone(change=change(1), differences=DIFFERENCES, now_s=NOW_S),
    UndoRefused(change=change(1), differences=DIFFERENCES, now_s=NOW_S),
    UndoRefused(change=change(1), differences=(), now_s=NOW_S),
    NothingToUndo(),
    SamplesSent(kinds=DETECTED_KINDS),
    SamplesSent(kinds=()),
    ConditionsShown(conditions=()),
    ConditionsShown(conditions=CONDITIONS),
    *(ConditionAdded(condition=one) for one in CONDITIONS[:5]),
    *(ConditionAdded(condition=one, true_at=0.5, opposite="/alert SOLUSDT < 1") for one in CONDITIONS[:5]),
    ConditionsDeleted(conditions=CONDITIONS),
    ConditionUnknown(id=999_999),
    TooManyConditions(limit=50),
    Explained(
        explanation=Explanation(
            symbol=LONG_NAME, destination=PLACE, at_ms=NOW_MS, is_now=True, checks=CHECKS, told=(TOLD,) * 20
        ),
        now_s=NOW_S,
    ),
    Explained(
        explanation=Explanation(
            symbol=LONG_NAME, destination=PLACE, at_ms=NOW_MS, is_now=False, known_from_ms=NOW_MS - 86_400_000
        ),
        now_s=NOW_S,
    ),
    *(
        TopShown(top=Top(window=window, rising=ROWS, falling=ROWS, symbols=560, as_of_ms=NOW_MS), now_s=NOW_S)
        for window in TOP_WINDOWS
    ),
    TopShown(top=Top(window="1h", rising=(), falling=(), symbols=0, as_of_ms=None), now_s=NOW_S),
    PriceShown(
        facts=PriceFacts(
            symbol=LONG_NAME,
            price=0.00001234,
            event_ms=NOW_MS - 500,
            changes=(("1m", 0.5), ("5m", None), ("1h", -3.25), ("24h", 12.0), ("<new>", 1.0)),
            day_quote_usdt=1e9,
            day_high=0.00002,
            day_low=0.00001,
            mark_price=0.0000123,
        ),
        now_s=NOW_S,
    ),
    OpenInterestShown(
        facts=OpenInterestFacts(
            symbol=LONG_NAME,
            contracts=9e9,
            usd=1.5e9,
            sampled_ms=NOW_MS - 20_000,
            change_1m_pct=1.25,
            change_5m_pct=None,
            span_1m_s=58.7,
        ),
        now_s=NOW_S,
    ),
    FundingShown(
        facts=FundingFacts(
            symbol=LONG_NAME, rate=-0.0005, as_of_ms=NOW_MS, interval_h=8.0, next_ms=NOW_MS + 3_600_000, mark_price=1.0
        ),
        now_s=NOW_S,
    ),
    ChartShown(chart=ChartPicture(symbol=LONG_NAME, png=b"png", from_ms=NOW_MS - 7_200_000, to_ms=NOW_MS)),
    NothingKnown(command="oi", symbol=LONG_NAME, venue="hyperliquid"),
    NotAtThatVenue(command="who", venue="hyperliquid", main="binance", about="who"),
    NotAtThatVenue(command="div", venue="hyperliquid", main="binance", about="div"),
    NotAtThatVenue(command="budget", venue="hyperliquid", main="binance", about="counted"),
    VenueNotWatched(command="funding", venue="hyperliquid", watched=("binance", "bybit", "okx")),
    AtOtherVenues(command="funding", symbol=LONG_NAME, main="hyperliquid", venues=("binance", "bybit", "okx")),
    AnswerFailed(command="funding", problem=cause("<" * 5000)),
    NotPermitted(command="set_pump"),
    NoDestination(command="set_pump"),
    Placed(destination=PLACE, is_main=False, reply=Changed(differences=DIFFERENCES)),
    Placed(destination=PLACE, is_main=True, reply=QuietShown(quiet=None)),
    Unrecorded(
        reply=Placed(destination=PLACE, is_main=False, reply=NumbersChanged(changes=())),
        problem=cause("the disk is full " * 100),
    ),
]
