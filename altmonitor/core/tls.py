"""One TLS context for every connection that goes out: the certificates a machine trusts take time and memory to load.

SSL_CERT_FILE, SSL_CERT_DIR and SSLKEYLOGFILE are read by the libraries when they are imported or first used, and a
value that leads nowhere ends in a stack trace, or in no connection at all; `tls_problems` names them before.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from altmonitor.core.redaction import shown_value

TLS_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


@cache
def client_context() -> ssl.SSLContext:
    """That of the HTTP library, which loads one in any case; with its list where the machine trusts nobody."""
    from aiohttp import connector

    context = getattr(connector, "_SSL_CONTEXT_VERIFIED", None)
    if not isinstance(context, ssl.SSLContext):
        context = ssl.create_default_context()
    if not _has_authorities(context):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def tls_problems(environ: Mapping[str, str]) -> list[str]:
    """One line per variable that leads nowhere."""
    problems = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if file := environ.get("SSL_CERT_FILE", ""):
        try:
            context.load_verify_locations(cafile=file)
        except OSError as problem:  # SSLError is one
            why = "no certificates in it" if isinstance(problem, ssl.SSLError) else problem.strerror
            problems.append(f"SSL_CERT_FILE={shown_value(file)} cannot be used ({why}): a file of certificates (PEM)")
    folders = "" if file else environ.get("SSL_CERT_DIR", "")
    if folders and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        problems.append(
            f"SSL_CERT_DIR={shown_value(folders)} cannot be used (no such folder): a folder of certificates"
        )
    if file := environ.get("SSLKEYLOGFILE", ""):
        try:
            context.keylog_filename = file
        except OSError as problem:
            problems.append(f"SSLKEYLOGFILE={shown_value(file)} cannot be written ({problem.strerror}): take it away")
    return problems


def _has_authorities(context: ssl.SSLContext) -> bool:
    """Those of a folder are read when they are needed, and so are not counted yet."""
    folder = ssl.get_default_verify_paths().capath
    return context.cert_store_stats()["x509_ca"] > 0 or (folder is not None and any(os.scandir(folder)))
