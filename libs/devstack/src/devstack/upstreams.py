"""The model aliases of a fresh installation: the small model, and what the provider keys in the environment give.

Which providers and models there are is data, in `upstreams.toml`. The result has the shape of the bootstrap document's `models`.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Any, Final

import msgspec

from devstack.servers.small_model import MODEL_NAME

DEMO_ALIAS: Final = "demo"
# An invented price, so that a first call has a cost to look at.
_DEMO_PRICES: Final = {"input": "0.05", "cached_input": "0.025", "output": "0.10"}

Price = Annotated[str, msgspec.Meta(pattern=r"^\d+(\.\d{1,9})?$")]


class UpstreamModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One alias; prices in USD per million tokens."""

    alias: str
    model: str
    input: Price
    output: Price
    cached_input: Price | None = None


class Upstream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider account. `kind` is the provider's name in the catalog."""

    name: str
    key_variable: str
    kind: str
    models: list[UpstreamModel]
    base_url: str | None = None
    base_url_variable: str | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provider: list[Upstream]


def known_upstreams() -> list[Upstream]:
    """What `upstreams.toml` says."""
    text = files("devstack").joinpath("upstreams.toml").read_text()
    return msgspec.convert(tomllib.loads(text), _File).provider


def configured_upstreams(environment: Mapping[str, str]) -> list[Upstream]:
    """The providers that have a key in `environment`."""
    return [upstream for upstream in known_upstreams() if environment.get(upstream.key_variable, "").strip()]


def catalog(environment: Mapping[str, str], *, small_model_url: str | None) -> list[dict[str, Any]]:
    """The aliases to bootstrap: `demo` when there is a small model, and those of every provider with a key."""
    models = []
    if small_model_url is not None:
        models.append(_entry(DEMO_ALIAS, "openai-compatible", MODEL_NAME, small_model_url, None, dict(_DEMO_PRICES)))
    for upstream in configured_upstreams(environment):
        base_url = environment.get(upstream.base_url_variable or "", "").strip() or upstream.base_url
        credential = environment[upstream.key_variable].strip()
        for model in upstream.models:
            prices = {"input": model.input, "cached_input": model.cached_input, "output": model.output}
            models.append(_entry(model.alias, upstream.kind, model.model, base_url, credential, prices))
    return models


def _entry(
    alias: str, provider: str, model: str, base_url: str | None, credential: str | None, prices: dict[str, str | None]
) -> dict[str, Any]:
    """`replace`: ports and keys of a laptop change, and the alias must follow them."""
    route = {"provider": provider, "model": model, "base_url": base_url, "credential": credential, "prices": prices}
    return {"alias": alias, "replace": True, "routes": [route]}
