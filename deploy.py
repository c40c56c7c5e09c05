#!/usr/bin/env python3
"""Put altmonitor on a server: python3 deploy.py user@host. Needs Python ≥ 3.11, ssh and rsync; nothing is installed."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 — said before anything newer is read
    sys.exit("deploy.py needs Python 3.11 or newer; this is %d.%d" % sys.version_info[:2])  # noqa: UP031 — any Python 3

from altmonitor.core.console import make_printable
from altmonitor.ops.deploy.deploy import main

if __name__ == "__main__":
    make_printable()
    sys.exit(main(sys.argv[1:]))
