"""Whole deployments on this machine: the real commands in a real shell, only docker and rsync are stand-ins."""

from __future__ import annotations

import io
import os
import shutil
import socket
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest

from altmonitor import __version__
from altmonitor.core.clock import SystemClock
from altmonitor.ops.deploy import releases
from altmonitor.ops.deploy.deploy import DeployDeps, Person, main
from altmonitor.ops.deploy.deployment import DeployTimeouts
from altmonitor.ops.deploy.releases import Layout
from tests.ops.deploy.stub_machine import TOKEN, StubMachine, checkout, settings, stub_machine

NOBODY = Person(secret=lambda _: None, agrees=lambda _: None)


class CountingClock(SystemClock):
    """Wall time moves by an hour with every look, so that every release has another name; the rest is real."""

    def __init__(self) -> None:
        self._looks = 0

    def now_ms(self) -> int:
        self._looks += 1
        return 1_790_000_000_000 + self._looks * 3_600_000


@dataclass
class Server:
    """folder: a path nobody would choose."""

    machine: StubMachine
    source: Path
    folder: Path
    clock: CountingClock = field(default_factory=CountingClock)
    said: str = ""

    def deploy(self, *arguments: str, mood: str = "well", environ: dict[str, str] | None = None) -> int:
        env_file = self.source.parent / "env to send"
        env_file.write_text(settings(mood))
        out = io.StringIO()
        around = DeployDeps(
            source=self.source,
            out=out,
            environ=environ or self.machine.environ,
            person=lambda: NOBODY,
            timeouts=DeployTimeouts(health_s=0.3, every_s=0.05),
            clock=self.clock,
        )
        code = main(["--here", "--dir", str(self.folder), "--env-file", str(env_file), *arguments], around)
        self.said = out.getvalue()
        return code

    @property
    def current(self) -> str:
        return (self.folder / "current").readlink().name


@pytest.fixture
def server(tmp_path: Path) -> Server:
    folder = tmp_path / 'it\'s a "shop" $HOME 50%; `x`'
    return Server(stub_machine(tmp_path / "stubs"), checkout(tmp_path / "source code"), folder)


FIRST, SECOND, THIRD = (f"{__version__}-20260921T{time}" for time in ("151320", "161320", "171320"))


def test_a_first_deployment_builds_starts_waits_and_tells_the_chat_once(server: Server) -> None:
    assert server.deploy() == 0

    assert server.machine.log == [f"build altmonitor:{FIRST}", f"up {FIRST}"]
    assert server.current == FIRST
    assert len(server.machine.chat) == 1
    assert server.machine.chat[0].startswith(f"✅ altmonitor {FIRST} is deployed on ")
    assert f"✓ {FIRST} runs and is well" in server.said


def test_the_settings_over_there_can_be_read_by_nobody_else(server: Server) -> None:
    server.deploy()

    env_file = server.folder / "current" / ".env"
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    assert env_file.read_text() == settings("well")
    assert stat.S_IMODE((server.folder / "current").stat().st_mode) == 0o755


def test_an_update_stops_the_old_one_first_and_keeps_the_settings_over_there(server: Server) -> None:
    server.deploy()

    assert server.deploy("--update", mood="gone") == 0

    assert server.machine.log[2:] == [f"build altmonitor:{SECOND}", "down", f"up {SECOND}"]
    assert (server.folder / "current" / ".env").read_text() == settings("well")
    assert (server.folder / "previous").readlink().name == FIRST


@pytest.mark.parametrize(
    ("mood", "seen"),
    [
        ("sick", "not ok after 0 s: down: no data"),
        ("gone", "the container ended: exited 2 altmonitor:" + SECOND),
        ("refused", "its settings are refused, see its log"),
    ],
)
def test_a_version_that_does_not_get_well_is_stopped_and_the_old_one_started_again(
    server: Server, mood: str, seen: str
) -> None:
    server.deploy()

    assert server.deploy(mood=mood) == 1

    assert server.machine.log[2:] == [f"build altmonitor:{SECOND}", "down", f"up {SECOND}", "down", f"up {FIRST}"]
    assert (server.machine.running, server.current) == (FIRST, FIRST)
    assert f"✗ Waiting for /health: {seen}" in server.said
    assert f"The new version is stopped, {FIRST} runs again and is well." in server.said
    assert len(server.machine.chat) == 1  # of the first deployment


def test_a_first_version_that_does_not_get_well_is_stopped_and_the_chat_hears_nothing(server: Server) -> None:
    assert server.deploy(mood="sick") == 1

    assert server.machine.running == ""
    assert server.machine.chat == []
    assert "The new version is stopped; there is none before it." in server.said


def test_what_the_log_holds_is_shown_without_the_token(server: Server) -> None:
    server.deploy(mood="sick")

    assert "the last words, with the token ***" in server.said
    assert TOKEN not in server.said


def test_the_old_version_runs_on_while_a_build_fails(server: Server) -> None:
    server.deploy()

    assert server.deploy(mood="unbuildable") == 1

    assert server.machine.running == FIRST
    assert "down" not in server.machine.log
    assert "no matching distribution" in server.said
    assert "cannot reach the package index" in server.said


def test_after_a_failure_the_same_command_finishes_the_job(server: Server) -> None:
    (server.machine.state / "disk-full").touch()
    assert server.deploy() == 1
    assert "Copying files: the disk over there is full" in server.said
    (server.machine.state / "disk-full").unlink()

    assert server.deploy() == 0

    assert server.machine.running == SECOND
    assert [path.name for path in (server.folder / "releases").iterdir()] == [SECOND]


def test_rollback_goes_back_and_forth_and_never_runs_two(server: Server) -> None:
    server.deploy()
    server.deploy("--update")

    assert server.deploy("--rollback") == 0
    assert (server.machine.running, server.current) == (FIRST, FIRST)
    assert server.deploy("--rollback") == 0
    assert (server.machine.running, server.current) == (SECOND, SECOND)

    assert "TWO AT ONCE" not in server.machine.log
    assert server.machine.log[-4:] == ["down", f"up {FIRST}", "down", f"up {SECOND}"]


def test_only_this_version_and_the_one_before_are_kept(server: Server) -> None:
    server.deploy()
    server.deploy("--update")
    server.deploy("--update")

    assert sorted(path.name for path in (server.folder / "releases").iterdir()) == [SECOND, THIRD]
    assert server.machine.log[-1] == f"rmi altmonitor:{FIRST}"


def test_down_stops_and_keeps_settings(server: Server) -> None:
    server.deploy()

    assert server.deploy("--down") == 0

    assert server.machine.running == ""
    assert (server.folder / "current" / ".env").exists()


def test_status_says_what_runs_and_its_exit_code_is_its_health(server: Server) -> None:
    server.deploy()
    assert server.deploy("--status") == 0
    assert FIRST in server.said

    server.deploy("--down")
    (server.machine.state / "mood").write_text("sick")

    assert server.deploy("--status") == 1


@pytest.mark.parametrize(
    ("file", "content", "seen", "remedy"),
    [
        ("engine", "19.3.1", "Docker 19.3.1 is too old, 20.10 is needed", "https://docs.docker.com/engine/install/"),
        ("engine", "Cannot connect to the Docker daemon", "Docker does not answer", "systemctl start docker"),
        ("engine", "permission denied while trying", "this user may not use Docker", "usermod -aG docker"),
        ("compose", "2.17.1", "Docker Compose 2.17.1 is too old, 2.24 is needed", "docker-compose-plugin"),
        ("compose", "", "Docker Compose 2 is missing", "docker-compose-plugin"),
        ("free", "200000", "only 200 MB are free there", "make room"),
    ],
)
def test_what_stands_in_the_way_is_told_before_anything_is_written(
    server: Server, file: str, content: str, seen: str, remedy: str
) -> None:
    (server.machine.state / file).write_text(content)

    assert server.deploy() == 1

    assert seen in server.said
    assert remedy in server.said
    assert not server.folder.exists()


@pytest.mark.parametrize("flag", ["--update", "--rollback", "--down", "--logs", "--status"])
def test_what_is_not_installed_cannot_be_changed(server: Server, flag: str) -> None:
    assert server.deploy(flag) == 1

    assert "altmonitor is not installed there" in server.said


def test_there_must_be_a_version_before_this_one_to_go_back_to(server: Server) -> None:
    server.deploy()

    assert server.deploy("--rollback") == 1

    assert "there is no version before this one" in server.said
    assert server.machine.running == FIRST


def test_a_missing_or_empty_settings_file_is_told_before_anything_else(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert server.deploy("--env-file", "/no/such/file") == 2
    assert "setup_wizard.py writes it" in capsys.readouterr().err

    empty = server.source / "empty"
    empty.write_text("TG_BOT_TOKEN=\n")
    assert server.deploy("--env-file", str(empty)) == 2
    assert "TG_BOT_TOKEN is not set" in capsys.readouterr().err


def test_a_dry_run_prints_every_command_and_runs_none(server: Server) -> None:
    assert server.deploy("--dry-run") == 0

    assert not server.folder.exists()
    assert server.machine.log == []
    assert TOKEN not in server.said
    for words in ("rsync -a -s", "docker build -t", "docker compose up -d", "health_probe --ok", "deploy.notice"):
        assert words in server.said


def test_a_dry_run_prints_one_command_a_line_below_its_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env_file = tmp_path / "env"
    env_file.write_text(settings("well"))
    out = io.StringIO()
    around = DeployDeps(source=checkout(tmp_path / "source"), out=out, environ={"PATH": ""}, clock=CountingClock())

    assert main(["ann@box:2222", "--dry-run", "--env-file", str(env_file)], around) == 0

    assert capsys.readouterr().err == ""
    blocks = {block.splitlines()[0]: block.splitlines()[1:] for block in out.getvalue().split("\n\n")}
    assert blocks["# 4. Making folders (with sudo)"][0] == (
        "mkdir -p /opt/altmonitor /opt/altmonitor/releases /opt/altmonitor/upload &&"
    )
    made = f"# 6. Making release {FIRST} (with sudo, reads its text from standard input)"
    assert blocks[made][:3] == ["set -e", "umask 022", f"rm -rf /opt/altmonitor/releases/{FIRST}.partial"]
    assert blocks[f"# 10. Starting {FIRST} (with sudo)"] == [
        f"cd /opt/altmonitor/releases/{FIRST} &&",
        f"ALTMONITOR_TAG={FIRST} docker compose up -d --no-build --remove-orphans 2>&1",
    ]
    assert blocks["# 5. Copying files (from this machine)"][0] == f"cd {around.source}"
    assert out.getvalue().count("sudo -n sh -c") == 1, "said once, instead of around every command"
    assert "'\"'\"'" not in out.getvalue(), "no quotes inside of quotes"


def test_what_is_printed_holds_no_secret_of_the_settings_the_environment_or_an_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env_file = tmp_path / "env"
    env_file.write_text(settings("well") + "\nexport API_TOKEN='k3y'\nHTTPS_PROXY=http://ann:pr0xy-word@proxy:3128\n")
    out = io.StringIO()
    environ = {"PATH": "", "SSHPASS": "hunter2"}
    around = DeployDeps(source=checkout(tmp_path / "source"), out=out, environ=environ, clock=CountingClock())
    options = [
        "ProxyCommand=sshpass -p in-the-middle ssh box -W %h:%p",
        "SetEnv=MY_TOKEN=of-an-option",
        f"SetEnv=OTHER={TOKEN}",
    ]
    arguments = ["hunter2@box", "--dir", f"/opt/{TOKEN}", "--dry-run", "--env-file", str(env_file)]

    assert main([*arguments, *(f"--ssh-option={option}" for option in options)], around) == 0
    said = out.getvalue() + capsys.readouterr().err
    kept = [word for word in (TOKEN, "k3y", "pr0xy-word", "hunter2", "in-the-middle", "of-an-option") if word in said]
    assert kept == []
    assert "ssh -o 'ProxyCommand=sshpass -p *** ssh box -W %h:%p' -o SetEnv=MY_TOKEN=***" in said

    missing = tmp_path / f"{TOKEN}.env"
    assert main(["box", "--env-file", str(missing)], around) == 2
    assert f"{tmp_path}/***" in (refusal := capsys.readouterr().err)
    assert TOKEN not in refusal


def test_a_password_that_is_a_plain_word_is_not_told_by_what_is_masked_in_our_own_sentence(
    server: Server, tmp_path: Path
) -> None:
    refused = "#!/bin/sh\necho 'deploy@box: Permission denied (publickey,password).'\n"
    for name, code in (("ssh", 255), ("sshpass", 5)):
        (server.machine.folder / name).write_text(f"{refused}exit {code}\n")
        (server.machine.folder / name).chmod(0o755)
    out = io.StringIO()
    environ = {**server.machine.environ, "SSHPASS": "wrong"}
    around = DeployDeps(source=server.source, out=out, environ=environ, person=lambda: NOBODY, clock=CountingClock())

    assert main(["deploy@box", "--status"], around) == 1
    assert "✗ wrong password for deploy@box:22\n" in out.getvalue()

    environ["SSHPASS"] = "denied"
    assert main(["denied@box", "--status"], around) == 1
    assert "✗ wrong password for ***@box:22\n" in out.getvalue()


def test_without_rsync_here_nothing_is_written_there(server: Server) -> None:
    (server.machine.folder / "rsync").unlink()
    programs = server.source.parent / "few programs"
    programs.mkdir()
    for name in ("sh", "id", "readlink", "sed", "mkdir"):
        (programs / name).symlink_to(str(shutil.which(name)))
    environ = {**server.machine.environ, "PATH": f"{server.machine.folder}:{programs}"}

    assert server.deploy(environ=environ) == 1

    assert "✗ rsync is missing on this machine" in server.said
    assert not server.folder.exists()


@pytest.mark.parametrize("theirs", ["releases/20240101120000/Gemfile", "upload/photos/1.jpg"])
def test_the_folder_of_another_program_is_left_as_it_is(server: Server, theirs: str) -> None:
    """Others too keep their versions in releases/ and a link `current`."""
    file = server.folder / theirs
    file.parent.mkdir(parents=True)
    file.write_text("theirs")

    assert server.deploy() == 1

    seen = "/".join(theirs.split("/")[:2]) if theirs.startswith("releases") else "upload"
    assert f"✗ that folder is another program's: {seen} in it is not altmonitor's" in server.said
    assert file.read_text() == "theirs"
    assert server.machine.log == []


def test_a_version_that_cannot_be_started_is_not_rolled_back_to_and_nothing_is_stopped(server: Server) -> None:
    server.deploy()
    server.deploy()
    shutil.rmtree(server.folder / "releases" / FIRST)
    before = server.machine.log

    assert server.deploy("--rollback") == 1

    assert server.machine.log == before
    assert (server.machine.running, server.current) == (SECOND, SECOND)
    assert f"{FIRST} cannot be started: its folder is gone; {SECOND} was left as it is" in server.said


def locked_by(server: Server, holder: str, *, age_s: float = 0) -> Path:
    held = server.folder / "deploying"
    held.mkdir(parents=True)
    (held / "by").write_text(holder)
    os.utime(held, (held.stat().st_mtime - age_s,) * 2)
    return held


def test_two_deployments_at_once_are_locked_out(server: Server) -> None:
    held = locked_by(server, "ann@laptop 4711", age_s=95)

    assert server.deploy() == 1

    assert server.machine.log == []
    assert "✗ another deployment is at it: ann@laptop, for 9" in server.said
    assert f"if it died: rm -r {server.folder}/deploying, on the server" in server.said
    assert (held / "by").read_text() == "ann@laptop 4711"
    for action in ("--update", "--rollback", "--down"):
        (server.folder / "current").unlink(missing_ok=True)
        (server.folder / "current").symlink_to(f"releases/{FIRST}")
        (server.folder / "previous").unlink(missing_ok=True)
        (server.folder / "previous").symlink_to(f"releases/{FIRST}")
        assert server.deploy(action) == 1
        assert "another deployment is at it" in server.said


def test_one_of_this_machine_that_still_runs_locks_out_too(server: Server) -> None:
    locked_by(server, f"me@{socket.gethostname()} {os.getpid()}")
    assert server.deploy() == 1
    assert "another deployment is at it" in server.said


def test_what_a_dead_deployment_left_behind_holds_up_nobody(server: Server) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    held = locked_by(server, f"me@{socket.gethostname()} {int(gone.stdout)}")
    assert server.deploy() == 0
    assert not held.exists()
    held = locked_by(server, "ann@laptop 4711", age_s=8_000)
    assert server.deploy("--update") == 0
    assert not held.exists()


def test_nobody_takes_away_the_lock_of_another(tmp_path: Path) -> None:
    """Two that find the same lock left behind: the one who comes second must not remove the first one's."""
    layout = Layout(PurePosixPath(str(tmp_path)))
    held = tmp_path / "deploying"
    held.mkdir()
    (held / "by").write_text("ann@laptop 4711")
    for holder, is_left in (("me@desk 1", True), ("ann@laptop 47110", True), ("ann@laptop 4711", False)):
        ended = subprocess.run(["sh", "-c", releases.unlock(layout, holder).command], check=False)
        assert (ended.returncode, held.exists()) == (0, is_left), holder
    assert subprocess.run(["sh", "-c", releases.unlock(layout, "me@desk 1").command], check=False).returncode == 0


def test_after_a_deployment_that_failed_the_next_may_try(server: Server) -> None:
    assert server.deploy(mood="unbuildable") == 1
    assert not (server.folder / "deploying").exists()
    assert server.deploy() == 0
    assert not (server.folder / "deploying").exists()
