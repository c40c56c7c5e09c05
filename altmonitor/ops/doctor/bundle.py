"""A file that may be pasted in public: what the check-up saw, which settings hold, and no secret in it."""

from __future__ import annotations

import io
import json
import platform
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from altmonitor.core.errors import StartError
from altmonitor.core.files import write_atomically
from altmonitor.core.proxies import PROXY_VARIABLES
from altmonitor.core.redaction import HIDDEN, TOKEN_LIKE, Redactor
from altmonitor.core.tls import TLS_VARIABLES
from altmonitor.ops.doctor.names import PublicNames
from altmonitor.ops.doctor.report import Report, as_json, text
from altmonitor.settings.variables import SECRET_VARIABLES, VARIABLES

# ---
# What must not stand in a report for everybody: known secrets, anything shaped like one, addresses, the home folder.
#
# Rather too much than too little: people put tokens under wrong names, cut in two, and into other people's addresses.


_FOR_LIBRARIES = (*PROXY_VARIABLES, *TLS_VARIABLES)
SHORTEST_ID = 4
_LONG_RUN = re.compile(r"(?=[A-Za-z_-]*\d)(?=[\d_-]*[A-Za-z])[A-Za-z0-9_-]{20,}")
_IP4 = re.compile(r"(?<![\d.])(?!127\.|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_IP6 = re.compile(r"(?<![\w:])(?!::1\b)(?:[0-9A-Fa-f]{1,4}:){2,7}(?::|[0-9A-Fa-f]{1,4})[0-9A-Fa-f:]*")
_CHAT = re.compile(r"(?<![\w.])-?\d{6,}(?![\w.])")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


class PublicText:
    """secrets, ids (of chats and people): as they are. home: becomes `~`."""

    def __init__(
        self,
        secrets: Iterable[str],
        *,
        ids: Iterable[str] = (),
        home: str = "",
        folders: Iterable[str] = (),
        names: Iterable[str] = (),
    ) -> None:
        self._names = PublicNames(folders=folders, names=names)
        self._secrets = Redactor(secrets)
        self._ids = re.compile("|".join(map(re.escape, sorted(ids, key=len, reverse=True))) or r"(?!)")
        self._home = home.rstrip("/")

    def without_secrets(self, text: str) -> str:
        """For the owner's own terminal, of which pictures are taken: paths and ids stay."""
        return TOKEN_LIKE.sub(HIDDEN, self._secrets.clean(text))

    def clean(self, text: str) -> str:
        text = self._names.without_folders(self.without_secrets(text))
        if self._home:
            text = text.replace(self._home, "~")
        text = self._names.hide(_MAIL.sub(HIDDEN, text))
        for pattern in (self._ids, _LONG_RUN, _IP4, _IP6):
            text = pattern.sub(HIDDEN, text)
        return _CHAT.sub(lambda found: f"{found[0][:2]}…", text)


def ids_in(*tables: Mapping[str, str]) -> set[str]:
    """Of chats and users."""
    values = [
        value for table in tables for name, value in table.items() if re.search(r"(CHAT|USER)_IDS?$|CHANNELS$", name)
    ]
    return {part.lstrip("-") for value in values for part in re.split(r"[\s,/=]+", value) if len(part) > SHORTEST_ID}


# ---


_STAMP = (2000, 1, 1, 0, 0, 0)
_PRIVATE = (*SECRET_VARIABLES, "TG_CHAT_ID", "PRESET_CHANNELS", "ALLOWED_CHAT_IDS", "ALLOWED_USER_IDS")


LOG_LINES, ERROR_LINES = 200, 200
_TROUBLE = re.compile(r"\b(?:WARNING|ERROR|CRITICAL)\b")
_BEGINS = re.compile(r"\d{4}-\d\d-\d\dT|\{")
NO_LOG = "nothing: no monitor has run with this DB_FILE since it keeps its log there\n"


def content(report: Report, given: Mapping[str, str], public: PublicText, *, log: Sequence[str] = ()) -> dict[str, str]:
    """File name → text. given: environment over `.env`. log: oldest → newest."""
    answers = json.dumps(_cleaned(as_json(report), public), ensure_ascii=False, indent=1)
    machine = (
        f"{platform.python_implementation()} {platform.python_version()}\n{platform.system()} {platform.machine()}\n"
    )
    return {
        "report.txt": public.clean(text(report)),
        "report.json": answers + "\n",
        "settings.txt": "".join(f"{line}\n" for line in _settings(given, public)),
        "machine.txt": public.clean(machine),
        "log.txt": public.clean("".join(f"{line}\n" for line in log[-LOG_LINES:])) or NO_LOG,
        "errors.txt": public.clean("".join(f"{line}\n" for line in _troubles(log)[-ERROR_LINES:])),
    }


def _troubles(log: Sequence[str]) -> list[str]:
    """Warnings and errors, with the lines below them that belong to them."""
    found: list[str] = []
    is_trouble = False
    for line in log:
        if _BEGINS.match(line):
            is_trouble = bool(_TROUBLE.search(line[:120]))
        if is_trouble:
            found.append(line)
    return found


def _cleaned(value: object, public: PublicText) -> object:
    """Each text in it; numbers are ours."""
    if isinstance(value, str):
        return public.clean(value)
    if isinstance(value, list):
        return [_cleaned(item, public) for item in value]
    return {key: _cleaned(item, public) for key, item in value.items()} if isinstance(value, dict) else value


def _settings(given: Mapping[str, str], public: PublicText) -> list[str]:
    """Every variable of ours. A value is shown only when it is an allowed one and no secret: anything else may be a
    secret that was put on the wrong line."""
    lines = []
    for variable in VARIABLES:
        value = given.get(variable.name, "").strip()
        if not value:
            lines.append(f"{variable.name}: {variable.default or 'empty'} (default)")
            continue
        try:
            variable.read(value)
            is_allowed = True
        except ValueError:
            is_allowed = False
        if variable.name in _PRIVATE or not is_allowed:
            lines.append(
                f"{variable.name}: {HIDDEN} ({'allowed' if is_allowed else 'NOT allowed'}, {len(value)} signs)"
            )
        else:
            lines.append(f"{variable.name}: {public.clean(value)}")
    lines += [
        f"{name}: {'set' if given.get(name) or given.get(name.lower()) else 'not set'}" for name in _FOR_LIBRARIES
    ]
    return lines


def write(path: Path, files: Mapping[str, str]) -> None:
    """Raises StartError with one line."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, words in files.items():
            archive.writestr(zipfile.ZipInfo(name, _STAMP), words, zipfile.ZIP_DEFLATED)
    try:
        write_atomically(path, packed.getvalue())
    except OSError as problem:
        raise StartError(f"{path} cannot be written: {problem.strerror}") from problem
