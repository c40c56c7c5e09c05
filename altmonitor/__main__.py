"""`python -m altmonitor` is the `altmonitor` command."""

from altmonitor.cli.main import main

main()
