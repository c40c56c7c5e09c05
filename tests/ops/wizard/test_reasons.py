"""Why something failed, in three languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from telegram.error import BadRequest, Forbidden

from altmonitor.core.errors import (
    AltmonitorError,
    ChatUnreachable,
    ConfigError,
    RetryLater,
    SecondPoller,
    StorageError,
    TokenRefused,
)
from altmonitor.ops.wizard import env_file
from altmonitor.ops.wizard.reasons import reason
from altmonitor.ops.wizard.texts import Texts
from altmonitor.telegram.errors import typed

PROBLEMS: tuple[AltmonitorError, ...] = (
    typed(Forbidden("Forbidden: bot was blocked by the user")),
    typed(Forbidden("Forbidden: bot was kicked from the group chat")),
    typed(BadRequest("Chat not found")),
    typed(Forbidden("Forbidden: user is deactivated")),
    typed(BadRequest("not enough rights to send text messages to the chat")),
    typed(BadRequest("message thread not found")),
    typed(BadRequest("Bad Request: message is too long")),
    RetryLater("Telegram asks to wait", retry_after_s=3),
    ChatUnreachable(
        "no connection to Telegram: httpx.ConnectError: All connection attempts failed", outcome_unknown=False
    ),
    TokenRefused("Telegram refuses the bot token"),
    SecondPoller("another program reads this bot's messages: Conflict: terminated by other getUpdates request"),
    StorageError("no room for a temporary file"),
    ConfigError(["PUMP_THRESHOLD='x' is not allowed: a number", "TG_CHAT_ID='abc' is not allowed: a chat id"]),
)
TECHNICAL = re.compile(r"Telegram|START|BotFather|webhook|token|env-file|altmonitor|doctor|PUMP_THRESHOLD|TG_CHAT_ID")


@pytest.mark.parametrize("lang", ["ru", "zh"])
def test_no_reason_is_english_where_the_wizard_is_not(lang: str) -> None:
    for problem in PROBLEMS:
        said = reason(Texts(lang), problem)
        assert re.findall(r"[A-Za-z]{3,}", TECHNICAL.sub("", said)) == [], (problem, said)


@pytest.mark.parametrize("lang", ["en", "ru", "zh"])
def test_no_reason_holds_the_name_of_an_error(lang: str) -> None:
    said = [reason(Texts(lang), problem) for problem in PROBLEMS]
    assert [text for text in said if re.search(r"Error|Exception|httpx", text)] == []


def test_telegrams_own_words_stand_behind_it_in_english() -> None:
    assert reason(Texts("en"), PROBLEMS[1]) == (
        "Telegram does not let the bot write there: it was removed, or never was a member. Add it again. "
        "(“Forbidden: bot was kicked from the group chat”)"
    )


def test_what_is_wrong_with_a_file_is_told_by_its_cause(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"NAME=\xff\xfe\n")
    (tmp_path / "folder").mkdir()
    seen = {}
    for name in ("latin", "folder", "latin/file"):
        with pytest.raises(ConfigError) as problem:
            env_file.write(tmp_path / name, {"TG_CHAT_ID": "1"})
        seen[name] = reason(Texts("ru"), problem.value)
    assert seen == {
        "latin": "файл не в кодировке UTF-8. Сохраните его в UTF-8.",
        "folder": "это папка, а не файл. Укажите файл: --env-file.",
        "latin/file": "его папки нет. Создайте её.",
    }
