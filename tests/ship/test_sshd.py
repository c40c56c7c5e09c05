"""deploy.py against a real sshd on this machine, with real rsync; only docker is a stand-in."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ops.deploy.stub_machine import TOKEN, StubMachine, settings, stub_machine
from tests.ship.engine import ROOT

SSHD = shutil.which("sshd") or next((path for path in ("/usr/sbin/sshd",) if Path(path).exists()), "")
MISSING = [name for name in ("ssh", "ssh-keygen", "rsync") if shutil.which(name) is None] + ([] if SSHD else ["sshd"])

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="an sshd that lets this user in needs root here"),
]
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host key
PidFile none
AuthorizedKeysFile {home}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
SetEnv PATH="{programs}:{path}" STUB_STATE="{state}"
"""


@dataclass(frozen=True, slots=True)
class Sshd:
    home: Path
    port: int
    machine: StubMachine

    @property
    def folder(self) -> Path:
        return self.home / 'it\'s a "server" $HOME'

    def command(self, *arguments: str, mood: str = "well", key: str = "key") -> list[str]:
        env_file = self.home / "env"
        env_file.write_text(settings(mood))
        own = ["--ssh-option", f"UserKnownHostsFile={self.home}/known", "--ssh-option", "IdentitiesOnly=yes"]
        login = ["--user", getpass.getuser(), "--port", str(self.port), "--key", str(self.home / key), *own]
        destination = ["--dir", str(self.folder), "--env-file", str(env_file)]
        return [sys.executable, str(ROOT / "deploy.py"), "--host", "127.0.0.1", *login, *destination, *arguments]

    def deploy(self, *arguments: str, mood: str = "well", key: str = "key") -> tuple[int, str]:
        done = subprocess.run(
            self.command(*arguments, mood=mood, key=key),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


def is_listening(port: int) -> bool:
    with socket.socket() as there:
        return there.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    home = tmp_path / "home"
    home.mkdir()
    machine = stub_machine(tmp_path / "stubs")
    (machine.folder / "rsync").unlink()  # the real one
    tools = machine.folder.parent / "tools"
    tools.mkdir()
    for folder in ("/usr/local/bin", "/usr/bin", "/bin"):
        for tool in Path(folder).iterdir():
            if not (tools / tool.name).is_symlink():
                (tools / tool.name).symlink_to(tool)
    for name in ("host key", "key", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name)], check=True)
    shutil.copy(home / "key.pub", home / "authorized")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    config = home / "sshd_config"
    text = CONFIG.format(port=port, home=home, programs=machine.folder, path=tools, state=machine.state).replace(
        f"HostKey {home}/host key", f'HostKey "{home}/host key"'
    )
    config.write_text(text)
    Path("/run/sshd").mkdir(exist_ok=True)  # where sshd wants an empty folder
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        until_s = time.monotonic() + 10
        while not is_listening(port):
            assert time.monotonic() < until_s, "sshd does not listen"
            time.sleep(0.05)
        yield Sshd(home, port, machine)
    finally:
        process.terminate()
        process.wait()


def test_a_healthy_one_is_deployed_updated_and_rolled_back_through_ssh(sshd: Sshd) -> None:
    code, said = sshd.deploy()
    assert (code, len(sshd.machine.chat)) == (0, 1), said
    first = sshd.machine.running
    assert (sshd.folder / "current" / "altmonitor" / "cli" / "main.py").exists()
    assert not list((sshd.folder / "upload").rglob("*.pyc"))
    assert not (sshd.folder / "upload" / ".git").exists()
    assert oct((sshd.folder / "current" / ".env").stat().st_mode)[-3:] == "600"
    time.sleep(1)  # the name of a release has seconds

    assert sshd.deploy("--update")[0] == 0
    assert sshd.machine.running != first
    assert sshd.deploy("--rollback")[0] == 0
    assert sshd.machine.running == first
    assert "TWO AT ONCE" not in sshd.machine.log


def test_one_that_crash_loops_is_taken_back_and_the_chat_hears_nothing_of_it(sshd: Sshd) -> None:
    sshd.deploy()
    first = sshd.machine.running
    time.sleep(1)

    code, said = sshd.deploy(mood="gone")

    assert code == 1
    assert "the container ended: exited 2" in said
    assert f"The new version is stopped, {first} runs again and is well." in said
    assert sshd.machine.running == first
    assert len(sshd.machine.chat) == 1
    assert TOKEN not in said


def test_one_that_never_gets_well_is_given_a_minute(sshd: Sshd) -> None:
    began_s = time.monotonic()

    code, said = sshd.deploy(mood="sick")

    assert code == 1
    assert 60 <= time.monotonic() - began_s < 80
    assert "not ok after 60 s: down: no data" in said


def test_a_copy_that_was_cut_off_is_finished_by_the_next_one(sshd: Sshd) -> None:
    half = subprocess.Popen(sshd.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert half.stdout is not None
    while "Copying files" not in (seen := half.stdout.read(1) + half.stdout.readline()):
        assert seen
        if (sshd.folder / "upload").exists():
            break
    half.send_signal(signal.SIGKILL)
    half.communicate()

    code, said = sshd.deploy()

    assert code == 0, said
    assert [path.name for path in (sshd.folder / "releases").iterdir()] == [sshd.machine.running]


def test_a_key_that_is_not_accepted_a_wrong_port_and_an_unknown_host_are_told_apart(sshd: Sshd) -> None:
    code, said = sshd.deploy("--status", key="other")
    assert (code, "no key is accepted for" in said) == (1, True)

    code, said = sshd.deploy("--status", "--port", "1")
    assert (code, "nothing listens on port 1 there" in said) == (1, True)

    code, said = sshd.deploy("--status", "--host", "no-such-host.invalid")
    assert (code, "the host name is unknown" in said) == (1, True)


def test_another_host_key_than_last_time_is_refused(sshd: Sshd) -> None:
    other = (sshd.home / "other.pub").read_text().split()
    (sshd.home / "known").write_text(f"[127.0.0.1]:{sshd.port} {other[0]} {other[1]}\n")

    code, said = sshd.deploy()

    assert code == 1
    assert "the server shows another host key than last time" in said
    assert not sshd.folder.exists()


def test_rsync_missing_on_the_server_is_told_before_anything_is_written(sshd: Sshd) -> None:
    (sshd.machine.folder.parent / "tools" / "rsync").unlink()

    code, said = sshd.deploy()

    assert code == 1
    assert "rsync" in said
    assert "is missing on the server" in said
    assert not sshd.folder.exists()
