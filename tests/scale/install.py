"""`python -m tests.scale.install`: Debian's PostgreSQL 15 and nats-server, where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.scale.servers import no_nats, no_postgres, what_is_missing


def main() -> None:
    """Never fails: what needs a server that is not there is skipped and says so."""
    if not what_is_missing():
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"part of the scale tests will be skipped, not here: {what_is_missing()}")
        return
    packages = [
        name for name, is_missing in (("postgresql-15", no_postgres()), ("nats-server", no_nats())) if is_missing
    ]
    print(f"installing {' and '.join(packages)} …", flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ("apt-get", "-qq", "update"),
        ("apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages),
    ):
        done = subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            print(f"part of the scale tests will be skipped: {' '.join(command)} ended with {done.returncode}")
            return


if __name__ == "__main__":
    main()
