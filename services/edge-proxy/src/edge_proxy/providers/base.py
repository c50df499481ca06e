"""What an adapter is: data about a provider, and pure functions from bytes to bytes for each operation it serves."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from common.events.usage import Tokens
from edge_proxy.errors import ProviderError
from edge_proxy.wire.chat import ChatRequest


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A whole reply in the client's schema; `tokens` is None when the provider reported no usage."""

    body: bytes
    tokens: Tokens | None


class StreamDecoder(Protocol):
    """Turns the provider's bytes into the client's, and keeps what the ledger needs.

    `events` counts what was received, `tokens` is the reported usage, `error` the error the provider put into its stream,
    `complete` whether the stream came to its proper end.
    """

    events: int
    tokens: Tokens | None
    error: ProviderError | None
    complete: bool

    def feed(self, chunk: bytes) -> bytes:
        """Bytes for the client, possibly none."""
        ...

    def finish(self) -> bytes:
        """What was held back when the provider closed the stream."""
        ...


class Provider(Protocol):
    """A provider's adapter for chat completions. More operations become more methods of the same kind.

    `operations` names those it can do; a route may be for fewer of them.
    """

    name: str
    operations: frozenset[str]

    def headers(self, credential: str | None, metadata: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """The headers of every request to a route with this credential and these settings of the provider's own."""
        ...

    def health_url(self, base_url: str) -> str:
        """What answers a GET with 2xx while the provider works, cheaply."""
        ...

    def chat_url(self, base_url: str) -> str: ...

    def chat_body(self, request: ChatRequest, model_json: bytes) -> bytes: ...

    def read_chat_reply(self, body: bytes) -> Reply:
        """Raises `ProviderFailed` when the reply is not what the provider's API promises."""
        ...

    def chat_stream(self, request: ChatRequest) -> StreamDecoder: ...

    def read_error(self, status: int, body: bytes, retry_after: str | None) -> ProviderError: ...
