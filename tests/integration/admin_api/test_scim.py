"""SCIM, as Okta and Entra speak it: their requests in their order and their spellings, and what people have because of it."""

from typing import Any

import httpx
import pytest

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
PASSWORD = "correct horse battery staple"


class Directory:
    """A directory with a token."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def ask(self, method: str, path: str, *, status: int = 200, **fields: Any) -> Any:
        reply = await self.client.request(method, f"/scim/v2{path}", **fields)
        assert reply.status_code == status, reply.text
        if status == 204:
            return None
        assert reply.headers["content-type"].split(";")[0] in {"application/scim+json", "application/json"}
        return reply.json()

    async def user(self, user_name: str, **fields: Any) -> Any:
        shown = user_name.split("@")[0]
        body = {"schemas": [USER], "userName": user_name, "displayName": shown, "active": True, **fields}
        return await self.ask("POST", "/Users", json=body, status=201)

    async def group(self, name: str, *members: str) -> Any:
        body = {"displayName": name, "members": [{"value": each} for each in members]}
        return await self.ask("POST", "/Groups", json=body, status=201)

    async def patch(self, path: str, *operations: dict[str, Any], status: int = 200) -> Any:
        body = {"schemas": [PATCH_OP], "Operations": list(operations)}
        return await self.ask("PATCH", path, json=body, status=status)


@pytest.fixture
async def gateway(start_admin: Any, nats_url: str) -> Any:
    """An admin-api of the test's own: a directory may change everybody."""
    admin = await start_admin(nats_url=nats_url)
    await admin.in_force()
    return admin


@pytest.fixture
async def directory(gateway: Any) -> Directory:
    owner = await gateway.owner()
    token = (await owner.post("/admin/settings/scim/tokens", json={"name": "Okta"})).json()["token"]
    return Directory(await gateway.client(authorization=f"Bearer {token}"))


async def roles_in(gateway: Any, tenant: Any) -> dict[str, str]:
    members = (await (await gateway.owner()).get(f"/admin/tenants/{tenant['id']}/members")).json()["data"]
    return {each["email"]: each["role"] for each in members}


async def test_okta_provisions_changes_and_deactivates(gateway: Any, directory: Directory) -> None:
    """As in Okta's reference: look, create, PUT, deactivate by a PATCH without a path."""
    wanted = {"filter": 'userName eq "Ada@Example.com"', "startIndex": 1, "count": 100}
    assert (await directory.ask("GET", "/Users", params=wanted))["totalResults"] == 0
    made = await directory.user(
        "Ada@Example.com",
        name={"givenName": "Ada", "familyName": "Lovelace"},
        displayName=None,
        emails=[{"primary": True, "value": "ada@example.com", "type": "work"}],
        externalId="00ujl29u0le5T6Aj10h7",
        locale="en-US",
        groups=[],
    )
    assert (made["userName"], made["displayName"], made["active"]) == ("ada@example.com", "Ada Lovelace", True)
    assert made["meta"]["location"].endswith(f"/scim/v2/Users/{made['id']}")
    found = await directory.ask("GET", "/Users", params=wanted)
    assert [each["id"] for each in found["Resources"]] == [made["id"]]
    await directory.ask("POST", "/Users", json={"userName": "ada@example.com"}, status=409)

    put = {**made, "displayName": "Ada King"}
    assert (await directory.ask("PUT", f"/Users/{made['id']}", json=put))["displayName"] == "Ada King"
    gone = await directory.patch(f"/Users/{made['id']}", {"op": "replace", "value": {"active": False}})
    assert gone["active"] is False
    users = (await (await gateway.owner()).get("/admin/users")).json()["data"]
    assert [each["disabled"] for each in users if each["email"] == "ada@example.com"] == [True]
    (entry,) = await gateway.execute(
        "SELECT actor_kind FROM control.audit_entries WHERE action = 'user.created' AND resource_id = $1", made["id"]
    )
    assert entry["actor_kind"] == "scim"


async def test_entra_provisions_with_its_own_spellings(directory: Directory) -> None:
    """As in Microsoft's reference: `Replace` and `Add` with a capital, `active` as a text, filters in paths, what is not kept."""
    made = await directory.user(
        "grace@example.com",
        externalId="0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        emails=[{"primary": True, "type": "work", "value": "Grace@example.com"}],
        meta={"resourceType": "User"},
        roles=[],
    )
    path = f"/Users/{made['id']}"
    changed = await directory.patch(
        path,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "hopper@example.com"},
        {"op": "Replace", "path": "name.givenName", "value": "Grace"},
        {"op": "Add", "path": "name.familyName", "value": "Hopper"},
        {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "R&D"},
    )
    assert (changed["emails"][0]["value"], changed["displayName"]) == ("hopper@example.com", "Grace Hopper")
    for text, expected in (("False", False), ("True", True)):
        changed = await directory.patch(path, {"op": "Replace", "path": "active", "value": text})
        assert changed["active"] is expected
    by_id = {"filter": 'externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"'}
    assert (await directory.ask("GET", "/Users", params=by_id))["totalResults"] == 1
    group = await directory.group("Engineering")
    group_path = f"/Groups/{group['id']}"
    await directory.patch(group_path, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": made["id"]}]})
    shown = await directory.ask("GET", f"{group_path}?excludedAttributes=members")
    assert [each["value"] for each in shown["members"]] == [made["id"]]
    listed = {"excludedAttributes": "members", "filter": 'displayName eq "Engineering"'}
    assert "members" not in (await directory.ask("GET", "/Groups", params=listed))["Resources"][0]
    await directory.patch(
        group_path, {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": made["id"]}]}
    )
    assert (await directory.ask("GET", group_path))["members"] == []
    await directory.ask("DELETE", path, status=204)
    await directory.ask("GET", path, status=404)


async def test_groups_give_and_take_roles(gateway: Any, directory: Directory) -> None:
    owner, one, two = await gateway.owner(), await gateway.tenant(), await gateway.tenant()
    ada, bob = await directory.user("ada@example.com"), await directory.user("bob@example.com")
    viewers = await directory.group("viewers", ada["id"], bob["id"])
    admins = await directory.group("admins", ada["id"])

    async def give(group: Any, tenants: dict[str, str], **fields: Any) -> None:
        body = {"tenants": [{"tenant_id": each, "role": role} for each, role in tenants.items()], **fields}
        reply = await owner.put(f"/admin/settings/scim/groups/{group['id']}/roles", json=body)
        assert reply.status_code == 200, reply.text

    await give(viewers, {one["id"]: "viewer", two["id"]: "member"})
    await give(admins, {one["id"]: "admin"}, platform_role="auditor")
    assert await roles_in(gateway, one) == {"ada@example.com": "admin", "bob@example.com": "viewer"}
    assert await roles_in(gateway, two) == {"ada@example.com": "member", "bob@example.com": "member"}
    users = {each["email"]: each["role"] for each in (await owner.get("/admin/users")).json()["data"]}
    assert (users["ada@example.com"], users["bob@example.com"]) == ("auditor", None)

    await directory.patch(f"/Groups/{admins['id']}", {"op": "remove", "path": f'members[value eq "{ada["id"]}"]'})
    assert (await roles_in(gateway, one))["ada@example.com"] == "viewer"
    users = {each["email"]: each["role"] for each in (await owner.get("/admin/users")).json()["data"]}
    assert users["ada@example.com"] is None
    await directory.patch(
        f"/Groups/{viewers['id']}", {"op": "replace", "path": "members", "value": [{"value": bob["id"]}]}
    )
    assert await roles_in(gateway, one) == {"bob@example.com": "viewer"}
    await give(viewers, {two["id"]: "admin"})
    assert (await roles_in(gateway, one), await roles_in(gateway, two)) == ({}, {"bob@example.com": "admin"})
    await directory.ask("DELETE", f"/Groups/{viewers['id']}", status=204)
    assert await roles_in(gateway, two) == {}
    refused = await owner.put(
        f"/admin/settings/scim/groups/{admins['id']}/roles",
        json={"tenants": [{"tenant_id": one["id"], "role": "owner"}]},
    )
    assert refused.status_code == 400
    assert (
        await owner.put(f"/admin/settings/scim/groups/{admins['id']}/roles", json={"platform_role": "owner"})
    ).status_code == 400


async def test_what_people_gave_is_left_alone(gateway: Any, directory: Directory) -> None:
    owner, tenant = await gateway.owner(), await gateway.tenant()
    ada = await directory.user("ada@example.com")
    members = f"/admin/tenants/{tenant['id']}/members/{ada['id']}"
    assert (await owner.put(members, json={"role": "owner"})).status_code == 201
    group = await directory.group("viewers", ada["id"])
    body = {"tenants": [{"tenant_id": tenant["id"], "role": "viewer"}]}
    await owner.put(f"/admin/settings/scim/groups/{group['id']}/roles", json=body)
    assert await roles_in(gateway, tenant) == {"ada@example.com": "owner"}
    await directory.ask("DELETE", f"/Groups/{group['id']}", status=204)
    assert await roles_in(gateway, tenant) == {"ada@example.com": "owner"}


async def test_who_is_deactivated_is_out_at_once(gateway: Any, directory: Directory) -> None:
    """Sessions, access tokens and keys of their own; and nobody can sign in as them."""
    owner, tenant = await gateway.owner(), await gateway.tenant()
    email = await gateway.user(None)
    adopted = await directory.user(email)
    client = await gateway.client()
    await gateway.sign_in(client, email)
    await owner.put(f"/admin/tenants/{tenant['id']}/members/{adopted['id']}", json={"role": "member"})
    key = await client.post(f"/user/tenants/{tenant['id']}/api-keys", json={"name": "mine", "kind": "personal"})
    assert key.status_code == 201, key.text
    token = (await client.post("/user/access-tokens", json={"name": "t"})).json()["token"]
    program = await gateway.client(authorization=f"Bearer {token}")
    assert (await program.get("/user/profile")).status_code == 200
    hashed = gateway.key_hash(key.json()["secret"])
    assert await gateway.record("keys", hashed) is not None

    await directory.patch(f"/Users/{adopted['id']}", {"op": "replace", "path": "active", "value": False})
    assert (await client.get("/user/profile")).status_code == 401
    assert (await program.get("/user/profile")).status_code == 401
    assert await gateway.record("keys", hashed) is None
    assert (await client.post("/admin/auth/login", json={"email": email, "password": PASSWORD})).status_code == 401


async def test_whom_people_disabled_the_directory_does_not_enable(gateway: Any, directory: Directory) -> None:
    owner = await gateway.owner()
    made = await directory.user("locked@example.com")

    async def disabled() -> bool:
        return bool((await owner.get(f"/admin/users/{made['id']}")).json()["disabled"])

    assert (await owner.patch(f"/admin/users/{made['id']}", json={"disabled": True})).status_code == 200
    said = await directory.patch(f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": True})
    assert said["active"] is False
    assert await disabled()

    assert (await owner.patch(f"/admin/users/{made['id']}", json={"disabled": False})).status_code == 200
    await directory.patch(f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": False})
    assert await disabled()
    await directory.patch(f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": True})
    assert not await disabled()

    # Somebody looks at one that the directory has disabled, and disables them as well.
    await directory.patch(f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": False})
    assert (await owner.patch(f"/admin/users/{made['id']}", json={"disabled": True})).status_code == 200
    await directory.patch(f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": True})
    assert await disabled()


async def test_a_person_who_was_deleted_can_come_back(gateway: Any, directory: Directory) -> None:
    made = await directory.user("back@example.com")
    await directory.ask("DELETE", f"/Users/{made['id']}", status=204)
    again = await directory.user("back@example.com")
    assert (again["id"], again["active"]) == (made["id"], True)


async def test_of_a_member_what_is_said_last_counts(directory: Directory) -> None:
    one, other = [await directory.user(f"{name}-order@example.com") for name in ("one", "other")]
    ids = [one["id"], other["id"]]
    group = await directory.group("order", *ids)
    path = f"/Groups/{group['id']}"

    def of(*members: str) -> list[dict[str, str]]:
        return [{"value": member} for member in members]

    changed = await directory.patch(
        path,
        {"op": "remove", "path": "members", "value": of(*ids)},
        {"op": "add", "path": "members", "value": of(ids[0])},
    )
    assert [each["value"] for each in changed["members"]] == [ids[0]]
    changed = await directory.patch(
        path,
        {"op": "add", "path": "members", "value": of(ids[1])},
        {"op": "remove", "path": f'members[value eq "{ids[1]}"]'},
    )
    assert [each["value"] for each in changed["members"]] == [ids[0]]


async def test_the_last_owner_stays(gateway: Any, directory: Directory) -> None:
    owner = await gateway.owner()
    email = (await owner.get("/user/profile")).json()["email"]
    adopted = await directory.user(email)
    refused = await directory.patch(
        f"/Users/{adopted['id']}", {"op": "replace", "path": "active", "value": False}, status=409
    )
    assert refused["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    await directory.ask("DELETE", f"/Users/{adopted['id']}", status=409)
    assert (await owner.get("/user/profile")).status_code == 200


async def test_the_door_opens_with_its_own_token_only(gateway: Any, directory: Directory) -> None:
    owner = await gateway.owner()
    access = (await owner.post("/user/access-tokens", json={"name": "t"})).json()["token"]
    for headers in ({}, {"authorization": f"Bearer {access}"}, {"authorization": "Bearer omgs_" + "x" * 43}):
        stranger = await gateway.client(**headers)
        reply = await stranger.get("/scim/v2/Users")
        assert (reply.status_code, reply.json()["status"]) == (401, "401")
    assert (await owner.get("/scim/v2/Users")).status_code == 401
    for path in ("/admin/users", "/user/profile", "/admin/settings/scim/tokens"):
        assert (await directory.client.get(path)).status_code == 401
    program = await gateway.client(authorization=f"Bearer {access}")
    assert (await program.post("/admin/settings/scim/tokens", json={"name": "stolen"})).status_code == 403
    (token,) = (await owner.get("/admin/settings/scim/tokens")).json()["data"]
    assert token["last_used_at"] is not None or token["hint"].startswith("omgs_")
    assert (await owner.delete(f"/admin/settings/scim/tokens/{token['id']}")).status_code == 204
    await directory.ask("GET", "/Users", status=401)


async def test_pages(directory: Directory) -> None:
    made = [(await directory.user(f"u{number}@example.com"))["id"] for number in range(5)]
    seen = []
    for start in (1, 3, 5):
        page = await directory.ask("GET", "/Users", params={"startIndex": start, "count": 2})
        assert (page["totalResults"], page["startIndex"]) == (5, start)
        seen += [each["id"] for each in page["Resources"]]
    assert sorted(seen) == sorted(made)
    assert (await directory.ask("GET", "/Users", params={"startIndex": 0, "count": 0}))["Resources"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/Users", b"{"),
        ("POST", "/Users", b"[]"),
        ("POST", "/Users", b"{}"),
        ("POST", "/Users", b'{"userName": "nobody"}'),
        ("POST", "/Users", b'{"userName": "a@b", "active": "perhaps"}'),
        ("POST", "/Users", b'{"userName": {"a": 1}}'),
        ("POST", "/Users", b'{"userName": "a\\u0000@b"}'),
        ("POST", "/Groups", b'{"displayName": "g", "members": [{"value": "usr_nobody"}]}'),
        ("POST", "/Groups", b'{"members": 7}'),
        ("GET", '/Users?filter=userName sw "a"', b""),
        ("GET", "/Users?filter=1 eq 1", b""),
    ],
)
async def test_what_is_wrong_is_told_in_scims_shape(directory: Directory, method: str, path: str, body: bytes) -> None:
    reply = await directory.client.request(method, f"/scim/v2{path}", content=body)
    assert reply.status_code == 400
    content = reply.json()
    assert content["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert content["status"] == "400"
    assert content["detail"]


@pytest.mark.parametrize(
    "operations",
    [
        None,
        [],
        [{}],
        [{"op": "move", "path": "active"}],
        [{"op": "replace", "path": 7}],
        [{"op": "replace", "value": 7}],
    ],
)
async def test_a_wrong_patch_changes_nothing(directory: Directory, operations: Any) -> None:
    made = await directory.user("ada@example.com")
    await directory.ask("PATCH", f"/Users/{made['id']}", json={"Operations": operations}, status=400)
    assert await directory.ask("GET", f"/Users/{made['id']}") == made


async def test_what_it_can_do_is_described(directory: Directory) -> None:
    config = await directory.ask("GET", "/ServiceProviderConfig")
    assert (config["patch"]["supported"], config["bulk"]["supported"]) == (True, False)
    types = await directory.ask("GET", "/ResourceTypes")
    assert [each["endpoint"] for each in types["Resources"]] == ["/Users", "/Groups"]
    described = await directory.ask("GET", "/Schemas")
    assert {each["id"].rsplit(":", 1)[1] for each in described["Resources"]} == {"User", "Group"}
    for kind in ("Users", "Groups"):
        await directory.ask("GET", f"/{kind}/nobody", status=404)
