"""Command lines of ssh and rsync as values, and what their failures mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shlex import quote

from altmonitor.ops.deploy.options import Server

CONNECT_TIMEOUT_S = 10
SSH_FAILED = 255
EXCLUDED = (
    ".git",
    "node_modules",
    ".venv",
    "__pycache__",
    "/dist",
    "/build",
    "*.db",
    "*.db-*",
    "*.db.lock",
    "*.db.seen",
    "*.db.log*",
    "/state.json",
    "*.corrupt-*",
    ".env",
    ".env.*",
    ".worktrees",
    "*.pyc",
    ".*_cache",
    ".hypothesis",
    "/symbols*.json",
    "/*-block.json*",
    "/*-requests",
    "/hyperliquid-weight",
    # of a checkout that is itself the folder deployed into (--here)
    "/upload",
    "/releases",
    "/current",
    "/previous",
    "/deploying",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SshConnection:
    """control: where the shared connection's socket is, so that one login serves every step.

    has_password: by password through `sshpass -e`, which reads it from SSHPASS; never an argument, never a file.
    """

    server: Server
    control: Path
    has_password: bool = False

    def options(self) -> list[str]:
        if self.has_password:
            login = ["-o", "PreferredAuthentications=password,keyboard-interactive", "-o", "PubkeyAuthentication=no"]
            login += ["-o", "NumberOfPasswordPrompts=1"]
        else:
            login = ["-o", "BatchMode=yes"]
        shared = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o", f"ControlPath={self.control}"]
        alive = ["-o", f"ConnectTimeout={CONNECT_TIMEOUT_S}", "-o", "ServerAliveInterval=15"]
        key = ["-i", str(self.server.key)] if self.server.key else []
        trust = ["-o", "StrictHostKeyChecking=accept-new"]
        own = [word for option in self.server.options for word in ("-o", option)]
        return [*own, *login, *trust, *alive, *shared, "-p", str(self.server.port), "-l", self.server.user, *key]

    def ssh(self, command: str) -> list[str]:
        """command: for sh; wrapped, since the login shell may be another one."""
        return [*self._prefix(), "ssh", *self.options(), "--", self.server.host, f"sh -c {quote(command)}"]

    def hang_up(self) -> list[str]:
        control = ["-o", f"ControlPath={self.control}", "-O", "exit", "-p", str(self.server.port)]
        return ["ssh", *control, "-l", self.server.user, "--", self.server.host]

    def rsync(self, folder: PurePosixPath) -> list[str]:
        """The folder it runs in → `folder` over there."""
        host = f"[{self.server.host}]" if ":" in self.server.host else self.server.host
        shell = " ".join(rsh_quoted(word) for word in ["ssh", *self.options()])
        return [*self._prefix(), *rsync_options(), "-e", shell, "./", f"{host}:{folder}/"]

    def _prefix(self) -> list[str]:
        return ["sshpass", "-e"] if self.has_password else []


def rsync_options() -> list[str]:
    """-s: the remote shell never sees the path, whatever stands in it."""
    excluded = [f"--exclude={pattern}" for pattern in EXCLUDED]
    return ["rsync", "-a", "-s", "--delete", "--delete-excluded", "--timeout=60", "--chmod=D755,F644", *excluded]


def rsh_quoted(word: str) -> str:
    """As rsync splits its -e: quotes group, a doubled quote inside quotes is one; backslashes mean nothing.

    Source: https://download.samba.org/pub/rsync/rsync.1#opt--rsh
    """
    if re.fullmatch(r"[\w@%+=:,./-]+", word, re.ASCII):
        return word
    return "'" + word.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class SshFailure:
    """seen: in plain words. remedy: what to do."""

    seen: str
    remedy: str


_CAUSES: Sequence[tuple[str, str, str]] = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed",
        "the server shows another host key than last time",
        "if it was installed anew: ssh-keygen -R {host}, then again; if not, somebody may be in between",
    ),
    (
        r"Could not resolve|Name or service not known|nodename nor servname|Temporary failure in name resolution",
        "the host name is unknown",
        "check its spelling and this machine's network",
    ),
    (
        r"Connection refused",
        "nothing listens on port {port} there",
        "check --port, and that sshd runs on the server",
    ),
    (
        r"timed out|Operation timed out|No route to host|Network is unreachable",
        "the server does not answer",
        "check the address, its firewall (port {port}) and this machine's network",
    ),
    (
        r"Permission denied( \([a-z-]+[,)]|, please try again)|Too many authentication failures",
        "the server does not accept this login",
        "check the user, the key (--key) or the password",
    ),
    (
        r"Permissions .* are too open|bad permissions|Load key .*: ",
        "the key file cannot be used",
        "chmod 600 the key, and name the private one, not the .pub",
    ),
    (
        r"Broken pipe|Connection (reset|closed)|closed by remote host|unexpectedly closed|error in rsync protocol",
        "the connection broke in the middle",
        "run the same command again: it goes on where it stopped, and what runs on the server was not touched",
    ),
    (
        r"No space left on device|Disk quota exceeded",
        "the disk over there is full",
        "make room (docker system df; df -h), then run the same command again",
    ),
    (
        r"Permission denied",
        "the user may not write there",
        "another --dir, or a user with sudo; what other users own below --dir has to go",
    ),
    (r"Read-only file system", "the file system over there is read-only", "choose another --dir"),
    (
        r"rsync: (command )?not found|rsync: not found|exec.* rsync",
        "rsync is missing on the server",
        "install it there (apt-get install rsync), or run again with --yes",
    ),
)


def cause_of(output: str, server: Server | None) -> SshFailure | None:
    """What the words of ssh, rsync or the shell mean; None when they say nothing known."""
    for pattern, seen, remedy in _CAUSES:
        if re.search(pattern, output, re.IGNORECASE):
            host, port = (server.host, server.port) if server else ("this machine", 0)
            return SshFailure(seen.format(host=host, port=port), remedy.format(host=host, port=port))
    return None


def is_login_refused(output: str) -> bool:
    return bool(re.search(r"Permission denied \([a-z]|Too many authentication failures", output))
