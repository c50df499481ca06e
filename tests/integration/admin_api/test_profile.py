"""One's own account: name, password, sessions, and access tokens for one's programs."""

from datetime import timedelta
from typing import Any

import pytest

PASSWORD = "correct horse battery staple"


async def with_token(admin: Any, person: Any, **fields: Any) -> tuple[Any, dict[str, Any]]:
    """A program with a fresh access token of the person's, and the token's reply."""
    reply = await person.post("/user/access-tokens", json={"name": "A program", **fields})
    assert reply.status_code == 201, reply.text
    made = reply.json()
    return await admin.client(authorization=f"Bearer {made['token']}"), made


async def test_a_person_changes_their_name_and_theme_and_nothing_else(admin: Any) -> None:
    person = await admin.signed_in_as(None)

    changed = await person.patch("/user/profile", json={"name": "Renamed", "theme": "dark"})
    promoted = await person.patch("/user/profile", json={"role": "owner"})
    moved = await person.patch("/user/profile", json={"email": "boss@example.com"})

    assert (changed.json()["name"], changed.json()["theme"], changed.json()["role"]) == ("Renamed", "dark", None)
    assert (promoted.status_code, moved.status_code) == (400, 400)
    assert (await person.get("/user/profile")).json() == changed.json()


async def test_a_new_password_needs_the_old_one_and_ends_the_other_sessions(admin: Any) -> None:
    email, here, elsewhere = await admin.user(None), await admin.client(), await admin.client()
    await admin.sign_in(here, email)
    await admin.sign_in(elsewhere, email)

    wrong = await here.post("/user/password", json={"current_password": "x", "new_password": "an entirely new one"})
    right = await here.post(
        "/user/password", json={"current_password": PASSWORD, "new_password": "an entirely new one"}
    )

    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_credentials")
    assert right.status_code == 204
    assert (await here.get("/user/profile")).status_code == 200
    assert (await elsewhere.get("/user/profile")).status_code == 401
    old = await elsewhere.post("/admin/auth/login", json={"email": email, "password": PASSWORD})
    assert old.status_code == 401


async def test_guessing_the_present_password_is_throttled(admin: Any) -> None:
    person = await admin.signed_in_as(None)
    guess = {"current_password": "x", "new_password": "an entirely new one"}

    statuses = [(await person.post("/user/password", json=guess)).status_code for _ in range(11)]

    assert statuses == [401] * 10 + [429]


async def test_a_person_ends_their_own_sessions_and_nobody_elses(admin: Any) -> None:
    email, here, there = await admin.user(None), await admin.client(), await admin.client()
    await admin.sign_in(here, email)
    await admin.sign_in(there, email)
    listed = (await here.get("/user/sessions")).json()["data"]
    (other,) = [each["id"] for each in listed if not each["current"]]
    stranger = await admin.signed_in_as("owner")

    by_stranger = await stranger.delete(f"/user/sessions/{other}")
    ended = await here.delete(f"/user/sessions/{other}")

    assert {each["method"] for each in listed} == {"local"}
    assert (by_stranger.status_code, ended.status_code) == (404, 204)
    assert (await there.get("/user/profile")).status_code == 401
    assert (await here.get("/user/profile")).status_code == 200


async def test_a_token_may_what_its_person_may(admin: Any) -> None:
    person = await admin.signed_in_as("admin")
    program, made = await with_token(admin, person)

    assert (await program.get("/admin/tenants")).status_code == 200
    assert (await program.post("/admin/users", json={})).status_code == 403
    (listed,) = (await person.get("/user/access-tokens")).json()["data"]
    assert listed["hint"] == f"{made['token'][:8]}…{made['token'][-4:]}"
    assert listed["last_used_at"] is not None
    assert "token" not in listed
    stored = await admin.execute("SELECT token_hash FROM control.access_tokens WHERE id = $1", made["id"])
    assert made["token"] not in str(stored)


async def test_a_narrow_token_may_less_and_never_more(admin: Any) -> None:
    person = await admin.signed_in_as("auditor")
    program, _ = await with_token(admin, person, permissions=["usage:read", "users:write"])

    assert (await program.get("/admin/usage/calls")).status_code == 200
    assert (await program.get("/admin/tenants")).status_code == 403
    assert (await program.post("/admin/users", json={})).status_code == 403


@pytest.mark.parametrize("end", ["revoked", "expired", "disabled"])
async def test_a_token_ends_at_once(start_admin: Any, nats_url: str, end: str) -> None:
    admin = await start_admin(nats_url=nats_url)
    person, owner = await admin.signed_in_as("admin"), await admin.owner()
    program, made = await with_token(admin, person)
    assert (await program.get("/user/profile")).status_code == 200

    if end == "revoked":
        assert (await person.delete(f"/user/access-tokens/{made['id']}")).status_code == 204
        assert (await person.get("/user/access-tokens")).json()["data"] == []
    elif end == "expired":
        admin.clock.ahead = timedelta(days=91)
    else:
        user_id = (await person.get("/user/profile")).json()["id"]
        await owner.patch(f"/admin/users/{user_id}", json={"disabled": True})

    assert (await program.get("/user/profile")).status_code == 401


async def test_a_stolen_token_makes_no_other_and_chooses_no_password(admin: Any) -> None:
    program, _ = await with_token(admin, await admin.signed_in_as("owner"))
    password = {"current_password": PASSWORD, "new_password": "an entirely new one"}

    made = await program.post("/user/access-tokens", json={"name": "Another"})
    chosen = await program.post("/user/password", json=password)

    assert (made.status_code, chosen.status_code) == (403, 403)


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer omgp_" + "x" * 43, "Bearer "])
async def test_a_wrong_token_is_not_helped_by_a_cookie(admin: Any, header: str) -> None:
    person = await admin.signed_in_as("owner")

    reply = await person.get("/user/profile", headers={"authorization": header})

    assert reply.status_code == (200 if header == "Bearer " else 401)


@pytest.mark.parametrize("days", [-1, 0, 367])
async def test_a_token_ends_within_a_year(admin: Any, days: int) -> None:
    person = await admin.signed_in_as(None)
    ends = (admin.clock() + timedelta(days=days)).isoformat()

    reply = await person.post("/user/access-tokens", json={"name": "Long", "expires_at": ends})

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "expires_at")
