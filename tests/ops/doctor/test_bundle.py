"""The bundle may be pasted in public: no secret is found in it, wherever it was put."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.errors import StartError
from altmonitor.core.redaction import secrets_in
from altmonitor.ops.doctor import bundle
from altmonitor.ops.doctor.bundle import PublicText, ids_in
from altmonitor.ops.doctor.names import PublicNames, hosts_in
from altmonitor.ops.doctor.report import CheckResult, CheckVerdict, Report

TOKEN = "7123456789:" + "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"
HALF = TOKEN.partition(":")[2]
PASSWORD = "hunter2-proxy"
API_TOKEN = "my api token"
GIVEN = {
    "TG_BOT_TOKEN": TOKEN,
    "TG_CHAT_ID": "-1001987654321/42",
    "ALLOWED_USER_IDS": "5550001234, 77",
    "PRESET_CHANNELS": "calm=-1003334445556/7",
    "API_TOKEN": API_TOKEN,
    "HTTPS_PROXY": f"http://ann:{PASSWORD}@proxy.example:3128",
    "PUMP_THRESHOLD": "6",
    "OI_POLL_SEC": TOKEN,  # on the wrong line
    "DB_FILE": f"/home/ann/{TOKEN}.db",
    TOKEN: "as a name",
    "MY_OLD_TOKEN": "8222222222:AAHoldoldoldoldoldoldoldoldoldold1",
}
SECRETS = (
    TOKEN,
    HALF,
    PASSWORD,
    API_TOKEN,
    "1987654321",
    "3334445556",
    "5550001234",
    "AAHoldold",
    "203.0.113.77",
    "/home/ann",
)


def public() -> PublicText:
    return PublicText(secrets_in(GIVEN), ids=ids_in(GIVEN), home="/home/ann")


def leaking_report() -> Report:
    said = [
        f"POST https://api.telegram.org/bot{TOKEN}/getMe failed",
        f"bot{quote(TOKEN, safe='')} in a query",
        f"only {HALF[:20]}… was shown, and {HALF}",
        f"proxy http://ann:{PASSWORD}@proxy.example:3128 refused",
        "Way too many requests; IP(203.0.113.77) banned until 1790000000000",
        "chat -1001987654321, user 5550001234",
        "calm=-1003334445556/7: the bot may not write there",
        f"/home/ann/altmonitor/.env holds {API_TOKEN}",
        "from 2001:db8:85a3:8d3:1319:8a2e:370:7348",
    ]
    findings = tuple(
        CheckResult(name=f"c{n}", title=f"Check {n}", verdict=CheckVerdict.FAILED, text=text, way_out=text, took_ms=1)
        for n, text in enumerate(said)
    )
    return Report(version="0.1.0", at_ms=1_790_000_000_000, findings=findings)


def everything_in(path: Path) -> bytes:
    """Names, comments and contents, and the file itself."""
    with zipfile.ZipFile(path) as archive:
        parts = [f"{info.filename}{info.comment!r}{info.extra!r}".encode() for info in archive.infolist()]
        parts += [archive.read(info) for info in archive.infolist()]
    return b"\n".join([path.read_bytes(), *parts])


def test_no_secret_is_found_in_the_bundle_in_any_spelling(tmp_path: Path) -> None:
    path = tmp_path / "report.zip"
    bundle.write(path, bundle.content(leaking_report(), GIVEN, public()))
    content = everything_in(path)
    for secret in SECRETS:
        spellings = (
            secret,
            quote(secret, safe=""),
            secret[::-1],
            base64.b64encode(secret.encode()).decode(),
            secret.lower(),
        )
        for spelling in spellings:
            assert spelling.encode() not in content, spelling
    assert HALF[:12].encode() not in content
    assert b"2001:db8" not in content
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_helps_is_still_in_it(tmp_path: Path) -> None:
    files = bundle.content(leaking_report(), GIVEN, public())
    assert set(files) == {"report.txt", "report.json", "settings.txt", "machine.txt", "log.txt", "errors.txt"}
    assert files["log.txt"].startswith("nothing: no monitor has run")
    lines = files["settings.txt"].splitlines()
    assert "PUMP_THRESHOLD: 6" in lines
    assert "DUMP_THRESHOLD: -3.0 (default)" in lines
    assert "TG_BOT_TOKEN: *** (allowed, 46 signs)" in lines
    assert "OI_POLL_SEC: *** (NOT allowed, 46 signs)" in lines
    assert "HTTPS_PROXY: set" in lines
    assert "HTTP_PROXY: not set" in lines
    report = json.loads(files["report.json"])
    assert report["at_ms"] == 1_790_000_000_000
    assert report["checks"][0]["seen"] == "POST https://api.telegram.org/bot***/getMe failed"
    assert "banned until" in files["report.txt"]


def test_the_archive_opens_and_holds_the_four_files(tmp_path: Path) -> None:
    bundle.write(tmp_path / "r.zip", {"a.txt": "one\n", "b.txt": "two\n"})
    with zipfile.ZipFile(io.BytesIO((tmp_path / "r.zip").read_bytes())) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "b.txt"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"r\.zip cannot be written: No such file or directory"):
        bundle.write(tmp_path / "nowhere" / "r.zip", {})


def logged(count: int) -> list[str]:
    lines = [f"2026-11-30T01:{n // 60:02}:{n % 60:02}.000Z INFO    altmonitor.newsroom: tick {n}" for n in range(count)]
    lines[3:3] = [
        f"2026-11-30T01:00:02.500Z ERROR   altmonitor.core.supervisor: https://api.telegram.org/bot{TOKEN}/sendMessage",
        "Traceback (most recent call last):",
        '  File "/home/ann/altmonitor/altmonitor/app/app.py", line 7, in run',
        "ValueError: chat -1001987654321 of @ann_the_trader in group “Ann and friends” on atlas",
    ]
    return lines


def test_the_last_of_the_log_and_every_error_are_in_it_and_no_name_or_secret() -> None:
    public_text = PublicText(
        secrets_in(GIVEN), ids=ids_in(GIVEN), home="/home/ann", folders=["/srv/ann's monitor"], names=["atlas"]
    )
    files = bundle.content(leaking_report(), GIVEN, public_text, log=logged(500))
    lines = files["log.txt"].splitlines()
    assert (len(lines), lines[-1][-8:]) == (200, "tick 499")
    assert files["errors.txt"].splitlines() == [
        "2026-11-30T01:00:02.500Z ERROR   altmonitor.core.supervisor: https://api.telegram.org/bot***/sendMessage",
        "Traceback (most recent call last):",
        '  File "~/altmonitor/altmonitor/app/app.py", line 7, in run',
        "ValueError: chat -*** of @*** in group “***” on ***",
    ]


def test_neither_machine_nor_folder_nor_bot_is_named() -> None:
    names = PublicNames(folders=["/srv/ann's monitor", "/opt/x"], names=["atlas", "atlas.lan", "root", "ann"])
    said = {
        "/srv/ann's monitor is writable, 9 MB free": "<folder> is writable, 9 MB free",
        "/srv/ann's monitor/alerts.db is sound": "<folder>/alerts.db is sound",
        "/var/lib/ann/state.json is readable": "…/state.json is readable",
        "C:\\Users\\Ann\\altmonitor\\alerts.db": "…/alerts.db",
        "Telegram knows it: @MyAltBot": "Telegram knows it: @***",
        "on Atlas.lan by ann": "on *** by ***",
        "GET https://fapi.binance.com/fapi/v1/ping by root": "GET https://fapi.binance.com/fapi/v1/ping by root",
        "HTTP on 127.0.0.1 port 3001: /health /api/alerts": "HTTP on 127.0.0.1 port 3001: /health /api/alerts",
        "annual Atlases": "annual Atlases",
    }
    assert {text: names.hide(text) for text in said} == said
    given = {"HTTPS_PROXY": "gate.corp:8080", "BINANCE_REST_URL": "https://fapi.binance.com", "API_TOKEN": "x"}
    assert hosts_in(given | {"TELEGRAM_API_URL": "http://bot-api.corp:8081"}) == {"gate.corp", "bot-api.corp"}


ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"


@given(
    number=st.integers(10_000, 10**10),
    rest=st.text(ALPHABET, min_size=30, max_size=40),
    before=st.text(max_size=10),
    after=st.text(" .,;/)]}'\"\n", max_size=3),
)
def test_a_token_nobody_told_of_is_hidden_wherever_it_stands(number: int, rest: str, before: str, after: str) -> None:
    cleaned = PublicText(()).without_secrets(f"{before} bot{number}:{rest}{after}")
    assert rest not in cleaned
    assert f"{number}:" not in cleaned.removeprefix(before)


def test_the_owners_own_terminal_shows_paths_and_ids_but_no_secret() -> None:
    shown = public().without_secrets(f"/home/ann/.env chat -1001987654321 token {TOKEN} {PASSWORD}")
    assert shown == "/home/ann/.env chat -1001987654321 token *** ***"
