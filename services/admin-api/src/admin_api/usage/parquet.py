"""Single calls as Parquet, written while it is sent: some thousand calls in memory at a time, each a row group.

Numbers are numbers and moments are moments; costs are whole nano-USD. Lists and objects are JSON, as in the CSV.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

from admin_api.usage.export import CALL_COLUMNS
from admin_api.usage.schemas import Call
from admin_api.usage.service import NamedCall

if TYPE_CHECKING:
    import pyarrow

_PER_GROUP: Final = 5_000
_MOMENTS: Final = frozenset({"occurred_at"})
_FLAGS: Final = frozenset({"stream", "estimated"})
_NUMBERS: Final = frozenset(
    {
        *("http_status", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens"),
        *("cost_nano_usd", "latency_ms", "first_token_ms", "attempts"),
    }
)


async def calls_as_parquet(calls: AsyncIterator[NamedCall]) -> AsyncIterator[bytes]:
    """The file, in pieces."""
    file = await asyncio.to_thread(_File)
    rows: list[dict[str, Any]] = []
    async for named in calls:
        call = Call.of(named.entry, tenant_name=named.tenant_name, key_name=named.key_name)
        rows.append({name: _value(name, call) for name in CALL_COLUMNS})
        if len(rows) == _PER_GROUP:
            yield await asyncio.to_thread(file.write, rows)
            rows = []
    yield await asyncio.to_thread(file.end, rows)


def _value(name: str, call: Call) -> Any:
    value = getattr(call, name)
    if name == "cost_nano_usd":
        return int(value)
    if name in _MOMENTS | _FLAGS | _NUMBERS or value is None or isinstance(value, str):
        return value
    return json.dumps(call.model_dump(mode="json", include={name})[name])


class _File:
    """A Parquet file that is not kept: what was written is taken away."""

    def __init__(self) -> None:
        import pyarrow
        import pyarrow.parquet

        self._table = pyarrow.Table
        self._pieces: list[bytes] = []
        self._schema = _schema(pyarrow)
        sink = pyarrow.PythonFile(_Sink(self._pieces), mode="w")
        self._writer = pyarrow.parquet.ParquetWriter(sink, self._schema, compression="zstd")

    def write(self, rows: list[dict[str, Any]]) -> bytes:
        """A row group; its bytes."""
        self._writer.write_table(self._table.from_pylist(rows, schema=self._schema))
        return self._taken()

    def end(self, rows: list[dict[str, Any]]) -> bytes:
        """The last row group, if there is one, and the index of all of them."""
        if rows:
            self._writer.write_table(self._table.from_pylist(rows, schema=self._schema))
        self._writer.close()
        return self._taken()

    def _taken(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


class _Sink:
    """Takes what is written, in order."""

    closed = False

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self._size = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        self.closed = True


def _schema(library: Any) -> "pyarrow.Schema":
    def kind(name: str) -> Any:
        if name in _MOMENTS:
            return library.timestamp("us", tz="UTC")
        return library.int64() if name in _NUMBERS else library.bool_() if name in _FLAGS else library.string()

    return library.schema([(name, kind(name)) for name in CALL_COLUMNS])
