"""Real PostgreSQL and NATS servers of Debian's packages for tests: own data folder, own port, ended at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
STARTS_WITHIN_S = 30.0
ENDS_WITHIN_S = 15.0

AnyServer = TypeVar("AnyServer", bound="ServerProcess")


def what_is_missing() -> str:
    """One line, '' when both servers are there."""
    missing = [problem for problem in (no_postgres(), no_nats()) if problem]
    return " and ".join(missing)


def no_postgres() -> str:
    """Why there is none; '' when there is."""
    return "" if (POSTGRES_BIN / "initdb").exists() else f"PostgreSQL 15 (no {POSTGRES_BIN}/initdb)"


def no_nats() -> str:
    return "" if _nats_program() else "nats-server (not on the path)"


def _nats_program() -> str | None:
    return shutil.which("nats-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


class ServerProcess:
    """A server in a folder of its own. `kill` and `start` may follow each other: folder and port stay."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()
        self.user = _user() if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        self.folder = Path(tempfile.mkdtemp(prefix=f"altmonitor-{name}-"))
        if self.user is not None:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def start(self) -> None:
        """Returns when it takes connections."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder, **self._as_user())
        end_s = time.monotonic() + STARTS_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end_s:
                text = (self.folder / "log").read_text(errors="replace")
                raise AssertionError(f"{self.name} does not start:\n{text[-2000:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """PostgreSQL's fast shutdown; NATS's drain."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def freeze(self) -> None:
        """It keeps its connections and answers nobody."""
        self._send_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send_all(signal.SIGCONT)

    def _send_all(self, number: signal.Signals) -> None:
        """Also to its children: a connection of PostgreSQL is one, in a process group of its own."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)  # the parent first: then there are no new ones
            for child in _children(self._process.pid):
                with suppress(ProcessLookupError):
                    os.kill(child, number)

    def cpu_s(self) -> float:
        """Of all its processes since the start, those that have ended among them."""
        if self._process is None:
            return 0.0
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                number, _, rest = path.read_text().partition(" (")
                fields = rest.rpartition(") ")[2].split()
                if int(number) == self._process.pid:
                    ticks += sum(map(int, fields[11:15]))
                elif int(fields[1]) == self._process.pid:
                    ticks += sum(map(int, fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def remove(self) -> None:
        self.thaw()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        with socket.socket() as trying:
            trying.settimeout(1)
            return trying.connect_ex(("127.0.0.1", self.port)) == 0

    def _as_user(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}


@contextmanager
def running(server: AnyServer) -> Iterator[AnyServer]:
    """Nothing of it is left afterwards, also when what is done with it fails."""
    try:
        server.start()
        yield server
    finally:
        server.remove()


class PostgresServer(ServerProcess):
    """Loopback only, no password, superuser `postgres`. settings: as in postgresql.conf."""

    def __init__(self, **settings: str) -> None:
        super().__init__("postgres")
        self._settings = {"fsync": "off", "max_wal_senders": "0", "max_connections": "100", **settings}
        self._made = 0
        subprocess.run(
            [POSTGRES_BIN / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            **self._as_user(),
        )

    def command(self) -> Sequence[str]:
        given = {**self._settings, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        settings = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        return [str(POSTGRES_BIN / "postgres"), "-D", str(self.folder / "data"), *settings]

    def url(self, database: str = "postgres", login: str = "postgres") -> str:
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"

    def sql(self, text: str, database: str = "postgres") -> str:
        """Rows as psql prints them, without heads."""
        done = subprocess.run(
            [POSTGRES_BIN / "psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", text],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def new_database(self) -> str:
        """Its address; empty."""
        self._made += 1
        name = f"test{self._made}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def kill(self) -> None:
        """No checkpoint, recovery at the next start; SIGKILL would leave its children behind."""
        self.stop(signal.SIGQUIT)

    def _answers(self) -> bool:
        """A socket is there before it takes logins."""
        asked = [POSTGRES_BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0


class NatsServer(ServerProcess):
    """With JetStream in its folder. room_bytes: that it may use there; None: as much as there is."""

    def __init__(self, *, has_jetstream: bool = True, room_bytes: int | None = None) -> None:
        super().__init__("nats")
        self.has_jetstream = has_jetstream
        self._room_bytes = room_bytes

    def command(self) -> Sequence[str]:
        stream = ["-js", "-sd", str(self.folder / "store")] if self.has_jetstream else []
        if self._room_bytes is not None:
            config = self.folder / "nats.conf"
            config.write_text(f'jetstream {{ store_dir: "{self.folder}/store", max_file_store: {self._room_bytes} }}\n')
            stream = ["-c", str(config)]
        return [_nats_program() or "nats-server", "-a", "127.0.0.1", "-p", str(self.port), *stream]

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def _user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AssertionError("neither the user postgres nor nobody exists")
