"""Command line → what is wanted, and of which server."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path, PurePosixPath
from typing import NoReturn

from altmonitor.core.redaction import HIDDEN, shown_value, without_secrets

DEFAULT_DIR = "/opt/altmonitor"
DEFAULT_USER = "root"
DEFAULT_PORT = 22
EPILOG = """\
Keys and the agent come first. A password is never an argument: it is asked for, or read from SSHPASS (with sshpass).
Exit codes: 0 done · 1 failed, with the step, what was seen and what to do · 2 wrong arguments · 130 stopped by Ctrl-C.
"""


class Action(Enum):
    INSTALL = "install"
    UPDATE = "update"
    ROLLBACK = "rollback"
    DOWN = "down"
    STATUS = "status"
    LOGS = "logs"


class Target(Enum):
    DOCKER = "docker"
    SYSTEMD = "systemd"


class BadChoice(Exception):
    """One line for the person who typed it, without what may be a secret in the wrong place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """host: a name or an address without brackets. key: a private key file; None leaves it to the agent and ssh.

    options: for ssh -o, before all others; the first of a kind counts.
    """

    host: str
    user: str = DEFAULT_USER
    port: int = DEFAULT_PORT
    key: Path | None = None
    options: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return without_secrets(f"{self.user}@{name}:{self.port}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployOptions:
    """server: None is this machine. has_consent: install what is missing without asking."""

    action: Action
    target: Target
    server: Server | None
    folder: PurePosixPath
    env_file: Path
    is_dry_run: bool = False
    has_consent: bool = False
    sends_message: bool = True


def parse_server(text: str) -> Server:
    """`user@host`, `host:2222`, `user@[2001:db8::1]:22`, a bare IPv6 address. Raises BadChoice."""
    text = text.strip()
    user, at, destination = text.rpartition("@")
    if destination.startswith("["):
        host, closed, rest = destination[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise BadChoice(f"{_shown(text)}: an IPv6 address with a port is written [2001:db8::1]:22")
        port_text = rest[1:]
    elif destination.count(":") > 1:
        host, port_text = destination, ""
    else:
        host, _, port_text = destination.partition(":")
    if (at and not user) or not host:
        raise BadChoice(f"{_shown(text)} is not user@host or user@host:port")
    return Server(
        host=_host(host),
        user=_user(user) if user else DEFAULT_USER,
        port=_port(port_text) if port_text else DEFAULT_PORT,
    )


def parse(arguments: Sequence[str], *, ask_server: str | None = None) -> DeployOptions:
    """ask_server: what the person answered when no server was named, None when nobody can be asked.

    Raises BadChoice.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    server = None if given.here else _server(given, ask_server)
    chosen = [action for action in Action if getattr(given, action.value, False)]
    if len(chosen) > 1:
        raise BadChoice(f"choose one of {', '.join('--' + action.value for action in chosen)}")
    return DeployOptions(
        action=chosen[0] if chosen else Action.INSTALL,
        target=Target(given.target),
        server=server,
        folder=_folder(given.dir),
        env_file=given.env_file,
        is_dry_run=given.dry_run,
        has_consent=given.yes,
        sends_message=not given.no_message,
    )


def names_server(arguments: Sequence[str]) -> bool:
    given = _parser().parse_args(arguments)
    return bool(given.server or given.host or given.here)


class _ArgumentParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Without the values it would repeat: one of them may be a password."""
        head, unknown, rest = message.partition("unrecognized arguments: ")
        if unknown:
            names = [word.partition("=")[0] for word in rest.split() if word.startswith("-")]
            message = head + unknown + (", ".join(names) or "one word too many")
            if any("pass" in name.lower() for name in names):
                message += "; a password is never an argument: it is asked for, or read from SSHPASS"
        raise BadChoice(without_secrets(re.sub(r"(?<=invalid choice): '.*' (?=\()", " ", message)))


def _parser() -> argparse.ArgumentParser:
    parser = _ArgumentParser(
        prog="deploy.py",
        description="Put altmonitor on a server and keep it running there, with Docker or systemd.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("server", nargs="?", help="user@host[:port]; asked for when left out")
    add("--host", help="host name or address, also IPv6")
    add("--user", help=f"who logs in; others than root need sudo [{DEFAULT_USER}]")
    add("--port", help=f"port of ssh [{DEFAULT_PORT}]")
    add("--key", type=Path, help="private key file [agent and ssh's own configuration]")
    add(
        "--ssh-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="such as ProxyJump=host; may be repeated",
    )
    add("--here", action="store_true", help="this machine instead of a server")
    add("--dir", default=DEFAULT_DIR, help="folder on the server [%(default)s]")
    add("--target", choices=[target.value for target in Target], default="docker", help="[%(default)s]")
    add("--env-file", type=Path, default=Path(".env"), help="settings to send, mode 0600 there [%(default)s]")
    add("--update", action="store_true", help="new version; settings and data over there stay")
    add("--rollback", action="store_true", help="stop this version and start the one before it")
    add("--down", action="store_true", help="stop it; data and settings stay")
    add("--status", action="store_true", help="what runs there and how it is")
    add("--logs", action="store_true", help="the last 200 lines it wrote")
    add("--dry-run", action="store_true", help="print every step with its commands, connect to nothing")
    add("--yes", action="store_true", help="install what is missing on the server without asking")
    add("--no-message", action="store_true", help="no message in the chat afterwards")
    return parser


def _server(given: argparse.Namespace, asked: str | None) -> Server:
    if given.server and given.host:
        raise BadChoice("name the server once: user@host or --host")
    text = given.server or (_bracketed(given.host) if given.host else asked)
    if not text:
        raise BadChoice("which server? deploy.py user@host, or --host")
    server = parse_server(text)
    key = given.key.expanduser() if given.key else None
    if key is not None and not key.is_file():
        raise BadChoice(f"--key {_shown(str(key))}: there is no such file")
    return Server(
        host=server.host,
        user=server.user if given.user is None else _user(given.user),
        port=server.port if given.port is None else _port(given.port),
        key=key,
        options=tuple(_ssh_option(option) for option in given.ssh_option),
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") and "@" not in host else host


# ---
# What reaches ssh, rsync and the shells at both ends is refused unless it is plainly what it is meant to be: all of
# them read some words as options, and ssh hands host and user on to the shell of a ProxyCommand.


_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@\\-]*(?<!\\)\$?")
_ZONE = re.compile(r"[A-Za-z0-9_.-]+")
_SSH_OPTION = re.compile(r"[A-Za-z]+=\S.*")
_OF_THE_SYSTEM = frozenset(
    [
        "bin",
        "boot",
        "dev",
        "etc",
        "home",
        "lib",
        "lib32",
        "lib64",
        "lost+found",
        "media",
        "mnt",
        "opt",
        "proc",
        "root",
        "run",
        "sbin",
        "srv",
        "sys",
        "tmp",
        "usr",
        "var",
    ]
)


_MASKED = repr(HIDDEN)
_SHORTEST_PASSWORD_CHARS = 6
_LOGIN = re.compile(r"(?<=[^:]:)[^:]+$")


def _shown(text: str) -> str:
    """What was refused, quoted; masked where it may be a token, or a password: letters, digits and signs in one."""
    is_mixed = all(_has(kind, text) for kind in (str.isdigit, str.isalpha, _is_sign))
    if is_mixed and len(text) >= _SHORTEST_PASSWORD_CHARS and not text.startswith(("/", ".", "~")):
        return _MASKED
    return shown_value(_LOGIN.sub(HIDDEN, text) if text.count(":") == 1 else text)


def _has(kind: Callable[[str], bool], text: str) -> bool:
    return any(map(kind, text))


def _is_sign(sign: str) -> bool:
    return not sign.isalnum() and sign not in ".-_"


def _host(text: str) -> str:
    """A name, an IPv4 or IPv6 address, also with a zone (fe80::1%eth0). Raises BadChoice."""
    address, percent, zone = text.partition("%")
    if ":" in address:
        try:
            IPv6Address(address)
        except AddressValueError:
            raise BadChoice(f"the host {_shown(text)} is no IPv6 address; a port is written [2001:db8::1]:22") from None
        is_allowed = not percent or bool(_ZONE.fullmatch(zone))
    else:
        is_allowed = bool(_NAME.fullmatch(text))
    if not is_allowed:
        raise BadChoice(f"the host {_shown(text)} is not a host name or address: only letters, digits and . - _ +")
    return text


def _user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise BadChoice(
            f"the user {_shown(text)} is not a user name: letters, digits and . _ - + @ \\, not beginning with -"
        )
    return text


def _ssh_option(text: str) -> str:
    if not _SSH_OPTION.fullmatch(text) or not text.isprintable():
        raise BadChoice(f"--ssh-option {_shown(text)} is not NAME=VALUE, such as ProxyJump=host")
    return text


def _folder(text: str) -> PurePosixPath:
    folder = PurePosixPath("/" + text.lstrip("/")) if text.startswith("/") else PurePosixPath(text)
    is_below = folder.is_absolute() and len(folder.parts) > 1
    if not is_below or ".." in folder.parts or not text.isprintable():
        raise BadChoice(f"--dir {_shown(text)} is not an absolute path below /")
    if len(folder.parts) == 2 and folder.name in _OF_THE_SYSTEM:
        raise BadChoice(f"--dir {_shown(text)} belongs to the system; name a folder in it: {folder / 'altmonitor'}")
    return folder


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65_536:
        is_word = _has(str.isdigit, text) and _has(str.isalpha, text)
        raise BadChoice(f"{_MASKED if is_word else _shown(text)} is not a port: 1 to 65535")
    return int(text)
