"""Reasons are said in the reader's language and name no error class."""

from __future__ import annotations

import re
from datetime import UTC

import httpx
import pytest
from telegram.error import BadRequest, Forbidden, NetworkError, TelegramError, TimedOut

from altmonitor.core.errors import TokenDoubted
from altmonitor.exchanges.rest.block import read_refusal
from altmonitor.render.format import Style
from altmonitor.render.reasons import reason_text
from altmonitor.render.texts import TEXTS
from altmonitor.telegram.errors import typed

STYLES = {lang: Style(lang=lang, tz=UTC) for lang in ("en", "zh", "ru")}
ALLOWED = re.compile(r"Telegram|HTTP|TG_CHAT_ID|/start|/market|token", re.IGNORECASE)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def delivery_reasons() -> list[str]:
    failures = (
        Forbidden("Forbidden: bot was blocked by the user"),
        Forbidden("Forbidden: bot was kicked from the supergroup chat"),
        Forbidden("Forbidden: bot is not a member of the channel chat"),
        Forbidden("Forbidden: user is deactivated"),
        Forbidden("Forbidden: whatever comes next"),
        BadRequest("Not enough rights to send text messages to the chat"),
        BadRequest("need administrator rights in the channel chat"),
        BadRequest("CHAT_WRITE_FORBIDDEN"),
        BadRequest("CHAT_RESTRICTED"),
        BadRequest("Chat not found"),
        BadRequest("PEER_ID_INVALID"),
        BadRequest("TOPIC_CLOSED"),
        BadRequest("Message thread not found"),
        BadRequest("message is too long"),
        BadRequest("can't parse entities: unexpected end tag at byte offset 7"),
        TimedOut(),
        caused(TimedOut(), httpx.ConnectTimeout("")),
        caused(NetworkError("httpx.ConnectError: All connection attempts failed"), httpx.ConnectError("x")),
        caused(NetworkError("httpx.ReadError: "), httpx.ReadError("")),
        NetworkError("Bad Gateway"),
        TelegramError("Invalid server response"),
        KeyError("result"),
        caused(NetworkError("x"), TelegramError("not json")),
    )
    return [*map(str, map(typed, failures)), str(TokenDoubted("Telegram refuses the bot token now, although …"))]


def exchange_reasons() -> list[str]:
    refusals = [read_refusal(status, {}, b"", exchange_ms=0) for status in (403, 418, 429, 451)]
    assert all(refusal is not None for refusal in refusals)
    return [
        *(refusal.reason for refusal in refusals if refusal is not None),
        "https://fapi.binance.com is not asked before 2026-08-28 23:00:39: HTTP 418: banned for too many requests",
        "the exchange's request budget is used up",
        "no request budget for the next 12 s",
        "connecting",
        "no data for 31 s, 200 of 200 streams acknowledged",
        "no data for 30 s, 200 of 200 streams acknowledged; is the address routed (…/market)?",
        "closed (1006)",
        "closed (1008 disconnected); connecting",
        "no WebSocket within 10 s",
        "no WebSocket: ClientConnectorError(22, 'Network is unreachable')",
        "the server hung up during the handshake",
        "the proxy refused the connection",
        "the WebSocket handshake was answered with HTTP 503",
        "3 control messages were refused, the last with: Invalid request",
        "SUBSCRIBE of 200 streams was not answered, twice",
        "ClientConnectorError: Cannot connect to host fapi.binance.com:443 ssl:default [Connect call failed]",
        "ServerDisconnectedError: Server disconnected",
        "ClientOSError: [Errno 104] Connection reset by peer",
        "cannot connect: the host name is not known",
        "cannot connect to fapi.binance.com port 443: Connection refused",
        "cannot connect: the certificate is not trusted",
        "cannot connect: no TLS connection comes about",
        "no answer: the server closed the connection",
        "no answer: [Errno 104] Connection reset by peer",
        "no answer: the connection broke",
        "no answer within 10 s",
        "no answer yet",
        "the answer was cut off",
        "not what the endpoint promises: Expected `array`, got `object`",
        "HTTP 503: Service Unavailable (-1)",
        "the contract list has lost 200 of 561 symbols; not believed yet",
        "SOLUSDT given up after 20 s",
        "5 questions in a row without an answer: BTCUSDT: HTTP 503",
        "SOLUSDT: the newest bar is 17 min old",
    ]


def disk_reasons() -> list[str]:
    return [
        "/opt/altmonitor/alerts.db cannot be written: database is locked",
        "/opt/altmonitor/alerts.db cannot be written: database or disk is full",
        "/opt/altmonitor/alerts.db cannot be written: attempt to write a readonly database",
        "/opt/altmonitor/alerts.db cannot be written: disk I/O error",
        "/opt/altmonitor/alerts.db cannot be written: the disk does not answer",
        "50000 alerts wait for the disk; new ones are dropped",
        "/opt/altmonitor/state.json is damaged (Input data was truncated): kept as state.json.corrupt-1790000000, "
        "the environment's values are used",
    ]


def test_what_the_parts_report_is_said_in_the_language_of_the_reader() -> None:
    wrong = []
    for reason in [*delivery_reasons(), *exchange_reasons(), *disk_reasons()]:
        for lang, style in STYLES.items():
            text = reason_text(reason, style)
            has_words = re.search(r"[A-Za-z]{3,}", ALLOWED.sub("", text)) is not None
            is_unknown = text == TEXTS[lang]["reason_in_log"]
            if not text or is_unknown or (lang != "en" and has_words) or re.search(r"(Error|Exception)\b", text):
                wrong.append((reason, lang, text))
    assert wrong == []


def test_numbers_are_carried_over_and_several_reasons_are_said_once_each_in_their_order() -> None:
    reason = "closed (1006); no data for 31 s, 5 of 9 streams acknowledged; closed (1006)"
    assert [reason_text(reason, style) for style in STYLES.values()] == [
        "the exchange closed the connection (1006); no data for 31 s",
        "交易所关闭了连接（1006）；31 秒没有数据",
        "биржа закрыла соединение (1006); данных нет уже 31 с",
    ]
    failed = caused(NetworkError("httpx.ConnectError: All connection attempts failed"), httpx.ConnectError("x"))
    assert reason_text(str(typed(failed)), STYLES["en"]) == "no connection to Telegram"
    assert reason_text("Telegram asks to wait (65 s)", STYLES["zh"]) == "Telegram 要求等待（65 秒）"
    assert reason_text("Telegram asks to wait", STYLES["zh"]) == "Telegram 要求等待"


@pytest.mark.parametrize(("lang", "text"), [("en", "a cosmic ray, &lt;b&gt;"), ("zh", "见日志"), ("ru", "см. журнал")])
def test_what_nobody_knows_is_in_the_log_and_only_where_it_is_read_in_the_chat(lang: str, text: str) -> None:
    assert reason_text("weird.CosmicError: a cosmic\nray, <b>", STYLES[lang]) == text
    assert reason_text("", STYLES[lang]) == ""


def test_every_meaning_has_its_words() -> None:
    keys = [{key for key in TEXTS[lang] if key.startswith("reason_")} for lang in STYLES]
    assert keys[0] == keys[1] == keys[2]
