"""The price list that comes with the program."""

from admin_api.catalog.price_list import listed_prices, price_list
from admin_api.catalog.prices import nano_prices


def test_every_entry_can_be_charged_and_no_name_is_there_twice() -> None:
    listed = price_list().models
    names = [(each.provider, model) for each in listed for model in each.models]
    assert len(names) == len(set(names)) > 20
    assert all(each.page.startswith("https://") and nano_prices(each.prices) for each in listed)
    assert all(set(nano_prices(each.prices)) == set(each.prices) for each in listed)


def test_a_model_is_found_by_its_exact_name_at_its_provider() -> None:
    found = listed_prices("openai", "gpt-4o-mini")
    assert found is not None
    assert found.prices == {"input": "0.15", "cached_input": "0.075", "output": "0.6"}
    assert found.source == f"list {price_list().dated.isoformat()}"
    assert listed_prices("openai", "gpt-4o-min") is None
    assert listed_prices("openai-compatible", "gpt-4o-mini") is None
