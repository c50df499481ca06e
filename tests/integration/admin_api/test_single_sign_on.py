"""Single sign-on with a provider that is as it should be: who is let in, as whom, and for how long."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from tests.integration.admin_api.sso import CALLBACK, away, sign_on, who
from tests.servers.oidc import CLIENT_ID, Claims, OpenIdProvider

from admin_api.oidc.checker import SessionChecker
from admin_api.settings import ServeSettings

PASSWORD = "correct horse battery staple"
Gateway = Callable[..., Awaitable[Any]]


async def test_a_new_person_is_signed_in_without_any_role(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway()
    client, location = await sign_on(admin, idp, return_to="/my/keys?tab=1")
    assert location == "/my/keys?tab=1"
    user = await who(client)
    assert user is not None
    assert (user["email"], user["name"], user["role"]) == ("ada@example.com", "Ada", None)
    again, _ = await sign_on(admin, idp)
    assert (await who(again))["id"] == user["id"]  # type: ignore[index]
    idp.claims |= {"email": "ada.married@example.com", "name": "Ada L"}
    renamed, _ = await sign_on(admin, idp)
    assert (await who(renamed))["id"] == user["id"]  # type: ignore[index]
    (entry, *_) = await admin.execute(
        "SELECT actor_kind, actor_id FROM control.audit_entries WHERE action = 'session.started' ORDER BY id DESC LIMIT 1"
    )
    assert tuple(entry) == ("identity_provider", "sso")


async def test_the_ways_to_sign_in_are_listed(gateway: Gateway) -> None:
    admin = await gateway(oidc_name="Example Inc.")
    reply = await (await admin.client()).get("/admin/auth/methods")
    assert reply.json() == {"local": True, "oidc": [{"id": "sso", "name": "Example Inc."}]}
    assert (await (await admin.client()).get("/admin/auth/oidc/none/start")).status_code == 404


async def test_a_verified_address_links_to_the_account_that_is_there(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway()
    email = await admin.user("owner")
    idp.claims["email"] = email.upper()
    client, _ = await sign_on(admin, idp)
    assert (await who(client))["role"] == "owner"  # type: ignore[index]
    still = await admin.client()
    assert (await still.post("/admin/auth/login", json={"email": email, "password": PASSWORD})).status_code == 200


async def test_a_disabled_person_stays_out(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway()
    client, _ = await sign_on(admin, idp)
    user = await who(client)
    assert user is not None
    assert (await (await admin.owner()).patch(f"/admin/users/{user['id']}", json={"disabled": True})).status_code == 200
    assert await who(client) is None
    _, location = await sign_on(admin, idp)
    assert location == "/login?error=account_disabled"


async def test_a_provider_that_is_away_stops_nothing_else(gateway: Gateway, idp: OpenIdProvider) -> None:
    idp.is_down = True
    admin = await gateway()
    client = await admin.client()
    reply = await client.get("/admin/auth/oidc/sso/start")
    assert (reply.status_code, reply.headers["location"]) == (303, "/login?error=unavailable")
    assert (await client.get("/readyz")).status_code == 200
    await admin.signed_in_as("owner")
    idp.is_down = False
    _, location = await sign_on(admin, idp)
    assert location == "/"


async def test_its_keys_may_change(gateway: Gateway, idp: OpenIdProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admin_api.oidc.discovery._KEYS_AGAIN_AFTER_S", 0)
    admin = await gateway()
    await sign_on(admin, idp)
    idp.rotate()
    client, location = await sign_on(admin, idp)
    assert (location, idp.discoveries) == ("/", 1)
    assert await who(client) is not None


@pytest.mark.parametrize("page", ["/admin/ui/auth/oidc/callback", "/auth/oidc/callback"])
async def test_the_guides_pages_lead_to_the_portal(gateway: Gateway, idp: OpenIdProvider, page: str) -> None:
    _, location = await sign_on(await gateway(), idp, return_to=page)
    assert location == "/"


@pytest.mark.parametrize(
    ("claim", "content"),
    [
        ("groups", {"groups": ["staff", "gateway-admins"]}),
        ("groups", {"groups": "staff, gateway-admins"}),
        ("groups", {"groups": "staff gateway-admins"}),
        ("realm_access.roles", {"realm_access": {"roles": ["gateway-admins"]}}),
        ("roles", {"roles": {"gateway-admins": True, "staff": False}}),
        ("https://example.com/roles", {"https://example.com/roles": ["gateway-admins"]}),
    ],
)
async def test_roles_make_admins_as_long_as_the_provider_says_so(
    gateway: Gateway, idp: OpenIdProvider, claim: str, content: Claims
) -> None:
    admin = await gateway(oidc_roles_claim=claim, oidc_admin_roles=("gateway-admins",))
    idp.claims |= content
    client, _ = await sign_on(admin, idp)
    assert (await who(client))["role"] == "admin"  # type: ignore[index]
    idp.claims = {key: value for key, value in idp.claims.items() if key not in content}
    client, _ = await sign_on(admin, idp)
    assert (await who(client))["role"] is None  # type: ignore[index]


async def test_roles_may_come_with_the_user_data(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway(oidc_roles_claim="groups", oidc_allowed_roles=("staff",))
    _, location = await sign_on(admin, idp)
    assert location == "/login?error=not_allowed"
    idp.userinfo = {"groups": ["staff"]}
    client, location = await sign_on(admin, idp)
    assert (location, (await who(client))["role"]) == ("/", None)  # type: ignore[index]


async def test_an_owner_stays_one_whatever_the_provider_says(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway(oidc_roles_claim="groups", oidc_admin_roles=("gateway-admins",))
    idp.claims |= {"email": await admin.user("owner"), "groups": ["gateway-admins"]}
    for _ in range(2):
        client, _ = await sign_on(admin, idp)
        assert (await who(client))["role"] == "owner"  # type: ignore[index]
        idp.claims["groups"] = []


async def test_only_addresses_of_the_allowed_domains(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway(oidc_allowed_domains=("example.com",))
    _, location = await sign_on(admin, idp)
    assert location == "/"
    for number, email in enumerate(("eve@evil.example", "eve@sub.example.com", "eve@example.com.evil.example")):
        idp.claims |= {"sub": f"e-{number}", "email": email}
        _, location = await sign_on(admin, idp)
        assert location == "/login?error=not_allowed"


async def test_several_providers_are_not_mixed_up(start_admin: Any, nats_url: str, idp: OpenIdProvider) -> None:
    """The same subject at another is somebody else; and the answer of one is not taken for the other's."""
    with OpenIdProvider(redirect_url=CALLBACK) as other:
        common = {"client_id": CLIENT_ID, "client_secret": "secret of the client", "redirect_url": CALLBACK}
        providers = [
            {"id": "one", "name": "One", "issuer": idp.issuer, **common},
            {"id": "two", "name": "Two", "issuer": other.issuer, **common},
        ]
        admin = await start_admin(nats_url=nats_url, oidc_providers=providers, allow_private_issuers=True)
        await admin.in_force()
        other.claims["email"] = "grace@example.com"
        people = []
        for name, provider in (("one", idp), ("two", other)):
            client = await admin.client()
            reply = await client.get(provider.authorize(await away(client, provider=name)))
            assert reply.headers["location"] == "/"
            people.append((await who(client))["email"])  # type: ignore[index]
        assert people == ["ada@example.com", "grace@example.com"]
        client = await admin.client()
        state = parse_qs(urlsplit(await away(client, provider="one")).query)["state"][0]
        foreign = await admin.client()
        code = parse_qs(urlsplit(other.authorize(await away(foreign, provider="two"))).query)["code"][0]
        reply = await client.get(CALLBACK, params={"code": code, "state": state})
        assert reply.headers["location"] == "/login?error=provider_error"


async def test_passwords_can_be_switched_off(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway(admin_local_enabled=False)
    owner, person = await admin.user("owner"), await admin.user(None)
    client = await admin.client()

    async def login(email: str, password: str = PASSWORD) -> tuple[int, Any]:
        reply = await client.post("/admin/auth/login", json={"email": email, "password": password})
        return reply.status_code, None if reply.status_code == 200 else reply.json()["error"]["code"]

    assert await login(person) == (200, None)
    assert await login(owner) == (403, "local_sign_in_disabled")
    assert await login(owner, "wrong") == await login("nobody@example.com") == (401, "invalid_credentials")
    idp.claims["email"] = owner
    signed_in, _ = await sign_on(admin, idp)
    assert (await who(signed_in))["role"] == "owner"  # type: ignore[index]

    neither = await gateway(admin_local_enabled=False, user_local_enabled=False)
    assert (await (await neither.client()).get("/admin/auth/methods")).json()["local"] is False
    reply = await (await neither.client()).post("/admin/auth/login", json={"email": person, "password": PASSWORD})
    assert reply.status_code == 403


def test_a_way_in_must_be_left(admin: Any) -> None:
    given = admin.settings.model_dump() | {"admin_local_enabled": False}
    with pytest.raises(ValueError, match="can be switched off only with a provider"):
        ServeSettings.model_validate(given)


async def test_the_provider_can_end_sessions(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway()
    path = "/admin/auth/oidc/sso/backchannel-logout"
    stranger = await admin.client()

    async def say(token: str) -> int:
        reply: httpx.Response = await stranger.post(path, data={"logout_token": token})
        return reply.status_code

    idp.claims["sid"] = "sid-1"
    first, _ = await sign_on(admin, idp)
    idp.claims["sid"] = "sid-2"
    second, _ = await sign_on(admin, idp)
    for wrong in (
        idp.logout_token(sub="s-1", nonce="x"),
        idp.logout_token(sub="s-1", events={}),
        idp.logout_token(sub="s-1", aud="somebody"),
        idp.logout_token(),
        jwt.encode({"sub": "s-1"}, "", algorithm="none"),
        "x",
        "",
        "a" * 70_000,
    ):
        assert await say(wrong) == 400
    assert await who(first) is not None
    token = idp.logout_token(sid="sid-1")
    assert await say(token) == 200
    assert (await who(first), await who(second) is not None) == (None, True)
    assert await say(idp.logout_token(sub="s-1")) == 200
    assert await who(second) is None
    idp.claims["sid"] = "sid-1"
    admin.clock.ahead += timedelta(seconds=5)
    later, _ = await sign_on(admin, idp)
    assert await say(token) == 200  # sent again by somebody who kept it
    assert await who(later) is not None


async def test_the_provider_is_asked_again_whether_somebody_may_stay(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway(oidc_roles_claim="groups", oidc_admin_roles=("admins",), oidc_allowed_roles=("staff",))
    idp.claims["groups"] = ["staff", "admins"]
    client, _ = await sign_on(admin, idp)
    rows = await admin.execute("SELECT refresh_token FROM control.sso_sessions")
    assert not any(token in rows[0][0] for token in idp._refresh)
    services = admin.app.state.services
    checker = SessionChecker(
        sessions=services.sessions,
        providers=dict(services.single_sign_on.providers),
        discovery=services.single_sign_on.discovery,
        sealer=services.sealer,
        clock=admin.clock,
        every=timedelta(minutes=15),
    )

    async def after_a_while() -> dict[str, Any] | None:
        admin.clock.ahead += timedelta(minutes=16)
        await checker.check_due()
        return await who(client)

    assert (await after_a_while())["role"] == "admin"  # type: ignore[index]
    idp.claims["groups"] = ["staff"]
    assert (await after_a_while())["role"] is None  # type: ignore[index]
    idp.is_down = True
    assert await after_a_while() is not None
    idp.is_down = False
    idp.claims["groups"] = ["gone"]
    assert await after_a_while() is None
    idp.claims["groups"] = ["staff"]
    client, _ = await sign_on(admin, idp)
    idp.refuses_refresh = True
    assert await after_a_while() is None
