"""Single sign-on as an app has it: its providers, and what is known of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from admin_api.oidc.discovery import Discovery
from admin_api.oidc.domain import Provider


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """`providers` by id."""

    providers: Mapping[str, Provider]
    discovery: Discovery


@dataclass(frozen=True, slots=True)
class LocalSignIn:
    """Who may sign in with a password: those with a platform role, and everybody else."""

    admins: bool
    users: bool
