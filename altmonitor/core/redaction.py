"""What looks like a secret, and text without it.

People paste tokens under wrong names, into other people's addresses and where a file name belongs. So nothing here asks
which variable a value came from: what is known to be a secret, or has the shape of one, is masked wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"
SHOWN_CHARS = 60
SHORTEST_BARE_CHARS = 4
"""A known secret shorter than this is masked only where it stands as a word of its own."""
SHORTEST_FOREIGN_CHARS = 8
"""Of a variable that is none of ours a shorter value is rather a switch (`GPG_AUTH=1`) than a secret."""

TOKEN_LIKE = re.compile(r"\d{5,}(?::|%3A)[A-Za-z0-9_-]{5,}", re.IGNORECASE)
"""A bot token, or what is left of one: for values, not for the lines of a log, where `12345:first` may be anything."""
SECRET_NAME = re.compile(r"TOKEN|PASS|SECRET|API_?KEY|PRIVATE_?KEY|AUTH|CREDENTIAL", re.IGNORECASE)

_SHAPES = (
    r"\d{5,}(?::|%3[Aa])[A-Za-z0-9_-]{20,}",  # a bot token
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?",  # a JSON web token
    r"\b(?:sk|pk|rk)[-_](?:[a-z]+[-_])?[A-Za-z0-9_-]{16,}",
    r"\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}",
    r"\bxox[abeprs]-[\w-]{10,}",
    r"\bA(?:KIA|SIA)[0-9A-Z]{16}\b",
    r"\bAIza[\w-]{35}",
    r"\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b",  # keys of some exchanges are UUIDs
    r"(?<![A-Za-z0-9_-])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{64}(?![A-Za-z0-9_-])",  # keys of others
)
_AFTER = (  # what comes behind these is one; they themselves stay
    r"(?<=//)[^/\s?#]*(?=@)",
    r"(?<=sshpass -p )\S+",
    r"(?i:(?<=bearer )|(?<=basic ))(?=[\w.+/=~-]*\d)[\w.+/=~-]{8,}",
    r"(?i:(?<=token=)|(?<=secret=)|(?<=passw=)|(?<=passwd=)|(?<=password=)|(?<=apikey=)|(?<=api_key=)"
    r"|(?<=access_key=)|(?<=signature=))[^\s&'\"*]+",
)
_ADDRESS_LOGIN = re.compile(r"(?<=://).*(?=@)|^[^/@\s]*:[^/@\s]*(?=@)")
"""In a value on its own, where everything before the last @ is a login, whatever signs a password has."""
_RUN = re.compile(r"[A-Za-z0-9_-]{20,}")
_ACCOUNT = re.compile(r"0x[0-9A-Fa-f]{40}")
"""An account of a public chain, which everybody may see; the key to one has 64 digits."""
_WORDLIKE = re.compile(r"[A-Z]?[a-z]*\d*|[A-Z]*\d*|\d+[a-z]*|\d+[A-Z]*")


class Redactor:
    """secrets: known ones, as they are; each is also masked as an address, a query or JSON would carry it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
        known = sorted(filter(None, spellings), key=len, reverse=True)
        self._pattern = re.compile("|".join([*map(_masked_where, known), *_SHAPES, *_AFTER]))

    def clean(self, text: str) -> str:
        return self._pattern.sub(HIDDEN, text)


@cache
def _shapes_alone() -> Redactor:
    return Redactor()


def without_secrets(text: str) -> str:
    """For a message that repeats what somebody typed, or of a program that does not know its settings yet."""
    return _RUN.sub(lambda run: HIDDEN if looks_random(run[0]) else run[0], _shapes_alone().clean(text))


def shown_value(text: str, *, secrets: Iterable[str] = ()) -> str:
    """A value somebody gave, for the message that refuses it: quoted, cut, and without what may be a secret.

    Rather too much than too little: a value that is refused may be one that was put on the wrong line.
    """
    masked = without_secrets(_ADDRESS_LOGIN.sub(HIDDEN, TOKEN_LIKE.sub(HIDDEN, Redactor(secrets).clean(text))))
    return repr(masked if len(masked) <= SHOWN_CHARS else masked[: SHOWN_CHARS - 1] + "…")


def secrets_in(*tables: Mapping[str, str], ours: Iterable[str] = ()) -> set[str]:
    """Tokens and passwords in environments and `.env` files, also those under a wrong name, or that are the name.

    ours: variables whose whole value is a secret, however short it is.
    """
    names = frozenset(ours)
    return {secret for table in tables for item in table.items() for secret in _secrets_of(*item, names)}


def _secrets_of(name: str, value: str, ours: frozenset[str]) -> Iterator[str]:
    value = value.strip()
    yield from TOKEN_LIKE.findall(value)
    yield from TOKEN_LIKE.findall(name)
    if name in ours or (SECRET_NAME.search(name) and len(value) >= SHORTEST_FOREIGN_CHARS):
        yield value
    if "@" in value and (login := _ADDRESS_LOGIN.search(value)):
        yield login[0]
        yield login[0].partition(":")[2]
    if "://" in value:
        yield from _credentials(value)


def _credentials(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # a login in it was found already
        return
    if parts.password:
        yield parts.password
    # A name before a password is a name ("postgres"), which stands in many a sentence; alone it may be the key.
    user = parts.username or ""
    if len(user) > 3 and (not parts.password or looks_random(user)):
        yield user


def _spellings(secret: str) -> set[str]:
    pieces = [secret]
    if TOKEN_LIKE.fullmatch(secret):
        pieces += [secret.partition(":")[2]]
    spelled: set[str] = set()
    for piece in pieces:
        spelled |= {piece, quote(piece, safe=""), quote(piece), unquote(piece)}
        spelled |= {repr(piece)[1:-1], piece.replace("\\", "\\\\").replace('"', '\\"')}
    return spelled


def _masked_where(secret: str) -> str:
    if len(secret) >= SHORTEST_BARE_CHARS:
        return re.escape(secret)
    return rf"(?<![\w.]){re.escape(secret)}(?![\w.])"


def random_runs(value: str) -> list[str]:
    """Parts of a value that look like keys."""
    return [run for run in _RUN.findall(value) if looks_random(run)]


def looks_random(run: str) -> bool:
    """True for what no person would choose as a name: letters and digits mixed, in any order and case."""
    if _ACCOUNT.fullmatch(run):
        return False
    has_digit, has_letter = (any(map(kind, run)) for kind in (str.isdigit, str.isalpha))
    return has_digit and has_letter and not all(_WORDLIKE.fullmatch(piece) for piece in re.split("[-_]", run))
