"""What the tracker tells its operator. `{names}` are filled in, already escaped."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_EN = {
    "tracker_stuck": "🧊 <b>Tracking of {series} stands still</b>: {sweeps} sweeps in a row without a row",
    "tracker_degraded": "🧊 <b>Tracking of {series} is thin</b>: {sweeps} sweeps in a row with less than a quarter of "
    "{planned} symbols, {captured} in the last one",
    "tracker_reason": "Last failure: {reason}",
    "tracker_recovered": "✅ <b>Tracking of {series} is back</b>: {captured} of {planned} symbols",
    "tracker_blocked": "⛔ <b>Tracking of {series} is refused until {time}</b> ({duration}): {reason}",
    "series_smart_money": "smart money",
    "series_top_traders": "top traders",
    "series_open_interest": "open interest",
    "position_new": "📌 <b>{symbol}</b> · followed traders, {side}: new position of {to}",
    "position_moved": "📌 <b>{symbol}</b> · followed traders, {side}: {pct} in {minutes} min ({from_} → {to})",
    "position_price": "average entry {entry} · mark price {price}",
    "side_long": "long side",
    "side_short": "short side",
}

_ZH = {
    "tracker_stuck": "🧊 <b>{series}的跟踪停住了</b>：连续 {sweeps} 轮没有一行数据",
    "tracker_degraded": "🧊 <b>{series}的跟踪数据稀少</b>：连续 {sweeps} 轮不到 {planned} 个合约的四分之一，"
    "上一轮 {captured} 个",
    "tracker_reason": "最后一次失败：{reason}",
    "tracker_recovered": "✅ <b>{series}的跟踪已恢复</b>：{planned} 个合约中的 {captured} 个",
    "tracker_blocked": "⛔ <b>{series}的请求被拒绝，直到 {time}</b>（{duration}）：{reason}",
    "series_smart_money": "聪明钱",
    "series_top_traders": "大户",
    "series_open_interest": "持仓量",
    "position_new": "📌 <b>{symbol}</b> · 被跟踪交易者，{side}：新仓位 {to}",
    "position_moved": "📌 <b>{symbol}</b> · 被跟踪交易者，{side}：{minutes} 分钟内 {pct}（{from_} → {to}）",
    "position_price": "平均开仓价 {entry} · 标记价格 {price}",
    "side_long": "多头一方",
    "side_short": "空头一方",
}

_RU = {
    "tracker_stuck": "🧊 <b>Слежение за: {series} — стоит</b>, обходов подряд без единой строки: {sweeps}",
    "tracker_degraded": "🧊 <b>Слежение за: {series} — данных мало</b>, обходов подряд меньше чем с четвертью из "
    "{planned} контрактов: {sweeps}, в последнем {captured}",
    "tracker_reason": "Последняя неудача: {reason}",
    "tracker_recovered": "✅ <b>Слежение за: {series} — снова идёт</b>, контрактов: {captured} из {planned}",
    "tracker_blocked": "⛔ <b>Слежение за: {series} — отказ до {time}</b> ({duration}): {reason}",
    "series_smart_money": "крупные трейдеры сайта",
    "series_top_traders": "топ-трейдеры",
    "series_open_interest": "открытый интерес",
    "position_new": "📌 <b>{symbol}</b> · трейдеры под наблюдением, {side}: новая позиция {to}",
    "position_moved": "📌 <b>{symbol}</b> · трейдеры под наблюдением, {side}: {pct} за {minutes} мин ({from_} → {to})",
    "position_price": "средний вход {entry} · цена маркировки {price}",
    "side_long": "сторона лонга",
    "side_short": "сторона шорта",
}

TRACKING: Mapping[str, Mapping[str, str]] = MappingProxyType({"en": _EN, "zh": _ZH, "ru": _RU})
