"""`make test-ship` only: these tests need an engine, a server, an sshd or the package index."""

from __future__ import annotations

import os

if not os.environ.get("ALTMONITOR_SHIP"):
    collect_ignore_glob = ["test_*.py"]
