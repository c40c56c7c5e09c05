"""What must not stand in a report for everybody: known secrets, anything shaped like one, addresses, the home folder.

Rather too much than too little: people put tokens under wrong names, cut in two, and into other people's addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"
SHORTEST_SECRET = 4
_TOKEN_LIKE = re.compile(r"\d{5,}(?::|%3A)[A-Za-z0-9_-]{5,}", re.IGNORECASE)
_LONG_RUN = re.compile(r"(?=[A-Za-z_-]*\d)(?=[\d_-]*[A-Za-z])[A-Za-z0-9_-]{20,}")
_USER_IN_URL = re.compile(r"(?<=//)[^/\s@]+(?=@)")
_IP4 = re.compile(r"(?<![\d.])(?!127\.|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_IP6 = re.compile(r"(?<![\w:])(?!::1\b)(?:[0-9A-Fa-f]{1,4}:){2,7}(?::|[0-9A-Fa-f]{1,4})[0-9A-Fa-f:]*")
_CHAT = re.compile(r"(?<![\w.])-?\d{6,}(?![\w.])")
_SECRET_NAME = re.compile(r"TOKEN|PASS|SECRET|API_?KEY|AUTH|CREDENTIAL", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


class PublicText:
    """secrets: as they are; each is also looked for as an address or a query would carry it. ids: of chats and people.

    home: becomes `~`.
    """

    def __init__(self, secrets: Iterable[str], *, ids: Iterable[str] = (), home: str = "") -> None:
        self._secrets = _any_of(secrets)
        self._ids = _any_of(ids)
        self._home = home.rstrip("/")

    def without_secrets(self, text: str) -> str:
        """For the owner's own terminal, of which pictures are taken: paths and ids stay."""
        for pattern in (self._secrets, _TOKEN_LIKE, _USER_IN_URL):
            text = pattern.sub(HIDDEN, text)
        return text

    def clean(self, text: str) -> str:
        text = self.without_secrets(text)
        if self._home:
            text = text.replace(self._home, "~")
        for pattern in (self._ids, _MAIL, _LONG_RUN, _IP4, _IP6):
            text = pattern.sub(HIDDEN, text)
        return _CHAT.sub(lambda found: f"{found[0][:2]}…", text)


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    spellings: set[str] = set()
    for word in words:
        for piece in (word, *word.split(":")) if _TOKEN_LIKE.search(word) else (word,):
            spellings |= {piece, quote(piece, safe=""), quote(piece), unquote(piece)}
    known = sorted((word for word in spellings if len(word) >= SHORTEST_SECRET), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, known)) or r"(?!)")


def secrets_in(*tables: Mapping[str, str]) -> set[str]:
    """Tokens and passwords in environments and `.env` files, also those under a wrong name, or that are the name."""
    found: set[str] = set()
    for table in tables:
        for name, value in table.items():
            found |= set(_TOKEN_LIKE.findall(value)) | set(_TOKEN_LIKE.findall(name))
            if _SECRET_NAME.search(name):
                found.add(value)
            if "://" in value:
                found |= _credentials(value)
    return {secret for secret in found if len(secret) >= SHORTEST_SECRET}


def ids_in(*tables: Mapping[str, str]) -> set[str]:
    """Of chats and users."""
    values = [value for table in tables for name, value in table.items() if re.search(r"(CHAT|USER)_IDS?$", name)]
    return {part.lstrip("-") for value in values for part in re.split(r"[\s,/]+", value) if len(part) > SHORTEST_SECRET}


def _credentials(url: str) -> set[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return {url}
    return {word for word in (parts.username, parts.password) if word}
