"""Requests generated from the API's own description, valid and broken, as people of each role: never a 5xx, never a reply that the
description does not know, and every refusal is the error object."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from admin_api.app import describe_api

# The same requests each time, so that a failure is nobody's bad luck; more of them by hand, with other seeds.
EXAMPLES = int(os.environ.get("OMG_TEST_EXAMPLES", "15"))
BASE = "http://admin.test"
ROLES = {
    "owner": EXAMPLES,
    "admin": max(1, EXAMPLES // 4),
    "auditor": max(1, EXAMPLES // 4),
    "tenant owner": max(1, EXAMPLES // 4),
}
"""How many requests each sends to an operation."""
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}

_OPERATIONS: dict[str, Any] = {}
for _found in schemathesis.openapi.from_dict(describe_api()).get_all_operations():
    assert isinstance(_found, Ok), _found
    _OPERATIONS[_found.ok().label] = _found.ok()
# Signing out would end the session that all others need.
# SCIM has a door and a shape of errors of its own; see `test_scim`.
LABELS = sorted(label for label in _OPERATIONS.keys() - {"POST /admin/auth/logout"} if " /scim/v2/" not in label)
PEOPLE: dict[str, Any] = {}


async def person(admin: Any, role: str, tenant_id: str) -> Any:
    """A client; the same for all operations."""
    if role == "owner":
        return await admin.owner()
    if role not in PEOPLE:
        PEOPLE[role] = (
            await admin.member(tenant_id, "owner") if role == "tenant owner" else await admin.signed_in_as(role)
        )
    return PEOPLE[role]


@pytest.fixture(scope="module")
async def known(admin: Any) -> AsyncIterator[dict[str, str]]:
    """Ids that name something, so that requests get beyond "not found". What was set for everybody is set back."""
    tenant = await admin.tenant()
    person = await admin.signed_in_as("auditor")
    budget = {"name": "generated", "scope": "tenant", "subject": tenant["id"], "amount_usd": "1"}
    route = {"provider": "openai-compatible", "model": "m", "base_url": "http://127.0.0.1:1", "prices": {}}
    owner = await admin.owner()
    model = (await owner.put("/admin/model-catalog/generated", json={"routes": [route]})).json()
    invitation = {"email": "invited@example.com", "role": "viewer"}
    token = (await owner.post("/user/access-tokens", json={"name": "generated"})).json()
    yield {
        "tenant_id": tenant["id"],
        "key_id": (await admin.key(tenant["id"]))["id"],
        "user_id": (await person.get("/admin/auth/session")).json()["user"]["id"],
        "alias": "generated",
        "invitation_id": (await owner.post(f"/admin/tenants/{tenant['id']}/invitations", json=invitation)).json()["id"],
        "token_id": token["id"],
        "entry_id": (await owner.get("/admin/audit/entries")).json()["data"][0]["id"],
        "session_id": (await person.get("/user/sessions")).json()["data"][0]["id"],
        "call_id": "req_" + "0" * 32,
        "provider_id": "sso",
        "alert_id": "alr_" + "0" * 32,
        "route_id": model["routes"][0]["id"],
        "version": model["routes"][0]["price_version"],
        "group_id": "sgr_" + "0" * 32,
        "budget_id": (await (await admin.owner()).post("/admin/budgets", json=budget)).json()["id"],
    }
    defaults = {"personal_tenants": False, "default_models": [], "retention_days": 30}
    assert (await owner.put("/admin/settings/tenants", json=defaults)).status_code == 200
    assert (await owner.delete("/admin/rate-limits")).status_code == 204
    assert (await owner.delete("/admin/alerts/policy")).status_code == 204
    assert (await owner.put("/admin/settings/budgets", json={"default_budget": None})).status_code == 200
    assert (await owner.put("/admin/settings/alerts", json={"smtp": None})).status_code == 200
    for each in (await owner.get("/admin/budgets", params={"scope": "installation", "limit": 100})).json()["data"]:
        await owner.delete(f"/admin/budgets/{each['id']}")


def prepared(case: Any) -> requests.PreparedRequest | None:
    """The request as it would go over the wire; `None` for what no client can send."""
    try:
        request = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
        httpx.URL(request.url or "")
    except (ValueError, requests.RequestException, httpx.InvalidURL):
        return None
    return request


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("label", LABELS)
async def test_no_request_breaks_an_operation(admin: Any, known: dict[str, str], label: str, role: str) -> None:
    operation = _OPERATIONS[label]
    loop, client = asyncio.get_running_loop(), await person(admin, role, known["tenant_id"])
    # Their own account is theirs to change.
    may_not_change = role == "auditor" and "/admin/" in label and " /admin/auth/" not in label
    names = {parameter.name for parameter in operation.path_parameters}
    cases = st.one_of(
        *(
            operation.as_strategy(generation_mode=mode, path_parameters=ids)
            for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
            for ids in ([None, {name: known[name] for name in names}] if names else [None])
        )
    )

    @settings(
        max_examples=ROLES[role],
        derandomize="OMG_TEST_EXAMPLES" not in os.environ,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def send(case: Any) -> None:
        request = prepared(case)
        if request is None:
            return
        assert request.method is not None
        assert request.url is not None
        body = request.body.encode() if isinstance(request.body, str) else request.body
        headers = {name: value for name, value in request.headers.items() if name.lower() == "content-type"}
        sending = client.request(request.method, request.url, content=body, headers=headers)
        reply = asyncio.run_coroutine_threadsafe(sending, loop).result(30)
        assert reply.status_code < 500, (case.as_curl_command(), reply.text)
        assert not (may_not_change and request.method in CHANGING and reply.is_success), case.as_curl_command()
        if reply.is_success:
            case.validate_response(reply, checks=[response_schema_conformance, content_type_conformance])
        if reply.status_code >= 400:
            assert set(reply.json()["error"]) == {"message", "type", "code", "param"}
            # FastAPI's own refusals have this status, and another shape.
            assert reply.status_code != 422 or reply.json()["error"]["code"] == "limit_above_ceiling"

    await asyncio.to_thread(send)
