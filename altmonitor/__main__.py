"""`python -m altmonitor` is the `altmonitor` command."""

from altmonitor.cli import main

main()
