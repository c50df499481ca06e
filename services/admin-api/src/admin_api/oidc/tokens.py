"""Checking what a provider has signed. Only asymmetric algorithms: one that is signed with a public key, or not, is no token."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import jwt

from admin_api.oidc.discovery import Discovery
from admin_api.oidc.domain import Provider, RefusedError

_ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
_LEEWAY: Final = timedelta(seconds=60)
_LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LONGEST_TOKEN: Final = 50_000


async def id_token_claims(token: str, *, provider: Provider, discovery: Discovery, nonce: str | None) -> dict[str, Any]:
    """The claims of an ID token that is for us, from this provider, in force, and (at a sign-in) with our nonce.

    Raises `RefusedError`.
    """
    claims = await _verified(token, provider, discovery, require=["exp", "iat", "iss", "aud", "sub"])
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != provider.client_id:
        raise RefusedError("provider_error", "the token is for several, and not made for us")
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise RefusedError("provider_error", "the token was made for somebody else")
    if nonce is not None and claims.get("nonce") != nonce:
        raise RefusedError("provider_error", "the token has another nonce")
    return claims


async def logout_claims(token: str, *, provider: Provider, discovery: Discovery) -> dict[str, Any]:
    """Of a back-channel logout token: `sub`, `sid` or both. Raises `RefusedError`."""
    claims = await _verified(token, provider, discovery, require=["exp", "iat", "iss", "aud", "jti"])
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(_LOGOUT_EVENT), Mapping) or "nonce" in claims:
        raise RefusedError("provider_error", "this is no logout token")
    if not isinstance(claims.get("sub"), str) and not isinstance(claims.get("sid"), str):
        raise RefusedError("provider_error", "the token names nobody")
    return claims


async def _verified(token: str, provider: Provider, discovery: Discovery, *, require: Sequence[str]) -> dict[str, Any]:
    if len(token) > _LONGEST_TOKEN:
        raise RefusedError("provider_error", "the token is too long")
    try:
        header = jwt.get_unverified_header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in _ALGORITHMS:
            raise RefusedError("provider_error", "the token is not signed in a way that counts")
        for key in await discovery.keys(provider, kid):
            if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
                continue
            claims: dict[str, Any] = jwt.decode(
                token,
                jwt.PyJWK.from_dict(dict(key), algorithm=algorithm),
                algorithms=[algorithm],
                audience=provider.client_id,
                issuer=provider.issuer,
                leeway=_LEEWAY,
                options={"require": list(require)},
            )
            return claims
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise RefusedError("provider_error", f"the token is not valid: {type(error).__name__}") from None
    raise RefusedError("provider_error", "the token is signed with a key that the provider does not have")
