"""The unit file for another folder than /opt/altmonitor, and settings in the form systemd reads.

systemd's EnvironmentFile= is no dotenv: a comment after a value belongs to the value there. So the settings are read
with the program's own reader and written anew, each value quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from altmonitor.ops.deploy.options import DEFAULT_DIR

WRITTEN_FOR = f"{DEFAULT_DIR}/current"
_HOMES = ("/home", "/root", "/run/user")
_GLOBS = re.compile(r"([*?\[\]\\])")


def unit_text(template: str, release: PurePosixPath) -> str:
    """template: systemd/altmonitor.service, written for /opt/altmonitor/current. Its comments stay as they are."""
    lines = []
    for line in template.splitlines():
        if line.startswith("ExecStart="):
            line = line.replace(f'"{WRITTEN_FOR}/', f'"{_in_quotes(release)}/')
        elif line.startswith("EnvironmentFile="):
            pattern = _GLOBS.sub(r"\\\1", str(release)).replace("%", "%%")
            line = line.replace(WRITTEN_FOR, pattern)
        elif line == "ProtectHome=yes" and str(release).startswith(tuple(f"{home}/" for home in _HOMES)):
            line = f'ProtectHome=tmpfs\nBindReadOnlyPaths="{_in_quotes(release, has_variables=False)}"'
        lines.append(line)
    return "\n".join(lines) + "\n"


def _in_quotes(path: PurePosixPath, *, has_variables: bool = True) -> str:
    """Between double quotes: backslash and quote escaped, % doubled, and $ where variables are replaced."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return text.replace("$", "$$") if has_variables else text


def environment_text(values: Mapping[str, str]) -> str:
    """Raises ValueError for a value that cannot be one line.

    Source: https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=
    """
    lines = []
    for name, value in values.items():
        if any(character in value for character in "\n\r\0"):
            raise ValueError(f"{name} holds a line break: write it on one line")
        escaped = re.sub(r'(["\\`$])', r"\\\1", value)
        lines.append(f'{name}="{escaped}"\n')
    return "".join(lines)
