"""A machine for deployments: a folder of small programs that stand before the real ones in PATH.

`docker` keeps in its folder what an engine would: which version runs, in which mood, and a log of what was asked. The
mood is the line MOOD=… of the .env it was started with: well, sick (answers, never ok), gone (ends with 2).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TOKEN = "123456:" + "stub-Token_0123456789-abcdefghijklm"

DOCKER = r"""#!/bin/sh
S="$STUB_STATE"
said() { printf '%s\n' "$*" >>"$S/log"; }
case "$*" in
  "version -f {{.Server.Version}}") cat "$S/engine" ;;
  "compose version --short") cat "$S/compose" ;;
  "build -t "*)
    said "build $3"
    if grep -q '^MOOD=unbuildable' "$4/.env"; then echo "no matching distribution"; exit 1; fi ;;
  "compose up -d --no-build --remove-orphans")
    [ ! -e "$S/running" ] || said "TWO AT ONCE"
    said "up $ALTMONITOR_TAG"; echo "$ALTMONITOR_TAG" >"$S/running"; sed -n 's/^MOOD=//p' .env >"$S/mood" ;;
  "compose down") said "down"; rm -f "$S/running" ;;
  "compose ps -aq altmonitor") [ ! -e "$S/running" ] || echo 4711 ;;
  "compose ps -a") cat "$S/running" 2>/dev/null ;;
  "inspect "*)
    if [ "$(cat "$S/mood")" = gone ]; then echo "exited 2 altmonitor:$(cat "$S/running")"
    else echo "running 0 altmonitor:$(cat "$S/running")"; fi ;;
  "exec 4711 python -m altmonitor.ops.health_probe --ok" | \
  "compose exec -T altmonitor python -m altmonitor.ops.health_probe --ok")
    if [ "$(cat "$S/mood")" = well ]; then echo ok; else echo "down: no data"; exit 1; fi ;;
  "compose exec -T altmonitor python -m altmonitor.ops.deploy.notice") cat >>"$S/chat"; echo >>"$S/chat" ;;
  "compose logs "*) echo "the last words, with the token $(sed -n 's/^TG_BOT_TOKEN=//p' .env)" ;;
  "exec 4711 test ! -e /tmp/altmonitor-refused") [ "$(cat "$S/mood")" != refused ] ;;
  "image inspect altmonitor:"*) grep -q "^build $3\$" "$S/log" ;;
  "volume inspect "*) cat "$S/volume" 2>/dev/null ;;
  "compose create --no-build") said "create $ALTMONITOR_TAG"; echo "$S/data" >"$S/volume"; mkdir -p "$S/data" ;;
  "ps -q "*) ;;
  "images "*) sed -n 's/^build //p' "$S/log" | sort -u ;;
  "rmi "*) said "rmi $2" ;;
  *) echo "stub docker: $*" >&2; exit 64 ;;
esac
"""
RSYNC = r"""#!/bin/sh
for goal; do :; done
[ ! -e "$STUB_STATE/disk-full" ] || { echo "rsync: write failed: No space left on device (28)"; exit 11; }
cp -R ./. "$goal"
"""
SUDO = '#!/bin/sh\nshift\nexec "$@"\n'
SYSTEMCTL = "#!/bin/sh\necho inactive\nexit 3\n"
DF = '#!/bin/sh\necho head\necho "disk 1 1 $(cat "$STUB_STATE/free") 1 /"\n'


@dataclass(frozen=True, slots=True)
class StubMachine:
    """folder: where the programs are. state: what they remember."""

    folder: Path
    state: Path

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "STUB_STATE": str(self.state)}

    @property
    def log(self) -> list[str]:
        path = self.state / "log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def chat(self) -> list[str]:
        path = self.state / "chat"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def running(self) -> str:
        path = self.state / "running"
        return path.read_text().strip() if path.exists() else ""


def stub_machine(folder: Path) -> StubMachine:
    programs, state = folder / "stub programs", folder / "stub state"
    programs.mkdir(parents=True)
    state.mkdir()
    for name, text in (("docker", DOCKER), ("rsync", RSYNC), ("sudo", SUDO), ("systemctl", SYSTEMCTL), ("df", DF)):
        path = programs / name
        path.write_text(text)
        path.chmod(0o755)
    (state / "engine").write_text("28.5.2\n")
    (state / "compose").write_text("2.40.3-3\n")
    (state / "free").write_text("9000000")
    return StubMachine(programs, state)


def checkout(folder: Path) -> Path:
    """As much of a source folder as a deployment looks for."""
    (folder / "systemd").mkdir(parents=True)
    (folder / "altmonitor").mkdir()
    for name in ("Dockerfile", "docker-compose.yml", "requirements.lock", "systemd/altmonitor.service"):
        (folder / name).write_text("")
    return folder


def settings(mood: str) -> str:
    return f"TG_BOT_TOKEN={TOKEN}\nTG_CHAT_ID=77\nMOOD={mood}\n"
