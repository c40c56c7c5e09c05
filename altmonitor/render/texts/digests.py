"""Words of digests, one table per language."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_EN = {
    "digest_title": "📋 <b>{count} alerts</b>",
    "digest_title_one": "📋 <b>1 alert</b>",
    "digest_title_late": "⏳ <b>LATE: {count} alerts</b>",
    "digest_title_late_one": "⏳ <b>LATE: 1 alert</b>",
    "breadth": "{moved} symbols: {down} down, {up} up",
    "breadth_of": "{moved} of {watched} symbols: {down} down, {up} up",
    "median": "median {change}",
    "btc": "BTC {change}",
    "market": "Market: {down} of {watched} down",
    "against_crowd": "against the crowd",
    "continued": "continued",
    "entry_with": "{entry} ({asides})",
    "entry_count": "{count} alerts",
    "unit_minute": "% in one minute",
    "unit_window": "% in {window}",
    "unit_median": "× median",
    "unit_liq": "USD in 1 m",
    "unit_basis": "% of the index",
    "unit_funding": "% per 8 h",
    "digest_title_held": "🌙 <b>Quiet hours{hours}: {count} alerts held back</b>",
    "digest_title_held_one": "🌙 <b>Quiet hours{hours}: 1 alert held back</b>",
    "entry_oi": "OI {change}",
    "entry_today": "{ordinal} today",
    "entry_largest": "largest in {days} d",
    "entry_over": "over",
    "unit_condition": "asked for with /alert",
}


_ZH = {
    "digest_title": "📋 <b>{count} 条提醒</b>",
    "digest_title_one": "📋 <b>1 条提醒</b>",
    "digest_title_late": "⏳ <b>迟到：{count} 条提醒</b>",
    "digest_title_late_one": "⏳ <b>迟到：1 条提醒</b>",
    "breadth": "{moved} 个合约：{down} 跌，{up} 涨",
    "breadth_of": "{watched} 个合约中的 {moved} 个：{down} 跌，{up} 涨",
    "median": "中位数 {change}",
    "btc": "BTC {change}",
    "market": "全市场：{watched} 个中 {down} 个下跌",
    "against_crowd": "与多数方向相反",
    "continued": "续",
    "entry_with": "{entry}（{asides}）",
    "entry_count": "{count} 条",
    "unit_minute": "1 分钟内 %",
    "unit_window": "{window}内 %",
    "unit_median": "中位数的倍数",
    "unit_liq": "1 分钟，美元",
    "unit_basis": "占指数 %",
    "unit_funding": "按 8 小时计 %",
    "digest_title_held": "🌙 <b>免打扰{hours}：期间 {count} 条提醒</b>",
    "digest_title_held_one": "🌙 <b>免打扰{hours}：期间 1 条提醒</b>",
    "entry_oi": "持仓 {change}",
    "entry_today": "今日第 {ordinal} 次",
    "entry_largest": "{days} 天来最大",
    "entry_over": "已结束",
    "unit_condition": "用 /alert 设定",
}


_RU = {
    "digest_title": "📋 <b>Алертов: {count}</b>",
    "digest_title_one": "📋 <b>1 алерт</b>",
    "digest_title_late": "⏳ <b>С ОПОЗДАНИЕМ: алертов {count}</b>",
    "digest_title_late_one": "⏳ <b>С ОПОЗДАНИЕМ: 1 алерт</b>",
    "breadth": "контрактов {moved}: {down} вниз, {up} вверх",
    "breadth_of": "{moved} из {watched} контрактов: {down} вниз, {up} вверх",
    "median": "медиана {change}",
    "btc": "BTC {change}",
    "market": "Рынок: вниз {down} из {watched}",
    "against_crowd": "против большинства",
    "continued": "продолжение",
    "entry_with": "{entry} ({asides})",
    "entry_count": "алертов {count}",
    "unit_minute": "% за минуту",
    "unit_window": "% за {window}",
    "unit_median": "× медиана",
    "unit_liq": "USD за 1 мин",
    "unit_basis": "% от индекса",
    "unit_funding": "% за 8 ч",
    "digest_title_held": "🌙 <b>Тихие часы{hours}: задержано алертов: {count}</b>",
    "digest_title_held_one": "🌙 <b>Тихие часы{hours}: задержан 1 алерт</b>",
    "entry_oi": "ОИ {change}",
    "entry_today": "{ordinal} за сегодня",
    "entry_largest": "крупнейшее за {days} д",
    "entry_over": "закончилось",
    "unit_condition": "задано через /alert",
}


DIGESTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": MappingProxyType(_EN),
        "zh": MappingProxyType(_ZH),
        "ru": MappingProxyType(_RU),
    }
)
