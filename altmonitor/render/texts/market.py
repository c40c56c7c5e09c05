"""What is known of the market. `{names}` are filled in, already escaped."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_EN = {
    "top": "🏁 <b>Largest moves in {window}</b>, {count} symbols",
    "top_none": "🏁 No prices yet for {window}.",
    "top_row": "{change} <code>{symbol}</code> {price}",
    "top_volume": "24 h {usd}",
    "top_rising": "↑ up",
    "top_falling": "↓ down",
    "top_1m": "1 m",
    "top_5m": "5 m",
    "top_15m": "15 m",
    "top_1h": "1 h",
    "top_4h": "4 h",
    "top_24h": "24 h",
    "price_of": "💲 <code>{symbol}</code> <b>{price}</b>",
    "price_changes": "{window} {change}",
    "price_day": "24 h: {low} to {high}",
    "price_volume": "24 h volume {usd}",
    "mark_price": "mark price {price}",
    "as_of": "as of {time} ({age} ago)",
    "oi_of": "📦 <code>{symbol}</code> open interest <b>{usd}</b>",
    "oi_contracts": "{quantity} {base}",
    "oi_changed": "{window} {change}",
    "oi_measured": "{change} over {span}",
    "funding_of": "💱 <code>{symbol}</code> funding <b>{rate}</b>",
    "funding_each": "every {hours} h",
    "funding_next": "next {time}, in {left}",
    "chart_of": "📉 <code>{symbol}</code> {period}",
}

_ZH = {
    "top": "🏁 <b>{window} 最大波动</b>，共 {count} 个合约",
    "top_none": "🏁 {window} 尚无价格。",
    "top_row": "{change} <code>{symbol}</code> {price}",
    "top_volume": "24 小时 {usd}",
    "top_rising": "↑ 上涨",
    "top_falling": "↓ 下跌",
    "top_1m": "1 分钟",
    "top_5m": "5 分钟",
    "top_15m": "15 分钟",
    "top_1h": "1 小时",
    "top_4h": "4 小时",
    "top_24h": "24 小时",
    "price_of": "💲 <code>{symbol}</code> <b>{price}</b>",
    "price_changes": "{window} {change}",
    "price_day": "24 小时：{low} 至 {high}",
    "price_volume": "24 小时成交额 {usd}",
    "mark_price": "标记价格 {price}",
    "as_of": "截至 {time}（{age}前）",
    "oi_of": "📦 <code>{symbol}</code> 持仓 <b>{usd}</b>",
    "oi_contracts": "{quantity} {base}",
    "oi_changed": "{window} {change}",
    "oi_measured": "{span} 内 {change}",
    "funding_of": "💱 <code>{symbol}</code> 资金费率 <b>{rate}</b>",
    "funding_each": "每 {hours} 小时",
    "funding_next": "下次 {time}，还有 {left}",
    "chart_of": "📉 <code>{symbol}</code> {period}",
}

_RU = {
    "top": "🏁 <b>Крупнейшие движения за {window}</b>, контрактов: {count}",
    "top_none": "🏁 За {window} цен ещё нет.",
    "top_row": "{change} <code>{symbol}</code> {price}",
    "top_volume": "24 ч {usd}",
    "top_rising": "↑ вверх",
    "top_falling": "↓ вниз",
    "top_1m": "1 мин",
    "top_5m": "5 мин",
    "top_15m": "15 мин",
    "top_1h": "1 ч",
    "top_4h": "4 ч",
    "top_24h": "24 ч",
    "price_of": "💲 <code>{symbol}</code> <b>{price}</b>",
    "price_changes": "{window} {change}",
    "price_day": "24 ч: от {low} до {high}",
    "price_volume": "объём за 24 ч {usd}",
    "mark_price": "цена маркировки {price}",
    "as_of": "на {time} ({age} назад)",
    "oi_of": "📦 <code>{symbol}</code> открытый интерес <b>{usd}</b>",
    "oi_contracts": "{quantity} {base}",
    "oi_changed": "{window} {change}",
    "oi_measured": "{change} за {span}",
    "funding_of": "💱 <code>{symbol}</code> ставка финансирования <b>{rate}</b>",
    "funding_each": "каждые {hours} ч",
    "funding_next": "следующая {time}, через {left}",
    "chart_of": "📉 <code>{symbol}</code> {period}",
}

MARKET: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"en": MappingProxyType(_EN), "zh": MappingProxyType(_ZH), "ru": MappingProxyType(_RU)}
)
