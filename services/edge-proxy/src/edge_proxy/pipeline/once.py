"""The two ends of a call with an `Idempotency-Key`: its answer is written down before it is complete, or was and is sent again."""

from edge_proxy.errors import ProviderError
from edge_proxy.idempotency.replay import Replay
from edge_proxy.pipeline.attempt import served_by
from edge_proxy.pipeline.call import Call
from edge_proxy.server.client import Client


async def record(call: Call, client: Client, failure: ProviderError | None, body: bytes | None) -> None:
    """Write down how the call ended, unless it was cut off: who asks again gets a whole answer."""
    claim = call.claim
    assert claim is not None
    if failure is None and body is None:
        await claim.end()
    elif failure is not None and client.streaming:
        await claim.give_up()
    elif failure is not None:
        await claim.record(failure.http_status, (), failure.body())
    elif body is not None:
        await claim.record(200, served_by(call), body)


async def replay(answer: Replay, client: Client) -> None:
    """Raises `EdgeError` when the answer comes to no end."""
    if not answer.streamed:
        client.reply(answer.status, await answer.body(), *answer.headers, content_type=answer.content_type)
        return
    for name, value in answer.headers:
        client.add_header(name, value)
    async for piece in answer.pieces():
        client.write(piece)
        if client.stalled:
            await client.drained()
        if client.gone:
            return
    client.finish()
