"""The adapter of OpenAI's wire format: requests pass through, replies pass back; each operation has its own module."""

from collections.abc import Mapping
from typing import Final

from edge_proxy.errors import ProviderError
from edge_proxy.providers.base import Reply, StreamDecoder
from edge_proxy.providers.openai.chat_reply import read_chat_reply
from edge_proxy.providers.openai.chat_stream import ChatStream
from edge_proxy.providers.openai.errors import read_error
from edge_proxy.wire.chat import ChatRequest

# Whose account a call is charged to, where a credential may use several.
_ACCOUNT_HEADERS: Final = (("organization", "openai-organization"), ("project", "openai-project"))


class OpenAI:
    """Serves both provider names: an OpenAI-compatible server differs by its base URL and may need no credential."""

    def __init__(self, *, name: str) -> None:
        self.name = name
        self.operations = frozenset({"chat"})

    def headers(self, credential: str | None, metadata: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        headers = [("content-type", "application/json"), ("accept-encoding", "identity")]
        if credential:
            headers.append(("authorization", f"Bearer {credential}"))
        headers += ((header, metadata[name]) for name, header in _ACCOUNT_HEADERS if name in metadata)
        return tuple(headers)

    def health_url(self, base_url: str) -> str:
        return f"{base_url}/models"

    def chat_url(self, base_url: str) -> str:
        return f"{base_url}/chat/completions"

    def chat_body(self, request: ChatRequest, model_json: bytes) -> bytes:
        return request.body_for(model_json)

    def read_chat_reply(self, body: bytes) -> Reply:
        return read_chat_reply(body)

    def chat_stream(self, request: ChatRequest) -> StreamDecoder:
        return ChatStream(show_usage=request.wants_usage)

    def read_error(self, status: int, body: bytes, retry_after: str | None) -> ProviderError:
        return read_error(status, body, retry_after)
