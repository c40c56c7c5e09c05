"""What a report for everybody does not tell: whose machine it is, where it lies on it, whose bot and chat it is. Pure,
but for `names_of_this_machine`."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from altmonitor.core.proxies import PROXY_VARIABLES
from altmonitor.settings.variables import VARIABLES

HIDDEN = "***"
FOLDER = "<folder>"
SHORTEST_NAME = 3
_NOBODYS = frozenset({"root", "user", "admin", "ubuntu", "debian", "localhost", "altmonitor", "nobody", "telegram"})
_PATH = re.compile(r"(?<![\w/:.~>-])(?:[A-Za-z]:\\|/(?!api/))(?:[^\s/\\:'\",;()<>|]+[/\\])+")
_NICK = re.compile(r"(?<![\w/])@\w{3,}")
_QUOTED = re.compile(r"“[^”\n]*”|«[^»\n]*»")


class PublicNames:
    """folders: whole paths. names: of machines and people."""

    def __init__(self, *, folders: Iterable[str] = (), names: Iterable[str] = ()) -> None:
        paths = sorted({folder.rstrip("/\\") for folder in folders} - {""}, key=len, reverse=True)
        self._folders = re.compile("|".join(rf"{re.escape(path)}(?![\w.-])" for path in paths) or r"(?!)")
        words = {name for name in names if len(name) >= SHORTEST_NAME and name.lower() not in _NOBODYS}
        known = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
        self._names = re.compile(rf"(?<!\w)(?:{known})(?!\w)" if known else r"(?!)", re.IGNORECASE)

    def without_folders(self, text: str) -> str:
        """Those that are known; before anything shortens their paths."""
        return self._folders.sub(FOLDER, text)

    def hide(self, text: str) -> str:
        text = self.without_folders(text)
        text = _PATH.sub("…/", text)
        text = self._names.sub(HIDDEN, text)
        text = _NICK.sub(f"@{HIDDEN}", text)
        return _QUOTED.sub(f"“{HIDDEN}”", text)


def names_of_this_machine() -> set[str]:
    host = socket.gethostname()
    names = {host, host.partition(".")[0]}
    with suppress(OSError, KeyError):  # a user without an entry
        names.add(getpass.getuser())
    return names | {Path.home().name}


def hosts_in(given: Mapping[str, str]) -> set[str]:
    """Of addresses that are set and are not everybody's."""
    usual = {urlsplit(variable.default).hostname for variable in VARIABLES if "://" in variable.default}
    hosts = set()
    for name, value in given.items():
        if name.upper() in PROXY_VARIABLES[:3] or name.endswith("_URL"):
            with suppress(ValueError):
                hosts.add(urlsplit(value if "://" in value else f"//{value}").hostname)
    return {host for host in hosts if host and host not in usual and not re.fullmatch(r"[\d.]+|\[?[\da-f:]+\]?", host)}
