"""Shapes of the catalog in requests and replies. No reply ever holds a credential."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from admin_api.catalog.checking import Checked
from admin_api.catalog.domain import (
    FIRST_PRIORITY,
    KEEP,
    LAST_PRIORITY,
    MAX_ALIAS_LENGTH,
    MAX_FALLBACKS,
    MAX_OPERATIONS,
    MAX_ROUTES,
    MAX_WEIGHT,
    MIN_WEIGHT,
    Fallbacks,
    Keep,
    WantedRoute,
    is_alias,
)
from admin_api.catalog.models import RouteRow
from admin_api.catalog.price_schemas import PriceChange, PricesWrite, written
from admin_api.catalog.prices import Prices
from admin_api.catalog.providers import ProviderKind
from admin_api.catalog.schedule import NO_PRICES, schedule_of
from admin_api.catalog.service import Shown
from admin_api.declared.domain import ModelSource
from admin_api.fields import NO_CONTROL_CHARACTERS, RequestBody
from admin_api.paging import Page


def _checked_alias(text: str) -> str:
    if not is_alias(text):
        raise ValueError("an alias is made of letters, digits and ._:@+-, in parts joined by single slashes")
    return text


def _without_repetition(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


Alias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ALIAS_LENGTH), AfterValidator(_checked_alias)]
Operations = Annotated[
    list[Annotated[str, StringConstraints(max_length=100)]],
    Field(min_length=1, max_length=MAX_OPERATIONS),
    AfterValidator(_without_repetition),
]
FallbackList = Annotated[list[Alias], Field(max_length=MAX_FALLBACKS), AfterValidator(_without_repetition)]


Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(max_length=64)],
        # What can stand in a header.
        Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")],
    ],
    Field(max_length=32),
]
_Modalities = Annotated[
    list[Literal["text", "image", "audio", "video", "file"]],
    Field(min_length=1, max_length=5),
    AfterValidator(_without_repetition),
]


class Capabilities(RequestBody):
    """What a model can do, told to clients by `/v1/models`; null is unknown. The gateway enforces none of it."""

    context_window: Annotated[int, Field(strict=True, ge=1, le=10**9)] | None = None
    max_output_tokens: Annotated[int, Field(strict=True, ge=1, le=10**8)] | None = None
    input_modalities: _Modalities | None = None
    output_modalities: _Modalities | None = None
    tools: Annotated[bool, Field(strict=True)] | None = None
    json_schema: Annotated[bool, Field(strict=True)] | None = None
    reasoning: Annotated[bool, Field(strict=True)] | None = None


class RouteCheck(BaseModel):
    """What came of asking a route's provider. `reason` says what is wrong; `knows_model` is null where there is no list to tell
    by."""

    ok: bool
    reason: str | None
    status_code: int | None
    latency_ms: int | None
    knows_model: bool | None

    @classmethod
    def of(cls, checked: Checked) -> "RouteCheck":
        return cls(
            ok=checked.reason is None,
            reason=checked.reason,
            status_code=checked.status_code,
            latency_ms=checked.latency_ms,
            knows_model=checked.knows_model,
        )


class Route(BaseModel):
    """One way to serve an alias. `prices` are in force now: USD per million tokens or characters, or per image or second; a kind
    without one is charged as its parent kind. `price_version` is a new id whenever a price changes, `price_source` the price list
    if they are from one, and `price_changes` come later. `broken` says why the gateway cannot use the route; null when it can.

    Routes of a lower `priority` number are tried first; among equals, `weight` says how often each comes first.

    `max_output_tokens` is the most the model can answer with: budgets reserve for that where a call sets no maximum itself.
    `operations` are what the model can do, such as `chat`; null means all that the gateway can have its provider do. `metadata` are
    settings of the provider's own."""

    id: str
    provider: str
    model: str
    base_url: str
    has_credential: bool
    prices: dict[str, str]
    price_version: str
    price_source: str | None
    price_changes: list[PriceChange]
    priority: int
    weight: int
    max_output_tokens: int | None
    operations: list[str] | None
    metadata: dict[str, str]
    broken: str | None

    @classmethod
    def of(cls, row: RouteRow, shown: Shown) -> "Route":
        schedule = schedule_of(row.prices, shown.now)
        in_force = schedule.in_force
        return cls(
            id=row.id,
            provider=row.provider,
            model=row.model,
            base_url=row.base_url,
            has_credential=row.credential is not None,
            prices={} if in_force is None else in_force.prices,
            price_version=NO_PRICES if in_force is None else in_force.version,
            price_source=None if in_force is None else in_force.source,
            price_changes=[PriceChange.model_validate(each, from_attributes=True) for each in schedule.scheduled],
            metadata=row.settings,
            broken=shown.broken.get(row.id),
            priority=row.priority,
            weight=row.weight,
            max_output_tokens=row.max_output_tokens,
            operations=row.operations,
        )


class Model(BaseModel):
    """An alias and its routes, and the aliases to go on with: `fallbacks` when every route failed; instead of them,
    `context_length_fallbacks` where the prompt is too long and `content_filter_fallbacks` where its content is refused.
    `source` is whence it is what it is: the Admin API, the configuration file, or (`overridden`) the file until an edit here."""

    alias: str
    source: ModelSource
    enabled: bool
    created_at: datetime
    updated_at: datetime
    routes: list[Route]
    fallbacks: list[str]
    context_length_fallbacks: list[str]
    content_filter_fallbacks: list[str]
    capabilities: Capabilities

    @classmethod
    def of(cls, shown: Shown) -> "Model":
        row = shown.model
        return cls(
            alias=row.alias,
            source=shown.source,
            enabled=row.enabled,
            created_at=row.created_at,
            updated_at=row.updated_at,
            routes=[Route.of(route, shown) for route in row.routes],
            fallbacks=row.fallbacks,
            context_length_fallbacks=row.context_length_fallbacks,
            content_filter_fallbacks=row.content_filter_fallbacks,
            capabilities=Capabilities.model_validate(row.capabilities),
        )


class ModelPage(Page[Model]):
    """Aliases, newest first."""


class RouteWrite(RequestBody):
    """A wanted route. With `id`, an existing one is changed; its credential stays when `credential` is left out, and is
    removed when it is null.

    `priority`, `weight`, `max_output_tokens`, `operations` and `metadata` left out stay as they are (a new route: 0, 1, unknown,
    all, none). `prices` left out stay too; a new route's, or null, are those of the price list for the provider's model."""

    id: Annotated[str, StringConstraints(max_length=100)] | None = None
    provider: Annotated[str, StringConstraints(max_length=100)]
    model: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_CONTROL_CHARACTERS)
    ]
    base_url: Annotated[str, StringConstraints(max_length=1000, pattern=r"^[\x21-\x7e]*$")] | None = None
    credential: Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[\x21-\x7e]+$")] | None = (
        None
    )
    prices: PricesWrite | None = None
    priority: Annotated[int, Field(strict=True, ge=FIRST_PRIORITY, le=LAST_PRIORITY)] | None = None
    weight: Annotated[int, Field(strict=True, ge=MIN_WEIGHT, le=MAX_WEIGHT)] | None = None
    max_output_tokens: Annotated[int, Field(strict=True, ge=1, le=10**8)] | None = None
    operations: Operations | None = None
    metadata: Metadata | None = None

    def value(self) -> WantedRoute:
        return WantedRoute(
            id=self.id,
            provider=self.provider,
            model=self.model,
            base_url=self.base_url,
            credential=self.credential if "credential" in self.model_fields_set else KEEP,
            prices=self._prices(),
            priority=self.priority,
            weight=self.weight,
            max_output_tokens=self.max_output_tokens if "max_output_tokens" in self.model_fields_set else KEEP,
            operations=self.operations if "operations" in self.model_fields_set else KEEP,
            metadata=self.metadata if "metadata" in self.model_fields_set else KEEP,
        )

    def _prices(self) -> Prices | Keep | None:
        if "prices" not in self.model_fields_set:
            return KEEP
        return None if self.prices is None else written(self.prices)


class ModelWrite(RequestBody):
    """The whole of an alias: routes that are not in the list are gone. `enabled`, the fallbacks and the capabilities stay as they
    are when they are left out (a new alias: enabled, without any)."""

    enabled: bool | None = None
    routes: Annotated[list[RouteWrite], Field(min_length=1, max_length=MAX_ROUTES)]
    fallbacks: FallbackList | None = None
    context_length_fallbacks: FallbackList | None = None
    content_filter_fallbacks: FallbackList | None = None
    capabilities: Capabilities | None = None

    def able_to(self) -> dict[str, Any] | None:
        return None if self.capabilities is None else self.capabilities.model_dump(exclude_none=True)

    def going_on(self) -> Fallbacks:
        return Fallbacks(self.fallbacks, self.context_length_fallbacks, self.content_filter_fallbacks)


class Provider(BaseModel):
    """A kind of provider that a route can name: `operations` are what the gateway can have it do, `metadata` the settings of its
    own that a route may have, with what they mean."""

    name: str
    description: str
    default_base_url: str | None
    needs_credential: bool
    operations: list[str]
    metadata: dict[str, str]

    @classmethod
    def of(cls, provider: ProviderKind) -> "Provider":
        return cls.model_validate(provider, from_attributes=True)


class ProviderList(BaseModel):
    """All of them; there is no second page."""

    data: list[Provider]
