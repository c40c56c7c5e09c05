"""Leases in PostgreSQL: one row each, judged by the server's clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from altmonitor.interfaces.leases import HeldLease
from altmonitor.storage.postgres.connection import PostgresConnection

# In the order of the names, so that two who want the same ones never wait for each other.
_ACQUIRE = """
    INSERT INTO leases AS l (name, holder, token, ends)
    SELECT name, CAST(? AS TEXT), 1, clock_timestamp() + make_interval(secs => CAST(? AS DOUBLE PRECISION))
    FROM unnest(CAST(? AS TEXT[])) AS wanted (name) ORDER BY name
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ends = excluded.ends,
        token = l.token + CASE WHEN l.holder = excluded.holder AND l.ends > clock_timestamp() THEN 0 ELSE 1 END
    WHERE l.holder = excluded.holder OR l.ends <= clock_timestamp()
    RETURNING name, token
"""
_HELD = "SELECT * FROM unnest(CAST(? AS TEXT[]), CAST(? AS BIGINT[])) AS held (name, token)"
_RENEW = f"""
    UPDATE leases l SET ends = clock_timestamp() + make_interval(secs => CAST(? AS DOUBLE PRECISION))
    WHERE l.ends > clock_timestamp() AND (l.name, l.token) IN (
        SELECT name, token FROM leases WHERE (name, token) IN ({_HELD}) ORDER BY name FOR UPDATE)
    RETURNING l.name
"""  # noqa: S608
_RELEASE = f"UPDATE leases SET ends = clock_timestamp() WHERE (name, token) IN ({_HELD}) AND ends > clock_timestamp()"  # noqa: S608
_HOLDERS = """
    SELECT name, holder, token, CAST(extract(epoch FROM ends - clock_timestamp()) AS DOUBLE PRECISION)
    FROM leases WHERE starts_with(name, ?)
"""
_PRUNE = """
    DELETE FROM leases WHERE ends < clock_timestamp() - make_interval(secs => CAST(? AS DOUBLE PRECISION))
    AND EXISTS (SELECT 1 FROM unnest(CAST(? AS TEXT[])) AS wanted (prefix) WHERE starts_with(leases.name, prefix))
    RETURNING name
"""


class PostgresLeases:
    """`Leases`. connection: of its own, so that no long query of another part keeps a lease from being renewed."""

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection

    async def acquire(self, names: Collection[str], *, holder: str, for_s: float) -> Mapping[str, int]:
        rows = await self._connection.fetch(_ACQUIRE, (holder, float(for_s), list(dict.fromkeys(names))))
        return {row[0]: row[1] for row in rows}

    async def renew(self, held: Mapping[str, int], *, for_s: float) -> frozenset[str]:
        rows = await self._connection.fetch(_RENEW, (float(for_s), list(held), list(held.values())))
        return frozenset(name for (name,) in rows)

    async def release(self, held: Mapping[str, int]) -> None:
        await self._connection.fetch(_RELEASE, (list(held), list(held.values())))

    async def holders(self, prefix: str = "") -> Mapping[str, HeldLease]:
        rows = await self._connection.fetch(_HOLDERS, (prefix,))
        return {name: HeldLease(holder=holder, token=token, left_s=left_s) for name, holder, token, left_s in rows}

    async def prune(self, prefixes: Collection[str], *, ended_s: float) -> None:
        await self._connection.fetch(_PRUNE, (float(ended_s), list(prefixes)))
