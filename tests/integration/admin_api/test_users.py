"""Users: the endpoints, the last owner, and what a change does to sessions."""

import asyncio
from typing import Any

import pytest

NEW = {"name": "New Person", "password": "long enough indeed", "role": "auditor"}


async def test_a_new_user_can_sign_in_and_no_reply_holds_a_password(admin: Any) -> None:
    owner, person = await admin.owner(), await admin.client()

    reply = await owner.post("/admin/users", json={**NEW, "email": "New.Person@Example.COM"})
    signed_in = await person.post(
        "/admin/auth/login", json={"email": " new.person@example.com", "password": NEW["password"]}
    )

    assert reply.status_code == 201
    user = reply.json()
    assert user["email"] == "new.person@example.com"
    assert (user["disabled"], user["last_login_at"]) == (False, None)
    assert signed_in.status_code == 200
    listed = (await owner.get("/admin/users", params={"limit": 100})).json()["data"]
    (shown,) = (each for each in listed if each["id"] == user["id"])
    assert shown["last_login_at"] is not None
    assert "password" not in reply.text + signed_in.text


async def test_an_address_is_taken_once_in_any_spelling(admin: Any) -> None:
    owner = await admin.owner()
    await owner.post("/admin/users", json={**NEW, "email": "taken@example.com"})

    reply = await owner.post("/admin/users", json={**NEW, "email": "TAKEN@example.com"})

    assert reply.status_code == 409
    assert reply.json()["error"]["param"] == "email"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a@b@c"}, "email"),
        ({"email": "a b@c"}, "email"),
        ({"email": "a\u0000@c"}, "email"),
        ({"email": "x" * 250 + "@example.com"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 513}, "password"),
        ({"role": "root"}, "role"),
        ({"name": ""}, "name"),
    ],
)
async def test_a_wrong_user_is_refused_with_the_field(admin: Any, change: dict[str, Any], param: str) -> None:
    reply = await (await admin.owner()).post("/admin/users", json={**NEW, "email": "fine@example.com", **change})

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param


async def test_disabling_a_user_ends_their_sessions_and_enabling_does_not_bring_them_back(admin: Any) -> None:
    owner, person = await admin.owner(), await admin.signed_in_as("admin")
    user = (await person.get("/admin/auth/session")).json()["user"]

    disabled = await owner.patch(f"/admin/users/{user['id']}", json={"disabled": True})
    refused = await person.get("/admin/auth/session")
    login = await person.post(
        "/admin/auth/login", json={"email": user["email"], "password": "correct horse battery staple"}
    )
    await owner.patch(f"/admin/users/{user['id']}", json={"disabled": False})

    assert disabled.json()["disabled"] is True
    assert refused.status_code == 401
    assert (login.status_code, login.json()["error"]["code"]) == (401, "invalid_credentials")
    assert (await person.get("/admin/auth/session")).status_code == 401
    await admin.sign_in(person, user["email"])


async def test_a_new_role_counts_at_once(admin: Any) -> None:
    owner, person = await admin.owner(), await admin.signed_in_as("admin")
    user = (await person.get("/admin/auth/session")).json()["user"]
    assert (await person.post("/admin/tenants", json={"name": "By an admin"})).status_code == 201

    await owner.patch(f"/admin/users/{user['id']}", json={"role": "auditor"})

    assert (await person.post("/admin/tenants", json={"name": "By an auditor"})).status_code == 403


async def test_nobody_chooses_the_password_of_another(admin: Any) -> None:
    person = await admin.signed_in_as("owner")
    user = (await person.get("/admin/auth/session")).json()["user"]

    reply = await (await admin.owner()).patch(f"/admin/users/{user['id']}", json={"password": "an entirely new one"})

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "password")
    await admin.sign_in(await admin.client(), user["email"])


@pytest.mark.parametrize("user_id", ["usr_" + "0" * 32, "nonsense", "%00"])
async def test_an_unknown_user_is_not_found(admin: Any, user_id: str) -> None:
    reply = await (await admin.owner()).patch(f"/admin/users/{user_id}", json={"name": "x"})

    assert reply.status_code == 404


@pytest.mark.parametrize("change", [{"role": "admin"}, {"disabled": True}, {"role": "auditor", "disabled": True}])
async def test_the_last_owner_stays(start_admin: Any, nats_url: str, change: dict[str, Any]) -> None:
    admin = await start_admin(nats_url=nats_url)
    owner = await admin.signed_in_as("owner")
    user = (await owner.get("/admin/auth/session")).json()["user"]

    reply = await owner.patch(f"/admin/users/{user['id']}", json={"name": "Renamed", **change})

    assert reply.status_code == 409
    assert reply.json()["error"]["code"] == "last_owner"
    assert (await owner.get("/admin/auth/session")).json()["user"] == user


async def test_two_owners_who_demote_each_other_at_once_leave_one(start_admin: Any, nats_url: str) -> None:
    admin = await start_admin(nats_url=nats_url)
    for _ in range(5):
        await admin.execute("DELETE FROM control.users")
        owners = [await admin.signed_in_as("owner") for _ in range(2)]
        ids = [(await each.get("/admin/auth/session")).json()["user"]["id"] for each in owners]

        replies = await asyncio.gather(
            owners[0].patch(f"/admin/users/{ids[1]}", json={"role": "admin"}),
            owners[1].patch(f"/admin/users/{ids[0]}", json={"disabled": True}),
        )

        # The slower one is either too late (the last owner) or no owner any more when it is looked at.
        assert sorted(reply.status_code for reply in replies) in ([200, 401], [200, 403], [200, 409])
        (left,) = await admin.execute("SELECT count(*) FROM control.users WHERE role = 'owner' AND disabled_at IS NULL")
        assert left["count"] == 1
