"""Shapes of the ways to sign in."""

from pydantic import BaseModel


class OidcMethod(BaseModel):
    """A provider: `GET /admin/auth/oidc/{id}/start` leads there."""

    id: str
    name: str


class AuthMethods(BaseModel):
    """`local`: whether anybody may sign in with a password."""

    local: bool
    oidc: list[OidcMethod]
