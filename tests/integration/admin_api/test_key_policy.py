"""What a key may do: scopes, models, addresses, tags, its end; on creation and afterwards."""

from datetime import timedelta
from typing import Any

import pytest

from common.clock import utc_now

POLICY = {
    "scopes": ["chat", "models"],
    "models": ["gpt-4o", "meta/llama-3.1"],
    "allowed_addresses": ["10.0.0.0/8", "2001:db8::/32"],
    "tags": {"team": "search", "stage": ""},
}
NOTHING_SAID: dict[str, Any] = {"scopes": None, "models": None, "allowed_addresses": [], "tags": {}}


async def record(admin: Any, key: dict[str, Any]) -> dict[str, Any]:
    """What the edge is told of a key's policy."""
    found = await admin.record("keys", admin.key_hash(key["secret"]))
    return {name: found[name] for name in POLICY}


def policy(key: dict[str, Any]) -> dict[str, Any]:
    return {name: key[name] for name in POLICY}


def path(key: dict[str, Any]) -> str:
    return f"/admin/tenants/{key['tenant_id']}/api-keys/{key['id']}"


async def test_a_policy_given_on_creation_is_in_force_when_the_call_returns(admin: Any) -> None:
    key = await admin.key((await admin.tenant())["id"], **POLICY)

    assert policy(key) == POLICY
    assert await record(admin, key) == POLICY


async def test_without_a_policy_a_key_may_what_its_tenant_may(admin: Any) -> None:
    key = await admin.key((await admin.tenant())["id"])

    assert policy(key) == NOTHING_SAID
    assert await record(admin, key) == NOTHING_SAID


async def test_a_changed_policy_is_in_force_when_the_call_returns(admin: Any) -> None:
    owner, key = await admin.owner(), await admin.key((await admin.tenant())["id"])

    reply = await owner.patch(path(key), json=POLICY)

    assert reply.status_code == 200
    assert reply.json() == {**{name: key[name] for name in key if name != "secret"}, **POLICY}
    assert await record(admin, key) == POLICY
    (listed,) = (await owner.get(f"/admin/tenants/{key['tenant_id']}/api-keys")).json()["data"]
    assert listed == reply.json()


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ({}, {}),
        ({"scopes": []}, {"scopes": []}),
        ({"scopes": None}, {"scopes": None}),
        ({"models": []}, {"models": []}),
        ({"models": None}, {"models": None}),
        ({"allowed_addresses": []}, {"allowed_addresses": []}),
        ({"tags": {}}, {"tags": {}}),
        ({"name": "Other"}, {}),
    ],
)
async def test_what_is_left_out_stays(admin: Any, change: dict[str, Any], after: dict[str, Any]) -> None:
    owner, key = await admin.owner(), await admin.key((await admin.tenant())["id"], **POLICY)
    await owner.put(f"{path(key)}/rate-limits", json={"requests_per_minute": 3})

    reply = await owner.patch(path(key), json=change)

    assert reply.status_code == 200
    assert policy(reply.json()) == {**POLICY, **after}
    assert reply.json()["name"] == change.get("name", key["name"])
    assert await record(admin, key) == {**POLICY, **after}
    told = await admin.record("keys", admin.key_hash(key["secret"]))
    assert told["limits"]["overall"]["requests_per_minute"] == 3


async def test_an_end_can_be_set_moved_and_taken_away(admin: Any) -> None:
    owner, key = await admin.owner(), await admin.key((await admin.tenant())["id"])
    end = (utc_now() + timedelta(hours=1)).replace(microsecond=0).isoformat().replace("+00:00", "Z")

    for expires_at in (end, None):
        reply = await owner.patch(path(key), json={"expires_at": expires_at})
        assert (reply.status_code, reply.json()["expires_at"]) == (200, expires_at)
        assert (await admin.record("keys", admin.key_hash(key["secret"])))["expires_at"] == expires_at

    past = await owner.patch(path(key), json={"expires_at": "2020-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["error"]["param"]) == (400, "expires_at")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:0DB8:0::1/32", "2001:db8::/32"),
        ("::1", "::1/128"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:10.1.0.0/104", "10.0.0.0/8"),
        ("::/0", "::/0"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
async def test_networks_are_kept_in_their_normal_spelling(admin: Any, given: str, kept: str) -> None:
    key = await admin.key((await admin.tenant())["id"], allowed_addresses=[given, kept])

    assert key["allowed_addresses"] == [kept]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"scopes": ["admin"]}, "scopes.0"),
        ({"scopes": "chat"}, "scopes"),
        ({"scopes": ["chat"] * 12}, "scopes"),
        ({"models": ["a b"]}, "models.0"),
        ({"models": ["m"] * 501}, "models"),
        ({"allowed_addresses": ["10.0.0.0/33"]}, "allowed_addresses.0"),
        ({"allowed_addresses": ["example.com"]}, "allowed_addresses.0"),
        ({"allowed_addresses": ["fe80::1%eth0"]}, "allowed_addresses.0"),
        ({"allowed_addresses": [""]}, "allowed_addresses.0"),
        ({"allowed_addresses": [1]}, "allowed_addresses.0"),
        ({"allowed_addresses": ["10.0.0.1"] * 101}, "allowed_addresses"),
        ({"allowed_addresses": None}, "allowed_addresses"),
        ({"tags": {f"t{number}": "" for number in range(17)}}, "tags"),
        ({"tags": {"a": "x" * 65}}, "tags.a"),
        ({"tags": {"a": "\u0000"}}, "tags.a"),
        ({"tags": {"a": 1}}, "tags.a"),
        ({"tags": {"": "x"}}, "tags..[key]"),
        ({"tags": None}, "tags"),
        ({"hash": "x"}, "hash"),
    ],
)
async def test_a_wrong_policy_is_refused_with_the_field(admin: Any, body: dict[str, Any], param: str) -> None:
    owner, key = await admin.owner(), await admin.key((await admin.tenant())["id"], **POLICY)

    for reply in (
        await owner.post(f"/admin/tenants/{key['tenant_id']}/api-keys", json={"name": "k", **body}),
        await owner.patch(path(key), json=body),
    ):
        assert (reply.status_code, reply.json()["error"]["param"]) == (400, param), reply.text
    assert await record(admin, key) == POLICY


async def test_a_revoked_key_stays_as_it_was(admin: Any) -> None:
    owner, key = await admin.owner(), await admin.key((await admin.tenant())["id"])
    await owner.delete(path(key))

    reply = await owner.patch(path(key), json=POLICY)

    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "revoked")
    assert await admin.record("keys", admin.key_hash(key["secret"])) is None


async def test_a_key_is_changed_through_its_own_tenant_only(admin: Any) -> None:
    owner, key, other = await admin.owner(), await admin.key((await admin.tenant())["id"]), await admin.tenant()

    for address in (path({**key, "tenant_id": other["id"]}), path({**key, "id": "nonsense"})):
        assert (await owner.patch(address, json=POLICY)).status_code == 404
    assert await record(admin, key) == NOTHING_SAID
