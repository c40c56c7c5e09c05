from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from altmonitor.core import log

TOKEN = "123456789:AAHkQ0123456789abcdefghijklmnopqrst"


@pytest.fixture
def stream(capsys: pytest.CaptureFixture[str]) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


def into(stream: io.StringIO, style: str) -> None:
    log.configure(style=style, secrets=("http-pass", 'a"b', "pw"))
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)


@pytest.mark.parametrize("style", ["text", "json"])
def test_no_secret_leaves_in_a_message_an_argument_or_a_traceback(stream: io.StringIO, style: str) -> None:
    into(stream, style)
    try:
        raise ValueError(f"https://api.telegram.org/bot{TOKEN}/getMe")
    except ValueError:
        logging.getLogger("any").exception("asked %s with %s", f"/bot{TOKEN}/getMe", "http-pass")
    text = stream.getvalue()
    assert TOKEN not in text
    assert "http-pass" not in text
    assert text.count("***") >= 3


def test_json_lines_hold_the_fields_a_machine_wants(stream: io.StringIO) -> None:
    into(stream, "json")
    logging.getLogger("feed").info("live after %d s · 币安", 43)
    fields = json.loads(stream.getvalue())
    assert fields.pop("time").endswith("Z")
    assert fields == {"level": "INFO", "logger": "feed", "message": "live after 43 s · 币安"}


def test_the_http_client_that_logs_urls_is_quiet(stream: io.StringIO) -> None:
    into(stream, "text")
    logging.getLogger("httpx").info("HTTP Request: POST /bot%s/getMe", TOKEN)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_secret_with_a_quote_and_a_very_short_one_are_hidden_too(stream: io.StringIO, style: str) -> None:
    into(stream, style)
    logging.getLogger("any").warning('refused: a"b and pw, not pwd')
    assert "refused: *** and ***, not pwd" in stream.getvalue()


def test_a_failure_that_lasts_is_said_once_until_it_has_worked_again(caplog: pytest.LogCaptureFixture) -> None:
    failures = log.FailureLog(logging.getLogger("any"), "the disk is not read: %s", of=OSError)
    states = []
    for problem in (OSError("gone"), OSError("still gone"), None, OSError("gone again")):
        with failures:
            if problem is not None:
                raise problem
        states.append(failures.is_failing)
    assert states == [True, True, False, True]
    assert caplog.messages == ["the disk is not read: gone", "the disk is not read: gone again"]


def test_what_is_not_the_failure_that_is_waited_out_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    failures = log.FailureLog(logging.getLogger("any"), "the disk is not read: %s", of=OSError)
    with pytest.raises(ZeroDivisionError), failures:
        raise ZeroDivisionError
    assert (failures.is_failing, caplog.messages) == (False, [])
