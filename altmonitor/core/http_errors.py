"""Why the HTTP library gave no answer, in plain words and without the name of an error."""

from __future__ import annotations

import os

import aiohttp


def in_words(problem: Exception) -> str:
    """One line. It may hold the address, as the library's own words do."""
    if (words := connection_failure(problem)) is not None:
        return words
    if isinstance(problem, aiohttp.ServerDisconnectedError):
        return "no answer: the server closed the connection"
    return f"no answer: {problem}" if str(problem) else "no answer: the connection broke"


def connection_failure(problem: BaseException | None) -> str | None:
    """None where there was a connection, so that the question may have been carried out."""
    match problem:
        case aiohttp.ClientConnectorDNSError():
            return "cannot connect: the host name is not known"
        case aiohttp.ClientConnectorCertificateError():
            return "cannot connect: the certificate is not trusted"
        case aiohttp.ClientSSLError():
            return "cannot connect: no TLS connection comes about"
        case aiohttp.ClientConnectorError():
            number = problem.os_error.errno or 0
            why = f": {os.strerror(number)}" if number > 0 else ""
            return f"cannot connect to {problem.host} port {problem.port}{why}"
        case aiohttp.ClientHttpProxyError():
            return f"cannot connect: the proxy answers {problem.status}"
        case aiohttp.ConnectionTimeoutError():
            return "cannot connect in time"
        case aiohttp.InvalidURL():
            return "cannot connect: the address is none"
        case _:
            return None
