"""What is said of what became of alerts. Facts and their uncertainty; nothing about what to do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_EN = {
    "outcomes_head": "📐 <b>What followed {alerts} alerts</b>, recorded since {since}",
    "outcomes_none": "📐 Nothing is measured yet: alerts are looked at after 15 min, 1 h, 4 h and 24 h.",
    "outcomes_kind": "<b>{kind}</b>: {alerts} alerts",
    "outcomes_row": "{after}: {went_on} of {moments} went on{interval}, median {median}; comparable minutes {control}",
    "outcomes_row_alone": "{after}: {went_on} of {moments} went on{interval}, median {median}",
    "outcomes_row_few": "{after}: moments known: {moments}",
    "outcomes_more": "<b>more than chance</b>",
    "outcomes_chance_like_chance": "not distinguishable from chance",
    "outcomes_chance_too_few": "too few to tell from chance",
    "outcomes_forward": "Under the settings in force now:",
    "outcomes_stats": "What followed alerts so far:",
    "outcomes_waiting": "Still being watched: {count}",
    "outcomes_earlier": "Recorded with earlier detectors and left out: {count}",
    "outcomes_how": (
        "<i>Counted in independent moments: a market-wide storm is one. In the alert's direction, from the first "
        "minute after the message, before fees ({fee} % a side).</i>"
    ),
}
_ZH = {
    "outcomes_head": "📐 <b>{alerts} 条提醒之后的走势</b>，自 {since} 起记录",
    "outcomes_none": "📐 还没有结果：每条提醒在 15 分钟、1 小时、4 小时和 24 小时后查看。",
    "outcomes_kind": "<b>{kind}</b>：{alerts} 条提醒",
    "outcomes_row": "{after}：{moments} 次中 {went_on} 次延续{interval}，中位数 {median}；可比分钟 {control}",
    "outcomes_row_alone": "{after}：{moments} 次中 {went_on} 次延续{interval}，中位数 {median}",
    "outcomes_row_few": "{after}：已知次数 {moments}",
    "outcomes_more": "<b>超出偶然</b>",
    "outcomes_chance_like_chance": "与偶然无法区分",
    "outcomes_chance_too_few": "次数太少，无法与偶然区分",
    "outcomes_forward": "在当前设置下：",
    "outcomes_stats": "提醒之后的走势：",
    "outcomes_waiting": "仍在观察：{count}",
    "outcomes_earlier": "由旧版检测器记录、未计入：{count}",
    "outcomes_how": (
        "<i>按独立时刻计数：一次全市场行情只算一次。方向以提醒为准，自消息送达后的第一分钟算起，"
        "未扣手续费（每边 {fee} %）。</i>"
    ),
}
_RU = {
    "outcomes_head": "📐 <b>Что было после алертов ({alerts})</b>, записывается с {since}",
    "outcomes_none": "📐 Пока ничего не измерено: каждый алерт проверяется через 15 мин, 1 ч, 4 ч и 24 ч.",
    "outcomes_kind": "<b>{kind}</b>: алертов {alerts}",
    "outcomes_row": (
        "{after}: движение продолжилось в {went_on} из {moments}{interval}, медиана {median}; "
        "в сравнимые минуты {control}"
    ),
    "outcomes_row_alone": "{after}: движение продолжилось в {went_on} из {moments}{interval}, медиана {median}",
    "outcomes_row_few": "{after}: известно случаев: {moments}",
    "outcomes_more": "<b>больше, чем случайность</b>",
    "outcomes_chance_like_chance": "от случайности не отличить",
    "outcomes_chance_too_few": "слишком мало, чтобы отличить от случайности",
    "outcomes_forward": "При действующих сейчас настройках:",
    "outcomes_stats": "Что было после алертов:",
    "outcomes_waiting": "Ещё наблюдаются: {count}",
    "outcomes_earlier": "Записано прежними детекторами и не учтено: {count}",
    "outcomes_how": (
        "<i>Считаются независимые моменты: волна по всему рынку — один. В направлении алерта, с первой минуты после "
        "сообщения, без комиссий ({fee} % с каждой стороны).</i>"
    ),
}

OUTCOMES: Mapping[str, Mapping[str, str]] = MappingProxyType({"en": _EN, "zh": _ZH, "ru": _RU})
