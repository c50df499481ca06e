import json

import pytest

from common.money import parse_price
from devstack.upstreams import catalog, configured_upstreams, known_upstreams

KEYS = (
    "OPENAI_API_KEY",
    "MISTRAL_API_KEY",
    "GROQ_API_KEY",
    "OPENROUTER_API_KEY",
    "DEEPSEEK_API_KEY",
    "XAI_API_KEY",
    "TOGETHER_API_KEY",
    "GEMINI_API_KEY",
)


def test_every_provider_is_known_by_the_variable_its_users_have() -> None:
    assert sorted(upstream.key_variable for upstream in known_upstreams()) == sorted(KEYS)


def test_every_price_can_be_read_and_cached_input_is_never_dearer() -> None:
    for upstream in known_upstreams():
        assert upstream.models
        for model in upstream.models:
            assert parse_price(model.output) > 0
            assert parse_price(model.cached_input or model.input) <= parse_price(model.input)


def test_aliases_are_unique_over_all_providers() -> None:
    aliases = [entry["alias"] for entry in catalog(dict.fromkeys(KEYS, "k"), small_model_url="http://127.0.0.1:1/v1")]
    assert len(set(aliases)) == len(aliases)


@pytest.mark.parametrize("variable", KEYS)
def test_a_key_gives_the_aliases_of_its_provider_and_of_no_other(variable: str) -> None:
    entries = catalog({variable: " secret "}, small_model_url=None)
    assert entries
    for entry in entries:
        (route,) = entry["routes"]
        assert entry["replace"] is True
        assert route["credential"] == "secret"
        assert route["provider"] in {"openai", "openai-compatible"}
        assert (route["base_url"] is None) == (route["provider"] == "openai")
    (upstream,) = configured_upstreams({variable: "secret"})
    assert [entry["alias"] for entry in entries] == [model.alias for model in upstream.models]


def test_without_any_key_there_is_the_small_model_alone() -> None:
    (entry,) = catalog({"OPENAI_API_KEY": "  "}, small_model_url="http://127.0.0.1:4321/v1")
    assert entry["alias"] == "demo"
    assert entry["routes"][0]["base_url"] == "http://127.0.0.1:4321/v1"
    assert entry["routes"][0]["credential"] is None
    assert catalog({}, small_model_url=None) == []


def test_a_key_goes_to_the_server_it_was_made_for() -> None:
    entries = catalog({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, small_model_url=None)
    assert {entry["routes"][0]["base_url"] for entry in entries} == {"http://127.0.0.1:9/v1"}
    assert json.dumps(entries)
