"""Settings in systemd's form, 0600 from their creation: python -m altmonitor.ops.deploy.environment .env service.env

Like `notice` it runs on the server, inside the release, where what altmonitor depends on is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dotenv import dotenv_values

from altmonitor.core.files import write_atomically
from altmonitor.ops.deploy.releases import environment_text


def main(arguments: Sequence[str]) -> int:
    """Runs on the server, in the new release's own environment."""
    source, goal = map(Path, arguments)
    try:
        found = dotenv_values(source, interpolate=False, encoding="utf-8-sig")
        text = environment_text({name: value for name, value in found.items() if value is not None})
        write_atomically(goal, text.encode())
    except (OSError, ValueError) as problem:
        print(f"{source}: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
