"""Words of what followed alerts on the page of counts. `{names}` are plain text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_EN = {
    "outcomes_title": "What followed alerts, {after} later",
    "outcomes_horizon": "After the alert",
    "outcomes_empty": "Nothing is measured yet: what followed is looked at {times} after an alert.",
    "outcome_sample": "{alerts} alerts in {moments} independent moments, {after} after the message. Percent in the "
    "alert's direction. Recorded since {since}",
    "outcome_described": "only whole kinds are tested",
    "outcome_few": "fewer than {needed} moments, so no numbers",
    "outcome_no_interval": "no interval: too few different days",
    "outcome_no_control": "too few comparable minutes",
    "outcome_unknown": "{count} left out: not that old yet, or candles are missing",
    "col_outcome_alerts": "Alerts",
    "col_outcome_moments": "Moments",
    "col_outcome_median": "Median",
    "col_outcome_mean": "Mean",
    "col_outcome_hit": "Went on",
    "col_outcome_control": "Comparable minutes",
    "col_outcome_said": "Beside chance",
    "mean_outcome_kind": "Kind of alert; below it, its directions.",
    "mean_outcome_alerts": "Alerts whose price afterwards is known.",
    "mean_outcome_moments": "Independent moments: a market-wide storm of alerts is one.",
    "mean_outcome_median": "Median change of the price over the moments, percent in the alert's direction, before "
    "fees.",
    "mean_outcome_mean": "Mean change of the price over the moments, percent in the alert's direction, before fees.",
    "mean_outcome_hit": "Share of moments after which the price had gone on in the alert's direction, with its 95 % "
    "interval.",
    "mean_outcome_control": "The same share for minutes without an alert that were otherwise alike.",
    "mean_outcome_said": "Whether it differs from chance, and why a number is missing.",
}

_ZH = {
    "outcomes_title": "提醒之后 {after}的走势",
    "outcomes_horizon": "提醒之后",
    "outcomes_empty": "还没有结果：每条提醒在 {times}之后查看走势。",
    "outcome_sample": "{moments} 个独立时刻，共 {alerts} 条提醒；消息发出后 {after}。"
    "按提醒方向的百分比。自 {since} 起记录",
    "outcome_described": "只检验整个类型",
    "outcome_few": "少于 {needed} 个时刻，因此没有数值",
    "outcome_no_interval": "无区间：不同的日子太少",
    "outcome_no_control": "可比分钟太少",
    "outcome_unknown": "未计入 {count} 条：时间未到或缺少 K 线",
    "col_outcome_alerts": "提醒",
    "col_outcome_moments": "时刻",
    "col_outcome_median": "中位数",
    "col_outcome_mean": "平均",
    "col_outcome_hit": "延续",
    "col_outcome_control": "可比分钟",
    "col_outcome_said": "与偶然相比",
    "mean_outcome_kind": "提醒类型；其下为各方向。",
    "mean_outcome_alerts": "之后价格已知的提醒数。",
    "mean_outcome_moments": "独立时刻：全市场的一轮提醒只算一次。",
    "mean_outcome_median": "各时刻价格变化的中位数，按提醒方向的百分比，未扣手续费。",
    "mean_outcome_mean": "各时刻价格变化的平均值，按提醒方向的百分比，未扣手续费。",
    "mean_outcome_hit": "价格沿提醒方向延续的时刻占比，附 95 % 区间。",
    "mean_outcome_control": "没有提醒但其他条件相似的分钟的同一占比。",
    "mean_outcome_said": "是否有别于偶然，以及为何缺少数值。",
}

_RU = {
    "outcomes_title": "Что было после алертов, через {after}",
    "outcomes_horizon": "После алерта",
    "outcomes_empty": "Пока ничего не измерено: каждый алерт проверяется через {times}.",
    "outcome_sample": "Алертов: {alerts}, независимых моментов: {moments}; через {after} после сообщения. Проценты в "
    "направлении алерта. Записывается с {since}",
    "outcome_described": "проверяются только виды целиком",
    "outcome_few": "моментов меньше {needed}, поэтому чисел нет",
    "outcome_no_interval": "без интервала: слишком мало разных дней",
    "outcome_no_control": "слишком мало сравнимых минут",
    "outcome_unknown": "не учтено: {count} – ещё не прошло столько времени или нет свечей",
    "col_outcome_alerts": "Алертов",
    "col_outcome_moments": "Моментов",
    "col_outcome_median": "Медиана",
    "col_outcome_mean": "Среднее",
    "col_outcome_hit": "Продолжилось",
    "col_outcome_control": "Сравнимые минуты",
    "col_outcome_said": "Рядом со случайностью",
    "mean_outcome_kind": "Вид алерта; под ним – его направления.",
    "mean_outcome_alerts": "Алерты, после которых цена известна.",
    "mean_outcome_moments": "Независимые моменты: волна алертов по всему рынку – один.",
    "mean_outcome_median": "Медиана изменения цены по моментам, в процентах в направлении алерта, без комиссий.",
    "mean_outcome_mean": "Среднее изменение цены по моментам, в процентах в направлении алерта, без комиссий.",
    "mean_outcome_hit": "Доля моментов, после которых цена продолжила идти в направлении алерта, с интервалом 95 %.",
    "mean_outcome_control": "Та же доля для похожих минут без алерта.",
    "mean_outcome_said": "Отличается ли это от случайности и почему числа нет.",
}

PAGE_OUTCOMES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"en": MappingProxyType(_EN), "zh": MappingProxyType(_ZH), "ru": MappingProxyType(_RU)}
)
