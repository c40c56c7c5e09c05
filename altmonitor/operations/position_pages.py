"""Who is positioned in one contract, drawn: a page to look at and a message ready to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from altmonitor.core.json_text import camel
from altmonitor.interfaces.queries import PositionScope
from altmonitor.operations.context import OperationContext
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.position_facts import (
    PICTURE_SOURCE,
    DegradedPart,
    asked,
    degraded,
    object_of,
    required,
)
from altmonitor.operations.symbols import SymbolWord
from altmonitor.positioning.picture import DISCLAIMER, PositionPicture, picture_values
from altmonitor.positioning.smart_money import notional_ratio, notional_usd
from altmonitor.positioning.units import rounded, whole_usd
from altmonitor.render.format import Style
from altmonitor.render.panel import panel_of, panel_page
from altmonitor.render.position_card import push_card
from altmonitor.settings.zones import zone_of

CardLanguage = Literal["en", "zh", "ru"]
Language = Annotated[CardLanguage, msgspec.Meta(description="Language of the words; that of the settings without it.")]


class PanelArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    symbol: SymbolWord
    include_html: Annotated[bool, msgspec.Meta(description="false: only the numbers.")] = True
    lang: Language | None = None


class PanelSide(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """avgEntry: USD. profitPct: whole percent of the traders in profit."""

    avg_entry: float | None
    profit_pct: int | None
    whales: int | None


class PanelSummary(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """USD at entry prices; smShareOfOI: a fraction 0…1; takerBsr: taker bought / sold."""

    price: float | None
    total_notional_usd: int | None
    total_traders: int | None
    long_short_notional_ratio: float | None
    long: PanelSide
    short: PanelSide
    top_position_lsr: float | None
    taker_bsr: float | None
    sm_share_of_oi: float | None = msgspec.field(name="smShareOfOI")
    oi_now_usd: int | None


class PanelAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """html: one page that loads nothing; left out when it was not asked for."""

    symbol: str
    summary: PanelSummary
    age_sec: int
    html: str | msgspec.UnsetType = msgspec.UNSET
    source: str = PICTURE_SOURCE
    note: str
    disclaimer: str = DISCLAIMER
    degraded: tuple[DegradedPart, ...] | msgspec.UnsetType = msgspec.UNSET


async def render_panel(context: OperationContext, arguments: PanelArguments) -> PanelAnswer:
    facts = await asked(context, arguments.symbol, PositionScope())
    required(facts.picture.overview, facts, "smartMoney", now_ms=context.clock.now_ms())
    style = style_of(context, arguments.lang)
    html = panel_page(panel_of(facts.picture, style), lang=style.lang) if arguments.include_html else msgspec.UNSET
    return PanelAnswer(
        symbol=facts.picture.symbol,
        summary=_summary(facts.picture),
        age_sec=_age_s(facts.picture),
        html=html,
        note="html: save it as a file, or show it in a frame; it loads nothing.",
        degraded=degraded(facts.missing),
    )


def _age_s(picture: PositionPicture) -> int:
    seen = picture.overview
    return 0 if seen is None else max(0, (picture.now_ms - seen.captured_ms) // 1000)


def _summary(picture: PositionPicture) -> PanelSummary:
    seen, top, held, price = picture.overview, picture.top_traders, picture.open_interest, picture.price
    sides = object_of(picture_values(picture)["smartMoney"])
    return PanelSummary(
        price=None if price is None else price.price,
        total_notional_usd=None if seen is None else whole_usd(notional_usd(seen)),
        total_traders=None if seen is None else seen.total_traders,
        long_short_notional_ratio=None if seen is None else rounded(notional_ratio(seen), 2),
        long=msgspec.convert(sides["long"], PanelSide),
        short=msgspec.convert(sides["short"], PanelSide),
        top_position_lsr=None if top is None else top.positions.long_short_ratio,
        taker_bsr=None if top is None else top.taker.buy_sell_ratio,
        sm_share_of_oi=rounded(picture.smart_money_share_of_oi, 3),
        oi_now_usd=None if held is None else whole_usd(held.usd),
    )


class PushArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    symbol: SymbolWord
    lang: Language | None = None


class PushAnswer(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    """html: a message in Telegram's HTML (parse_mode HTML), at most 4,096 characters."""

    symbol: str
    html: str
    age_sec: int
    source: str = PICTURE_SOURCE
    note: str
    disclaimer: str = DISCLAIMER
    degraded: tuple[DegradedPart, ...] | msgspec.UnsetType = msgspec.UNSET


async def render_push(context: OperationContext, arguments: PushArguments) -> PushAnswer:
    facts = await asked(context, arguments.symbol, PositionScope())
    required(facts.picture.overview, facts, "smartMoney", now_ms=context.clock.now_ms())
    return PushAnswer(
        symbol=facts.picture.symbol,
        html="\n".join(push_card(facts, style_of(context, arguments.lang))),
        age_sec=_age_s(facts.picture),
        note="Send it with parse_mode HTML and link previews off.",
        degraded=degraded(facts.missing),
    )


def style_of(context: OperationContext, lang: str | None) -> Style:
    config = context.config
    return Style(
        lang=lang or config.smart_money_card_lang or config.alert_lang,
        tz=zone_of(config.alert_tz),
    )


POSITION_PAGE_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="render_panel",
        summary="A panel of who is positioned in a contract, as one page of HTML to look at, with its numbers.",
        arguments=PanelArguments,
        result=PanelAnswer,
        run=render_panel,
        reads="exchange",
        route="GET /api/symbols/{symbol}/panel",
        chat="who",
        cli="panel",
        examples=(Example(title="only the numbers", arguments={"symbol": "SOLUSDT", "includeHtml": False}),),
    ),
    Operation(
        name="render_push",
        summary="A Telegram message about who is positioned in a contract, ready to be sent by a bot.",
        arguments=PushArguments,
        result=PushAnswer,
        run=render_push,
        reads="exchange",
        route="GET /api/symbols/{symbol}/push",
        chat="who",
        examples=(Example(title="in English", arguments={"symbol": "SOLUSDT", "lang": "en"}),),
    ),
)
