"""Arguments of a deployment → what is wanted."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from altmonitor.ops.deploy.options import Action, BadChoice, Server, Target, parse, parse_server


@pytest.mark.parametrize(
    ("text", "user", "host", "port", "shown"),
    [
        ("example.org", "root", "example.org", 22, "root@example.org:22"),
        ("ann@example.org", "ann", "example.org", 22, "ann@example.org:22"),
        ("ann@example.org:2222", "ann", "example.org", 2222, "ann@example.org:2222"),
        ("192.0.2.7:2022", "root", "192.0.2.7", 2022, "root@192.0.2.7:2022"),
        ("2001:db8::1", "root", "2001:db8::1", 22, "root@[2001:db8::1]:22"),
        ("ann@[2001:db8::1]", "ann", "2001:db8::1", 22, "ann@[2001:db8::1]:22"),
        ("fe80::1%eth0", "root", "fe80::1%eth0", 22, "root@[fe80::1%eth0]:22"),
        ("CORP\\ann@box-1_a", "CORP\\ann", "box-1_a", 22, "CORP\\ann@box-1_a:22"),
        ("ann@corp.example@box", "ann@corp.example", "box", 22, "ann@corp.example@box:22"),
        ("ann@[2001:db8::1]:2222", "ann", "2001:db8::1", 2222, "ann@[2001:db8::1]:2222"),
        (" ann@example.org ", "ann", "example.org", 22, "ann@example.org:22"),
    ],
)
def test_a_server_is_read_as_people_write_it(text: str, user: str, host: str, port: int, shown: str) -> None:
    server = parse_server(text)

    assert (server.user, server.host, server.port, server.shown) == (user, host, port, shown)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@example.org",
        "ann@",
        "host:0",
        "host:70000",
        "host:ssh",
        "[2001:db8::1",
        "[::1]22",
        "-oProxyCommand=x",
        "a b",
    ],
)
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(BadChoice):
        parse_server(text)


def test_no_word_reaches_ssh_rsync_or_a_shell_that_could_be_more_than_a_name() -> None:
    tried = [
        *(f"h{sign}touch" for sign in ";|&$`'\"\\<>(){}[]*?!#~^=, \t\n\r\x1b\x7f%é。"),
        *("-h", "--help", "-oProxyCommand=touch", "$(touch x)", "h/../x", "fe80::1%", "fe80::1%e;x", "1:2:3", "::g"),
    ]
    accepted = []
    for text in tried:
        for arguments in (
            [f"--host={text}"],
            [f"ann@{text}"] if not text.startswith("-") else ["--", f"ann@{text}"],
            ["h", f"--user={text}"],
            [f"{text}@h"] if not text.startswith("-") else ["--", f"{text}@h"],
        ):
            try:
                server = parse(arguments).server
            except BadChoice as refused:
                assert "\n" not in str(refused)
            else:
                accepted.append((arguments, server))

    assert [arguments for arguments, _ in accepted] == [
        ["h", "--user=h\\touch"],  # a domain and its user, as Windows writes them
        ["h\\touch@h"],
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["h;touch"], "the host 'h;touch' is not a host name"),
        (["h", "--user=-oProxyCommand=x"], "the user '-oProxyCommand=x' is not a user name"),
        (["h", "--user="], "the user '' is not a user name"),
        (["h", "--port="], "'' is not a port"),
        (["h", "--port=-oProxyCommand=x"], "'-oProxyCommand=x' is not a port"),
        (["h", "--ssh-option=-oProxyCommand=x"], "--ssh-option '-oProxyCommand=x' is not NAME=VALUE"),
        (["h", "--ssh-option", "ProxyJump"], "is not NAME=VALUE"),
        (["h", "--ssh-option", "User=a\nProxyCommand=x"], "is not NAME=VALUE"),
        (["h", "--dir", "/opt/a\rb"], "is not an absolute path below /"),
        (["h", "--dir", "/etc"], "belongs to the system; name a folder in it: /etc/altmonitor"),
        (["h", "--dir", "//tmp/"], "belongs to the system; name a folder in it: /tmp/altmonitor"),
        (["h", "--key", "-oProxyCommand=x"], "expected one argument"),
        (["h", "--key=-oProxyCommand=x"], "there is no such file"),
    ],
)
def test_what_could_be_an_option_or_a_command_is_refused_by_name(arguments: list[str], says: str) -> None:
    with pytest.raises(BadChoice) as refused:
        parse(arguments)

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_is_one_path_however_many_slashes_it_begins_with() -> None:
    """`rsync:` and two slashes would be the address of an rsync server."""
    assert parse(["rsync", "--dir", "//srv/altmonitor/"]).folder == PurePosixPath("/srv/altmonitor")


def test_without_flags_it_installs_with_docker_into_opt() -> None:
    wanted = parse(["ann@example.org"])

    assert (wanted.action, wanted.target) == (Action.INSTALL, Target.DOCKER)
    assert wanted.folder == PurePosixPath("/opt/altmonitor")
    assert wanted.env_file == Path(".env")
    assert wanted.server == Server(host="example.org", user="ann")


def test_flags_name_the_same_server_piece_by_piece(tmp_path: Path) -> None:
    key = tmp_path / "my key"
    key.touch()

    wanted = parse(["--host", "2001:db8::1", "--user", "ann", "--port", "2222", "--key", str(key), "--update"])

    assert wanted.server == Server(host="2001:db8::1", user="ann", port=2222, key=key)
    assert wanted.action is Action.UPDATE


def test_the_answer_to_the_question_counts_when_no_server_was_named() -> None:
    assert parse([], ask_server="ann@example.org:2222").server == Server(host="example.org", user="ann", port=2222)


def test_here_is_no_server() -> None:
    assert parse(["--here", "--target", "systemd"]).server is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "which server?"),
        (["a@b", "--host", "c"], "once"),
        (["a@b", "--update", "--down"], "choose one of --update, --down"),
        (["a@b", "--dir", "opt"], "not an absolute path"),
        (["a@b", "--dir", "/"], "not an absolute path"),
        (["a@b", "--dir", "/opt/../etc"], "not an absolute path"),
        (["a@b", "--target", "heroku"], "invalid choice"),
        (["a@b", "--port", "x"], "not a port"),
        (["a@b", "--key", "/no/such/key"], "no such file"),
        (["a@b", "--password", "secret"], "unrecognized arguments"),
    ],
)
def test_what_makes_no_sense_is_one_line(arguments: list[str], says: str) -> None:
    with pytest.raises(BadChoice) as refused:
        parse(arguments)

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


SECRETS = (
    "123456789:" + "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1",
    "P4ss,w0rd!",
    "Tr0ub4dor&3",
    "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA",
)


def test_a_token_or_password_in_the_wrong_place_is_refused_and_not_repeated() -> None:
    told: list[tuple[list[str], str]] = []
    for secret in SECRETS:
        for arguments in (
            [f"ann:{secret}@example.org"],
            [f"ann@example.org:{secret}"],
            ["h", f"--user={secret}"],
            [f"--host={secret}"],
            ["h", f"--port={secret}"],
            ["h", f"--key={secret}"],
            ["h", f"--dir={secret}"],
            ["h", f"--target={secret}"],
            ["h", f"--ssh-option={secret}"],
            ["h", f"--password={secret}"],
            ["h", "--password", secret],
            ["h", secret],
        ):
            try:
                shown = str(parse(arguments).server and parse(arguments).server.shown)  # type: ignore[union-attr]
            except BadChoice as refused:
                shown = str(refused)
            pieces = [secret, secret.partition(":")[2] or secret, secret[-12:]]
            if any(piece in shown or repr(piece)[1:-1] in shown for piece in pieces):
                told.append((arguments, shown))
    assert told == []


def test_a_password_as_an_argument_is_answered_with_where_it_belongs() -> None:
    for arguments in (["a@b", "--password", "hunter2"], ["a@b", "--password=hunter2"], ["a@b", "--pass=hunter2"]):
        with pytest.raises(BadChoice) as refused:
            parse(arguments)
        assert "a password is never an argument: it is asked for, or read from SSHPASS" in str(refused.value)
        assert "hunter2" not in str(refused.value)
    with pytest.raises(BadChoice) as refused:
        parse(["a@b:hunter2"])
    assert str(refused.value) == "'***' is not a port: 1 to 65535"
