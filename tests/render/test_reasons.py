"""Reasons are said in the reader's language and name no error class; every code has its words and its numbers."""

from __future__ import annotations

import re
import string
from datetime import UTC

import pytest

from altmonitor.core.causes import CAUSE_VALUES, Cause, CauseCode
from altmonitor.core.errors import BadAnswer
from altmonitor.render.format import Style
from altmonitor.render.reasons import problem_text, reason_text
from altmonitor.render.texts import TEXTS

STYLES = {lang: Style(lang=lang, tz=UTC) for lang in ("en", "zh", "ru")}
ALLOWED = re.compile(r"Telegram|HTTP|TG_CHAT_ID|/start|/market|token|NATS(?:_URL)?|JetStream|-js", re.IGNORECASE)


def test_every_code_has_its_words_in_three_languages_with_just_its_numbers() -> None:
    wrong = []
    for lang in STYLES:
        words = {key.removeprefix("reason_"): text for key, text in TEXTS[lang].items() if key.startswith("reason_")}
        assert set(words) == {code.value for code in CauseCode}
        for code in CauseCode:
            text = words[code.value]
            named = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
            has_words = re.search(r"[A-Za-z]{3,}", ALLOWED.sub("", re.sub(r"\{\w+\}", "", text))) is not None
            if named != set(CAUSE_VALUES.get(code, ())) or (lang != "en" and has_words):
                wrong.append((code, lang, text))
    assert wrong == []


def test_numbers_are_carried_over_and_several_reasons_are_said_once_each_in_their_order() -> None:
    closed = Cause(CauseCode.CLOSED, "closed (1006)", {"status": 1006})
    silent = Cause(CauseCode.NO_DATA, "no data for 31 s, 5 of 9 streams acknowledged", {"seconds": 31})
    assert [reason_text((closed, silent, closed), style) for style in STYLES.values()] == [
        "the exchange closed the connection (1006); no data for 31 s",
        "交易所关闭了连接（1006）；31 秒没有数据",
        "биржа закрыла соединение (1006); данных нет уже 31 с",
    ]
    assert reason_text(None, STYLES["zh"]) == reason_text((), STYLES["zh"]) == ""


@pytest.mark.parametrize(("lang", "text"), [("en", "a cosmic ray, &lt;b&gt;"), ("zh", "见日志"), ("ru", "см. журнал")])
def test_what_nobody_knows_is_in_the_log_and_only_where_it_is_read_in_the_chat(lang: str, text: str) -> None:
    assert reason_text(Cause(CauseCode.OTHER, "a cosmic\nray, <b>"), STYLES[lang]) == text


def test_what_stood_in_the_way_of_a_command_is_told_in_full_where_it_is_read() -> None:
    cause = BadAnswer("HTTP 400: Illegal <characters> (-1100)", code=CauseCode.HTTP, status=400).cause
    assert [problem_text(cause, style) for style in STYLES.values()] == [
        "HTTP 400: Illegal &lt;characters&gt; (-1100)",
        "应答为 HTTP 400",
        "ответ HTTP 400",
    ]
    assert problem_text(None, STYLES["en"]) == ""


def test_a_cause_of_which_a_number_is_missing_is_said_all_the_same() -> None:
    assert reason_text(Cause(CauseCode.NO_DATA, "no data"), STYLES["en"]) == "no data for n/a s"
