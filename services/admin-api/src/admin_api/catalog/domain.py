"""Rules of the catalog: what an alias looks like, and how the wanted routes of an alias follow from those it has.

Credentials are write-only: a route that is changed may keep its credential without anybody having seen it, but only towards
the same provider at the same origin. Otherwise whoever may edit routes could have it sent to a server of theirs.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeVar

from admin_api.catalog.price_list import listed_prices
from admin_api.catalog.prices import Prices
from admin_api.catalog.providers import PROVIDERS
from common.http.errors import InvalidRequestError
from common.outbound_url import UnsafeUrlError, parse_outbound_url

ROUTE_PREFIX: Final = "rte"
PRICE_VERSION_PREFIX: Final = "prc"
MAX_ALIAS_LENGTH: Final = 200
MAX_ROUTES: Final = 32
FIRST_PRIORITY: Final = 0
LAST_PRIORITY: Final = 100
MIN_WEIGHT: Final = 1
MAX_WEIGHT: Final = 1000
MAX_FALLBACKS: Final = 5
MAX_OPERATIONS: Final = 32
FALLBACK_KINDS: Final = ("fallbacks", "context_length_fallbacks", "content_filter_fallbacks")
_ALIAS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]*(/[A-Za-z0-9][A-Za-z0-9._:@+-]*)*")
_T = TypeVar("_T")


class Keep(Enum):
    """Says that something of a route stays what it is."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


@dataclass(frozen=True, slots=True)
class WantedRoute:
    """What somebody asks for. `id` names a route the alias has already; `credential` is null for none.
    `priority` and `weight` are null to stay what they are, which for a new route are the first priority and the least weight.
    `prices` are null for those of the price list, and so are a new route's that say nothing."""

    id: str | None
    provider: str
    model: str
    base_url: str | None
    credential: str | Keep | None
    prices: Prices | Keep | None
    priority: int | None = None
    weight: int | None = None
    max_output_tokens: int | Keep | None = KEEP
    operations: Sequence[str] | Keep | None = KEEP
    metadata: Mapping[str, str] | Keep | None = KEEP


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """Aliases to go on with, by what went wrong; null leaves the list that is there."""

    fallbacks: Sequence[str] | None = None
    context_length_fallbacks: Sequence[str] | None = None
    content_filter_fallbacks: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class ExistingRoute:
    """A route as it is stored, without its secret, and with the prices that are in force."""

    id: str
    provider: str
    base_url: str
    has_credential: bool
    prices: Prices
    priority: int = FIRST_PRIORITY
    weight: int = MIN_WEIGHT
    max_output_tokens: int | None = None
    operations: Sequence[str] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedRoute:
    """A route to be stored: `id` null means a new one, `base_url` is settled, `new_prices` asks for a new price version,
    whose source is `price_source`."""

    id: str | None
    provider: str
    model: str
    base_url: str
    credential: str | Keep | None
    prices: Prices
    new_prices: bool
    price_source: str | None = None
    priority: int = FIRST_PRIORITY
    weight: int = MIN_WEIGHT
    max_output_tokens: int | None = None
    operations: Sequence[str] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def is_alias(text: str) -> bool:
    """Whether `text` can be an alias: parts of letters, digits and `._:@+-`, joined by single slashes."""
    return len(text) <= MAX_ALIAS_LENGTH and _ALIAS.fullmatch(text) is not None


def plan_routes(wanted: Sequence[WantedRoute], existing: Sequence[ExistingRoute]) -> list[PlannedRoute]:
    """The routes of an alias as they will be, in the wanted order. Raises `InvalidRequestError` naming the field."""
    by_id = {route.id: route for route in existing}
    plan = []
    for index, wish in enumerate(wanted):
        place = f"routes.{index}"
        current = None
        if wish.id is not None:
            # Each may be named once: popped, so that a repetition is as unknown as any other id.
            current = by_id.pop(wish.id, None)
            if current is None:
                raise _invalid(f"{place}.id", "this alias has no such route.", code="unknown_route")
        plan.append(_plan_route(wish, current, place))
    return plan


def _plan_route(wish: WantedRoute, current: ExistingRoute | None, place: str) -> PlannedRoute:
    provider = PROVIDERS.get(wish.provider)
    if provider is None:
        raise _invalid(f"{place}.provider", f"must be one of {', '.join(PROVIDERS)}.")
    base_url = (wish.base_url or provider.default_base_url or "").rstrip("/")
    if not base_url:
        raise _invalid(f"{place}.base_url", f"is required for the provider {provider.name}.")
    credential = wish.credential
    if credential is KEEP and (current is None or not current.has_credential):
        credential = None
    if credential is KEEP and current is not None and not _same_place(wish.provider, base_url, current, place):
        raise _invalid(
            f"{place}.credential",
            "must be given again, because the route's provider or host changes.",
            code="credential_required",
        )
    if credential is None and provider.needs_credential:
        raise _invalid(
            f"{place}.credential", f"is required for the provider {provider.name}.", code="credential_required"
        )
    operations = _kept(wish.operations, None if current is None else current.operations)
    if unknown := sorted({*(operations or ())}.difference(provider.operations)):
        raise _invalid(
            f"{place}.operations",
            f"{', '.join(unknown)}: the provider {provider.name} has {', '.join(provider.operations)}.",
            code="unknown_operation",
        )
    metadata = _kept(wish.metadata, {} if current is None else current.metadata) or {}
    if unknown := sorted(set(metadata).difference(provider.metadata)):
        raise _invalid(
            f"{place}.metadata.{unknown[0]}",
            f"the provider {provider.name} has {', '.join(provider.metadata) or 'no settings of its own'}.",
            code="unknown_setting",
        )
    prices, price_source = _prices(wish, current)
    return PlannedRoute(
        id=wish.id,
        provider=wish.provider,
        model=wish.model,
        base_url=base_url,
        credential=credential,
        prices=prices,
        new_prices=current is None or current.prices != prices,
        price_source=price_source,
        priority=_first(wish.priority, None if current is None else current.priority, FIRST_PRIORITY),
        weight=_first(wish.weight, None if current is None else current.weight, MIN_WEIGHT),
        max_output_tokens=_kept(wish.max_output_tokens, None if current is None else current.max_output_tokens),
        operations=operations,
        metadata=metadata,
    )


def _prices(wish: WantedRoute, current: ExistingRoute | None) -> tuple[Prices, str | None]:
    """And whence they are."""
    if isinstance(wish.prices, Keep):
        if current is not None:
            return current.prices, None
    elif wish.prices is not None:
        return wish.prices, None
    listed = listed_prices(wish.provider, wish.model)
    return ({}, None) if listed is None else (listed.prices, listed.source)


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)


def _kept(wished: _T | Keep | None, current: _T | None) -> _T | None:
    return current if isinstance(wished, Keep) else wished


def check_fallbacks(kind: str, alias: str, wanted: Sequence[str], graph: Mapping[str, Sequence[str]]) -> None:
    """Raise `InvalidRequestError` for an alias that does not exist, or one from which the same kind leads back to `alias`.

    `graph` holds the lists of this kind of all aliases there are. Kinds are looked at one by one: a small model may go on with
    a large one where a prompt is too long, while the large one goes on with the small one when it is away.
    """
    for index, fallback in enumerate(wanted):
        if fallback != alias and fallback not in graph:
            raise _invalid(f"{kind}.{index}", f"there is no model {fallback}.", code="unknown_model")
        way = _way(fallback, alias, graph)
        if way is not None:
            raise _invalid(f"{kind}.{index}", f"leads back: {' → '.join((alias, *way))}.", code="fallback_cycle")


def _way(start: str, end: str, graph: Mapping[str, Sequence[str]]) -> list[str] | None:
    """The aliases from one to the other, both included; null when there is no way."""
    came_from: dict[str, str | None] = {start: None}
    waiting = [start]
    while waiting:
        at = waiting.pop()
        if at == end:
            way = []
            step: str | None = at
            while step is not None:
                way.append(step)
                step = came_from[step]
            return way[::-1]
        for following in graph.get(at, ()):
            if following not in came_from:
                came_from[following] = at
                waiting.append(following)
    return None


def _same_place(provider: str, base_url: str, current: ExistingRoute, place: str) -> bool:
    try:
        return provider == current.provider and _origin(base_url) == _origin(current.base_url)
    except UnsafeUrlError as error:
        raise _invalid(f"{place}.base_url", f"{error}.") from None


def _origin(url: str) -> tuple[bool, str, int]:
    return (url.lower().startswith("https:"), *parse_outbound_url(url))


def _invalid(param: str, message: str, *, code: str = "invalid_value") -> InvalidRequestError:
    return InvalidRequestError(f"{param}: {message}", code=code, param=param)
