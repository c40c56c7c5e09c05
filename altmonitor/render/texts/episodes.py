"""How a move went on, as it is added to the message of its first alert, one table per language."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_EN = {
    "joined_liq": "liquidations",
    "joined_basis": "basis",
    "venue_also": "🌐 also {size} on {venue}",
    "venue_with": "{also}, {order}",
    "venue_first": "first by {ahead} ± {within} s",
    "venue_later": "later by {ahead} ± {within} s",
    "venue_same": "at the same moment (± {within} s)",
    "joined": "➕ joined by {things}",
    "joined_doubled": "➕ joined by {things}; {doubled}",
    "only_doubled": "➕ {doubled}",
    "doubled_one": "the move has doubled since",
    "doubled_few": "the move has doubled {count} times since",
    "doubled_many": "the move has doubled {count} times since",
    "list_and": "{first} and {last}",
    "joined_price": "the price",
    "joined_oi": "OI",
    "joined_vol": "volume",
    "joined_funding": "funding",
    "joined_PUMP": "a pump",
    "joined_DUMP": "a dump",
    "joined_episode": "the whole move",
    "joined_window": "the {window} move",
    "ended": "🏁 over after {duration}",
    "ended_high": "price peak {change}",
    "ended_low": "price low {change}",
    "ended_last": "price at the end {change}",
}

_ZH = {
    "joined_liq": "爆仓",
    "joined_basis": "基差",
    "venue_also": "🌐 {venue} 同样 {size}",
    "venue_with": "{also}，{order}",
    "venue_first": "早 {ahead} ± {within} 秒",
    "venue_later": "晚 {ahead} ± {within} 秒",
    "venue_same": "同一时刻（± {within} 秒）",
    "joined": "➕ 随后出现{things}",
    "joined_doubled": "➕ 随后出现{things}；{doubled}",
    "only_doubled": "➕ {doubled}",
    "doubled_one": "此后幅度翻倍",
    "doubled_few": "此后幅度翻倍 {count} 次",
    "doubled_many": "此后幅度翻倍 {count} 次",
    "list_and": "{first}和{last}",
    "joined_price": "价格异动",
    "joined_oi": "持仓变化",
    "joined_vol": "放量",
    "joined_funding": "资金费率变化",
    "joined_PUMP": "拉升",
    "joined_DUMP": "砸盘",
    "joined_episode": "整段行情",
    "joined_window": "{window}波动",
    "ended": "🏁 {duration}后结束",
    "ended_high": "价格最高 {change}",
    "ended_low": "价格最低 {change}",
    "ended_last": "结束时价格 {change}",
}

_RU = {
    "joined_liq": "ликвидации",
    "joined_basis": "базис",
    "venue_also": "🌐 на {venue} тоже {size}",
    "venue_with": "{also}, {order}",
    "venue_first": "раньше на {ahead} ± {within} с",
    "venue_later": "позже на {ahead} ± {within} с",
    "venue_same": "в тот же момент (± {within} с)",
    "joined": "➕ следом: {things}",
    "joined_doubled": "➕ следом: {things}; {doubled}",
    "only_doubled": "➕ {doubled}",
    "doubled_one": "с тех пор движение удвоилось",
    "doubled_few": "с тех пор движение удвоилось {count} раза",
    "doubled_many": "с тех пор движение удвоилось {count} раз",
    "list_and": "{first} и {last}",
    "joined_price": "цена",
    "joined_oi": "ОИ",
    "joined_vol": "объём",
    "joined_funding": "фандинг",
    "joined_PUMP": "памп",
    "joined_DUMP": "дамп",
    "joined_episode": "всё движение",
    "joined_window": "движение за {window}",
    "ended": "🏁 закончилось через {duration}",
    "ended_high": "максимум цены {change}",
    "ended_low": "минимум цены {change}",
    "ended_last": "цена в конце {change}",
}

EPISODES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"en": MappingProxyType(_EN), "zh": MappingProxyType(_ZH), "ru": MappingProxyType(_RU)}
)
