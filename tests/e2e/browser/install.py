"""`python -m tests.e2e.browser.install`: Debian's Chromium and its driver, where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.e2e.browser.chrome import what_is_missing

PACKAGES = ("chromium", "chromium-driver")


def main() -> None:
    """Never fails: without a browser the tests are skipped and say so."""
    if not what_is_missing():
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"browser tests will be skipped: {what_is_missing()}")
        return
    print(f"installing {' and '.join(PACKAGES)} …", flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ("apt-get", "-qq", "update"),
        ("apt-get", "-qq", "-y", "--no-install-recommends", "install", *PACKAGES),
    ):
        done = subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            print(f"browser tests will be skipped: {' '.join(command)} ended with {done.returncode}")
            return


if __name__ == "__main__":
    main()
