"""The target Docker: one image per release, one compose project. Every value is a list of steps or one step."""

from __future__ import annotations

from pathlib import PurePosixPath
from shlex import quote

from altmonitor.ops.deploy.releases import (
    SERVICE_DATA,
    SERVICE_DATA_PRIVATE,
    VOLUME,
    Layout,
    Step,
    take_along,
    tidy,
)

PROJECT, SERVICE = "altmonitor", "altmonitor"
COMPOSE_MIN = (2, 24)
"""Older ones do not know `env_file: required: false`."""
ENGINE_MIN = (20, 10)
REFUSED_MARK = "/tmp/altmonitor-refused"  # noqa: S108 — in the container, see ops/container.py


def _compose(layout: Layout, name: str, arguments: str) -> str:
    """In the release's own folder, so that its .env (COMPOSE_FILE, API_TOKEN) counts."""
    return f"cd {quote(str(layout.release(name)))} && ALTMONITOR_TAG={quote(name)} docker compose {arguments}"


def build(layout: Layout, name: str) -> list[Step]:
    return [
        Step(
            title="Building the image (the first time takes minutes)",
            command=f"docker build -t {quote(f'altmonitor:{name}')} {quote(str(layout.release(name)))} 2>&1",
            timeout_s=1800,
            remedy="read the lines above; often the server cannot reach the package index or is out of memory or disk",
        )
    ]


def start(layout: Layout, name: str) -> Step:
    """Compose ends the old container before it starts the new one: never two at once."""
    return Step(
        title=f"Starting {name}",
        command=_compose(layout, name, "up -d --no-build --remove-orphans 2>&1"),
        timeout_s=180,
    )


def stop(layout: Layout, name: str) -> Step:
    return Step(title=f"Stopping {name}", command=_compose(layout, name, "down 2>&1"), timeout_s=120)


def is_well(layout: Layout, name: str) -> Step:
    """Exit 0: ours, of this release, and /health says ok. Exit 4: it ended and will not come back by itself."""
    find = _compose(layout, name, f"ps -aq {SERVICE}")
    return Step(
        title="Waiting for /health",
        command=(
            f'id=$({find}); [ -n "$id" ] || {{ echo "there is no container"; exit 4; }}; '
            'state=$(docker inspect -f "{{.State.Status}} {{.State.ExitCode}} {{.Config.Image}}" "$id"); '
            f'case $state in exited*|dead*) echo "the container ended: $state"; exit 4 ;; *{quote(":" + name)}) ;; '
            '*) echo "another version runs: $state"; exit 1 ;; esac; '
            f'docker exec "$id" test ! -e {REFUSED_MARK} || '
            '{ echo "its settings are refused, see its log"; exit 4; }; '
            'docker exec "$id" python -m altmonitor.ops.health_probe --ok'
        ),
        timeout_s=30,
    )


def logs(layout: Layout, name: str, *, lines: int) -> Step:
    command = _compose(layout, name, f"logs --no-color --no-log-prefix --tail {lines} {SERVICE} 2>&1")
    return Step(title="Reading its log", command=command)


def status(layout: Layout, name: str) -> Step:
    probe = f"exec -T {SERVICE} python -m altmonitor.ops.health_probe --ok"
    return Step(title="Asking", command=f"{_compose(layout, name, 'ps -a')}; docker compose {probe}")


def message(layout: Layout, name: str, text: str) -> Step:
    command = _compose(layout, name, f"exec -T {SERVICE} python -m altmonitor.ops.deploy.notice")
    return Step(title="Telling the chat", command=command, stdin=text, timeout_s=40)


def clean(layout: Layout, keep: tuple[str, ...]) -> Step:
    kept = "|".join(quote(f"altmonitor:{name}") for name in keep)
    images = (
        "for image in $(docker images --format '{{.Repository}}:{{.Tag}}' altmonitor); do "
        f'case $image in {kept}|altmonitor:local) ;; *) docker rmi "$image" >/dev/null 2>&1 || true ;; esac; done'
    )
    return Step(title="Removing older releases", command=f"{tidy(layout, keep=keep)}; {images}", timeout_s=120)


def install_engine(upload: PurePosixPath) -> Step:
    """Docker's own script, fetched whole before any of it runs. Source: https://docs.docker.com/engine/install/"""
    script = quote(str(upload / ".get-docker.sh"))
    return Step(
        title="Installing Docker (get.docker.com)",
        command=(
            f"curl -fsSL https://get.docker.com -o {script} && sh {script} 2>&1; code=$?; rm -f {script}; "
            "[ $code = 0 ] && { systemctl enable --now docker 2>/dev/null || true; }; exit $code"
        ),
        timeout_s=900,
        remedy="install Docker by hand (https://docs.docker.com/engine/install/), then run the same command again",
    )


def is_there(layout: Layout, name: str) -> Step:
    """Exit 0 when this release can be started with Docker; else its last line says what is missing."""
    file, image = quote(str(layout.release(name) / "docker-compose.yml")), quote(f"altmonitor:{name}")
    return Step(
        title=f"Looking for {name}",
        command=(
            f'[ -f {file} ] || {{ echo "its folder is gone"; exit 1; }}; '
            f'docker image inspect {image} >/dev/null 2>&1 || {{ echo "it was never built for Docker"; exit 1; }}'
        ),
    )


def data(layout: Layout, name: str) -> Step:
    """What the service stored goes into the volume."""
    create = f"{{ {_compose(layout, name, 'create --no-build')} >/dev/null 2>&1; }}"
    return take_along(
        "Alerts and settings of the service",
        source=f"{SERVICE_DATA_PRIVATE}; [ -e $src ] || src={SERVICE_DATA}",
        goal=f"$(docker volume inspect -f '{{{{.Mountpoint}}}}' {VOLUME})",
        prepare=f"docker volume inspect {VOLUME} >/dev/null 2>&1 || {create} || exit 1",
        # The service keeps what it tracks in a folder below, the container beside the rest.
        settle=(
            '{ [ ! -d "$dst/data" ] || { cp -a "$dst/data"/. "$dst/" && rm -r "$dst/data"; }; } && '
            'chown -R 10001:10001 "$dst"'
        ),
    )
