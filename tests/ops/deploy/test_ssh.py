"""Command lines of ssh and rsync, and what their failures mean."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.ops.deploy.options import Server
from altmonitor.ops.deploy.ssh import SshConnection, cause_of, is_login_refused, rsh_quoted

BY_KEY = SshConnection(server=Server(host="example.org", user="ann", port=2222), control=Path("/tmp/x/c"))  # noqa: S108


def test_a_command_goes_by_key_or_agent_and_asks_nothing() -> None:
    assert BY_KEY.ssh("echo 'a b'") == [
        "ssh",
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=accept-new",
        "-o",
        "ConnectTimeout=10",
        "-o",
        "ServerAliveInterval=15",
        "-o",
        "ControlMaster=auto",
        "-o",
        "ControlPersist=60",
        "-o",
        "ControlPath=/tmp/x/c",
        "-p",
        "2222",
        "-l",
        "ann",
        "--",
        "example.org",
        """sh -c 'echo '"'"'a b'"'"''""",
    ]


def test_a_password_goes_through_the_environment_of_sshpass_only() -> None:
    argv = replace(BY_KEY, has_password=True).ssh("true")

    assert argv[:3] == ["sshpass", "-e", "ssh"]
    assert "NumberOfPasswordPrompts=1" in argv
    assert "BatchMode=yes" not in argv


def test_the_key_and_the_own_options_of_the_person_are_handed_on() -> None:
    server = replace(BY_KEY.server, key=Path("/home/ann/my key"), options=("ProxyJump=gate",))

    argv = replace(BY_KEY, server=server).ssh("true")

    assert argv[1:3] == ["-o", "ProxyJump=gate"]
    assert argv[argv.index("-i") + 1] == "/home/ann/my key"


def test_rsync_keeps_secrets_and_data_out_and_the_path_away_from_the_remote_shell() -> None:
    server = replace(BY_KEY.server, host="2001:db8::1", key=Path("/home/ann/it's"))

    argv = replace(BY_KEY, server=server).rsync(PurePosixPath("/srv/my $HOME/upload"))

    assert argv[:4] == ["rsync", "-a", "-s", "--delete"]
    assert argv[-2:] == ["./", "[2001:db8::1]:/srv/my $HOME/upload/"]
    for pattern in (".git", ".venv", "*.db", "*.db-*", "/state.json", ".env", ".env.*", "*.pyc", "node_modules"):
        assert f"--exclude={pattern}" in argv
    assert argv[argv.index("-e") + 1].endswith("-p 2222 -l ann -i '/home/ann/it''s'")


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
@pytest.mark.parametrize("word", ["plain", "with space", "it's", 'a "b"', "back\\slash", "$HOME", "both ' and \" '"])
def test_rsync_splits_its_shell_as_we_quote_it(tmp_path: Path, word: str) -> None:
    heard = tmp_path / "heard"
    shell = tmp_path / "shell"
    shell.write_text(f'#!/bin/sh\nprintf %s "$1" >{heard}\nexit 1\n')
    shell.chmod(0o755)

    subprocess.run(["rsync", "-e", f"{shell} {rsh_quoted(word)}", "./", "nowhere:/x"], capture_output=True, check=False)

    assert heard.read_text() == word


@given(st.text(alphabet=st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1))
def test_a_quoted_word_never_ends_early(word: str) -> None:
    quoted = rsh_quoted(word)

    assert quoted == word or quoted[1:-1].replace("''", "").count("'") == 0


@pytest.mark.parametrize(
    ("output", "seen", "remedy"),
    [
        ("ssh: Could not resolve hostname nope: Name or service not known", "the host name is unknown", "spelling"),
        ("ssh: connect to host x port 2222: Connection refused", "nothing listens on port 2222 there", "--port"),
        ("ssh: connect to host x port 22: Connection timed out", "the server does not answer", "firewall"),
        ("ann@x: Permission denied (publickey,password).", "the server does not accept this login", "--key"),
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "another host key", "ssh-keygen -R example.org"),
        ("ann@x: Permission denied (password).", "the server does not accept this login", "password"),
        ('rsync: mkstemp "/x/.a" failed: Permission denied (13)', "the user may not write there", "--dir"),
        ("client_loop: send disconnect: Broken pipe", "the connection broke in the middle", "run the same command"),
        ("rsync: [receiver] write failed: No space left on device (28)", "the disk over there is full", "make room"),
        ("bash: line 1: rsync: command not found", "rsync is missing on the server", "apt-get install rsync"),
        ("mkdir: cannot create directory: Read-only file system", "the file system over there is read-only", "--dir"),
    ],
)
def test_known_failures_are_told_in_plain_words(output: str, seen: str, remedy: str) -> None:
    cause = cause_of(output, BY_KEY.server)

    assert cause is not None
    assert seen in cause.seen
    assert remedy in cause.remedy


def test_unknown_words_are_no_known_cause() -> None:
    assert cause_of("something else", BY_KEY.server) is None


def test_a_folder_that_may_not_be_entered_is_not_a_refused_login() -> None:
    assert is_login_refused("ann@x: Permission denied (publickey,password).")
    assert not is_login_refused("mkdir: cannot create directory '/opt/x': Permission denied")
