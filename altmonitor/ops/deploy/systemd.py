"""The target systemd: one virtual environment per release, one unit. Every value is a list of steps or one step."""

from __future__ import annotations

from shlex import quote

from altmonitor.ops.deploy.releases import (
    SERVICE_DATA,
    SERVICE_DATA_PRIVATE,
    VOLUME,
    Layout,
    Step,
    take_along,
    tidy,
    unit_text,
)

UNIT = "altmonitor"
UNIT_FILE = f"/etc/systemd/system/{UNIT}.service"
PYTHON_MIN = (3, 11)


def build(layout: Layout, name: str, *, unit_template: str) -> list[Step]:
    """The program runs from the release's folder: a .pth file instead of a build, so no build tool is needed there."""
    release = layout.release(name)
    folder, venv = quote(str(release)), quote(str(release / ".venv"))
    return [
        Step(
            title="Installing into its own .venv",
            command=(
                f"set -e; umask 022; cd {folder}; python3 -m venv .venv; "
                f".venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes "
                "--only-binary :all: -r requirements.lock 2>&1; "
                f'for site in .venv/lib/python3*/site-packages; do pwd >"$site/altmonitor.pth"; done; '
                f"{venv}/bin/python -m compileall -q altmonitor; "
                f"{venv}/bin/python -m altmonitor --version; "
                f"{venv}/bin/python -m altmonitor.ops.deploy.environment .env service.env 2>&1"
            ),
            timeout_s=900,
            remedy="read the lines above; often the server cannot reach the package index or is out of disk",
        ),
        Step(
            title="Writing the unit",
            command=f"cat >{quote(str(release / 'altmonitor.service'))}",
            stdin=unit_text(unit_template, release),
        ),
    ]


def start(layout: Layout, name: str) -> Step:
    """Not waited for: it is ready when data flows, which /health tells with reasons."""
    unit = quote(str(layout.release(name) / "altmonitor.service"))
    return Step(
        title=f"Starting {name}",
        command=(
            f"set -e; install -m 644 {unit} {UNIT_FILE}; systemctl daemon-reload; systemctl enable --quiet {UNIT}; "
            f"systemctl reset-failed {UNIT} 2>/dev/null || true; systemctl stop {UNIT}; "
            f"systemctl start --no-block {UNIT} 2>&1"
        ),
    )


def stop(layout: Layout, name: str) -> Step:
    return Step(
        title=f"Stopping {name}",
        command=f"systemctl disable --now {UNIT} 2>&1; rm -f {UNIT_FILE}; systemctl daemon-reload",
    )


def is_well(layout: Layout, name: str) -> Step:
    """Exit 0: ours, of this release, and /health says ok. Exit 4: it ended and will not come back by itself."""
    release = layout.release(name)
    return Step(
        title="Waiting for /health",
        command=(
            f"state=$(systemctl is-active {UNIT}); case $state in active) ;; "
            'failed|inactive) echo "the service ended: '
            f"$(systemctl show -p Result -p ExecMainStatus {UNIT} | tr '\\n' ' ')\"; exit 4 ;; "
            '*) echo "the service is $state"; exit 1 ;; esac; '
            f"cd {quote(str(release))} && .venv/bin/python -m altmonitor.ops.health_probe --ok --env-file .env"
        ),
        timeout_s=30,
    )


def logs(layout: Layout, name: str, *, lines: int) -> Step:
    command = f"journalctl -u {UNIT} -n {lines} --no-pager -o cat 2>&1"
    return Step(title="Reading its log", command=command)


def status(layout: Layout, name: str) -> Step:
    probe = ".venv/bin/python -m altmonitor.ops.health_probe --ok --env-file .env"
    command = f"systemctl status {UNIT} --no-pager -n 0; cd {quote(str(layout.release(name)))} && {probe}"
    return Step(title="Asking", command=command)


def message(layout: Layout, name: str, text: str) -> Step:
    folder = quote(str(layout.release(name)))
    command = f"cd {folder} && .venv/bin/python -m altmonitor.ops.deploy.notice --env-file .env"
    return Step(title="Telling the chat", command=command, stdin=text, timeout_s=40)


def clean(layout: Layout, keep: tuple[str, ...]) -> Step:
    return Step(title="Removing older releases", command=tidy(layout, keep=keep))


def is_there(layout: Layout, name: str) -> Step:
    """Exit 0 when this release can be started as a service; else its last line says what is missing."""
    release = layout.release(name)
    python, unit, settings = (
        quote(str(release / part)) for part in (".venv/bin/python", f"{UNIT}.service", "service.env")
    )
    return Step(
        title=f"Looking for {name}",
        command=(
            f'[ -d {quote(str(release))} ] || {{ echo "its folder is gone"; exit 1; }}; '
            f"[ -x {python} ] && [ -f {unit} ] && [ -f {settings} ] || "
            '{ echo "it was never built as a service"; exit 1; }'
        ),
    )


def data(layout: Layout, name: str) -> Step:
    """What the container stored goes where the service stores. systemd gives it to the service's user at the start."""
    return take_along(
        "Alerts and settings of the container",
        source=f"$(docker volume inspect -f '{{{{.Mountpoint}}}}' {VOLUME} 2>/dev/null)",
        goal=f"{SERVICE_DATA_PRIVATE}; [ -e $dst ] || dst={SERVICE_DATA}",
        prepare=f"[ -e {SERVICE_DATA_PRIVATE} ] || mkdir -p -m 700 {SERVICE_DATA} || exit 1",
        # The container keeps what it tracks beside the rest, the service in a folder below.
        settle=(
            '{ [ ! -e "$dst/snapshots.db" ] || { mkdir -p "$dst/data" && mv "$dst"/snapshots.db* "$dst/data/"; }; } && '
            'chown -R --reference="$dst" "$dst"/*'
        ),
    )
