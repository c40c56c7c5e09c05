from __future__ import annotations

from datetime import timedelta
from socket import gaierror

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    PassportDecryptionError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from yarl import URL

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import (
    ChatClosed,
    ChatMoved,
    ChatUnreachable,
    DeliveryError,
    MessageRefused,
    RetryLater,
    SecondPoller,
    TokenRefused,
    TopicClosed,
)
from altmonitor.telegram.errors import is_not_modified, redacted, typed

TOKEN = "123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


ASKED = aiohttp.RequestInfo(URL("http://proxy"), "CONNECT", CIMultiDictProxy(CIMultiDict()), URL("http://proxy"))


def no_connection(problem: OSError, *, dns: bool = False) -> aiohttp.ClientConnectorError:
    where = ConnectionKey(
        "api.telegram.org", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
    )
    kind = aiohttp.ClientConnectorDNSError if dns else aiohttp.ClientConnectorError
    return kind(where, problem)


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RetryAfter(timedelta(seconds=31)), RetryLater),
        (ChatMigrated(-100), ChatMoved),
        (Forbidden("Forbidden: bot was kicked"), ChatClosed),
        (InvalidToken("Unauthorized"), TokenRefused),
        (Conflict("Conflict: terminated"), SecondPoller),
        (BadRequest("Message is too long"), MessageRefused),
        (TimedOut(), ChatUnreachable),
        (NetworkError("Bad Gateway"), ChatUnreachable),
        (TelegramError("Invalid server response"), ChatUnreachable),
        (EndPointNotFound("x"), ChatUnreachable),
        (PassportDecryptionError("x"), ChatUnreachable),
        (TimeoutError(), ChatUnreachable),
        (KeyError("result"), ChatUnreachable),
    ],
)
def test_every_error_of_the_library_becomes_one_of_ours(error: Exception, expected: type[DeliveryError]) -> None:
    assert type(typed(error)) is expected


@pytest.mark.parametrize(
    ("error", "is_unknown"),
    [
        (raised_from(NetworkError("cannot connect"), no_connection(OSError(111, "refused"))), False),
        (raised_from(NetworkError("cannot connect"), no_connection(gaierror(-2, "no such name"), dns=True)), False),
        (raised_from(TimedOut(), aiohttp.ConnectionTimeoutError("")), False),
        (raised_from(NetworkError("407"), aiohttp.ClientHttpProxyError(ASKED, (), status=407)), False),
        (raised_from(NetworkError("x"), aiohttp.InvalidURL("http://")), False),
        (raised_from(TimedOut(), aiohttp.SocketTimeoutError("")), True),
        (raised_from(NetworkError("x"), aiohttp.ClientOSError(104, "reset")), True),
        (raised_from(NetworkError("x"), aiohttp.ServerDisconnectedError()), True),
        (raised_from(NetworkError("x"), aiohttp.ClientPayloadError("x")), True),
        (NetworkError("Internal Server Error (500)"), True),
        (TimeoutError(), True),
    ],
)
def test_the_outcome_is_unknown_unless_the_request_never_left(error: Exception, is_unknown: bool) -> None:
    failure = typed(error)
    assert isinstance(failure, ChatUnreachable)
    assert failure.outcome_unknown is is_unknown


def test_a_chat_that_takes_nothing_from_us_is_closed_whatever_the_status() -> None:
    kinds: dict[type[DeliveryError], tuple[str, ...]] = {
        ChatClosed: (
            "Chat not found",
            "Not enough rights to send text messages to the chat",
            "not enough rights to send a message",
            "Have no rights to send a message",
            "have no write access to the chat",
            "need administrator rights in the channel chat",
            "CHAT_WRITE_FORBIDDEN",
            "CHAT_RESTRICTED",
            "CHAT_ADMIN_REQUIRED",
            "CHAT_SEND_PLAIN_FORBIDDEN",
            "CHANNEL_PRIVATE",
            "PEER_ID_INVALID",
            "USER_IS_BLOCKED",
            "group chat was deactivated",
            "bot is not a member of the supergroup chat",
        ),
        TopicClosed: ("message thread not found", "TOPIC_CLOSED", "TOPIC_DELETED"),
        MessageRefused: (
            "not enough rights to send photos to the chat",
            "not enough rights to send media",
            "CHAT_SEND_PHOTOS_FORBIDDEN",
            "message is too long",
            "message text is empty",
            "can't parse entities: unexpected end tag",
            "message to be replied not found",
            "Button_data_invalid",
        ),
    }
    wrong = [
        (text, type(found))
        for kind, texts in kinds.items()
        for text in texts
        if type(found := typed(BadRequest(text))) is not kind
    ]
    assert wrong == []


def test_every_failure_carries_the_code_of_what_it_means_to_a_reader() -> None:
    cases: list[tuple[Exception, CauseCode]] = [
        (Forbidden("Forbidden: bot was blocked by the user"), CauseCode.BLOCKED_BY_USER),
        (Forbidden("Forbidden: bot was kicked from the supergroup chat"), CauseCode.KICKED),
        (Forbidden("Forbidden: bot is not a member of the channel chat"), CauseCode.KICKED),
        (Forbidden("Forbidden: user is deactivated"), CauseCode.DEACTIVATED),
        (Forbidden("Forbidden: whatever comes next"), CauseCode.NOT_LET_WRITE),
        (BadRequest("Not enough rights to send text messages to the chat"), CauseCode.NO_RIGHTS),
        (BadRequest("need administrator rights in the channel chat"), CauseCode.NO_RIGHTS),
        (BadRequest("CHAT_WRITE_FORBIDDEN"), CauseCode.NO_RIGHTS),
        (BadRequest("CHAT_RESTRICTED"), CauseCode.NO_RIGHTS),
        (BadRequest("Chat not found"), CauseCode.CHAT_UNKNOWN),
        (BadRequest("PEER_ID_INVALID"), CauseCode.CHAT_UNKNOWN),
        (BadRequest("TOPIC_CLOSED"), CauseCode.TOPIC_CLOSED),
        (BadRequest("Message thread not found"), CauseCode.TOPIC_DELETED),
        (BadRequest("message is too long"), CauseCode.TOO_LONG),
        (BadRequest("can't parse entities: unexpected end tag at byte offset 7"), CauseCode.MARKUP),
        (BadRequest("something new"), CauseCode.OTHER),
        (InvalidToken(), CauseCode.TOKEN),
        (TimedOut(), CauseCode.NO_ANSWER_TELEGRAM),
        (raised_from(TimedOut(), aiohttp.ConnectionTimeoutError("")), CauseCode.NO_CONNECTION_TELEGRAM),
        (raised_from(NetworkError("x"), no_connection(OSError(111, "x"))), CauseCode.NO_CONNECTION_TELEGRAM),
        (raised_from(NetworkError("x"), aiohttp.ServerDisconnectedError()), CauseCode.NO_ANSWER_TELEGRAM),
        (NetworkError("Bad Gateway"), CauseCode.NO_ANSWER_TELEGRAM),
        (KeyError("result"), CauseCode.NO_ANSWER_TELEGRAM),
        (raised_from(NetworkError("x"), TelegramError("not json")), CauseCode.NOT_TELEGRAM),
    ]
    assert [(str(error), typed(error).cause.code) for error, _ in cases] == [
        (str(error), code) for error, code in cases
    ]
    waiting = typed(RetryAfter(65)).cause
    assert (waiting.code, waiting.values) == (CauseCode.FLOOD, {"seconds": 65})


def test_waits_and_new_ids_are_carried_over() -> None:
    wait = typed(RetryAfter(timedelta(seconds=31)))
    moved = typed(ChatMigrated(-1009))
    assert isinstance(wait, RetryLater)
    assert wait.retry_after_s == 31.0
    assert isinstance(moved, ChatMoved)
    assert moved.new_chat_id == -1009


@pytest.mark.parametrize(
    ("text", "way_out"),
    [
        ("Message thread not found", "correct the part of TG_CHAT_ID after the /"),
        ("Chat not found", "write /start to it or add it to the group"),
        ("Not enough rights to send text messages to the chat", "let it send messages"),
    ],
)
def test_refusals_people_can_mend_say_how(text: str, way_out: str) -> None:
    assert way_out in str(typed(BadRequest(text)))


@pytest.mark.parametrize(
    "error",
    [
        InvalidToken(f"The token `{TOKEN}` was rejected by the server."),
        NetworkError(f"Unknown error in HTTP implementation: InvalidURL('http://x/bot{TOKEN}/getMe')"),
        BadRequest(f"bot{TOKEN}"),
        Forbidden(TOKEN),
        Conflict(TOKEN),
        TelegramError(f"https://api.telegram.org/bot{TOKEN}/sendMessage"),
    ],
)
def test_no_text_holds_the_token(error: Exception) -> None:
    assert "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw" not in str(typed(error))


def test_long_texts_are_cut_to_one_line() -> None:
    text = redacted("a\nb " + "x" * 1000)
    assert text.startswith("a b x")
    assert len(text) == 300


def test_only_an_unchanged_edit_counts_as_success() -> None:
    assert is_not_modified(BadRequest("Message is not modified: specified new message content …"))
    assert not is_not_modified(BadRequest("Message to edit not found"))
    assert not is_not_modified(NetworkError("message is not modified"))


def test_a_webhook_is_told_from_a_second_program_and_both_have_a_way_out() -> None:
    webhook = (
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
    )
    found = typed(Conflict(webhook))
    assert isinstance(found, SecondPoller)
    assert found.is_webhook
    assert "deleteWebhook; or make a bot of its own" in str(found)
    other = typed(Conflict("Conflict: terminated by other getUpdates request"))
    assert isinstance(other, SecondPoller)
    assert not other.is_webhook
    assert "stop it, or make a bot for each" in str(other)
