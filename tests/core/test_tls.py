"""One context for all, and a line for every variable that would end in a stack trace."""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi
import pytest

from altmonitor.core.tls import client_context, tls_problems
from altmonitor.exchanges.ws.transport import TransportOptions, tls_for

GOOD = certifi.where()


def test_every_connection_shares_one_context_that_verifies() -> None:
    context = client_context()
    assert context is client_context() is tls_for("wss://x.example/market", TransportOptions())
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    own = ssl.create_default_context()
    assert tls_for("wss://x.example", TransportOptions(ssl=own)) is own
    assert tls_for("ws://x.example", TransportOptions()) is None


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one we are in: names in it are short enough to be shown whole."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_certificates_that_cannot_be_read_are_named(folder: Path) -> None:
    (folder / "no.pem").write_text("no certificate")
    gone, no_pem = "gone.pem", "no.pem"
    assert tls_problems({"SSL_CERT_FILE": gone}) == [
        f"SSL_CERT_FILE={gone!r} cannot be used (No such file or directory): a file of certificates (PEM)"
    ]
    assert tls_problems({"SSL_CERT_FILE": no_pem}) == [
        f"SSL_CERT_FILE={no_pem!r} cannot be used (no certificates in it): a file of certificates (PEM)"
    ]
    assert len(tls_problems({"SSL_CERT_FILE": str(folder)})) == 1
    assert tls_problems({"SSL_CERT_DIR": gone}) == [
        f"SSL_CERT_DIR={gone!r} cannot be used (no such folder): a folder of certificates"
    ]
    assert tls_problems({"SSL_CERT_FILE": GOOD, "SSL_CERT_DIR": gone}) == []
    assert tls_problems({"SSL_CERT_DIR": f"{gone}:{folder}"}) == []
    assert tls_problems({"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}) == []


@pytest.mark.usefixtures("folder")
def test_a_key_log_that_cannot_be_written_is_named() -> None:
    there = "gone/keys.log"
    assert tls_problems({"SSLKEYLOGFILE": there}) == [
        f"SSLKEYLOGFILE={there!r} cannot be written (No such file or directory): take it away"
    ]
    assert tls_problems({"SSLKEYLOGFILE": "keys.log"}) == []
