"""deploy.py and the unit on a real server that may be changed at will.

ALTMONITOR_SHIP_SERVER    user@host:port, a Debian 12 with systemd, Docker with Compose 2, sudo without a password
ALTMONITOR_SHIP_KEY       private key file           ALTMONITOR_SHIP_PASSWORD   the user's password
ALTMONITOR_SHIP_ADDRESS   of this machine, as the server's containers see it
ALTMONITOR_SHIP_REBOOT    a command that reboots it
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from altmonitor.ops.deploy.options import Server, parse_server
from tests.e2e.process import TOKEN
from tests.ship.engine import ROOT
from tests.ship.surroundings import Surroundings, surroundings

NAMES = ("SERVER", "KEY", "PASSWORD", "ADDRESS", "REBOOT")
GIVEN = {name: os.environ.get(f"ALTMONITOR_SHIP_{name}", "") for name in NAMES}
MISSING = [f"ALTMONITOR_SHIP_{name}" for name in NAMES if not GIVEN[name]]

pytestmark = [
    pytest.mark.timeout(580),
    pytest.mark.skipif(bool(MISSING), reason=f"no server to try it on: {', '.join(MISSING)} not set"),
]


@dataclass(frozen=True, slots=True)
class RealServer:
    folder: Path
    at: Server

    async def deploy(self, *arguments: str, password: str = "") -> tuple[int | None, str]:
        own = ["--ssh-option", f"UserKnownHostsFile={self.folder}/known", "--ssh-option", "IdentitiesOnly=yes"]
        login = ["--ssh-option", "IdentityFile=none"] if password else ["--key", GIVEN["KEY"]]
        environ = {**os.environ, "SSHPASS": password}
        command = [str(ROOT / "deploy.py"), GIVEN["SERVER"], *own, *login, "--env-file", str(self.folder / ".env")]
        return await ran(sys.executable, *command, *arguments, environ=environ)

    async def sh(self, command: str) -> str:
        """Asserts that it ends with 0."""
        options = ["-o", f"UserKnownHostsFile={self.folder}/known", "-o", "StrictHostKeyChecking=accept-new"]
        login = ["-p", str(self.at.port), "-i", GIVEN["KEY"], "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR"]
        code, said = await ran("ssh", *options, *login, f"{self.at.user}@{self.at.host}", command)
        assert code == 0, said
        return said.strip()

    async def reboot(self) -> None:
        code, said = await ran(*shlex.split(GIVEN["REBOOT"]))
        assert code == 0, said
        async with asyncio.timeout(120):
            while await self.is_away():  # noqa: ASYNC110 — a server can only be asked
                await asyncio.sleep(1)

    async def is_away(self) -> bool:
        return "ssh-" not in (await ran("ssh-keyscan", "-p", str(self.at.port), self.at.host))[1]


async def ran(*command: str, environ: dict[str, str] | None = None) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode(errors="replace")


async def eventually_well(server: RealServer, *arguments: str) -> None:
    async with asyncio.timeout(120):
        while (await server.deploy("--status", *arguments))[0] != 0:  # noqa: ASYNC110 — a server can only be asked
            await asyncio.sleep(2)


def told_of(around: Surroundings, words: str) -> int:
    return sum(words in message.text for message in around.world.said)


async def test_docker_by_key_update_by_password_rollback_reboot_down(tmp_path: Path) -> None:
    server = RealServer(tmp_path, parse_server(GIVEN["SERVER"]))
    async with surroundings(tmp_path, host=GIVEN["ADDRESS"]) as around:
        (tmp_path / ".env").write_text(around.settings)

        code, said = await server.deploy()
        assert code == 0, said
        assert told_of(around, "is deployed on") == 1
        assert TOKEN not in said
        first = await server.sh("readlink /opt/altmonitor/current")

        code, said = await server.deploy("--update", password=GIVEN["PASSWORD"])
        assert code == 0, said
        assert await server.sh("readlink /opt/altmonitor/previous") == first
        assert await server.sh("sudo docker ps -q --filter label=com.docker.compose.project=altmonitor | wc -l") == "1"
        code, said = await server.deploy("--status", password="wrong")
        assert (code, "wrong password for" in said) == (1, True)

        assert (await server.deploy("--rollback"))[0] == 0
        assert await server.sh("readlink /opt/altmonitor/current") == first
        assert await server.sh("sudo stat -c '%a %U' /opt/altmonitor/current/.env") == "600 root"

        await server.reboot()
        await eventually_well(server)

        (tmp_path / ".env").write_text(around.settings.replace("TG_CHAT_ID=77", "TG_CHAT_ID=abc"))
        code, said = await server.deploy()
        assert (code, "TG_CHAT_ID='abc" in said, "runs again and is well" in said) == (1, True, True), said

        code, said = await server.deploy("--target", "systemd")
        assert (code, "already runs there with docker" in said) == (1, True)
        assert (await server.deploy("--down"))[0] == 0
        assert await server.sh("sudo docker volume ls -q | grep -c altmonitor_data") == "1"


async def test_systemd_in_a_difficult_folder_with_a_watchdog_that_fires_and_a_reboot(tmp_path: Path) -> None:
    server = RealServer(tmp_path, parse_server(GIVEN["SERVER"]))
    there = ("--target", "systemd", "--dir", '/srv/it\'s a "shop" $HOME 50%')
    async with surroundings(tmp_path, host=GIVEN["ADDRESS"]) as around:
        (tmp_path / ".env").write_text(around.settings)
        code, said = await server.deploy(*there)
        assert code == 0, said
        assert told_of(around, "is deployed on") == 1

        assert await server.sh("systemctl show -p Type -p WatchdogUSec --value altmonitor") == "notify\n2min"
        exposure = await server.sh("systemd-analyze security altmonitor.service | tail -n 1")
        level = re.search(r"(\d+\.\d)", exposure)
        assert level is not None
        assert float(level[1]) <= 2.0
        assert await server.sh("systemd-analyze verify altmonitor.service 2>&1") == ""

        await server.sh(
            "d=/run/systemd/system/altmonitor.service.d; "
            'sudo mkdir -p $d && printf "[Service]\\nWatchdogSec=6\\n" | sudo tee $d/short.conf >/dev/null && '
            "sudo systemctl daemon-reload && sudo systemctl restart altmonitor"
        )
        await eventually_well(server, *there)
        await server.sh("sudo kill -STOP $(systemctl show -p MainPID --value altmonitor)")
        async with asyncio.timeout(60):
            while await server.sh("systemctl show -p NRestarts --value altmonitor") != "1":  # noqa: ASYNC110 — as above
                await asyncio.sleep(1)
        assert "Watchdog timeout (limit 6s)!" in await server.sh("sudo journalctl -u altmonitor -n 100 --no-pager")
        await server.sh("sudo rm -r /run/systemd/system/altmonitor.service.d && sudo systemctl daemon-reload")
        await eventually_well(server, *there)

        code, said = await server.deploy(*there, "--update")
        assert code == 0, said
        assert (await server.deploy(*there, "--rollback"))[0] == 0
        await server.reboot()
        await eventually_well(server, *there)

        assert (await server.deploy(*there, "--down"))[0] == 0
        assert await server.sh("sudo ls /var/lib/private/altmonitor/alerts.db") != ""


COUNT = "SELECT count(*) FROM alerts"


async def test_from_docker_to_systemd_and_back_the_alerts_go_along_and_two_at_once_are_locked_out(
    tmp_path: Path,
) -> None:
    server = RealServer(tmp_path, parse_server(GIVEN["SERVER"]))
    async with surroundings(tmp_path, host=GIVEN["ADDRESS"]) as around:
        (tmp_path / ".env").write_text(around.settings)
        await server.sh("sudo rm -rf /opt/altmonitor /var/lib/altmonitor /var/lib/private/altmonitor")
        await server.sh("sudo docker volume rm -f altmonitor_data")
        world, (first, second) = around.world, around.world.symbols[:2]

        (code, said), (other_code, other_said) = await asyncio.gather(server.deploy(), late(server))
        assert (code, other_code) == (0, 1), said + other_said
        assert "another deployment is at it: " in other_said
        await world.pump(first)
        await world.hears(first.removesuffix("USDT"), within_s=60)
        in_container = "sudo docker exec $(sudo docker ps -q) python -c "
        asked = shlex.quote(
            f"import sqlite3; print(sqlite3.connect('/data/alerts.db').execute('{COUNT}').fetchone()[0])"
        )
        before = int(await server.sh(in_container + asked))
        assert before > 0

        assert (await server.deploy("--down"))[0] == 0
        code, said = await server.deploy("--target", "systemd", "--update")
        assert code == 0, said
        assert "taken along from /var/lib/docker/volumes/altmonitor_data/_data" in said
        folder = "/var/lib/private/altmonitor"
        asked = shlex.quote(
            f"import sqlite3; print(sqlite3.connect('{folder}/alerts.db').execute('{COUNT}').fetchone()[0])"
        )
        assert int(await server.sh(f"sudo python3 -c {asked}")) >= before
        await world.pump(second)
        await world.hears(second.removesuffix("USDT"), within_s=60)

        code, said = await server.deploy("--target", "systemd", "--rollback")
        assert (code, "was left as it is" in said) == (1, True), said
        assert await server.sh("systemctl is-active altmonitor") == "active"

        assert (await server.deploy("--target", "systemd", "--down"))[0] == 0
        code, said = await server.deploy("--update")
        assert code == 0, said
        assert f"taken along from {folder}, which stays as it is" in said
        asked = shlex.quote(
            f"import sqlite3; print(sqlite3.connect('/data/alerts.db').execute('{COUNT}').fetchone()[0])"
        )
        assert int(await server.sh(in_container + asked)) > before
        assert (await server.deploy("--down"))[0] == 0


async def late(server: RealServer) -> tuple[int | None, str]:
    """While the first one builds."""
    async with asyncio.timeout(60):
        while "deploying" not in await server.sh("ls /opt/altmonitor 2>/dev/null; true"):  # noqa: ASYNC110 — as above
            await asyncio.sleep(0.2)
    return await server.deploy()
