"""What whoever uses the Smart Money API prefers: sizes, risk, which contracts, zone. Kept beside the scores."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from altmonitor.operations.arguments import WORDS, shown
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument, Unavailable
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.symbols import SymbolWord, listed_symbol
from altmonitor.settings.zones import zone_of
from altmonitor.storage.score_store import ScoreStore

log = logging.getLogger(__name__)

MOST_WATCHED: Final = 20
"""Each costs a dozen requests every few minutes."""
KEY: Final = "preferences"

RiskTolerance = Literal["conservative", "moderate", "aggressive"]


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """default_trade_size_usd, default_risk_pct: of a trade. timezone: IANA. notification_email: kept and not used:
    no mail is sent. watchlist: what is scored all the time."""

    default_trade_size_usd: float = 1_000.0
    risk_tolerance: RiskTolerance = "moderate"
    default_risk_pct: float = 2.0
    watchlist: tuple[str, ...] = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    notification_email: str = ""
    timezone: str = "UTC"


class PreferencesRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class PreferencesChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is not named stays as it is."""

    default_trade_size_usd: Annotated[float, msgspec.Meta(ge=1, le=1e9)] | None = None
    risk_tolerance: RiskTolerance | None = None
    default_risk_pct: Annotated[float, msgspec.Meta(ge=0.01, le=100)] | None = None
    watchlist: Annotated[list[SymbolWord], msgspec.Meta(max_length=MOST_WATCHED)] | None = None
    notification_email: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    timezone: Annotated[str, msgspec.Meta(max_length=64, extra={WORDS: "a zone such as Europe/Berlin"})] | None = None


def kept_scores(context: OperationContext) -> ScoreStore:
    """Raises: Unavailable where nothing of scores is kept."""
    if context.scores is None:
        raise Unavailable("nothing of scores is kept in this process")
    return context.scores


async def read_preferences(context: OperationContext) -> Preferences:
    """The usual ones where none are kept, or none that can be read. Raises: StorageError."""
    kept = {} if context.scores is None else await context.scores.preferences()
    try:
        return msgspec.json.decode(kept.get(KEY, "{}"), type=Preferences)
    except msgspec.DecodeError as problem:  # of another version
        log.warning("the usual preferences hold, those that are kept cannot be read: %s", problem)
        return Preferences()


async def get_preferences(context: OperationContext, arguments: PreferencesRequest) -> Preferences:
    return await read_preferences(context)


async def set_preferences(context: OperationContext, arguments: PreferencesChange) -> Preferences:
    store = kept_scores(context)
    given = {name: value for name, value in msgspec.structs.asdict(arguments).items() if value is not None}
    if "timezone" in given and not _is_zone(given["timezone"]):
        raise BadArgument(f"timezone must be a zone such as Europe/Berlin, not {shown(given['timezone'])}")
    if "watchlist" in given:
        given["watchlist"] = tuple(dict.fromkeys(listed_symbol(word, context) for word in given["watchlist"]))
    if given.get("notification_email") and "@" not in given["notification_email"]:
        raise BadArgument(f"notification_email must be an address, not {shown(given['notification_email'])}")
    changed = msgspec.structs.replace(await read_preferences(context), **given)
    await store.set_preferences({KEY: msgspec.json.encode(changed).decode()})
    return changed


def _is_zone(name: str) -> bool:
    try:
        zone_of(name)
    except (ValueError, KeyError):
        return False
    return bool(name)


PREFERENCE_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_preferences",
        summary="Preferences of whoever uses the Smart Money API: sizes, risk, which contracts are scored, zone.",
        arguments=PreferencesRequest,
        result=Preferences,
        run=get_preferences,
        reads="stored",
        route="GET /v1/preferences",
        keyed=True,
        tool=False,
    ),
    *(
        Operation(
            name=name,
            summary="Changes preferences of the Smart Money API; what is not named stays as it is.",
            arguments=PreferencesChange,
            result=Preferences,
            run=set_preferences,
            writes=True,
            reads="stored",
            route=f"{method} /v1/preferences",
            keyed=True,
            tool=False,
            examples=(Example(title="other contracts", arguments={"watchlist": ["SOLUSDT", "BTCUSDT"]}),),
        )
        for name, method in (("set_preferences", "PUT"), ("patch_preferences", "PATCH"))
    ),
)
