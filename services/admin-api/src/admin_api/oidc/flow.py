"""The authorization code flow.

What has to be remembered while somebody is at their provider is sealed in a cookie of their browser: who was not sent there by us,
in this browser and within ten minutes, has nothing to come back with, and we keep nothing of those who never come back.
"""

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from admin_api.oidc.discovery import Discovery, Metadata
from admin_api.oidc.domain import Provider, RefusedError
from admin_api.oidc.tokens import id_token_claims
from common.clock import Clock
from common.crypto.sealing import Sealer, SealingError

FLOW_LIFE: Final = timedelta(minutes=10)
_PURPOSE: Final = "oidc-flow"
_FORM: Final = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
_LONGEST_CODE: Final = 5_000


class Flow(msgspec.Struct, frozen=True):
    """What is remembered. `started_at` is in Unix seconds."""

    provider: str
    state: str
    nonce: str
    verifier: str
    return_to: str
    started_at: int


class Tokens(msgspec.Struct, frozen=True):
    """A token endpoint's answer."""

    id_token: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None


def cookie_name(state: str) -> str:
    """One cookie for each flow, so that two tabs do not disturb each other."""
    return f"omg_oidc_{hashlib.sha256(state.encode()).hexdigest()[:16]}"


async def begin(
    provider: Provider, *, discovery: Discovery, sealer: Sealer, clock: Clock, return_to: str
) -> tuple[str, str, str]:
    """Where to send the browser, and the name and value of the cookie that it takes along. Raises `RefusedError`."""
    metadata = await discovery.metadata(provider)
    flow = Flow(
        provider=provider.id,
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        return_to=return_to,
        started_at=int(clock().timestamp()),
    )
    challenge = base64.urlsafe_b64encode(hashlib.sha256(flow.verifier.encode()).digest()).decode().rstrip("=")
    query = urlencode(
        {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": provider.redirect_url,
            "scope": " ".join(provider.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
    )
    separator = "&" if "?" in metadata.authorization_endpoint else "?"
    url = f"{metadata.authorization_endpoint}{separator}{query}"
    return url, cookie_name(flow.state), sealer.seal(msgspec.json.encode(flow).decode(), purpose=_PURPOSE)


def resume(cookie: str | None, *, state: str, sealer: Sealer, clock: Clock) -> Flow:
    """What this browser was sent away with. Raises `RefusedError`."""
    if not cookie:
        raise RefusedError("expired", "there is no flow in this browser")
    try:
        flow = msgspec.json.decode(sealer.open(cookie, purpose=_PURPOSE), type=Flow)
    except (SealingError, msgspec.DecodeError):
        raise RefusedError("expired", "the flow cannot be read") from None
    if not secrets.compare_digest(flow.state, state):
        raise RefusedError("expired", "this is another flow")
    if clock().timestamp() > flow.started_at + FLOW_LIFE.total_seconds():
        raise RefusedError("expired", "it took too long")
    return flow


async def finish(
    provider: Provider, flow: Flow, *, discovery: Discovery, code: str, issuer: str | None
) -> tuple[dict[str, Any], Tokens]:
    """Exchange the code, and check what comes back. Raises `RefusedError`."""
    metadata = await discovery.metadata(provider)
    if issuer is not None and issuer != metadata.issuer:
        raise RefusedError("provider_error", "the answer is from another provider")  # a mix-up, RFC 9207
    if not code or len(code) > _LONGEST_CODE:
        raise RefusedError("provider_error", "there is no code")
    tokens = await _ask(
        provider,
        discovery,
        metadata,
        grant_type="authorization_code",
        code=code,
        redirect_uri=provider.redirect_url,
        code_verifier=flow.verifier,
    )
    if tokens.id_token is None:
        raise RefusedError("provider_error", "there is no ID token")
    claims = await id_token_claims(tokens.id_token, provider=provider, discovery=discovery, nonce=flow.nonce)
    return await _completed(claims, tokens, provider, discovery, metadata), tokens


async def refresh(
    provider: Provider, token: str, *, subject: str, discovery: Discovery
) -> tuple[dict[str, Any] | None, Tokens]:
    """Ask whether somebody is still known: what is said of them now, if anything is. Raises `RefusedError`."""
    metadata = await discovery.metadata(provider)
    tokens = await _ask(provider, discovery, metadata, grant_type="refresh_token", refresh_token=token)
    if tokens.id_token is None:
        return None, tokens
    claims = await id_token_claims(tokens.id_token, provider=provider, discovery=discovery, nonce=None)
    if claims["sub"] != subject:
        raise RefusedError("provider_error", "the answer is about somebody else")
    return await _completed(claims, tokens, provider, discovery, metadata), tokens


async def _completed(
    claims: dict[str, Any], tokens: Tokens, provider: Provider, discovery: Discovery, metadata: Metadata
) -> dict[str, Any]:
    """With what only the userinfo endpoint says. Where both say something, the signed one counts."""
    if metadata.userinfo_endpoint is None or tokens.access_token is None:
        return claims
    headers = {"authorization": f"Bearer {tokens.access_token}", "accept": "application/json"}
    more: dict[str, Any] = await discovery.fetch(provider, metadata.userinfo_endpoint, dict[str, Any], headers=headers)
    if more.get("sub") != claims["sub"]:
        raise RefusedError("provider_error", "the user's data are about somebody else")
    return {**more, **claims}


async def _ask(provider: Provider, discovery: Discovery, metadata: Metadata, **form: str) -> Tokens:
    headers = dict(_FORM)
    if provider.client_secret is None:
        form["client_id"] = provider.client_id
    elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
        pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
    content = urlencode(form).encode()
    tokens: Tokens = await discovery.fetch(
        provider, metadata.token_endpoint, Tokens, method="POST", content=content, headers=headers
    )
    return tokens
