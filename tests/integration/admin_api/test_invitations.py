"""One-time links: who can use one, once, and that none of them touches the account of somebody else."""

import asyncio
import secrets
from datetime import timedelta
from typing import Any

import pytest

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "an entirely new one"


def new_address() -> str:
    return f"new-{secrets.token_hex(6)}@example.com"


async def invite(admin: Any, tenant_id: str, email: str, role: str = "member") -> dict[str, Any]:
    reply = await (await admin.owner()).post(
        f"/admin/tenants/{tenant_id}/invitations", json={"email": email, "role": role}
    )
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def test_a_new_person_joins_with_a_name_and_a_password_of_their_own(admin: Any) -> None:
    tenant, email = await admin.tenant(), new_address()
    link, person = await invite(admin, tenant["id"], email), await admin.client()

    seen = await person.post("/admin/auth/invitations/look", json={"token": link["token"]})
    joined = await person.post(
        "/admin/auth/invitations/register", json={"token": link["token"], "name": "New", "password": NEW_PASSWORD}
    )

    assert link["path"] == f"/invitation#{link['token']}"
    assert seen.json() == {
        "purpose": "membership",
        "email": email,
        "tenant_name": tenant["name"],
        "role": "member",
        "has_account": False,
        "expires_at": link["expires_at"],
    }
    assert (joined.status_code, joined.json()["role"], joined.json()["email"]) == (201, None, email)
    (own,) = (await person.get("/user/tenants")).json()["data"]
    assert (own["id"], own["role"]) == (tenant["id"], "member")
    again = await (await admin.client()).post("/admin/auth/login", json={"email": email, "password": NEW_PASSWORD})
    assert again.status_code == 200


async def test_a_link_never_touches_an_account_that_is_there(admin: Any) -> None:
    """The original let any tenant's owner take over an account by inviting its address with a password."""
    tenant, email = await admin.tenant(), await admin.user("owner")
    link = await invite(admin, tenant["id"], email.upper())

    reply = await (await admin.client()).post(
        "/admin/auth/invitations/register", json={"token": link["token"], "name": "Thief", "password": NEW_PASSWORD}
    )

    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "account_exists")
    await admin.sign_in(await admin.client(), email)


async def test_a_person_with_an_account_accepts_signed_in_and_nobody_else_can(admin: Any) -> None:
    tenant, email = await admin.tenant(), await admin.user(None)
    link = await invite(admin, tenant["id"], email, "viewer")
    person, other = await admin.client(), await admin.signed_in_as(None)
    await admin.sign_in(person, email)

    stolen = await other.post("/user/invitations/accept", json={"token": link["token"]})
    accepted = await person.post("/user/invitations/accept", json={"token": link["token"]})
    again = await person.post("/user/invitations/accept", json={"token": link["token"]})

    assert stolen.status_code == 403
    assert accepted.json() == {"tenant_id": tenant["id"]}
    assert again.status_code == 404
    assert [each["id"] for each in (await person.get("/user/tenants")).json()["data"]] == [tenant["id"]]


async def test_a_link_is_good_once_even_for_two_at_once(admin: Any) -> None:
    link = await invite(admin, (await admin.tenant())["id"], new_address())
    body = {"token": link["token"], "name": "Twice", "password": NEW_PASSWORD}

    replies = await asyncio.gather(
        *[(await admin.client()).post("/admin/auth/invitations/register", json=body) for _ in range(3)]
    )

    assert sorted(reply.status_code for reply in replies) == [201, 404, 404]


@pytest.mark.parametrize("token", ["omgi_" + "x" * 43, "nonsense", "sk-" + "a" * 48])
@pytest.mark.parametrize("use", ["look", "register", "new-password"])
async def test_what_is_no_link_opens_nothing(admin: Any, token: str, use: str) -> None:
    body = {"look": {}, "register": {"name": "N", "password": NEW_PASSWORD}, "new-password": {"password": NEW_PASSWORD}}

    reply = await (await admin.client()).post(f"/admin/auth/invitations/{use}", json={"token": token, **body[use]})

    assert reply.status_code == 404


async def test_a_link_ends_by_age_by_withdrawal_and_by_the_next_one(start_admin: Any, nats_url: str) -> None:
    admin = await start_admin(nats_url=nats_url)
    await admin.in_force()
    tenant, email, owner = await admin.tenant(), new_address(), await admin.owner()
    place = f"/admin/tenants/{tenant['id']}/invitations"

    async def is_good(link: dict[str, Any]) -> bool:
        reply = await (await admin.client()).post("/admin/auth/invitations/look", json={"token": link["token"]})
        return bool(reply.status_code == 200)

    first = await invite(admin, tenant["id"], email)
    second = await invite(admin, tenant["id"], email)
    assert (await is_good(first), await is_good(second)) == (False, True)
    assert [each["id"] for each in (await owner.get(place)).json()["data"]] == [second["id"]]
    assert (await owner.delete(f"{place}/{second['id']}")).status_code == 204
    assert not await is_good(second)
    third = await invite(admin, tenant["id"], email)
    admin.clock.ahead = timedelta(days=7)
    assert not await is_good(third)


async def test_a_members_address_cannot_be_invited_again(admin: Any) -> None:
    tenant, email, owner = await admin.tenant(), await admin.user(None), await admin.owner()
    person = await admin.client()
    await admin.sign_in(person, email)
    user_id = (await person.get("/user/profile")).json()["id"]
    await owner.put(f"/admin/tenants/{tenant['id']}/members/{user_id}", json={"role": "viewer"})

    reply = await owner.post(f"/admin/tenants/{tenant['id']}/invitations", json={"email": email, "role": "owner"})

    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "already_exists")


async def test_the_platforms_owners_invite_to_the_platform(admin: Any) -> None:
    owner, email, person = await admin.owner(), new_address(), await admin.client()

    link = (await owner.post("/admin/invitations", json={"email": email, "role": "auditor"})).json()
    listed = (await owner.get("/admin/invitations")).json()["data"]
    joined = await person.post(
        "/admin/auth/invitations/register", json={"token": link["token"], "name": "Aud", "password": NEW_PASSWORD}
    )

    assert link["id"] in [each["id"] for each in listed]
    assert not [key for each in listed for key in each if "token" in key]
    assert joined.json()["role"] == "auditor"
    assert (await person.get("/admin/tenants")).status_code == 200


async def test_a_password_link_is_for_its_person_and_ends_their_sessions(admin: Any) -> None:
    owner, email, person = await admin.owner(), await admin.user("admin"), await admin.client()
    user = (await admin.sign_in(person, email))["user"]
    made = await owner.post(f"/admin/users/{user['id']}/password-link")
    token = made.json()["token"]

    stranger = await admin.client()
    registered = await stranger.post(
        "/admin/auth/invitations/register", json={"token": token, "name": "X", "password": NEW_PASSWORD}
    )
    chosen = await stranger.post(
        "/admin/auth/invitations/new-password", json={"token": token, "password": NEW_PASSWORD}
    )
    again = await stranger.post("/admin/auth/invitations/new-password", json={"token": token, "password": PASSWORD})

    assert (made.status_code, registered.status_code, chosen.status_code, again.status_code) == (201, 404, 204, 404)
    assert (await person.get("/admin/auth/session")).status_code == 401
    old = await stranger.post("/admin/auth/login", json={"email": email, "password": PASSWORD})
    new = await stranger.post("/admin/auth/login", json={"email": email, "password": NEW_PASSWORD})
    assert (old.status_code, new.status_code) == (401, 200)
