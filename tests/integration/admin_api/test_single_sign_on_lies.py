"""Single sign-on with a provider that lies, and with people who try what they can."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from tests.integration.admin_api.sso import CALLBACK, away, sign_on, who
from tests.servers.oidc import CLIENT_ID, Claims, OpenIdProvider, other_key

Gateway = Callable[..., Awaitable[Any]]


@pytest.mark.parametrize("verified", [False, None, "false", 1, "yes"])
async def test_an_address_that_is_not_verified_takes_over_nothing(
    gateway: Gateway, idp: OpenIdProvider, verified: Any
) -> None:
    admin = await gateway()
    idp.claims |= {"email": await admin.user("owner"), "email_verified": verified}
    client, location = await sign_on(admin, idp)
    assert (location, await who(client)) == ("/login?error=unverified_email", None)
    idp.claims["email"] = "nobody.yet@example.com"
    _, location = await sign_on(admin, idp)
    assert location == "/login?error=unverified_email"
    assert not await admin.execute("SELECT 1 FROM control.identities")


def _hs256_with_the_public_key(idp: OpenIdProvider) -> Callable[[Claims], str]:
    def sign(claims: Claims) -> str:
        def part(content: Any) -> str:
            return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

        head = f"{part({'alg': 'HS256', 'kid': idp.kid, 'typ': 'JWT'})}.{part(claims)}"
        digest = hmac.digest(idp.public_pem(), head.encode(), hashlib.sha256)
        return f"{head}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    return sign


def unsigned(claims: Claims) -> str:
    return jwt.encode(claims, "", algorithm="none")


LIES: dict[str, Callable[[OpenIdProvider], None]] = {
    "wrong nonce": lambda idp: setattr(idp, "twist", lambda claims: claims | {"nonce": "x"}),
    "no nonce": lambda idp: setattr(idp, "twist", lambda claims: {k: v for k, v in claims.items() if k != "nonce"}),
    "alg none": lambda idp: setattr(idp, "sign", lambda claims: unsigned(claims)),
    "HS256 with the public key": lambda idp: setattr(idp, "sign", _hs256_with_the_public_key(idp)),
    "another's key": lambda idp: setattr(
        idp, "sign", lambda claims: jwt.encode(claims, other_key(), algorithm="RS256", headers={"kid": idp.kid})
    ),
    "an unknown key": lambda idp: setattr(
        idp, "sign", lambda claims: jwt.encode(claims, idp.key, algorithm="ES256", headers={"kid": "no"})
    ),
    "expired": lambda idp: setattr(idp, "twist", lambda claims: claims | {"exp": int(time.time()) - 120}),
    "not yet": lambda idp: setattr(idp, "twist", lambda claims: claims | {"nbf": int(time.time()) + 600}),
    "no expiry": lambda idp: setattr(idp, "twist", lambda claims: {k: v for k, v in claims.items() if k != "exp"}),
    "another audience": lambda idp: setattr(idp, "twist", lambda claims: claims | {"aud": "somebody"}),
    "another issuer": lambda idp: setattr(idp, "twist", lambda claims: claims | {"iss": "https://evil.example"}),
    "several audiences": lambda idp: setattr(idp, "twist", lambda claims: claims | {"aud": [CLIENT_ID, "b"]}),
    "made for another": lambda idp: setattr(idp, "twist", lambda claims: claims | {"azp": "somebody"}),
    "no subject": lambda idp: setattr(idp, "twist", lambda claims: {k: v for k, v in claims.items() if k != "sub"}),
    "another's user data": lambda idp: idp.userinfo.update(sub="s-2"),
    "the answer of another provider": lambda idp: setattr(idp, "answer_iss", "https://evil.example"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lying_provider_signs_nobody_in(gateway: Gateway, idp: OpenIdProvider, lie: str) -> None:
    admin = await gateway()
    LIES[lie](idp)
    client, location = await sign_on(admin, idp)
    assert (location, await who(client)) == ("/login?error=provider_error", None)
    assert not await admin.execute("SELECT 1 FROM control.identities")


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://evil.example"}, {"token_endpoint": "file:///etc/passwd"}, {"jwks_uri": 7}],
)
async def test_a_lying_configuration_leads_nowhere(gateway: Gateway, idp: OpenIdProvider, metadata: Any) -> None:
    admin = await gateway()
    idp.metadata = metadata
    client = await admin.client()
    reply = await client.get("/admin/auth/oidc/sso/start")
    if reply.status_code == 302:
        reply = await client.get(idp.authorize(reply.headers["location"]))
    assert reply.headers["location"] in {"/login?error=provider_error", "/login?error=unavailable"}


async def test_private_issuers_are_not_asked(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway(allow_private_issuers=False)
    reply = await (await admin.client()).get("/admin/auth/oidc/sso/start")
    assert reply.headers["location"] == "/login?error=unavailable"
    assert idp.discoveries == 0


async def test_what_comes_back_must_have_been_sent_away_by_this_browser(gateway: Gateway, idp: OpenIdProvider) -> None:
    """Login CSRF: somebody else's answer in my browser. And an answer that is used twice."""
    admin = await gateway()
    attacker, victim = await admin.client(), await admin.client()
    answer = idp.authorize(await away(attacker))
    reply = await victim.get(answer)
    assert (reply.headers["location"], await who(victim)) == ("/login?error=expired", None)
    await away(victim)
    assert (await victim.get(answer)).headers["location"] == "/login?error=expired"
    assert idp.logins == 0
    assert (await attacker.get(answer)).headers["location"] == "/"
    assert (await attacker.get(answer)).headers["location"] == "/login?error=expired"
    for query in ("", "?state=x&code=y", "?error=access_denied&state=x"):
        assert (await victim.get(f"{CALLBACK}{query}")).headers["location"] == "/login?error=expired"


async def test_a_refusal_by_the_provider_is_told(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway()
    client = await admin.client()
    state = parse_qs(urlsplit(await away(client)).query)["state"][0]
    reply = await client.get(CALLBACK, params={"error": "access_denied", "state": state})
    assert reply.headers["location"] == "/login?error=provider_error"


async def test_who_takes_too_long_begins_again(gateway: Gateway, idp: OpenIdProvider) -> None:
    admin = await gateway()
    client = await admin.client()
    answer = idp.authorize(await away(client))
    admin.clock.ahead += timedelta(minutes=11)
    assert (await client.get(answer)).headers["location"] == "/login?error=expired"


async def test_a_session_of_before_is_not_kept(gateway: Gateway, idp: OpenIdProvider) -> None:
    """Fixation: a cookie that somebody planted is not the session's afterwards."""
    admin = await gateway()
    client = await admin.client()
    client.cookies.set("omg_session", "planted", domain="admin.test", path="/")
    reply = await client.get(idp.authorize(await away(client)))
    cookie = next(each for each in reply.headers.get_list("set-cookie") if each.startswith("omg_session="))
    assert "planted" not in cookie
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=y", "/admin/users", "http:/evil.example", "evil.example",
        "/login", "/" + "a" * 600,
    ],
)  # fmt: skip
async def test_nobody_is_sent_elsewhere_afterwards(gateway: Gateway, idp: OpenIdProvider, wanted: str) -> None:
    _, location = await sign_on(await gateway(), idp, return_to=wanted)
    assert location == "/"


async def test_no_secret_of_the_flow_is_written_down(
    gateway: Gateway, idp: OpenIdProvider, capfd: pytest.CaptureFixture[str]
) -> None:
    admin = await gateway()
    client = await admin.client()
    url = idp.authorize(await away(client))
    await client.get(url)
    idp.twist = lambda claims: claims | {"nonce": "x"}
    await sign_on(admin, idp)
    printed = "".join(capfd.readouterr())
    assert "single sign-on refused" in printed
    written = await admin.execute("SELECT coalesce(after::text, '') || resource_id FROM control.audit_entries")
    dump = printed + "".join(row[0] for row in written)
    for secret in ("secret of the client", parse_qs(urlsplit(url).query)["code"][0], *idp._refresh, *idp._access):
        assert secret not in dump
