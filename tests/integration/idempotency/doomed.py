"""A replica of its own process, to be killed: it takes the key, may send a piece, says so, and never ends."""

import asyncio
import sys

from edge_proxy.idempotency.first import First
from edge_proxy.idempotency.options import Options
from edge_proxy.idempotency.scope import Scope
from edge_proxy.idempotency.store import IdempotencyStore


async def main(url: str, secret: str, key: str, body: str, piece: str) -> None:
    store = IdempotencyStore(url=url, key_hash_secret=bytes.fromhex(secret), options=Options(lease=1.5))
    async with store.claim(Scope("tnt_1", "key_1", "/v1/chat/completions", key), body.encode()) as first:
        assert isinstance(first, First)
        if piece:
            first.begin(200, [])
            first.piece(piece.encode())
        print("running", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
