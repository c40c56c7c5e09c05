"""What the server is, asked in two short scripts, and what of it stands in the way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from shlex import quote

from altmonitor.ops.deploy import docker, systemd
from altmonitor.ops.deploy.options import Action, Target
from altmonitor.ops.deploy.releases import Layout, Step

DISK_NEEDED_KB = 1_500_000

WHO = Step(
    title="Connecting",
    command=(
        'echo "uid=$(id -u)"; if [ "$(id -u)" = 0 ]; then echo sudo=root; elif ! command -v sudo >/dev/null; then '
        "echo sudo=missing; elif sudo -n true 2>/dev/null; then echo sudo=free; else echo sudo=password; fi"
    ),
    is_root=False,
    timeout_s=30,
)


def look(layout: Layout) -> Step:
    """Everything else, with the rights the steps will have."""
    top = quote(str(layout.folder))
    return Step(
        title="Looking at the server",
        command=(
            f"top={top}; "
            'link() { readlink "$top/$1" 2>/dev/null | sed s,.*/,,; }; '
            'echo "current=$(link current)"; echo "previous=$(link previous)"; '
            '[ -f "$top/current/.env" ] && echo settings=yes; '
            'for one in "$top"/releases/*; do case $one in */"*"|*.partial) ;; '
            '*) [ -d "$one/altmonitor" ] || { echo "foreign=${one#"$top"/}"; break; } ;; esac; done; '
            '[ -z "$(ls -A "$top/upload" 2>/dev/null)" ] || [ -d "$top/upload/altmonitor" ] || '
            '[ -f "$top/upload/CHANGELOG.md" ] || [ -f "$top/upload/.dockerignore" ] || echo foreign=upload; '
            'echo "rsync=$(command -v rsync)"; echo "curl=$(command -v curl)"; '
            "for manager in apt-get dnf yum apk zypper; do "
            'command -v $manager >/dev/null && { echo "packages=$manager"; break; }; done; '
            "echo \"engine=$(docker version -f '{{.Server.Version}}' 2>&1 | tail -n 1)\"; "
            'echo "docker=$(command -v docker)"; '
            'echo "compose=$(docker compose version --short 2>/dev/null)"; '
            'echo "container=$(docker ps -q --filter label=com.docker.compose.project='
            f'{docker.PROJECT} 2>/dev/null | head -n 1)"; '
            "[ -d /run/systemd/system ] && echo systemd=yes; "
            f'echo "unit=$(systemctl is-active {systemd.UNIT} 2>/dev/null)"; '
            'echo "python=$(python3 -c \'import ensurepip, sys; print(*sys.version_info[:2], sep=".")\' 2>/dev/null)"; '
            'echo "python3=$(command -v python3)"; '
            'near=$top; while [ ! -d "$near" ]; do near=$(dirname "$near"); done; '
            '[ -w "$near" ] && echo writable=yes; '
            'echo "disk=$(df -Pk "$near" | awk \'NR == 2 {print $4}\')"'
        ),
        timeout_s=60,
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """What the scripts printed, `name=value` a line; empty for what is not there."""

    values: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    @classmethod
    def parse(cls, output: str) -> Facts:
        pairs = (line.partition("=") for line in output.splitlines() if "=" in line)
        return cls({name: value.strip() for name, _, value in pairs})


@dataclass(frozen=True, slots=True)
class Missing:
    """what: for the question. step: installs it."""

    what: str
    step: Step


class Obstacle(Exception):
    """Stands in the way: what was seen, what to do."""

    def __init__(self, seen: str, remedy: str) -> None:
        super().__init__(seen)
        self.seen, self.remedy = seen, remedy


_OTHER = {Target.DOCKER: "systemd", Target.SYSTEMD: "docker"}


def missing(facts: Facts, target: Target, layout: Layout) -> list[Missing]:
    """What can be installed for the person, once they agree."""
    found = []
    if not facts["rsync"] and (command := _package_command(facts["packages"], "rsync")):
        found.append(Missing("rsync", Step(title="Installing rsync", command=command, timeout_s=300)))
    if target is Target.DOCKER and not facts["docker"] and facts["curl"]:
        found.append(Missing("Docker (its own script from get.docker.com)", docker.install_engine(layout.folder)))
    if target is Target.SYSTEMD and facts["packages"] == "apt-get" and facts["python3"] and not facts["python"]:
        command = _package_command("apt-get", "python3-venv")
        found.append(Missing("python3-venv", Step(title="Installing python3-venv", command=command, timeout_s=300)))
    return found


def _package_command(manager: str, package: str) -> str:
    return {
        "apt-get": f"apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq {package} 2>&1",
        "dnf": f"dnf install -y -q {package} 2>&1",
        "yum": f"yum install -y -q {package} 2>&1",
        "apk": f"apk add --quiet {package} 2>&1",
        "zypper": f"zypper --non-interactive --quiet install {package} 2>&1",
    }.get(manager, "")


def obstacle(facts: Facts, target: Target, action: Action) -> Obstacle | None:
    """The first thing that makes it impossible; None when nothing does."""
    is_installing = action in (Action.INSTALL, Action.UPDATE)
    if action is not Action.INSTALL and not facts["current"]:
        return Obstacle("altmonitor is not installed there", "leave out --" + action.value + ", or check --dir")
    if action is Action.ROLLBACK and not facts["previous"]:
        return Obstacle("there is no version before this one", "deploy the wanted version from its own checkout")
    if facts["foreign"] and is_installing:
        seen = f"that folder is another program's: {facts['foreign']} in it is not altmonitor's and would be removed"
        return Obstacle(seen, "choose another --dir, a folder of its own")
    if facts["writable"] != "yes" and is_installing:
        return Obstacle("the folder cannot be written by this user", "another --dir, or a user with sudo")
    if is_installing and not facts["rsync"]:
        return Obstacle("rsync is missing on the server", "install it there with its package manager")
    if is_installing and facts["disk"].isdigit() and int(facts["disk"]) < DISK_NEEDED_KB:
        free_mb = int(facts["disk"]) // 1000
        return Obstacle(f"only {free_mb} MB are free there, 1500 are needed", "make room: df -h, docker system df")
    if action in (Action.INSTALL, Action.UPDATE, Action.ROLLBACK):
        running = facts["unit"] in ("active", "activating") if target is Target.DOCKER else bool(facts["container"])
        if running:
            other = _OTHER[target]
            return Obstacle(
                f"altmonitor already runs there with {other}: two would fight for one bot and one database",
                f"--target {other} to go on with that one, or --down --target {other} first",
            )
    return _docker_obstacle(facts) if target is Target.DOCKER else _systemd_obstacle(facts)


def _docker_obstacle(facts: Facts) -> Obstacle | None:
    guide = "https://docs.docker.com/engine/install/"
    if not facts["docker"]:
        return Obstacle("Docker is not installed there", f"install it ({guide}), or use --target systemd")
    engine = _version(facts["engine"])
    if engine is None:
        if "permission denied" in facts["engine"].lower():
            return Obstacle("this user may not use Docker", "sudo usermod -aG docker <user>, log in anew, or use root")
        return Obstacle(f"Docker does not answer: {facts['engine'][:200]}", "systemctl start docker, on the server")
    if engine < docker.ENGINE_MIN:
        return Obstacle(f"Docker {facts['engine']} is too old, 20.10 is needed", f"install a newer one ({guide})")
    compose = _version(facts["compose"])
    if compose is None or compose < docker.COMPOSE_MIN:
        seen = f"Docker Compose {facts['compose']} is too old" if compose else "Docker Compose 2 is missing"
        return Obstacle(f"{seen}, 2.24 is needed", "install docker-compose-plugin from Docker's packages")
    return None


def _systemd_obstacle(facts: Facts) -> Obstacle | None:
    if not facts["systemd"]:
        return Obstacle("systemd does not run there", "use --target docker")
    python = _version(facts["python"])
    if python is None:
        return Obstacle("python3 with venv is missing there", "apt-get install python3-venv, or use --target docker")
    if python < systemd.PYTHON_MIN:
        return Obstacle(f"Python {facts['python']} there is too old, 3.11 is needed", "use --target docker")
    return None


def _version(text: str) -> tuple[int, int] | None:
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None
