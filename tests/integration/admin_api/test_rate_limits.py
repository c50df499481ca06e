"""Rate limits of the installation, of tenants and of keys: the endpoints, and what the edge is told."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

NONE = {"requests_per_minute": None, "tokens_per_minute": None, "parallel_requests": None}
NOTHING: dict[str, Any] = {**NONE, "models": {}}


def limits(**fields: Any) -> dict[str, Any]:
    return {**NOTHING, **fields}


@pytest.fixture(autouse=True)
async def no_defaults(admin: Any) -> AsyncIterator[None]:
    """Before, because other tests may have left some, and after."""
    owner = await admin.owner()
    await owner.delete("/admin/rate-limits")
    yield
    await owner.delete("/admin/rate-limits")


async def key_path(admin: Any, tenant: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    key = await admin.key(tenant["id"])
    return f"/admin/tenants/{tenant['id']}/api-keys/{key['id']}/rate-limits", key


async def test_defaults_are_in_force_when_the_call_returns(admin: Any) -> None:
    owner = await admin.owner()
    nothing = (await owner.get("/admin/rate-limits")).json()

    reply = await owner.put(
        "/admin/rate-limits", json={"tokens_per_minute": 1000, "models": {"meta/llama": {"parallel_requests": 0}}}
    )

    assert nothing == {"own": NOTHING, "effective": NOTHING, "ceilings": {"tenant": None, "installation": None}}
    assert reply.status_code == 200
    expected = limits(tokens_per_minute=1000, models={"meta/llama": {**NONE, "parallel_requests": 0}})
    assert reply.json()["own"] == reply.json()["effective"] == expected
    assert (await owner.get("/admin/rate-limits")).json() == reply.json()
    assert await admin.record("settings", "limits") == {
        "tenant": {
            "overall": {**NONE, "tokens_per_minute": 1000},
            "models": {"meta/llama": {**NONE, "parallel_requests": 0}},
        }
    }


async def test_removed_defaults_are_gone_when_the_call_returns(admin: Any) -> None:
    owner = await admin.owner()
    await owner.put("/admin/rate-limits", json={"requests_per_minute": 5})

    reply = await owner.delete("/admin/rate-limits")

    assert (reply.status_code, reply.content) == (204, b"")
    assert await admin.record("settings", "limits") is None
    assert (await owner.get("/admin/rate-limits")).json()["own"] == NOTHING


async def test_a_tenants_limits_are_in_force_when_the_call_returns(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant(models=["a"])
    path = f"/admin/tenants/{tenant['id']}/rate-limits"
    await owner.put("/admin/rate-limits", json={"requests_per_minute": 5, "tokens_per_minute": 100})

    reply = await owner.put(path, json={"requests_per_minute": 50, "models": {"a": {"tokens_per_minute": 9}, "b": {}}})

    assert reply.status_code == 200
    installation = limits(requests_per_minute=5, tokens_per_minute=100)
    by_model = {"a": {**NONE, "tokens_per_minute": 9}}
    assert reply.json() == {
        "own": limits(requests_per_minute=50, models=by_model),
        "effective": limits(requests_per_minute=50, tokens_per_minute=100, models=by_model),
        "ceilings": {"tenant": None, "installation": installation},
    }
    assert (await owner.get(path)).json() == reply.json()
    assert await admin.record("policies", tenant["id"]) == {
        "tenant_id": tenant["id"],
        "status": "active",
        "models": ["a"],
        "limits": {"overall": {**NONE, "requests_per_minute": 50}, "models": by_model},
    }


async def test_a_cleared_tenant_falls_back_to_the_defaults(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    path = f"/admin/tenants/{tenant['id']}/rate-limits"
    await owner.put("/admin/rate-limits", json={"requests_per_minute": 5})
    await owner.put(path, json={"requests_per_minute": 0, "parallel_requests": 3})

    reply = await owner.delete(path)

    assert reply.status_code == 204
    view = (await owner.get(path)).json()
    assert (view["own"], view["effective"]) == (NOTHING, limits(requests_per_minute=5))
    assert (await admin.record("policies", tenant["id"]))["limits"] == {"overall": NONE, "models": {}}


async def test_what_is_left_out_is_no_longer_set(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    path = f"/admin/tenants/{tenant['id']}/rate-limits"
    await owner.put(path, json={"requests_per_minute": 5, "models": {"a": {"requests_per_minute": 1}}})

    reply = await owner.put(path, json={"tokens_per_minute": 7, "requests_per_minute": None})

    assert reply.json()["own"] == limits(tokens_per_minute=7)


async def test_another_change_of_a_tenant_leaves_its_limits(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    await owner.put(f"/admin/tenants/{tenant['id']}/rate-limits", json={"requests_per_minute": 5})

    await owner.patch(f"/admin/tenants/{tenant['id']}", json={"status": "suspended"})

    record = await admin.record("policies", tenant["id"])
    assert (record["status"], record["limits"]["overall"]["requests_per_minute"]) == ("suspended", 5)


async def test_a_keys_limits_are_in_force_when_the_call_returns(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    path, key = await key_path(admin, tenant)
    await owner.put("/admin/rate-limits", json={"tokens_per_minute": 100})
    await owner.put(f"/admin/tenants/{tenant['id']}/rate-limits", json={"requests_per_minute": 50})

    reply = await owner.put(path, json={"requests_per_minute": 50, "models": {"m": {"parallel_requests": 2}}})

    assert reply.status_code == 200, reply.text
    by_model = {"m": {**NONE, "parallel_requests": 2}}
    assert reply.json() == {
        "own": limits(requests_per_minute=50, models=by_model),
        "effective": limits(requests_per_minute=50, tokens_per_minute=100, models=by_model),
        "ceilings": {
            "tenant": limits(requests_per_minute=50, tokens_per_minute=100),
            "installation": limits(tokens_per_minute=100),
        },
    }
    assert (await owner.get(path)).json() == reply.json()
    record = await admin.record("keys", admin.key_hash(key["secret"]))
    assert record["limits"] == {"overall": {**NONE, "requests_per_minute": 50}, "models": by_model}

    assert (await owner.delete(path)).status_code == 204
    assert (await owner.get(path)).json()["own"] == NOTHING
    record = await admin.record("keys", admin.key_hash(key["secret"]))
    assert record["limits"] == {"overall": NONE, "models": {}}


@pytest.mark.parametrize(
    ("body", "param", "ceiling"),
    [
        ({"requests_per_minute": 51}, "requests_per_minute", "the tenant's limit, which is 50."),
        ({"tokens_per_minute": 101}, "tokens_per_minute", "the installation's limit, which is 100."),
        (
            {"models": {"m": {"parallel_requests": 3}}},
            "models.m.parallel_requests",
            "the tenant's limit for m, which is 2.",
        ),
        (
            {"models": {"other": {"requests_per_minute": 51}}},
            "models.other.requests_per_minute",
            "the tenant's limit, which is 50.",
        ),
    ],
)
async def test_a_key_cannot_have_more_than_its_tenant(
    admin: Any, body: dict[str, Any], param: str, ceiling: str
) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    path, key = await key_path(admin, tenant)
    await owner.put("/admin/rate-limits", json={"tokens_per_minute": 100, "requests_per_minute": 9})
    await owner.put(
        f"/admin/tenants/{tenant['id']}/rate-limits",
        json={"requests_per_minute": 50, "models": {"m": {"parallel_requests": 2}}},
    )
    before = await admin.record("keys", admin.key_hash(key["secret"]))

    reply = await owner.put(path, json=body)

    assert reply.status_code == 422
    error = reply.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "limit_above_ceiling", param)
    assert error["message"].endswith(ceiling)
    assert (await owner.get(path)).json()["own"] == NOTHING
    assert await admin.record("keys", admin.key_hash(key["secret"])) == before


async def test_a_tenant_can_be_limited_below_its_keys(admin: Any) -> None:
    """In an incident one call must do."""
    owner, tenant = await admin.owner(), await admin.tenant()
    path, _ = await key_path(admin, tenant)
    await owner.put(path, json={"requests_per_minute": 50})

    reply = await owner.put(f"/admin/tenants/{tenant['id']}/rate-limits", json={"requests_per_minute": 0})

    assert reply.status_code == 200
    view = (await owner.get(path)).json()
    assert (view["own"]["requests_per_minute"], view["effective"]["requests_per_minute"]) == (50, 0)


async def test_a_revoked_key_is_not_limited_any_more(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    path, key = await key_path(admin, tenant)
    await owner.delete(path.removesuffix("/rate-limits"))

    reply = await owner.put(path, json={"requests_per_minute": 1})

    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "revoked")
    assert await admin.record("keys", admin.key_hash(key["secret"])) is None


async def test_what_is_not_there_has_no_limits(admin: Any) -> None:
    owner, tenant, other = await admin.owner(), await admin.tenant(), await admin.tenant()
    path, _ = await key_path(admin, other)
    for address in (
        "/admin/tenants/tnt_" + "0" * 32 + "/rate-limits",
        "/admin/tenants/%00/rate-limits",
        path.replace(other["id"], tenant["id"]),
        f"/admin/tenants/{tenant['id']}/api-keys/nonsense/rate-limits",
    ):
        for reply in (await owner.get(address), await owner.put(address, json={}), await owner.delete(address)):
            assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found"), address


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"requests_per_minute": -1}, "requests_per_minute"),
        ({"requests_per_minute": 10**12 + 1}, "requests_per_minute"),
        ({"tokens_per_minute": 1.5}, "tokens_per_minute"),
        ({"tokens_per_minute": "5"}, "tokens_per_minute"),
        ({"parallel_requests": True}, "parallel_requests"),
        ({"burst": 1}, "burst"),
        ({"models": None}, "models"),
        ({"models": {"m": None}}, "models.m"),
        ({"models": {"m": {"requests_per_minute": -1}}}, "models.m.requests_per_minute"),
        ({"models": {"m": {"models": {}}}}, "models.m.models"),
        ({"models": {"a b": {}}}, "models.a b.[key]"),
        ({"models": {f"m{number}": {} for number in range(101)}}, "models"),
    ],
)
async def test_a_wrong_limit_is_refused_with_the_field(admin: Any, body: dict[str, Any], param: str) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    key, _ = await key_path(admin, tenant)

    for path in ("/admin/rate-limits", f"/admin/tenants/{tenant['id']}/rate-limits", key):
        reply = await owner.put(path, json=body)
        assert reply.status_code == 400, reply.text
        assert reply.json()["error"]["param"] == param
