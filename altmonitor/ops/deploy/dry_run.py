"""`--dry-run`: every step with its commands, one a line, as they would be typed on the machine they run on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from shlex import join, quote

from altmonitor.ops.deploy.releases import Step
from altmonitor.ops.deploy.runner import RemoteRights, with_rights
from altmonitor.ops.deploy.ssh import SshConnection, rsync_options

Part = Step | PurePosixPath | str
"""A step, the copy of our files into that folder there, or a heading."""

_OPENS = {"for": "done", "while": "done", "until": "done", "if": "fi", "case": "esac", "{": "}", "(": ")"}
_RIGHTS = {
    RemoteRights.FREE: "with sudo",
    RemoteRights.PASSWORD: "with sudo and its password",
    RemoteRights.ROOT: "",
    RemoteRights.NONE: "",
}


def plan_text(
    parts: Sequence[Part], *, connection: SshConnection | None, rights: RemoteRights, source: Path
) -> list[str]:
    """Lines for a terminal; everything that is no command is a comment of the shell."""
    lines = [*_how(connection, rights)]
    number = 0
    for part in parts:
        if isinstance(part, str):
            lines += ["", f"## {part}"]
            continue
        number += 1
        if isinstance(part, Step):
            lines += ["", _title(number, part, rights), *commands_in(part.command)]
        else:
            argv = connection.rsync(part) if connection else [*rsync_options(), "./", f"{part}/"]
            lines += ["", f"# {number}. Copying files (from this machine)", f"cd {quote(str(source))}", join(argv)]
    return lines


def _how(connection: SshConnection | None, rights: RemoteRights) -> Iterator[str]:
    yield "# Nothing is done. These are the commands, for a machine that has a version already."
    if connection is None:
        yield "# They run on this machine, those of each step as one script of sh."
        return
    yield f"# They run on {connection.server.shown}, those of each step as one script, which is sent so:"
    yield join(connection.ssh("SCRIPT"))
    if rights is RemoteRights.FREE:
        step = Step(title="", command="SCRIPT")
        yield f"# and where it says “with sudo”, SCRIPT is: {with_rights(step, rights)}"


def _title(number: int, step: Step, rights: RemoteRights) -> str:
    notes = [_RIGHTS[rights]] if step.is_root and _RIGHTS[rights] else []
    if step.stdin:
        notes.append("reads its text from standard input")
    return f"# {number}. {step.title}" + (f" ({', '.join(notes)})" if notes else "")


def commands_in(script: str) -> list[str]:
    """A script of ours cut behind every `;` and `&&` that stands outside of quotes, loops and groups."""
    lines, start, closes = [], 0, []
    quoted, word, at = "", "", 0
    while at < len(script):
        sign = script[at]
        if quoted:
            if sign == "\\" and quoted == '"':
                at += 1
            elif sign == quoted:
                quoted = ""
        elif sign in "'\"":
            quoted, word = sign, word + sign
        elif sign == "\\":
            at += 1
        elif sign == "(":
            closes.append(")")
            word = ""
        elif closes[-1:] == [sign]:
            closes.pop()
            word = ""
        elif sign in " ;&":
            if closes[-1:] == [word]:
                closes.pop()
            elif word in _OPENS:
                closes.append(_OPENS[word])
            word = ""
            if not closes and sign == ";" and script[at : at + 2] != ";;":
                lines.append(script[start:at].strip())
                start = at + 1
            elif not closes and script[at : at + 2] == "&&":
                lines.append(script[start : at + 2].strip())
                start, at = at + 2, at + 1
        else:
            word += sign
        at += 1
    return [line for line in (*lines, script[start:].strip()) if line]
