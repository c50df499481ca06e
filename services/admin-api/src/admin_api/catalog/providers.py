"""The providers a route can name: what admin-api must know of each to check a route. How they are called is edge-proxy's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """`default_base_url` is null where a route must say where its provider is. `operations` are what edge-proxy can have it do;
    `metadata` the settings of its own that a route may have, with what they mean."""

    name: str
    description: str
    default_base_url: str | None
    needs_credential: bool
    operations: tuple[str, ...]
    metadata: Mapping[str, str]


_ACCOUNT: Final = {
    "organization": "Sent as OpenAI-Organization: whose account calls count for.",
    "project": "Sent as OpenAI-Project: which of its projects they count for.",
}
_ALL: Final = (
    ProviderKind(
        name="openai",
        description="OpenAI's own API.",
        default_base_url="https://api.openai.com/v1",
        needs_credential=True,
        operations=("chat",),
        metadata=_ACCOUNT,
    ),
    ProviderKind(
        name="openai-compatible",
        description="Any server that speaks OpenAI's API: vLLM, llama.cpp, Ollama, LiteLLM, a company's own.",
        default_base_url=None,
        needs_credential=False,
        operations=("chat",),
        metadata={},
    ),
)

PROVIDERS: Final[Mapping[str, ProviderKind]] = {provider.name: provider for provider in _ALL}
