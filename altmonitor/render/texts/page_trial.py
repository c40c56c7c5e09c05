"""Words of the page on which thresholds are tried. `{names}` are plain text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_EN = {
    "nav_try": "What if",
    "page_try": "What other thresholds would have told",
    "try_intro": "Move a value and see what these days would have told the main chat. Further to the right is quieter. "
    "Nothing is changed until you apply it.",
    "try_more": "More values: funding, liquidations, basis, volume floors",
    "try_in_force": "in force: {value}",
    "try_last": "Over the last",
    "try_all": "all that is known",
    "try_count": "Count",
    "try_total_now": "{now} alerts a day",
    "try_total_moved": "{now} → {then} alerts a day",
    "try_loudest": "loudest hour {hour}",
    "try_hour": "{count} ({time})",
    "try_over": "Counted from {from_time} to {to_time}, in whole minutes; other days will differ.",
    "try_refused": "Out of range or no number, so counted as it is in force: {names}.",
    "try_stored": "There is no monitor here that knows past days.",
    "try_stored_help": "Open this page at the monitor (altmonitor run), or type altmonitor try pump 4 last 7d "
    "over stored days.",
    "try_apply": "Apply these values",
    "try_commands": "The same in the chat:",
    "try_sample": "{now} and {then} alerts in {days} days.",
    "col_try_now": "In force, a day",
    "col_try_then": "Tried, a day",
    "col_try_peak": "Loudest hour",
    "col_try_lost": "Would be missed",
    "col_try_new": "Would be new",
    "mean_try_kind": "Kind of alert.",
    "mean_try_now": "Alerts a day with what is in force.",
    "mean_try_then": "Alerts a day with the values above.",
    "mean_try_peak": "Most alerts within an hour with the values above, and when that hour began.",
    "mean_try_lost": "The largest that are told now and would not be: contract, size, time. A move that is told "
    "within 15 minutes all the same, of funding within 8 hours, is not missed.",
    "mean_try_new": "The largest that are not told now and would be: contract, size, time.",
}

_ZH = {
    "nav_try": "试算",
    "page_try": "换一组阈值会收到什么",
    "try_intro": "移动数值，即可看到这些天主聊天本会收到什么。越往右越安静。点击应用之前不会更改任何设置。",
    "try_more": "更多数值：资金费率、爆仓、基差、成交额下限",
    "try_in_force": "当前：{value}",
    "try_last": "统计最近",
    "try_all": "全部已知数据",
    "try_count": "统计",
    "try_total_now": "每天 {now} 条",
    "try_total_moved": "每天 {now} → {then} 条",
    "try_loudest": "最多的一小时 {hour}",
    "try_hour": "{count} 条（{time}）",
    "try_over": "统计区间 {from_time} 至 {to_time}，按整分钟；市场每天不同。",
    "try_refused": "超出范围或不是数字，已按当前值统计：{names}。",
    "try_stored": "这里没有掌握历史数据的监控程序。",
    "try_stored_help": "请在监控程序（altmonitor run）处打开此页，或对已存的数据运行 altmonitor try pump 4 last 7d。",
    "try_apply": "应用这些数值",
    "try_commands": "在聊天中的写法：",
    "try_sample": "{days} 天内 {now} 条和 {then} 条。",
    "col_try_now": "当前每天",
    "col_try_then": "试算每天",
    "col_try_peak": "最多的一小时",
    "col_try_lost": "会少收到",
    "col_try_new": "会多收到",
    "mean_try_kind": "提醒类型。",
    "mean_try_now": "按当前设置每天的提醒数。",
    "mean_try_then": "按上面的数值每天的提醒数。",
    "mean_try_peak": "按上面的数值一小时内最多的提醒数，以及这一小时的开始时间。",
    "mean_try_lost": "现在会提醒、改后不再提醒的最大几项：合约、幅度、时间。"
    "15 分钟内（资金费率为 8 小时内）仍有提醒的行情不算少收。",
    "mean_try_new": "现在不提醒、改后会提醒的最大几项：合约、幅度、时间。",
}

_RU = {
    "nav_try": "Что если",
    "page_try": "Что сообщили бы другие пороги",
    "try_intro": "Двигайте значения и смотрите, что за эти дни получил бы главный чат. Чем правее, тем тише. Ничего не "
    "изменится, пока вы не примените.",
    "try_more": "Другие значения: фандинг, ликвидации, базис, пороги объёма",
    "try_in_force": "сейчас: {value}",
    "try_last": "За последние",
    "try_all": "всё, что известно",
    "try_count": "Посчитать",
    "try_total_now": "{now} алертов в день",
    "try_total_moved": "{now} → {then} алертов в день",
    "try_loudest": "самый шумный час: {hour}",
    "try_hour": "{count}, с {time}",
    "try_over": "Подсчёт с {from_time} по {to_time}, по целым минутам; другие дни будут другими.",
    "try_refused": "Вне пределов или не число, поэтому взято действующее значение: {names}.",
    "try_stored": "Здесь нет монитора, которому известны прошлые дни.",
    "try_stored_help": "Откройте эту страницу у монитора (altmonitor run) или наберите altmonitor try pump 4 last 7d "
    "по сохранённым дням.",
    "try_apply": "Применить эти значения",
    "try_commands": "То же в чате:",
    "try_sample": "Алертов {now} и {then} за дней: {days}.",
    "col_try_now": "Сейчас в день",
    "col_try_then": "С новыми в день",
    "col_try_peak": "Самый шумный час",
    "col_try_lost": "Пропали бы",
    "col_try_new": "Добавились бы",
    "mean_try_kind": "Вид алерта.",
    "mean_try_now": "Алертов в день с действующими значениями.",
    "mean_try_then": "Алертов в день со значениями выше.",
    "mean_try_peak": "Больше всего алертов за час со значениями выше и начало этого часа.",
    "mean_try_lost": "Крупнейшие из тех, что приходят сейчас и перестали бы: контракт, размер, время. Движение, о "
    "котором сообщили бы в пределах 15 минут (о фандинге – 8 часов), не пропало.",
    "mean_try_new": "Крупнейшие из тех, что сейчас не приходят и пришли бы: контракт, размер, время.",
}

PAGE_TRIAL: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"en": MappingProxyType(_EN), "zh": MappingProxyType(_ZH), "ru": MappingProxyType(_RU)}
)
