"""Shapes of prices in requests and replies: by kind, as decimal texts, never JSON numbers, which lose digits."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, WithJsonSchema

from admin_api.catalog.models import PriceRow
from admin_api.catalog.price_list import ListedModel, PriceList
from admin_api.catalog.schedule import PriceState, Schedule
from admin_api.fields import Moment, RequestBody
from common.prices import IMAGE_KIND, KINDS, Unit, format_kind_price, kind_of, parse_kind_price
from common.validation import error_below

_MOST_PRICES: Final = 64
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2100, 1, 1, tzinfo=UTC)


def _checked(prices: dict[str, str | None]) -> dict[str, str | None]:
    """In their shortest spelling, without what is null."""
    checked: dict[str, str | None] = {}
    for name, text in prices.items():
        kind = kind_of(name)
        if kind is None:
            raise error_below(name, "prices are for {kinds}", kinds=_NAMES)
        if text is None:
            continue
        try:
            checked[name] = format_kind_price(kind, parse_kind_price(kind, text))
        except ValueError as error:
            raise error_below(name, "{reason}", reason=str(error)) from None
    return checked


_NAMES: Final = ", ".join((*KINDS, "image:SIZE", "image:SIZE:QUALITY"))
_PriceText = Annotated[str, StringConstraints(max_length=20, pattern=r"^[0-9]+(\.[0-9]+)?$")]
_KIND_PATTERN: Final = "|".join(name for name in KINDS if name != "image") + "|" + IMAGE_KIND.pattern
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "propertyNames": {"pattern": f"^({_KIND_PATTERN})$"},
    "additionalProperties": {"anyOf": [{"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}, {"type": "null"}]},
    "maxProperties": _MOST_PRICES,
}
PricesWrite = Annotated[
    dict[Annotated[str, StringConstraints(max_length=100)], _PriceText | None],
    Field(max_length=_MOST_PRICES),
    AfterValidator(_checked),
    WithJsonSchema(_SCHEMA, mode="validation"),
]
"""USD per million tokens or characters, or per image or second, by kind. Null is no price of one's own."""


def written(prices: dict[str, str | None]) -> dict[str, str]:
    return {kind: text for kind, text in prices.items() if text is not None}


class PriceChange(BaseModel):
    """What a route will cost from a moment on."""

    version: str
    effective_from: datetime
    prices: dict[str, str]


class PriceVersion(PriceChange):
    """`source` says whence the prices are, null for whoever wrote them. Versions of one moment: the one made later counts."""

    state: PriceState
    source: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: PriceRow, state: PriceState) -> "PriceVersion":
        return cls(
            version=row.version,
            effective_from=row.effective_from,
            prices=row.prices,
            state=state,
            source=row.source,
            created_at=row.created_at,
        )


class PriceHistory(BaseModel):
    """All versions, the latest in effect first."""

    data: list[PriceVersion]

    @classmethod
    def of(cls, schedule: Schedule) -> "PriceHistory":
        return cls(data=[PriceVersion.of(row, state) for row, state in reversed(list(schedule))])


class PriceVersionWrite(RequestBody):
    """`effective_from` left out is now. In the future, edges change over at that moment; in the past, it changes what
    `ledger rerate` finds, and what calls cost from now on if no later version is in force."""

    prices: PricesWrite
    effective_from: Annotated[Moment, Field(ge=_FIRST, lt=_LAST)] | None = None


class ListedPrices(BaseModel):
    """What a provider's page says, by all names that the provider knows the model by."""

    provider: str
    models: list[str]
    prices: dict[str, str]
    page: str

    @classmethod
    def of(cls, listed: ListedModel) -> "ListedPrices":
        return cls(provider=listed.provider, models=list(listed.models), prices=dict(listed.prices), page=listed.page)


class PriceKindShown(BaseModel):
    """`per` says for how many of its units a price is written; `parent` is the kind whose price counts when there is none."""

    name: str
    unit: Unit
    per: int
    parent: str | None


class PriceListShown(BaseModel):
    """The price list of this release, and all that can have a price."""

    dated: date
    data: list[ListedPrices]
    kinds: list[PriceKindShown]

    @classmethod
    def of(cls, content: PriceList) -> "PriceListShown":
        return cls(
            dated=content.dated,
            data=[ListedPrices.of(listed) for listed in content.models],
            kinds=[
                PriceKindShown(name=kind.name, unit=kind.unit, per=kind.per, parent=kind.parent)
                for kind in KINDS.values()
            ],
        )
