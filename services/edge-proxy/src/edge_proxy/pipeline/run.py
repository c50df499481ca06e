"""The ordered steps of a call, on one screen.

Before `begin` a call can be refused and leaves no trace in the ledger; from `begin` on it is settled exactly once, whatever
happens, and the client gets its last bytes only after that: an answer that was seen is an answer that was accounted.
"""

import msgspec

from common.clock import Clock
from edge_proxy.control.configuration import Configuration
from edge_proxy.errors import ProviderError, Unavailable
from edge_proxy.idempotency.replay import Replay
from edge_proxy.idempotency.scope import IDEMPOTENCY_KEY, read_scope
from edge_proxy.idempotency.store import IdempotencyStore
from edge_proxy.pipeline.attempt import served_by
from edge_proxy.pipeline.authenticate import Authenticator
from edge_proxy.pipeline.authorize import KeyPolicy, authorize_model
from edge_proxy.pipeline.call import Call
from edge_proxy.pipeline.failover import Failover
from edge_proxy.pipeline.once import record, replay
from edge_proxy.pipeline.reserve import Reserve
from edge_proxy.pipeline.streams import Streams
from edge_proxy.recording.recorder import Recorder
from edge_proxy.recording.traces import Traces
from edge_proxy.server.client import Client, ClientGone
from edge_proxy.wire.chat import decode_chat_request


class Pipeline(msgspec.Struct, frozen=True):
    """The process's parts a call needs."""

    clock: Clock
    configuration: Configuration
    authenticator: Authenticator
    key_policy: KeyPolicy
    idempotency: IdempotencyStore
    failover: Failover
    reserve: Reserve
    streams: Streams
    recorder: Recorder
    traces: Traces
    max_body_bytes: int

    async def chat(self, client: Client) -> None:
        """Raises `EdgeError` for a call that is refused; failures at the provider are answered here."""
        call = Call(id=client.request_id, operation="chat", time=self.clock())
        call.sampled = self.traces.sample(client)
        call.key, call.tenant = await self.authenticator.authenticate(client.header(b"authorization"))
        self.key_policy.check(call.key, "chat", client)
        body = await client.body(limit=self.max_body_bytes)
        call.request = decode_chat_request(body)
        call.alias = authorize_model(self.configuration.snapshot, call.key, call.tenant, call.request.model)
        if (key := client.header(IDEMPOTENCY_KEY)) is None:
            await self._serve(call, client)
        else:
            await self._serve_once(key, body, call, client)

    async def _serve_once(self, key: bytes, body: bytes, call: Call, client: Client) -> None:
        """The call, or the answer that another one with its key has already had."""
        scope = read_scope(key, tenant_id=call.tenant.id, key_id=call.key.id, path=client.path)
        async with self.idempotency.claim(scope, body) as claim:
            if isinstance(claim, Replay):
                await replay(claim, client)
            else:
                call.claim = claim
                await self._serve(call, client)

    async def _serve(self, call: Call, client: Client) -> None:
        if call.request.stream:
            with self.streams:
                await self._serve_now(call, client)
        else:
            await self._serve_now(call, client)

    async def _serve_now(self, call: Call, client: Client) -> None:
        self.failover.choose(call)
        await self.reserve.take(call, client)
        try:
            self.recorder.begin(call)
        except Unavailable:
            self.reserve.give_back(call)
            raise
        failure: ProviderError | None = None
        body: bytes | None = None
        try:
            body = await self.failover.run(call, client)
        except ProviderError as error:
            failure = error
            call.failed(error)
        except ClientGone:
            call.aborted()
        finally:
            self.recorder.settle(call)
            self.reserve.settle(call)
        if call.claim is not None:
            await record(call, client, failure, body)
        if failure is not None:
            client.error(failure)
        elif body is not None:
            client.reply(200, body, *served_by(call))
        else:
            client.finish()
