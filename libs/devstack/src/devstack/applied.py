"""What was already done to a database, so that the next start need not do it again: digests, kept in that very database.

They live where the work was done, so that another database, or an older copy of this one, can never be taken for it.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncpg

_CREATE: Final = """
CREATE SCHEMA IF NOT EXISTS devstack;
CREATE TABLE IF NOT EXISTS devstack.applied (name text PRIMARY KEY, digest text NOT NULL);
"""
_RECORD: Final = (
    "INSERT INTO devstack.applied VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET digest = excluded.digest"
)
_VERSION_TABLES: Final = """
SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
WHERE table_schema = ANY($1) AND table_name LIKE '%alembic_version%' ORDER BY 1
"""


class Applied:
    """The record in one database. Where our role may not keep one, nothing is remembered and all work is done again."""

    def __init__(self, admin_url: str) -> None:
        self._url = admin_url
        self._digests: dict[str, str] = {}
        self._turn = asyncio.Lock()  # one connection, several commands at the same time

    async def __aenter__(self) -> Self:
        self._connection = await asyncpg.connect(
            self._url, timeout=10, server_settings={"client_min_messages": "warning"}
        )
        try:
            await self._connection.execute(_CREATE)
            self._digests = {
                row["name"]: row["digest"] for row in await self._connection.fetch("SELECT * FROM devstack.applied")
            }
            self._usable = True
        except asyncpg.InsufficientPrivilegeError:
            self._usable = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close(timeout=5)

    def has(self, name: str, digest: str) -> bool:
        """Whether exactly this was recorded."""
        return self._digests.get(name) == digest

    async def record(self, name: str, digest: str) -> None:
        """Remember it for the next start."""
        if self._usable:
            async with self._turn:
                await self._connection.execute(_RECORD, name, digest)

    async def revisions(self, schemas: Iterable[str]) -> str:
        """The migration revisions these schemas are at, as text; empty when they have never been migrated."""
        found = []
        async with self._turn:
            for (table,) in await self._connection.fetch(_VERSION_TABLES, list(schemas)):
                query = f"SELECT version_num FROM {table} ORDER BY 1"  # noqa: S608 - the name is quoted by format()
                found += [f"{table}={row[0]}" for row in await self._connection.fetch(query)]
        return " ".join(found)


def digest_of_files(folder: Path) -> str:
    """One digest over the names and contents of the source files below `folder`."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in {".py", ".sql", ".mako", ".ini"}:
            content = path.read_bytes()
            total.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def digest_of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
