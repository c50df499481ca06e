"""Rules of single sign-on: what a provider is, what its claims say of a person, and where a browser may be sent. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from admin_api.users.domain import MAX_EMAIL_LENGTH, normal_email

CALLBACK_PATH: Final = "/admin/auth/oidc/callback"
HOME: Final = "/"
_LONGEST_PATH: Final = 500
_LONGEST_NAME: Final = 100
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
# The callback pages of the portals of the guide: here both are one portal, which needs none.
_CALLBACK_PAGES: Final = frozenset({"/admin/ui/auth/oidc/callback", "/auth/oidc/callback"})

Refusal = Literal[
    "not_allowed", "no_email", "unverified_email", "account_disabled", "provider_error", "expired", "unavailable"
]
"""Why somebody is not signed in, as the portal's login page is told."""


class RefusedError(Exception):
    """Somebody is not let in. The reason may be shown; `detail`, for the log, holds nothing that the provider sent in secret."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason: Refusal = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One identity provider. `id` is in addresses, `name` on the login page.

    `roles_claim` is a path such as `realm_access.roles`. With `allowed_roles`, only who has one of them (or of `admin_roles`) is
    let in; who has one of `admin_roles` is a platform admin. With `allowed_domains`, only addresses of these.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: str | None
    redirect_url: str
    scopes: tuple[str, ...]
    roles_claim: str
    allowed_roles: frozenset[str]
    admin_roles: frozenset[str]
    allowed_domains: frozenset[str]


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a provider vouches for. `email` is in its normal spelling, and verified by the provider."""

    issuer: str
    subject: str
    email: str | None
    name: str
    is_admin: bool


def person_of(claims: Mapping[str, Any], provider: Provider) -> Person:
    """Raises `RefusedError` for who is not allowed in. An address that the provider has not verified is no address."""
    roles = roles_in(claims, provider.roles_claim)
    is_admin = bool(roles & provider.admin_roles)
    if provider.allowed_roles and not is_admin and not roles & provider.allowed_roles:
        raise RefusedError("not_allowed", "none of the allowed roles")
    email = _email(claims)
    if provider.allowed_domains:
        if email is None:
            raise RefusedError("unverified_email" if claims.get("email") else "no_email", "no verified address")
        if email.rpartition("@")[2] not in provider.allowed_domains:
            raise RefusedError("not_allowed", "none of the allowed domains")
    name = next((each for each in (claims.get("name"), claims.get("preferred_username"), email) if each), "Unnamed")
    return Person(provider.issuer, str(claims["sub"]), email, _plain(str(name)), is_admin)


def roles_in(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """The roles at a path of names: a list, a text with commas or spaces in between, or a map of what is true. Else none."""
    found: Any = claims
    for part in path.split(".") if path else ():
        # A claim may have dots in its own name, as namespaced ones do.
        if isinstance(found, Mapping) and path in found:
            found = found[path]
            break
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return frozenset(re.split(r"[\s,]+", found.strip())) - {""}
    if isinstance(found, Mapping):
        return frozenset(str(name) for name, value in found.items() if value is True)
    if isinstance(found, Iterable):
        return frozenset(each for each in found if isinstance(each, str))
    return frozenset()


def return_path(wanted: str | None) -> str:
    """Where to go after signing in: a path of the portal, or its start. Never another site, and no address of the API."""
    if not wanted or len(wanted) > _LONGEST_PATH or wanted in _CALLBACK_PAGES:
        return HOME
    if not wanted.startswith("/") or wanted.startswith(("//", "/admin/", "/user/", "/login")):
        return HOME
    if any(character in wanted for character in "\\\r\n\t") or not wanted.isprintable():
        return HOME
    return wanted


def _email(claims: Mapping[str, Any]) -> str | None:
    email = claims.get("email")
    if not isinstance(email, str) or len(email) > MAX_EMAIL_LENGTH or _EMAIL.fullmatch(email) is None:
        return None
    verified = claims.get("email_verified")
    return normal_email(email) if verified is True or verified == "true" else None


def _plain(name: str) -> str:
    return "".join(character for character in name if character.isprintable()).strip()[:_LONGEST_NAME] or "Unnamed"
