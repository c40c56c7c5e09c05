from __future__ import annotations

from altmonitor.core.redaction import Redactor, secrets_in, shown_value, without_secrets

TOKEN = "123456789:AAHkQ0123456789abcdefghijklmnopqrst"


def test_what_has_the_shape_of_a_secret_is_masked_in_any_line() -> None:
    lines = {
        f"POST /bot{TOKEN}/getMe": "POST /bot***/getMe",
        f"bot{TOKEN.replace(':', '%3A')} gone": "bot*** gone",
        "cannot reach https://ann:pw@h.example:8443/x": "cannot reach https://***@h.example:8443/x",
        "via http://ann:p@w@h.example": "via http://***@h.example",
        "Authorization: Bearer abc123def456": "Authorization: Bearer ***",
        "> Proxy-Authorization: Basic YW5uOmh1bnRlcjI=": "> Proxy-Authorization: Basic ***",
        "GET /x?token=abc&limit=5": "GET /x?token=***&limit=5",
        "apikey=k1 signature=0a": "apikey=*** signature=***",
        "ghp_0123456789abcdefghij0123456789abcdef": "***",
        "xoxb-123456789012-abcdef": "***",
        "AKIAIOSFODNN7EXAMPLE": "***",
    }
    assert {line: Redactor().clean(line) for line in lines} == lines


def test_what_has_no_such_shape_stays() -> None:
    lines = (
        "2026-11-30T01:16:38.128Z WARNING altmonitor.collect.tickers: 24 h figures: the last ones are used for 300 s",
        "state 1790000000000, chat -1001234567890/42, SOLUSDT@kline_1m, 12345:678",
        "https://fapi.binance.com/fapi/v1/klines?symbol=1000PEPEUSDT&limit=1500",
        "basic settings; the bearer token is asked for; TG_BOT_TOKEN= is empty",
        "/data/altmonitor-2026-production/alerts.db cannot be used",
        "0xdfc24b077bc1425ad1dea75bcb6f8158e10df303 is an account of a public chain",
    )
    assert [line for line in lines if without_secrets(line) != line] == []


def test_the_key_to_an_account_of_a_public_chain_is_masked_where_the_account_is_not() -> None:
    key = "dfc24b077bc1425ad1dea75bcb6f8158e10df3031dea75bcb6f8158e10df3030"
    assert without_secrets(f"0x{key[:40]}: 0x{key} and {key[:40]}") == f"0x{key[:40]}: *** and ***"


def test_a_known_secret_is_masked_in_the_spellings_of_addresses_and_json() -> None:
    redactor = Redactor([TOKEN, 'pa"s/s', "pw"])
    assert redactor.clean("only AAHkQ0123456789abcdefghijklmnopqrst") == "only ***"
    assert redactor.clean('{"p": "pa\\"s/s"} pa%22s%2Fs pa"s/s') == '{"p": "***"} *** ***'
    assert redactor.clean("pw, pwd and http://pw@h") == "***, pwd and http://***@h"


def test_secrets_are_found_under_any_name() -> None:
    found = secrets_in(
        {"MY_PASSWORD": "correct-horse", "X_AUTH": "1", "HOME": "/root", "BINANCE_REST_URL": "https://me:pw@h"},
        {TOKEN: "", "API_TOKEN": "abc", "PROXY": "ann:hunter2@h:3128"},
        ours=("API_TOKEN",),
    )
    assert found == {"correct-horse", "me:pw", "pw", TOKEN, "abc", "ann:hunter2", "hunter2"}


def test_a_value_is_shown_quoted_and_cut_after_it_was_masked() -> None:
    assert shown_value("5 %") == "'5 %'"
    assert shown_value(f"{'x' * 40} {TOKEN}") == f"'{'x' * 40} ***'"
    assert shown_value("y " * 40) == repr(("y " * 40)[:59] + "…")


def test_the_name_before_a_password_is_a_name_and_alone_may_be_the_key() -> None:
    known = secrets_in({"DATABASE_URL": "postgresql://altmonitor:pw-of-it@db:5432/altmonitor", "P": "http://key-7@h"})
    line = "altmonitor.storage: altmonitor at db says pw-of-it; key-7"
    assert Redactor(known).clean(line) == "altmonitor.storage: altmonitor at db says ***; ***"
    random = secrets_in({"PROXY_URL": "http://a1B2c3D4e5F6g7H8:pw@h"})
    assert Redactor(random).clean("user a1B2c3D4e5F6g7H8") == "user ***"
