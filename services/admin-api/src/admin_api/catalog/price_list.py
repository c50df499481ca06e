"""The price list that comes with the program: what providers said on their public pages that common models cost.

It is data with a date (`price_list.yaml`). A route that says nothing of its prices takes over what the list says then, and keeps it
until somebody changes it: a new release never changes what calls cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import yaml

from common.prices import format_kind_price, kind_of, parse_kind_price


@dataclass(frozen=True, slots=True)
class ListedModel:
    """`prices` by kind as in `prices.Prices`; `models` are the names that the provider knows it by; `page` is where it was read."""

    provider: str
    models: tuple[str, ...]
    prices: Mapping[str, str]
    page: str
    source: str


@dataclass(frozen=True, slots=True)
class PriceList:
    dated: date
    models: Sequence[ListedModel]


@cache
def price_list() -> PriceList:
    content = yaml.safe_load(files(__package__).joinpath("price_list.yaml").read_text())
    source = f"list {content['dated'].isoformat()}"
    models = [
        ListedModel(provider, tuple(entry["models"]), _normal(entry["prices"]), group["page"], source)
        for provider, group in content["providers"].items()
        for entry in group["prices"]
    ]
    return PriceList(content["dated"], models)


@cache
def _by_name() -> Mapping[tuple[str, str], ListedModel]:
    return {(listed.provider, model): listed for listed in price_list().models for model in listed.models}


def listed_prices(provider: str, model: str) -> ListedModel | None:
    """By the model's exact name at that provider."""
    return _by_name().get((provider, model))


def _normal(prices: Mapping[str, str]) -> dict[str, str]:
    normal = {}
    for name, text in prices.items():
        kind = kind_of(name)
        if kind is None:
            raise ValueError(f"{name} is nothing that has a price")
        normal[name] = format_kind_price(kind, parse_kind_price(kind, text))
    return normal
