"""PostgreSQL as the store. Importing it without the extra `postgres` raises ConfigError with the way out."""

from altmonitor.core.errors import ConfigError

try:
    import asyncpg as _asyncpg  # noqa: F401 — only whether it is there
except ModuleNotFoundError as missing:
    raise ConfigError(["DATABASE_URL needs the extra `postgres`: pip install 'altmonitor[postgres]'"]) from missing
