"""Which proxy leads to an address, by the variables that desktops, container engines and VPN tools set.

The libraries read these variables too, each in a way of its own: one knows no networks in NO_PROXY and fails on them,
one fails on a scheme it does not speak, one does not know ALL_PROXY. Here they are read once, for REST, WebSocket and
Telegram alike; a library is told the proxy, or that there is none.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

from altmonitor.core.errors import ConfigError
from altmonitor.core.redaction import shown_value

PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
"""Also in small letters, which count before these."""

_ALLOWED = "http://host:port or https://host:port"
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?", re.ASCII)
_QUOTES = "\"'“”‘’`"
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Direct:
    """One entry of NO_PROXY. pattern: a name with what lies below it, or with `*`. port: 0 for every one."""

    pattern: str = ""
    network: IPv4Network | IPv6Network | None = None
    port: int = 0

    def matches(self, host: str, address: IPv4Address | IPv6Address | None, port: int) -> bool:
        if self.port not in (0, port):
            return False
        if self.network is not None:
            return address is not None and address in self.network
        if self.pattern == "<local>":
            return address is None and "." not in host
        if "*" in self.pattern:
            return fnmatchcase(host, self.pattern)
        return host == self.pattern or (address is None and host.endswith(f".{self.pattern}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Addresses with scheme, host and port, and user and password if they have them; '' for none."""

    https: str = ""
    http: str = ""
    direct: tuple[_Direct, ...] = ()

    def to(self, url: str) -> str | None:
        """The proxy that leads there; None for a direct connection, which this machine itself always gets."""
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        address = _address(host)
        if host == "localhost" or (address is not None and address.is_loopback):
            return None
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        if any(entry.matches(host, address, port) for entry in self.direct):
            return None
        return (self.https if parts.scheme in ("https", "wss") else self.http) or None


def proxy_to(url: str, environ: Mapping[str, str] | None = None) -> str | None:
    """What the environment (None: the real one) says of this address. Raises: ConfigError, one line per variable."""
    given = os.environ if environ is None else environ
    if environ is None and sys.platform in ("darwin", "win32") and not any(_given(given, n) for n in PROXY_VARIABLES):
        return _of_the_system(url)
    return read_proxies(given).to(url)


def read_proxies(environ: Mapping[str, str]) -> Proxies:
    """Raises: ConfigError. ALL_PROXY stands for HTTPS_PROXY and HTTP_PROXY where HTTPS_PROXY is not given."""
    problems: list[str] = []
    found = {"HTTPS_PROXY": "", "HTTP_PROXY": "", "ALL_PROXY": ""}
    for name in found:
        if name == "ALL_PROXY" and found["HTTPS_PROXY"]:
            break  # tools that offer both name it beside the two, often a SOCKS one
        variable, text = _given(environ, name) or (name, "")
        try:
            found[name] = proxy_address(text) if text else ""
        except ValueError as problem:
            problems.append(f"{variable}={shown_value(text)} is not allowed: {problem}")
    variable, text = _given(environ, "NO_PROXY") or ("NO_PROXY", "")
    try:
        direct = tuple(_entries(text))
    except ValueError as problem:
        problems.append(f"{variable}={shown_value(text)} is not allowed: {problem}")
    if problems:
        raise ConfigError(problems)
    every = found["ALL_PROXY"]
    return Proxies(https=found["HTTPS_PROXY"] or every, http=found["HTTP_PROXY"] or every, direct=direct)


def proxy_address(text: str) -> str:
    """As every library takes it: `host:port` alone is an http one. Raises ValueError with what is allowed."""
    if text[:1] in _QUOTES or text[-1:] in _QUOTES:
        raise ValueError(f"{_ALLOWED} without quotes, which belong to the value here")
    address = text if "://" in text else f"http://{text}"
    scheme = address.partition("://")[0].lower()
    if scheme.startswith("socks"):
        raise ValueError(
            "SOCKS proxies cannot be used; most programs that offer one also have an http:// port: name that"
        )
    if scheme not in ("http", "https"):
        raise ValueError(f"{_ALLOWED}, not {scheme[:20]}://")
    if any(sign.isspace() or not sign.isprintable() for sign in address):
        raise ValueError(f"{_ALLOWED}, without spaces")
    try:
        parts = urlsplit(address)
        host, port = ascii_host(parts.hostname or ""), parts.port
        user, password = unquote(parts.username or "", errors="strict"), unquote(parts.password or "", errors="strict")
    except ValueError:  # brackets, a port that is none, a name or a percent-encoding nobody can read
        raise ValueError(_ALLOWED) from None
    if not host or port == 0 or parts.netloc.endswith(":") or parts.path not in ("", "/") or parts.query:
        raise ValueError(_ALLOWED)
    login = f"{parts.username or ''}:{parts.password or ''}@" if user or password else ""
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{login}{shown}" + (f":{port}" if port is not None else "")


def _given(environ: Mapping[str, str], name: str) -> tuple[str, str] | None:
    """(as it is spelled there, value)."""
    for variable in (name.lower(), name):
        if text := environ.get(variable, "").strip():
            return variable, text
    return None


def _entries(text: str) -> Iterator[_Direct]:
    """Raises ValueError."""
    if any(sign in text for sign in _QUOTES):
        raise ValueError("names, addresses and networks separated by commas, without quotes")
    for entry in filter(None, re.split(r"[,;\s]+", text)):
        name = entry.partition("://")[2].partition("/")[0] if "://" in entry else entry
        address, slash, width = name.partition("/")
        if slash:
            try:
                network = ip_network(f"{address.strip('[]')}/{width}", strict=False)
            except ValueError:
                raise ValueError(f"{shown_value(entry)} is no network such as 10.0.0.0/8") from None
            yield _Direct(network=network)
            continue
        host, port = _host_and_port(name, entry)
        literal = _address(host)
        if literal is not None:
            yield _Direct(network=ip_network(str(literal).partition("%")[0]), port=port)
        elif pattern := host.lower().removeprefix("*.").strip("."):
            yield _Direct(pattern=pattern, port=port)


def _host_and_port(name: str, entry: str) -> tuple[str, int]:
    if _address(name.strip("[]")) is not None:
        return name.strip("[]"), 0
    host, colon, port = name.rpartition(":")
    if not colon:
        return name, 0
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        raise ValueError(f"{shown_value(entry)} is no host:port")
    return host.strip("[]"), int(port)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def ascii_host(host: str) -> str:
    """A host name or address as connections are made with; '' for none. Raises ValueError for what is neither."""
    if ":" in host:
        return str(IPv6Address(host))
    name = host.lower() if host.isascii() else host.encode("idna").decode()
    if name and (not _HOST.fullmatch(name) or ".." in name or any(len(label) > 63 for label in name.split("."))):
        raise ValueError(host)
    return name


def _of_the_system(url: str) -> str | None:
    """macOS and Windows keep proxies outside the environment, too. Raises: ConfigError."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    scheme = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme)
    text = getproxies().get(scheme, "")
    if not text or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return read_proxies({f"{scheme.upper()}_PROXY": text}).to(url)
