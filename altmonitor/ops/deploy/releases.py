"""Where things are on the server, and a step of the plan.

<dir>/upload            what rsync writes, the login user's own; half a copy stays here and is finished next time
<dir>/releases/<id>/    one whole version with its .env (0600); never changed afterwards
<dir>/current           → the last release that was found well    <dir>/previous   → the one before it
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from shlex import quote

from altmonitor.ops.deploy.options import DEFAULT_DIR


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One remote command, for sh. title: said while it runs. stdin: what it reads, never shown.

    is_root: needs the rights of root. remedy: what to do when it fails and its words say nothing known.
    is_said: what it prints is for the person.
    """

    title: str
    command: str
    is_root: bool = True
    stdin: str = ""
    timeout_s: float = 60.0
    remedy: str = "run the same command again; --status shows what runs on the server"
    is_said: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    folder: PurePosixPath

    @property
    def upload(self) -> PurePosixPath:
        return self.folder / "upload"

    @property
    def current(self) -> PurePosixPath:
        return self.folder / "current"

    @property
    def previous(self) -> PurePosixPath:
        return self.folder / "previous"

    def release(self, name: str) -> PurePosixPath:
        return self.folder / "releases" / name


def folders(layout: Layout, *, user: str) -> Step:
    top, releases, upload = (quote(str(path)) for path in (layout.folder, layout.folder / "releases", layout.upload))
    command = f"mkdir -p {top} {releases} {upload} && chmod 755 {top} {releases} && chmod 700 {upload}"
    return Step(
        title="Making folders",
        command=f'{command} && {{ [ "$(id -u)" != 0 ] || chown -R {quote(user)} {upload}; }}',
        remedy=f"choose a --dir that can be written, or log in as root (tried {layout.folder})",
    )


def release(layout: Layout, name: str, *, settings: str | None) -> Step:
    """settings: the content of .env; None takes the running release's."""
    there, upload = quote(str(layout.release(name))), quote(str(layout.upload))
    if settings is None:
        keep = f"cp {quote(str(layout.current / '.env'))} {there}.partial/.env"
    else:
        keep = f"cat >{there}.partial/.env"
    return Step(
        title=f"Making release {name}",
        command=(
            f"set -e; umask 022; rm -rf {there}.partial; cp -R {upload} {there}.partial; chmod 755 {there}.partial; "
            f"umask 077; {keep}; chmod 600 {there}.partial/.env; "
            f'if [ "$(id -u)" = 0 ]; then chown -R 0:0 {there}.partial; fi; mv {there}.partial {there}'
        ),
        stdin=settings or "",
        timeout_s=120,
    )


def point(layout: Layout, link: PurePosixPath, name: str) -> str:
    """A link swapped in one rename."""
    new = quote(f"{link}.new")
    return f"ln -sfn {quote('releases/' + name)} {new} && mv -T {new} {quote(str(link))}"


def tidy(layout: Layout, *, keep: tuple[str, ...]) -> str:
    """Removes every release but these, and half-made ones."""
    kept = "|".join(quote(name) for name in keep)
    return (
        f"for old in {quote(str(layout.folder / 'releases'))}/*; do "
        f'case "${{old##*/}}" in {kept}) ;; *) rm -rf "$old" ;; esac; done'
    )


# ---
# The unit file for another folder than /opt/altmonitor, and settings in the form systemd reads.
#
# systemd's EnvironmentFile= is no dotenv: a comment after a value belongs to the value there. So the settings are read
# with the program's own reader and written anew, each value quoted.


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


# ---
# One deployment at a time.


HELD = 7
"""Exit code of `lock`: somebody else is at it, and the output says who, and for how many seconds."""


def lock(layout: Layout, holder: str) -> Step:
    top, held = quote(str(layout.folder)), quote(str(layout.folder / "deploying"))
    return Step(
        title="Making sure nobody else deploys",
        command=(
            f"mkdir -p {top} && {{ mkdir {held} 2>/dev/null && printf %s {quote(holder)} >{held}/by; }} || "
            f"{{ [ -d {held} ] || exit 1; cat {held}/by 2>/dev/null; echo; "
            f"echo $(($(date +%s) - $(stat -c %Y {held}))); exit {HELD}; }}"
        ),
        remedy=f"choose a --dir that can be written, or log in as root (tried {layout.folder})",
    )


def unlock(layout: Layout, holder: str) -> Step:
    """Only while it is still this one's: another may have broken a lock that was left behind, and hold it now."""
    held = quote(str(layout.folder / "deploying"))
    return Step(
        title="Letting others deploy",
        command=f'[ "$(cat {held}/by 2>/dev/null)" != {quote(holder)} ] || rm -rf {held}',
    )


# ---
# Alerts and settings of the other target, whose data is elsewhere.


SERVICE_DATA, SERVICE_DATA_PRIVATE = "/var/lib/altmonitor", "/var/lib/private/altmonitor"
"""The first is a link to the second once systemd has given the service a user of its own."""
VOLUME = "altmonitor_data"


def take_along(title: str, *, source: str, goal: str, prepare: str, settle: str) -> Step:
    """Copies what `source` holds into `goal` when its database was written later; what goal held is kept beside it.

    source, goal: shell words. prepare: makes the goal. settle: for a user and a place of its own. What is done, or
    cannot be, is said; nothing is said where there is nothing to take.
    """
    return Step(
        title=title,
        command=(
            'newest() { stat -c %Y "$1/alerts.db" "$1/alerts.db-wal" 2>/dev/null | sort -n | tail -n 1; }; '
            f'src={source}; [ -n "$src" ] && {{ [ -e "$src" ] || [ -L "$src" ]; }} || exit 0; '
            'ls "$src"/ >/dev/null 2>&1 || { echo "NOT taken along: $src cannot be read by this user"; exit 0; }; '
            f'from=$(newest "$src"); [ -n "$from" ] || exit 0; {prepare}; dst={goal}; to=$(newest "$dst"); '
            '[ "$from" -gt "${to:-0}" ] || exit 0; '
            # Aside first: half a copy (a full disk) must not look like the newer data next time.
            'new="$dst/.taking"; rm -rf "$new"; mkdir "$new" || exit 1; '
            'for one in "$src"/*; do case $one in */before-*) ;; *) '
            'cp -a "$one" "$new/" || { rm -rf "$new"; exit 1; } ;; esac; done; '
            'if [ -n "$to" ]; then old="$dst/before-$(date +%s)"; mkdir "$old" || exit 1; '
            'for one in "$dst"/*; do case $one in */before-*) ;; *) mv "$one" "$old/" || exit 1 ;; esac; done; fi; '
            'mv "$new"/* "$dst/" && rmdir "$new" || exit 1; '
            f'{settle} || exit 1; echo "taken along from $src, which stays as it is"'
        ),
        timeout_s=600,
        remedy="nothing was lost: what was there stays; make room over there, then run the same command again",
        is_said=True,
    )
