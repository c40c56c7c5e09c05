"""Words of what a chat is told about pressing and asking, one table per language."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_EN = {
    "press_unknown": "This button is not known here. Use a newer message.",
    "press_old": "This button has expired. Send the command again.",
    "press_missed": "I was away when this was pressed. Press again if you still want it.",
    "press_gone": "This alert is not kept any more.",
    "press_failed": "That did not work. Try again in a moment.",
    "press_not_allowed": "You may read here, but not change anything.",
    "press_again": "Already shown below.",
    "press_no_chart": "There is no chart right now.",
    "press_cancelled": "Nothing was changed.",
    "slow_down": "Too many commands. The next one is carried out in {wait}.",
}

_ZH = {
    "press_unknown": "无法识别此按钮，请使用较新的消息。",
    "press_old": "此按钮已过期，请重新发送命令。",
    "press_missed": "按下时我不在线。如仍需要，请再按一次。",
    "press_gone": "此提醒已不再保存。",
    "press_failed": "未能完成，请稍后再试。",
    "press_not_allowed": "您在这里只能查看，不能更改。",
    "press_again": "内容已在下方。",
    "press_no_chart": "目前没有图表。",
    "press_cancelled": "没有任何更改。",
    "slow_down": "命令太多，{wait}后才会执行下一条。",
}

_RU = {
    "press_unknown": "Эта кнопка здесь неизвестна. Возьмите сообщение поновее.",
    "press_old": "Кнопка устарела. Отправьте команду ещё раз.",
    "press_missed": "Меня не было, когда вы нажали. Нажмите ещё раз, если это ещё нужно.",
    "press_gone": "Этот алерт больше не хранится.",
    "press_failed": "Не получилось. Попробуйте чуть позже.",
    "press_not_allowed": "Здесь вы можете читать, но не менять.",
    "press_again": "Уже показано ниже.",
    "press_no_chart": "Графика сейчас нет.",
    "press_cancelled": "Ничего не изменено.",
    "slow_down": "Слишком много команд. Следующая будет выполнена через {wait}.",
}

CHAT: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"en": MappingProxyType(_EN), "zh": MappingProxyType(_ZH), "ru": MappingProxyType(_RU)}
)
