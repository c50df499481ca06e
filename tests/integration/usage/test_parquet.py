"""Single calls as Parquet, read back by the library that everybody reads it with."""

import io
from datetime import timedelta

import httpx
import pyarrow.parquet
import pytest
from tests.integration.usage.conftest import NOW

from admin_api.ledger import service
from admin_api.usage import parquet
from common.db.engine import Sessions
from common.testing.usage_events import usage_event


@pytest.mark.parametrize("per_group", [2, 1000])
async def test_it_holds_what_the_list_shows(
    client: httpx.AsyncClient, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, per_group: int
) -> None:
    monkeypatch.setattr(parquet, "_PER_GROUP", per_group)
    calls = [
        usage_event(
            tenant_id="tnt_one", key_id="key_one", time=NOW - timedelta(minutes=number), cost_nano_usd=str(10**15 + 1)
        )
        for number in range(5)
    ]
    await service.record_usage(sessions, calls)
    reply = await client.get("/admin/usage/calls/export", params={"format": "parquet", "tenant_id": "tnt_one"})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/vnd.apache.parquet"
    file = pyarrow.parquet.ParquetFile(io.BytesIO(reply.content))
    rows = file.read().to_pylist()
    listed = (await client.get("/admin/usage/calls", params={"tenant_id": "tnt_one", "limit": 100})).json()["data"]
    assert {row["id"] for row in rows} == {call["id"] for call in listed}
    assert len(rows) == len(listed)
    assert file.num_row_groups == (1 if per_group == 1000 else -(-len(rows) // 2))
    ours = {call.id for call in calls}
    assert {row["cost_nano_usd"] for row in rows if row["id"] in ours} == {10**15 + 1}
    assert {row["occurred_at"] for row in rows if row["id"] == calls[0].id} == {NOW}
    assert [row["id"] for row in rows if row["id"] in ours] == [call.id for call in reversed(calls)]


async def test_nothing_is_a_file_too(client: httpx.AsyncClient, owen: httpx.AsyncClient) -> None:
    reply = await client.get("/admin/usage/calls/export", params={"format": "parquet", "provider": "nobody"})
    assert pyarrow.parquet.read_table(io.BytesIO(reply.content)).num_rows == 0
    assert (
        await owen.get("/user/usage/calls/export", params={"format": "parquet", "tenant_id": "tnt_two"})
    ).status_code == 404
    assert (await client.get("/admin/usage/calls/export", params={"format": "xls"})).status_code == 400
