"""A file that may be pasted in public: what the check-up saw, which settings hold, and no secret in it."""

from __future__ import annotations

import io
import json
import platform
import zipfile
from collections.abc import Mapping
from pathlib import Path

from altmonitor.core.errors import StartError
from altmonitor.core.files import write_atomically
from altmonitor.ops.doctor.redaction import HIDDEN, PublicText
from altmonitor.ops.doctor.render import as_json, text
from altmonitor.ops.doctor.values import Report
from altmonitor.variables import PROXY_VARIABLES, SECRET_VARIABLES, VARIABLES

_STAMP = (2000, 1, 1, 0, 0, 0)
_PRIVATE = (*SECRET_VARIABLES, "TG_CHAT_ID", "ALLOWED_CHAT_IDS", "ALLOWED_USER_IDS")


def content(report: Report, given: Mapping[str, str], public: PublicText) -> dict[str, str]:
    """File name → text. given: environment over `.env`."""
    answers = json.dumps(_cleaned(as_json(report), public), ensure_ascii=False, indent=1)
    machine = (
        f"{platform.python_implementation()} {platform.python_version()}\n{platform.system()} {platform.machine()}\n"
    )
    return {
        "report.txt": public.clean(text(report)),
        "report.json": answers + "\n",
        "settings.txt": "".join(f"{line}\n" for line in _settings(given, public)),
        "machine.txt": public.clean(machine),
    }


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
    lines += [f"{name}: {'set' if given.get(name) else 'not set'}" for name in PROXY_VARIABLES]
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
