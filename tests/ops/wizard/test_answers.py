"""What is typed → what is kept; and every word in every language."""

from __future__ import annotations

import ast
import re
import string
from dataclasses import replace
from pathlib import Path

import pytest

import altmonitor.ops.wizard
from altmonitor.core.types import Destination, Secret
from altmonitor.interfaces.delivery import BotIdentity
from altmonitor.ops.telegram import ChatReach, Trouble, address_of, judge, read_chat, read_rights
from altmonitor.ops.wizard.answers import (
    WizardAnswers,
    changes,
    language_of,
    message_language,
    proxy_in,
    redacted,
    token_in,
)
from altmonitor.ops.wizard.docker_way import containers_in
from altmonitor.ops.wizard.start_step import ways
from altmonitor.ops.wizard.steps import BUDGET_MAX, changed_in_chat, variables_of
from altmonitor.ops.wizard.texts import TABLES
from altmonitor.settings.presets import PRESETS
from altmonitor.settings.variables import VARIABLES

TOKEN = "123456:" + "values-Token_0123456789-abcdefghijk"


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("lang", ["zh", "ru"])
def test_every_text_exists_in_every_language_with_the_same_blanks(lang: str) -> None:
    assert {key: placeholders(text) for key, text in TABLES[lang].items()} == {
        key: placeholders(text) for key, text in TABLES["en"].items()
    }


def test_every_text_the_wizard_asks_for_exists_and_none_is_left_over() -> None:
    asked: set[str] = set()
    for file in Path(altmonitor.ops.wizard.__file__).parent.glob("*.py"):
        if not file.name.startswith("texts_"):
            asked |= {
                node.value
                for node in ast.walk(ast.parse(file.read_text("utf-8")))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    asked |= {f"trouble_{trouble.value}" for trouble in Trouble}
    asked |= {f"kind_{kind}" for kind in ("private", "group", "supergroup", "channel")}
    assert set(TABLES["en"]) - asked == set()


def test_every_text_that_is_said_by_name_exists() -> None:
    said: set[str] = set()
    for file in Path(altmonitor.ops.wizard.__file__).parent.glob("*.py"):
        said |= set(re.findall(r"""\.(?:say|text)\(\s*"(\w+)\"""", file.read_text("utf-8")))
        for menu in re.findall(r"""\.menu\([^\n]*""", file.read_text("utf-8")):
            said |= set(re.findall(r"""\"(\w+)\"""", menu))
    assert len(said) > 60
    assert said - set(TABLES["en"]) == set()


@pytest.mark.parametrize("lang", ["en", "zh", "ru"])
def test_no_line_is_too_long_for_a_terminal(lang: str) -> None:
    too_long = [key for key, text in TABLES[lang].items() for line in text.split("\n") if len(line) > 125]
    assert too_long == []


@pytest.mark.parametrize(
    ("token", "shown"), [(TOKEN, "1234...hijk"), ("123456:short", "***"), ("", "***"), ("x" * 23, "***")]
)
def test_a_token_is_shown_by_its_ends_only(token: str, shown: str) -> None:
    assert redacted(token) == shown


def test_a_token_is_found_in_what_botfather_writes() -> None:
    assert token_in(f"Use this token to access the HTTP API:\n{TOKEN}\nKeep it secure") == TOKEN
    assert token_in("123456:tooshort") is None


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://proxy:3128/", "http://proxy:3128"),
        ("https://u:p@proxy:443", "https://u:p@proxy:443"),
        ("socks5://127.0.0.1:1080", None),
        ("proxy", None),
        ("http://proxy", None),
        ("http://proxy:99999", None),
        ("http://a b:80", None),
        ("", None),
        ("http://[::1", None),
    ],
)
def test_only_http_proxies_are_taken(typed: str, kept: str | None) -> None:
    assert proxy_in(typed) == kept


def test_languages_follow_the_machine_and_alerts_speak_what_they_can() -> None:
    assert [language_of(text) for text in ("ru_RU.UTF-8", "zh_CN", "de_DE", "C.UTF-8", "")] == [
        "ru",
        "zh",
        "en",
        "en",
        "en",
    ]
    assert (message_language("zh"), message_language("en")) == ("zh", "en")


def test_the_answers_become_these_settings() -> None:
    answers = WizardAnswers(
        lang="zh",
        token=Secret(TOKEN),
        bot=BotIdentity(id=123456, username="MyBot"),
        proxy="http://p:1",
        destination=Destination(chat_id=-1001, topic_id=42),
        only_user=77,
        also_chats=(5, 6),
        thresholds={"PUMP_THRESHOLD": "6"},
    )
    assert changes(answers, {"ALLOWED_CHAT_IDS": "9, 5"}) == {
        "TG_BOT_TOKEN": TOKEN,
        "TG_CHAT_ID": "-1001/42",
        "ALERT_LANG": "zh",
        "ALLOWED_USER_IDS": "77",
        "ALLOWED_CHAT_IDS": "9,5,6",
        "HTTPS_PROXY": "http://p:1",
        "HTTP_PROXY": "http://p:1",
        "PUMP_THRESHOLD": "6",
    }


def test_who_may_change_settings_in_a_group_is_written_where_it_is_not_so_anyway() -> None:
    answers = WizardAnswers(token=Secret(TOKEN), destination=Destination(chat_id=-1001))
    found = [
        changes(replace(answers, is_admins_only=is_admins_only), given).get("GROUP_ADMINS_ONLY")
        for is_admins_only in (None, True, False)
        for given in ({}, {"GROUP_ADMINS_ONLY": "false"})
    ]
    assert found == [None, None, None, "true", "false", "false"]


def test_a_language_that_stands_there_is_changed_back_to_english() -> None:
    answers = WizardAnswers(lang="en", token=Secret(TOKEN), destination=Destination(chat_id=5))
    assert "ALERT_LANG" not in changes(answers, {})
    assert changes(answers, {"ALERT_LANG": "zh"})["ALERT_LANG"] == "en"


@pytest.mark.parametrize("preset", ["calm", "normal", "active", "original"])
def test_every_preset_becomes_allowed_settings(preset: str) -> None:
    read = {variable.name: variable.read for variable in VARIABLES}
    texts = variables_of(preset, {})
    assert {"PUMP_THRESHOLD", "DUMP_THRESHOLD", "OI_SURGE_PCT_1M", "VOL_BURST_MULT", "COOLDOWN_SEC"} <= set(texts)
    for name, text in texts.items():
        read[name](text)
    assert read["PUMP_THRESHOLD"](texts["PUMP_THRESHOLD"]) == PRESETS[preset]["pump_threshold"]


def test_the_largest_budget_asked_for_is_the_largest_that_is_allowed() -> None:
    (read,) = [variable.read for variable in VARIABLES if variable.name == "ALERT_BUDGET_PER_DAY"]
    assert read(str(BUDGET_MAX)) == BUDGET_MAX
    with pytest.raises(ValueError, match="1001"):
        read(str(BUDGET_MAX + 1))


def test_a_preset_ends_a_budget_that_stands_there() -> None:
    assert variables_of("calm", {"ALERT_BUDGET_PER_DAY": "40"})["ALERT_BUDGET_PER_DAY"] == "0"


def test_thresholds_changed_in_the_chat_are_named_because_they_win(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"version": 1, "pump_threshold": 5.0, "watchlist": []}')
    assert changed_in_chat(Path("state.json"), tmp_path) == ["pump_threshold"]
    (tmp_path / "state.json").write_text("[broken")
    assert changed_in_chat(Path("state.json"), tmp_path) == []
    assert changed_in_chat(Path("nowhere.json"), tmp_path) == []


@pytest.mark.parametrize(
    ("telegram", "elsewhere", "has_proxy", "is_stranger", "trouble"),
    [
        (ChatReach.NO_NAME, ChatReach.NO_NAME, False, False, Trouble.NO_NETWORK),
        (ChatReach.SILENT, ChatReach.REFUSED, False, False, Trouble.NO_NETWORK),
        (ChatReach.SILENT, ChatReach.CONNECTS, False, False, Trouble.BLOCKED),
        (ChatReach.CONNECTS, ChatReach.SILENT, False, False, Trouble.BLOCKED),
        (ChatReach.SILENT, ChatReach.CONNECTS, True, False, Trouble.PROXY),
        (ChatReach.CONNECTS, ChatReach.CONNECTS, False, True, Trouble.NOT_TELEGRAM),
    ],
)
def test_the_causes_of_silence_are_told_apart(
    telegram: ChatReach, elsewhere: ChatReach, has_proxy: bool, is_stranger: bool, trouble: Trouble
) -> None:
    found = judge(telegram=telegram, elsewhere=elsewhere, has_proxy=has_proxy, is_answered_by_stranger=is_stranger)
    assert found is trouble


def test_an_address_never_shows_user_and_password() -> None:
    assert str(address_of("http://me:secret@proxy.example:3128")) == "proxy.example:3128"
    assert str(address_of("wss://fstream.binance.com/market")) == "fstream.binance.com:443"


@pytest.mark.parametrize(
    ("answer", "kind", "can_write"),
    [
        ({"status": "creator"}, "channel", True),
        ({"status": "administrator", "can_post_messages": True}, "channel", True),
        ({"status": "administrator"}, "channel", False),
        ({"status": "administrator"}, "supergroup", True),
        ({"status": "member"}, "group", True),
        ({"status": "member"}, "channel", False),
        ({"status": "restricted", "can_send_messages": True}, "supergroup", True),
        ({"status": "restricted", "can_send_messages": False}, "supergroup", False),
        ({"status": "left"}, "group", False),
        ({"status": "kicked"}, "supergroup", False),
        ({}, "group", False),
    ],
)
def test_rights_are_read_by_the_kind_of_chat(answer: dict[str, object], kind: str, can_write: bool) -> None:
    assert read_rights(answer, kind).can_write is can_write


def test_a_person_without_a_title_is_called_by_name() -> None:
    assert read_chat({"id": 7, "type": "private", "first_name": "Ann", "last_name": "Lee"}).title == "Ann Lee"
    assert read_chat({"id": 7, "type": "private"}).title == "7"


def test_removal_is_offered_only_where_the_service_is_installed() -> None:
    assert [way.key for way in ways(python="p", has_service=False)] == [
        "here", "docker", "systemd", "server", "demo", "later",
    ]  # fmt: skip
    by_key = {way.key: way.command for way in ways(python="p", has_service=True)}
    assert by_key["docker"] == ("docker", "compose", "up", "-d")
    assert by_key["server"] == ("p", "deploy.py")
    assert by_key["systemd"] == ("p", "deploy.py", "--here", "--target", "systemd")
    other = {way.key: way.command for way in ways(python="p", has_service=True, env_file=Path("/x/y.env"))}
    assert other["server"] == ("p", "deploy.py", "--env-file", "/x/y.env")
    assert other["systemd"] == ("p", "deploy.py", "--here", "--target", "systemd", "--env-file", "/x/y.env")
    assert other["remove_systemd"] == by_key["remove_systemd"]
    assert by_key["remove_systemd"] == ("p", "deploy.py", "--here", "--target", "systemd", "--down")


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ('[{"Service": "altmonitor", "State": "running", "Health": "healthy"}]', ("altmonitor: running healthy", True)),
        ('{"Service": "altmonitor", "State": "running", "Health": "healthy"}\n', ("altmonitor: running healthy", True)),
        ('{"Service": "a", "State": "running", "Health": "starting"}', ("a: running starting", False)),
        ('{"Service": "a", "State": "restarting", "Health": ""}', ("a: restarting", False)),
        ('{"Service": "a", "State": "exited"}', ("a: exited", False)),
        ("", ("", False)),
        ("[]", ("", False)),
        ("Cannot connect to the Docker daemon", ("", False)),
        ("[3]", ("", False)),
    ],
)
def test_a_container_runs_when_it_says_healthy_and_not_before(said: str, state: tuple[str, bool]) -> None:
    found = containers_in(said)
    is_well = bool(found) and all(container.is_well for container in found)
    assert (", ".join(map(str, found)), is_well) == state


PURE_FILES = ("pairing", "texts/__init__", "texts/en", "texts/zh", "texts/ru", "answers")
OF_THE_OUTSIDE = {"asyncio", "subprocess", "socket", "sys", "os", "time", "aiohttp", "telegram", "pathlib"}


@pytest.mark.parametrize("name", PURE_FILES)
def test_what_only_thinks_asks_nothing_of_the_machine(name: str) -> None:
    file = Path(altmonitor.ops.wizard.__file__).parent / f"{name}.py"
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not {module.partition(".")[0] for module in imported} & OF_THE_OUTSIDE
