"""JSON of OKX about traders → our values. Bytes in, values out; no I/O.

A number that is none, or empty, is None; a row without its id is left out, a table of such rows refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from altmonitor.core.errors import BadAnswer, ExchangeError, KeyRefused, UnknownTrader
from altmonitor.core.json_text import decimal_of, decimal_text
from altmonitor.exchanges.rest.client import UNREADABLE
from altmonitor.positioning.traders import (
    ClosedPosition,
    CoinSignal,
    CoinSignalPoint,
    Direction,
    PnlPoint,
    SignalNotional,
    SignalRatios,
    SignalWinRates,
    Trader,
    TraderName,
    TraderOrder,
    TraderPosition,
    TraderValue,
)

V = TypeVar("V", bound=TraderValue)

Row = Mapping[str, Any]

TOO_MANY_CODES: Final = ("50011", "50061", "50013")
GONE_CODES: Final = ("60004",)
"""A trader that does not exist, or does not lead any more."""
GONE: Final = "okx knows no such trader, or shows this one no more"
PARAMETER_CODES: Final = ("51000",)
EXPIRED_CODE: Final = "50102"
_KEY_CODES: Final = re.compile(r"501\d\d", re.ASCII)
_LONGEST_WORD: Final = 200
_WORDS: Final = frozenset(
    {
        *("author_id", "nick_name", "portrait", "inst_id", "inst_type", "pos_id", "ord_id", "pos_side", "pos_ccy"),
        *("quote_ccy", "mgn_mode", "side", "ord_type", "close_type", "ccy", "data_version", "stat_time"),
    }
)
_CLOSE_TYPES: Final = ("allClose", "partClose", "liquidateClose", "liquidateReceive", "adl")


def code_and_message(body: bytes) -> tuple[str, str, object]:
    """Code, message, data of an answer. Raises: BadAnswer."""
    try:
        found = msgspec.json.decode(body)
    except UNREADABLE as problem:
        page = body.lstrip()[:1] == b"<"
        raise BadAnswer("a web page instead of JSON" if page else f"damaged JSON: {problem}") from None
    if not isinstance(found, dict) or "code" not in found:
        raise BadAnswer("not what the endpoint promises: no code")
    return str(found["code"])[:12], str(found.get("msg", ""))[:200], found.get("data")


def is_refusal(body: bytes) -> bool:
    """The venue's own "too many requests" inside a 200."""
    try:
        return code_and_message(body)[0] in TOO_MANY_CODES
    except BadAnswer:
        return False


def data_of(body: bytes) -> object:
    """Raises: UnknownTrader, KeyRefused, BadAnswer."""
    code, message, data = code_and_message(body)
    if code != "0":
        raise problem_of(code, message)
    return data


def meaning(body: bytes) -> ExchangeError | None:
    """Of an answer with another status than 200."""
    try:
        code, message, _ = code_and_message(body)
    except BadAnswer:
        return None
    known = _KEY_CODES.fullmatch(code) or code in GONE_CODES or code.startswith("51")
    return problem_of(code, message) if known else None


def problem_of(code: str, message: str) -> ExchangeError:
    if code in GONE_CODES or (code in PARAMETER_CODES and "authorId" in message):
        return UnknownTrader(GONE)
    if code == EXPIRED_CODE:
        return KeyRefused(f"okx does not take the time of this machine ({code} {message}): set its clock")
    if _KEY_CODES.fullmatch(code):
        return KeyRefused(
            f"okx does not take the key ({code} {message}): look at OKX_API_KEY, OKX_SECRET_KEY and OKX_PASSPHRASE"
        )
    return BadAnswer(f"okx: code {code} {message}".rstrip())


def rows_of(data: object) -> list[Row]:
    """Raises: BadAnswer for anything but a list of objects, some of which may be odd."""
    if not isinstance(data, list):
        raise BadAnswer("not a list")
    found: list[Row] = [row for row in data if isinstance(row, dict)]
    if data and not found:
        raise BadAnswer("no row is readable")
    return found


def number(row: Row, name: str) -> str | None:
    """As decimal text; None where there is none, or no number."""
    return decimal_text(decimal_of(row.get(name)))


def word(row: Row, name: str) -> str | None:
    """Cut where it is long; None for what is empty or no text."""
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value[:_LONGEST_WORD] if isinstance(value, str) and value.strip() else None


def count(row: Row, name: str) -> int | None:
    """None for what is no whole number from 0 on."""
    found = decimal_of(row.get(name))
    return None if found is None or found != int(found) or found < 0 else int(found)


def values_of(rows: Sequence[Row], read: Callable[[Row], V | None]) -> tuple[V, ...]:
    """Raises: BadAnswer when there are rows and none is good."""
    found = tuple(value for row in rows if (value := read(row)) is not None)
    if rows and not found:
        raise BadAnswer(f"none of {len(rows)} rows is readable")
    return found


def _plain(kind: type[V], row: Row, **more: Any) -> V:
    """Fields by their names in JSON, those of `more` as given."""
    told = {
        field.name: word(row, field.encode_name) if field.name in _WORDS else number(row, field.encode_name)
        for field in msgspec.structs.fields(kind)
        if field.name not in more
    }
    return kind(**told | more)


def direction_of(pos_side: str | None, pos: str | None) -> Direction | None:
    """In net mode (`net`, `both`) the sign of the size says it."""
    if pos_side == "long":
        return "long"
    if pos_side == "short":
        return "short"
    size = decimal_of(pos)
    return None if not size else "long" if size > 0 else "short"


def day_stamp(at_ms: int) -> str:
    """YYMMDD of the UTC day."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%y%m%d")


def trader(row: Row) -> Trader | None:
    """None for a row without an id."""
    author_id, rates = word(row, "authorId"), row.get("rates")
    if author_id is None:
        return None
    points = [point for point in rates if isinstance(point, dict)] if isinstance(rates, list) else []
    return _plain(
        Trader,
        row,
        rates=tuple(
            PnlPoint(stat_time=day, value=value)
            for point in points
            if (day := word(point, "statTime")) and (value := number(point, "value")) is not None
        ),
    )


def trader_name(row: Row) -> TraderName | None:
    """None for a row without an id."""
    return _plain(TraderName, row) if word(row, "authorId") else None


def position(row: Row) -> TraderPosition | None:
    """None for a row that does not say which one, or of what."""
    if not (word(row, "posId") and word(row, "instId")):
        return None
    side, size, last = word(row, "posSide"), decimal_of(row.get("pos")), decimal_of(row.get("last"))
    notional, entry = decimal_of(row.get("notionalUsd")), decimal_of(row.get("avgPx"))
    at_entry = notional / last * entry if notional is not None and entry is not None and last else None
    return _plain(
        TraderPosition,
        row,
        direction=direction_of(side, decimal_text(size)),
        entry_notional_usd=decimal_text(at_entry, places=4),
        liquidation_px=None,
    )


def closed_position(row: Row) -> ClosedPosition | None:
    """None for a row that does not say which one, or of what."""
    if not (word(row, "posId") and word(row, "instId")):
        return None
    how = word(row, "closeType")
    return _plain(ClosedPosition, row, close_type=how if how in _CLOSE_TYPES else None)


def order(row: Row) -> TraderOrder | None:
    """None for a row that does not say which one, or of what."""
    if not (word(row, "ordId") and word(row, "instId")):
        return None
    price = decimal_of(row.get("px"))
    return _plain(TraderOrder, row, px=decimal_text(price) if price else None)


def signal(row: Row) -> CoinSignal | None:
    ccy, version = word(row, "ccy"), word(row, "dataVersion")
    heads = {
        name: count(row, key)
        for name, key in (
            ("traders_with_position", "tradersWithPosition"),
            ("traders_qualified", "tradersQualified"),
            ("long_traders", "longTraders"),
            ("short_traders", "shortTraders"),
        )
    }
    if ccy is None or version is None or None in heads.values():
        return None
    return CoinSignal(
        ccy=ccy,
        data_version=version[:10],
        notional=_plain(SignalNotional, _part(row, "notional")),
        long_short_ratio=_plain(SignalRatios, _part(row, "longShortRatio")),
        win_rate=_plain(SignalWinRates, _part(row, "winRate")),
        **{name: value or 0 for name, value in heads.items()},
    )


def signal_point(row: Row) -> CoinSignalPoint | None:
    """None for a row that does not say of what coin, or when."""
    if not (word(row, "ccy") and word(row, "dataVersion")):
        return None
    return _plain(
        CoinSignalPoint,
        row,
        data_version=(word(row, "dataVersion") or "")[:10],
        traders_with_position=count(row, "tradersWithPosition"),
        traders_qualified=count(row, "tradersQualified"),
        long_traders=count(row, "longTraders"),
        short_traders=count(row, "shortTraders"),
    )


def _part(row: Row, name: str) -> Row:
    found = row.get(name)
    return found if isinstance(found, dict) else {}
