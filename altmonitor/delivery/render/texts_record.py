"""What is stored: alerts, counts, changes. `{names}` are filled in, already escaped."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_EN = {
    "history": "🕘 <b>Last {count} alerts</b>, newest first",
    "history_one": "🕘 <b>Last alert</b>",
    "history_of": "Filter: {filters}",
    "history_none": "🕘 No alerts stored yet.",
    "history_none_of": "🕘 No alerts stored for {filters}.",
    "did_you_mean": "Did you mean {suggestions}?",
    "kind_price": "price",
    "kind_oi": "OI",
    "kind_vol": "volume",
    "delivery_sent": "sent",
    "delivery_queued": "waiting",
    "delivery_failed": "not delivered",
    "delivery_expired": "expired",
    "stats": "📈 <b>{total} alerts in {hours} h</b>",
    "stats_none": "📈 No alerts in {hours} h.",
    "stats_kinds": "By kind: {kinds}",
    "stats_top": "Most frequent:",
    "changes": "📝 <b>Last changes</b>, newest first",
    "changes_none": "📝 Nothing was changed by a command yet.",
    "change_row": "{time} · {who} · <code>{command}</code>",
    "change_undone": "↩️ taken back later",
    "undone": "↩️ Taken back: {row}",
    "undo_refused": "❌ /undo: what {row} made is not what holds now. Nothing was changed. In between:",
    "undo_nothing": "↩️ There is no change left to take back.",
}

_ZH = {
    "history": "🕘 <b>最近 {count} 条提醒</b>，新的在前",
    "history_one": "🕘 <b>最近一条提醒</b>",
    "history_of": "筛选：{filters}",
    "history_none": "🕘 还没有保存的提醒。",
    "history_none_of": "🕘 没有 {filters} 的提醒。",
    "did_you_mean": "是否想用 {suggestions}？",
    "kind_price": "价格",
    "kind_oi": "持仓",
    "kind_vol": "放量",
    "delivery_sent": "已发送",
    "delivery_queued": "等待中",
    "delivery_failed": "未送达",
    "delivery_expired": "已过期",
    "stats": "📈 <b>{hours} 小时内 {total} 条提醒</b>",
    "stats_none": "📈 {hours} 小时内没有提醒。",
    "stats_kinds": "按类型：{kinds}",
    "stats_top": "最频繁：",
    "changes": "📝 <b>最近的更改</b>，新的在前",
    "changes_none": "📝 还没有命令做过更改。",
    "change_row": "{time} · {who} · <code>{command}</code>",
    "change_undone": "↩️ 之后已撤销",
    "undone": "↩️ 已撤销：{row}",
    "undo_refused": "❌ /undo：{row} 之后设置又有变化。未做任何更改。差别：",
    "undo_nothing": "↩️ 没有可撤销的更改。",
}

_RU = {
    "history": "🕘 <b>Последние оповещения: {count}</b>, новые сверху",
    "history_one": "🕘 <b>Последнее оповещение</b>",
    "history_of": "Отбор: {filters}",
    "history_none": "🕘 Сохранённых оповещений ещё нет.",
    "history_none_of": "🕘 Нет сохранённых оповещений: {filters}.",
    "did_you_mean": "Может быть, {suggestions}?",
    "kind_price": "цена",
    "kind_oi": "ОИ",
    "kind_vol": "объём",
    "delivery_sent": "отправлено",
    "delivery_queued": "ждёт",
    "delivery_failed": "не доставлено",
    "delivery_expired": "устарело",
    "stats": "📈 <b>Оповещений: {total} за {hours} ч</b>",
    "stats_none": "📈 За {hours} ч оповещений не было.",
    "stats_kinds": "По видам: {kinds}",
    "stats_top": "Чаще всего:",
    "changes": "📝 <b>Последние изменения</b>, новые сверху",
    "changes_none": "📝 Командами пока ничего не меняли.",
    "change_row": "{time} · {who} · <code>{command}</code>",
    "change_undone": "↩️ позже отменено",
    "undone": "↩️ Отменено: {row}",
    "undo_refused": "❌ /undo: после {row} что-то изменилось ещё. Ничего не изменено. Различия:",
    "undo_nothing": "↩️ Больше нечего отменять.",
}

RECORD: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"en": MappingProxyType(_EN), "zh": MappingProxyType(_ZH), "ru": MappingProxyType(_RU)}
)
