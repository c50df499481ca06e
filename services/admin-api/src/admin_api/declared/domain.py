"""What becomes of a model that the YAML file declares: its edits take effect, and an edit through the Admin API beats the file."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from admin_api.catalog.domain import FIRST_PRIORITY, KEEP, MIN_WEIGHT, Fallbacks, WantedRoute

State = Literal["in_force", "overridden", "deleted", "broken"]
"""`overridden` and `deleted`: through the Admin API, which the file is not to undo. `broken`: what the file says cannot be."""


ModelSource = Literal["api", "file", "overridden"]
"""Whence a model is what it is. `overridden`: the file declares it, and it was edited through the Admin API."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model as the file declares it, whole: what it does not say is the default. `digest` tells one content from another."""

    alias: str
    digest: str
    enabled: bool
    routes: tuple[WantedRoute, ...]
    fallbacks: Fallbacks
    capabilities: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry that cannot be used. `alias` is null where not even that can be read."""

    alias: str | None
    problem: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """An alias of the file, as it stands."""

    alias: str
    state: State
    problem: str | None


class Standing(Enum):
    """How the model of a declared alias came to be what it is."""

    NEW = "new"
    FROM_FILE = "from_file"
    EDITED = "edited"
    DELETED = "deleted"


def standing(*, applied: datetime | None, model: datetime | None) -> Standing:
    """From when the file was last applied to the model, and when that was last changed: null where it never was, or is not there.

    A model that was made through the Admin API before the file named it counts as edited there.
    """
    if model is None:
        return Standing.NEW if applied is None else Standing.DELETED
    return Standing.FROM_FILE if applied == model else Standing.EDITED


def source_of(declared: bool, applied: datetime | None, model: datetime) -> ModelSource:
    """Of a model that is there: whether the file declares it, when that was last applied, and when the model was last changed."""
    if not declared:
        return "api"
    return "file" if standing(applied=applied, model=model) is Standing.FROM_FILE else "overridden"


def whole(route: WantedRoute) -> WantedRoute:
    """A route of the file says everything: nothing stays as it is because it was left out."""
    unsaid = {each.name: None for each in fields(route) if getattr(route, each.name) is KEEP}
    return replace(
        route,
        **unsaid,  # type: ignore[arg-type]
        id=None,
        priority=FIRST_PRIORITY if route.priority is None else route.priority,
        weight=MIN_WEIGHT if route.weight is None else route.weight,
    )
