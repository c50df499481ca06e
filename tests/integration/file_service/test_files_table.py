"""The invariants that the table of files keeps itself, whatever the code does."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from file_service.migrations import FOLDER
from file_service.models import SCHEMA, File

pytestmark = pytest.mark.data_layer

MigratedEngine = Callable[..., Awaitable[AsyncEngine]]


def a_file(**fields: Any) -> File:
    return File(
        **{
            "id": "file-1",
            "tenant_id": "tnt_1",
            "filename": "input.jsonl",
            "purpose": "batch",
            "bytes": 5,
            "status": "uploaded",
            "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
        | fields
    )


@pytest.mark.parametrize(
    "fields", [{}, {"status": "uploading", "bytes": None}, {"status": "error", "bytes": None}, {"bytes": 2**40}]
)
async def test_a_sound_file_is_kept_as_it_is(
    migrated_engine: MigratedEngine, keep: Any, fields: dict[str, Any]
) -> None:
    engine = await migrated_engine(migrations=FOLDER, schemas=[SCHEMA])

    await keep(engine, a_file(**fields))

    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT * FROM files.files"))).mappings().one()
    assert {name: row[name] for name in fields} == fields
    assert row["created_at"] == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"id": "req_1"}, "files_id_check"),
        ({"status": "lost"}, "files_status_check"),
        ({"bytes": -1}, "files_bytes_check"),
        ({"bytes": None}, "files_bytes_known_check"),
        ({"tenant_id": None}, "tenant_id"),
    ],
)
async def test_an_impossible_file_is_refused(
    migrated_engine: MigratedEngine, keep: Any, fields: dict[str, Any], constraint: str
) -> None:
    engine = await migrated_engine(migrations=FOLDER, schemas=[SCHEMA])

    with pytest.raises(IntegrityError, match=constraint):
        await keep(engine, a_file(**fields))
