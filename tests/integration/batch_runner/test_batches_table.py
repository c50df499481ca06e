"""The invariants that the table of batches keeps itself, whatever the code does."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from batch_runner.migrations import FOLDER
from batch_runner.models import SCHEMA, Batch

pytestmark = pytest.mark.data_layer

MigratedEngine = Callable[..., Awaitable[AsyncEngine]]


def a_batch(**fields: Any) -> Batch:
    return Batch(
        **{
            "id": "batch_1",
            "tenant_id": "tnt_1",
            "key_id": "key_1",
            "endpoint": "/v1/chat/completions",
            "input_file_id": "file-1",
            "status": "in_progress",
            "metadata_": {"team": "søk"},
            "total_requests": 3,
            "completed_requests": 1,
            "failed_requests": 1,
            "created_at": datetime(2026, 1, 1, tzinfo=UTC),
            "expires_at": datetime(2026, 1, 2, tzinfo=UTC),
        }
        | fields
    )


@pytest.mark.parametrize("fields", [{}, {"completed_requests": 2}, {"metadata_": {}}, {"status": "cancelling"}])
async def test_a_sound_batch_is_kept(migrated_engine: MigratedEngine, keep: Any, fields: dict[str, Any]) -> None:
    engine = await migrated_engine(migrations=FOLDER, schemas=[SCHEMA])

    await keep(engine, a_batch(**fields))

    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT *, metadata AS metadata_ FROM batches.batches"))).mappings().one()
    assert {name: row[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"id": "file-1"}, "batches_id_check"),
        ({"status": "paused"}, "batches_status_check"),
        ({"completed_requests": 3}, "batches_requests_check"),
        ({"failed_requests": -1}, "batches_requests_check"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "batches_expires_at_check"),
        ({"key_id": None}, "key_id"),
    ],
)
async def test_an_impossible_batch_is_refused(
    migrated_engine: MigratedEngine, keep: Any, fields: dict[str, Any], constraint: str
) -> None:
    engine = await migrated_engine(migrations=FOLDER, schemas=[SCHEMA])

    with pytest.raises(IntegrityError, match=constraint):
        await keep(engine, a_batch(**fields))
