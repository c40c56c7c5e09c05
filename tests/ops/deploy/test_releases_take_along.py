"""From one target to the other: what was stored goes along, or it is said that it does not. Real shells, real files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from altmonitor.ops.deploy import docker, systemd
from altmonitor.ops.deploy.releases import Layout, Step

LAYOUT = Layout(PurePosixPath("/opt/altmonitor"))
DOCKER = """#!/bin/sh
case "$*" in
  "volume inspect "*) cat "$HERE/volume" 2>/dev/null ;;
  "compose create --no-build") mkdir -p "$HERE/made"; echo "$HERE/made" >"$HERE/volume" ;;
  *) echo "stub: $*" >&2; exit 64 ;;
esac
"""
CHOWN = '#!/bin/sh\necho "$*" >>"$HERE/owners"\n'


class Host:
    """A server in a folder: `lib` is its /var/lib, `volume` names where the container's volume is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lib = folder / "lib"
        self.lib.mkdir()
        programs = folder / "programs"
        programs.mkdir()
        for name, text in (("docker", DOCKER), ("chown", CHOWN)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "HERE": str(folder)}

    def has_volume(self) -> Path:
        volume = self.folder / "made"
        volume.mkdir()
        (self.folder / "volume").write_text(f"{volume}\n")
        return volume

    def does(self, step: Step) -> str:
        """What it said, with every /var/lib in here and the release's folder left out."""
        done = self.runs(step)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.replace(str(self.folder), "…")

    def runs(self, step: Step) -> subprocess.CompletedProcess[str]:
        command = step.command.replace("/var/lib/", f"{self.lib}/").replace(f"cd {LAYOUT.folder}/releases/new && ", "")
        return subprocess.run(
            ["sh", "-c", command], env=self.environ, capture_output=True, text=True, check=False, timeout=30
        )

    @property
    def owners(self) -> list[str]:
        path = self.folder / "owners"
        return path.read_text().replace(str(self.folder), "…").splitlines() if path.exists() else []


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def stored(folder: Path, *, at_s: int, **files: str) -> None:
    """A database written at that moment, and other files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        {"alerts.db": "alerts"} | {name.replace("__", "."): text for name, text in files.items()}
    ).items():
        (folder / name).write_text(text)
        os.utime(folder / name, (at_s, at_s))


def files_in(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_from_the_container_to_the_service_alerts_settings_and_tracked_rows_go_along(host: Host) -> None:
    volume = host.has_volume()
    stored(volume, at_s=1000, alerts__db="from docker", state__json="{}", snapshots__db="rows")

    said = host.does(systemd.data(LAYOUT, "new"))

    assert said == "taken along from …/made, which stays as it is\n"
    assert files_in(host.lib / "altmonitor") == {
        "alerts.db": "from docker",
        "state.json": "{}",
        "data/snapshots.db": "rows",
    }
    assert (host.lib / "altmonitor").stat().st_mode & 0o777 == 0o700
    assert files_in(volume)["alerts.db"] == "from docker"


def test_from_the_service_to_the_container_they_go_into_the_volume_that_compose_makes(host: Host) -> None:
    private = host.lib / "private" / "altmonitor"
    stored(private, at_s=1000, alerts__db="from the service", state__json="{}")
    stored(private / "data", at_s=1000, snapshots__db="rows")
    (private / "data" / "alerts.db").unlink()
    (host.lib / "altmonitor").symlink_to(private)

    said = host.does(docker.data(LAYOUT, "new"))

    assert said == "taken along from …/lib/private/altmonitor, which stays as it is\n"
    assert files_in(host.folder / "made") == {
        "alerts.db": "from the service",
        "state.json": "{}",
        "snapshots.db": "rows",
    }
    assert host.owners == ["-R 10001:10001 …/made"]


def test_what_is_older_stays_where_it_is_and_nothing_is_said(host: Host) -> None:
    volume = host.has_volume()
    stored(volume, at_s=2000, alerts__db="docker, newer")
    stored(host.lib / "altmonitor", at_s=1000, alerts__db="service, older")

    assert host.does(docker.data(LAYOUT, "new")) == ""
    assert files_in(volume) == {"alerts.db": "docker, newer"}


def test_back_and_forth_the_newer_goes_along_and_the_older_is_kept_aside(host: Host) -> None:
    volume = host.has_volume()
    stored(volume, at_s=1000, alerts__db="docker, older", state__json="docker's")
    stored(host.lib / "altmonitor", at_s=500, alerts__db="service")
    stored(host.lib / "altmonitor", at_s=2000, **{"alerts.db-wal": "the service's last hour"})
    os.utime(
        host.lib / "altmonitor" / "alerts.db", (500, 500)
    )  # a log that was never written back is newer than its file

    assert "taken along" in host.does(docker.data(LAYOUT, "new"))
    now = files_in(volume)
    (aside,) = {name.partition("/")[0] for name in now if name.startswith("before-")}
    assert now.pop(f"{aside}/alerts.db") == "docker, older"
    assert now.pop(f"{aside}/state.json") == "docker's"
    assert set(now) == {"alerts.db", "alerts.db-wal"}
    assert host.does(docker.data(LAYOUT, "new")) == "", "the second time it is no newer"


def test_half_a_copy_does_not_count_and_the_next_try_takes_everything(host: Host) -> None:
    stored(host.lib / "altmonitor", at_s=1000, alerts__db="service", state__json="{}")
    volume = host.has_volume()
    full = host.folder / "programs" / "cp"
    full.write_text('#!/bin/sh\ncase "$2" in */state.json) exit 1 ;; esac\nexec /bin/cp "$@"\n')
    full.chmod(0o755)
    assert host.runs(docker.data(LAYOUT, "new")).returncode == 1
    assert files_in(volume) == {}

    full.unlink()
    assert "taken along" in host.does(docker.data(LAYOUT, "new"))
    assert files_in(volume) == {"alerts.db": "service", "state.json": "{}"}


def test_where_nothing_was_stored_nothing_happens(host: Host) -> None:
    assert host.does(docker.data(LAYOUT, "new")) == ""
    assert host.does(systemd.data(LAYOUT, "new")) == ""
    host.has_volume()
    assert host.does(systemd.data(LAYOUT, "new")) == ""
    assert list(host.lib.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_this_user_may_not_read_is_said_not_to_go_along(host: Host) -> None:
    secret = host.lib / "private"
    stored(secret / "altmonitor", at_s=1000)
    (host.lib / "altmonitor").symlink_to(secret / "altmonitor")
    secret.chmod(0)

    assert host.does(docker.data(LAYOUT, "new")) == "NOT taken along: …/lib/altmonitor cannot be read by this user\n"
    secret.chmod(0o700)


def test_a_link_that_leads_nowhere_is_said_not_to_go_along(host: Host) -> None:
    """As a user without rights sees what systemd keeps."""
    (host.lib / "altmonitor").symlink_to(host.lib / "private" / "altmonitor")

    assert host.does(docker.data(LAYOUT, "new")) == "NOT taken along: …/lib/altmonitor cannot be read by this user\n"
