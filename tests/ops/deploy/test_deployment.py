"""Every command of a deployment as a value, for a folder with spaces, quotes and a dollar."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath

import pytest

from altmonitor.ops.deploy import docker, releases, systemd
from altmonitor.ops.deploy import probe as facts
from altmonitor.ops.deploy.deployment import Deployment, DeployTimeouts
from altmonitor.ops.deploy.dry_run import commands_in
from altmonitor.ops.deploy.options import Target
from altmonitor.ops.deploy.probe import Facts
from altmonitor.ops.deploy.releases import Layout, Step
from altmonitor.ops.deploy.runner import RemoteRights, Runner, with_rights

PLAIN = Layout(PurePosixPath("/opt/altmonitor"))
NASTY = Layout(PurePosixPath('/srv/it\'s a "shop" $HOME'))
TEMPLATE = (Path(__file__).parents[3] / "systemd/altmonitor.service").read_text("utf-8")


def plan(destination: Layout, target: Target) -> Deployment:
    return Deployment(
        runner=Runner(connection=None, source=Path()),
        target=docker if target is Target.DOCKER else systemd,
        layout=destination,
        user="ann",
        current="old",
        previous="older",
        timeouts=DeployTimeouts(),
    )


def every_step(destination: Layout, target: Target) -> list[Step]:
    whole = plan(destination, target)
    build = (
        docker.build(destination, "new")
        if target is Target.DOCKER
        else systemd.build(destination, "new", unit_template=TEMPLATE)
    )
    parts = [
        facts.WHO,
        facts.look(destination),
        *whole.prepare("new", settings="A=1\n", build=build),
        *whole.switch("new"),
        whole.target.is_well(destination, "new"),
        *whole.settle("new"),
        *whole.back("new"),
        releases.lock(destination, "ann@laptop 4711"),
        releases.unlock(destination, "ann@laptop 4711"),
        whole.target.is_there(destination, "new"),
        whole.target.data(destination, "new"),
        whole.target.message(destination, "new", "hello"),
        whole.target.logs(destination, "new", lines=5),
        whole.target.status(destination, "new"),
        docker.install_engine(destination.upload),
    ]
    return [part for part in parts if isinstance(part, Step)]


def test_the_commands_of_the_switch_with_docker() -> None:
    assert [step.command for step in plan(PLAIN, Target.DOCKER).switch("new")] == [
        "cd /opt/altmonitor/releases/old && ALTMONITOR_TAG=old docker compose down 2>&1",
        "cd /opt/altmonitor/releases/new && ALTMONITOR_TAG=new docker compose up -d --no-build --remove-orphans 2>&1",
    ]


def test_the_commands_of_the_way_back_with_docker() -> None:
    assert [step.command for step in plan(PLAIN, Target.DOCKER).back("new")] == [
        "cd /opt/altmonitor/releases/new && ALTMONITOR_TAG=new docker compose down 2>&1",
        "cd /opt/altmonitor/releases/old && ALTMONITOR_TAG=old docker compose up -d --no-build --remove-orphans 2>&1",
    ]


def test_the_commands_of_the_switch_with_systemd() -> None:
    assert [step.command for step in plan(PLAIN, Target.SYSTEMD).switch("new")] == [
        "systemctl disable --now altmonitor 2>&1; rm -f /etc/systemd/system/altmonitor.service; "
        "systemctl daemon-reload",
        "set -e; install -m 644 /opt/altmonitor/releases/new/altmonitor.service "
        "/etc/systemd/system/altmonitor.service; systemctl daemon-reload; systemctl enable --quiet altmonitor; "
        "systemctl reset-failed altmonitor 2>/dev/null || true; systemctl stop altmonitor; "
        "systemctl start --no-block altmonitor 2>&1",
    ]


def test_the_upload_folder_is_the_login_users_own_whoever_deployed_before() -> None:
    assert releases.folders(PLAIN, user="ann").command == (
        "mkdir -p /opt/altmonitor /opt/altmonitor/releases /opt/altmonitor/upload && "
        "chmod 755 /opt/altmonitor /opt/altmonitor/releases && chmod 700 /opt/altmonitor/upload && "
        '{ [ "$(id -u)" != 0 ] || chown -R ann /opt/altmonitor/upload; }'
    )


def test_a_release_is_made_aside_and_its_settings_are_0600_from_their_creation() -> None:
    step = releases.release(PLAIN, "new", settings="TG_BOT_TOKEN=x\n")

    assert step.command == (
        "set -e; umask 022; rm -rf /opt/altmonitor/releases/new.partial; "
        "cp -R /opt/altmonitor/upload /opt/altmonitor/releases/new.partial; "
        "chmod 755 /opt/altmonitor/releases/new.partial; umask 077; "
        "cat >/opt/altmonitor/releases/new.partial/.env; chmod 600 /opt/altmonitor/releases/new.partial/.env; "
        'if [ "$(id -u)" = 0 ]; then chown -R 0:0 /opt/altmonitor/releases/new.partial; fi; '
        "mv /opt/altmonitor/releases/new.partial /opt/altmonitor/releases/new"
    )
    assert step.stdin == "TG_BOT_TOKEN=x\n"


def test_it_becomes_the_current_one_after_it_was_found_well() -> None:
    assert plan(PLAIN, Target.SYSTEMD).settle("new")[0].command == (
        "ln -sfn releases/old /opt/altmonitor/previous.new && "
        "mv -T /opt/altmonitor/previous.new /opt/altmonitor/previous && "
        "ln -sfn releases/new /opt/altmonitor/current.new && "
        "mv -T /opt/altmonitor/current.new /opt/altmonitor/current"
    )


def test_a_difficult_path_is_one_word_of_the_shell() -> None:
    step = plan(NASTY, Target.DOCKER).switch("new")[1]

    assert step.command.startswith(
        "cd '/srv/it'\"'\"'s a \"shop\" $HOME/releases/new' && ALTMONITOR_TAG=new docker compose up -d"
    )


@pytest.mark.parametrize("target", list(Target))
@pytest.mark.parametrize("destination", [PLAIN, NASTY], ids=["plain", "difficult"])
@pytest.mark.parametrize("rights", list(RemoteRights))
def test_every_command_is_correct_shell(destination: Layout, target: Target, rights: RemoteRights) -> None:
    for step in every_step(destination, target):
        command = with_rights(step, rights)
        checked = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, ""), step.title


@pytest.mark.parametrize("target", list(Target))
@pytest.mark.parametrize("destination", [PLAIN, NASTY], ids=["plain", "difficult"])
def test_every_command_on_a_line_of_its_own_is_still_the_same_script(destination: Layout, target: Target) -> None:
    for step in every_step(destination, target):
        lines = commands_in(step.command)
        again = "".join(f"{line} " if line.endswith("&&") else f"{line}; " for line in lines)
        assert again.removesuffix("; ") == step.command, step.title
        checked = subprocess.run(["sh", "-n", "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, ""), step.title


def test_a_script_is_cut_only_where_a_command_ends() -> None:
    script = "a 'b; c' && d; for e in f; do g; done; { h; i; } || j; k=$(l; m); case n in o) p ;; esac; echo \"q; r\""

    assert commands_in(script) == [
        "a 'b; c' &&",
        "d",
        "for e in f; do g; done",
        "{ h; i; } || j",
        "k=$(l; m)",
        "case n in o) p ;; esac",
        'echo "q; r"',
    ]


def test_rights_of_root_are_taken_without_a_cached_password_in_between() -> None:
    step = Step(title="x", command="cat >'a b'", stdin="text")

    assert with_rights(step, RemoteRights.ROOT) == "cat >'a b'"
    assert with_rights(step, RemoteRights.FREE) == """sudo -n sh -c 'cat >'"'"'a b'"'"''"""
    assert with_rights(step, RemoteRights.PASSWORD) == """sudo -k -S -p '' sh -c 'cat >'"'"'a b'"'"''"""


def test_no_secret_is_part_of_any_command() -> None:
    secret = "123456:" + "plan-Token_0123456789-abcdefghijklm"
    step = releases.release(PLAIN, "new", settings=f"TG_BOT_TOKEN={secret}\n")

    assert secret not in with_rights(step, RemoteRights.PASSWORD)


def test_docker_is_installed_only_for_docker_and_rsync_with_the_servers_own_tool() -> None:
    bare = Facts({"packages": "apk", "curl": "/usr/bin/curl", "python3": "/usr/bin/python3"})

    assert [lack.what for lack in facts.missing(bare, Target.DOCKER, PLAIN)] == [
        "rsync",
        "Docker (its own script from get.docker.com)",
    ]
    assert [lack.step.command for lack in facts.missing(bare, Target.SYSTEMD, PLAIN)] == ["apk add --quiet rsync 2>&1"]
