"""What can have a price, and how prices are written."""

import pytest

from common.prices import complete, format_kind_price, kind_of, parse_kind_price, price_for


@pytest.mark.parametrize(
    ("name", "text", "nano_per_million", "shortest"),
    [
        ("input", "0.150", 150_000_000, "0.15"),
        ("character", "15", 15_000_000_000, "15"),
        ("second", "0.0001", 100_000_000_000, "0.0001"),
        ("image:1024x1024:high", "0.167", 167_000_000_000_000, "0.167"),
        ("image", "0.000000001", 1_000_000, "0.000000001"),
    ],
)
def test_a_price_is_for_a_million_tokens_or_for_one_image(
    name: str, text: str, nano_per_million: int, shortest: str
) -> None:
    kind = kind_of(name)
    assert kind is not None
    assert parse_kind_price(kind, text) == nano_per_million
    assert format_kind_price(kind, nano_per_million) == shortest


def test_what_nobody_wrote_cannot_be_shown() -> None:
    kind = kind_of("image")
    assert kind is not None
    with pytest.raises(ValueError, match="finer"):
        format_kind_price(kind, 1)


@pytest.mark.parametrize("name", ["images", "image:", "image:a:b:c", "image:A", "tokens", ""])
def test_what_has_no_price(name: str) -> None:
    assert kind_of(name) is None


def test_a_kind_without_a_price_costs_what_its_parent_does() -> None:
    completed = complete({"input": 4, "cache_write": 5, "reasoning": 0})
    assert (completed["cached_input"], completed["cache_write_1h"], completed["audio_input"]) == (4, 5, 4)
    assert completed["reasoning"] == 0
    assert "output" not in completed
    assert "audio_output" not in completed


def test_an_image_without_a_price_of_its_size_costs_what_an_image_does() -> None:
    prices = {"image": 1, "image:1024x1024": 2}
    assert [price_for(f"image:{rest}", prices) for rest in ("1024x1024:high", "512x512:high", "512x512")] == [2, 1, 1]
    assert price_for("output", prices) == 0
