"""What models can do, and settings of a route's provider."""

from typing import Any

import pytest
from tests.integration.admin_api.test_catalog import COMPATIBLE, OPENAI, fresh_alias, put

from common.events.subjects import catalog_key

CAPABILITIES = {
    "context_window": 128_000,
    "max_output_tokens": 16_384,
    "input_modalities": ["text", "image"],
    "output_modalities": ["text"],
    "tools": True,
    "json_schema": True,
    "reasoning": False,
}


async def test_capabilities_are_told_to_the_edge_and_stay_until_others_are_given(admin: Any) -> None:
    alias = fresh_alias()
    made = (await put(admin, alias, COMPATIBLE, capabilities=CAPABILITIES)).json()
    assert made["capabilities"] == CAPABILITIES
    assert (await admin.record("catalog", catalog_key(alias)))["capabilities"] == CAPABILITIES

    kept = (await put(admin, alias, COMPATIBLE)).json()
    assert kept["capabilities"] == CAPABILITIES
    cleared = (await put(admin, alias, COMPATIBLE, capabilities={})).json()
    assert set(cleared["capabilities"].values()) == {None}


@pytest.mark.parametrize(
    ("capabilities", "param"),
    [
        ({"context_window": 0}, "capabilities.context_window"),
        ({"input_modalities": ["smell"]}, "capabilities.input_modalities.0"),
        ({"tools": "yes"}, "capabilities.tools"),
        ({"flies": True}, "capabilities.flies"),
    ],
)
async def test_what_is_no_capability(admin: Any, capabilities: dict[str, Any], param: str) -> None:
    reply = await put(admin, fresh_alias(), COMPATIBLE, capabilities=capabilities)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


async def test_a_providers_own_settings(admin: Any) -> None:
    alias = fresh_alias()
    metadata = {"organization": "org-1", "project": "proj_1"}
    (route,) = (await put(admin, alias, {**OPENAI, "metadata": metadata})).json()["routes"]
    assert route["metadata"] == metadata
    assert (await admin.record("catalog", catalog_key(alias)))["routes"][0]["metadata"] == metadata

    (kept,) = (await put(admin, alias, {**OPENAI, "id": route["id"]})).json()["routes"]
    assert kept["metadata"] == metadata
    (cleared,) = (await put(admin, alias, {**OPENAI, "id": route["id"], "metadata": {}})).json()["routes"]
    assert cleared["metadata"] == {}


@pytest.mark.parametrize(
    ("route", "param"),
    [
        ({**OPENAI, "metadata": {"region": "x"}}, "routes.0.metadata.region"),
        ({**COMPATIBLE, "metadata": {"project": "x"}}, "routes.0.metadata.project"),
        ({**OPENAI, "metadata": {"project": "x\r\nx-evil: 1"}}, "routes.0.metadata.project"),
    ],
)
async def test_settings_that_a_provider_does_not_have(admin: Any, route: dict[str, Any], param: str) -> None:
    reply = await put(admin, fresh_alias(), route)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


async def test_what_a_provider_can_have_is_listed(admin: Any) -> None:
    listed = (await (await admin.owner()).get("/admin/providers")).json()["data"]
    by_name = {provider["name"]: provider for provider in listed}
    assert set(by_name["openai"]["metadata"]) == {"organization", "project"}
    assert by_name["openai-compatible"]["metadata"] == {}
    assert all(provider["operations"] for provider in listed)
