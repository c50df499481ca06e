"""What entries of the YAML file have that requests to the Admin API have not: references of secrets, and money as numbers."""

from collections.abc import Mapping
from typing import Any, Final

SECRETS: Final[Mapping[str, str]] = {
    "password": "a stand-in for a password",
    "secret": "sk-" + "0" * 48,
    "credential": "stand-in",
}
"""What can be referred to, each with a possible one, for where only the file is looked at."""
_MONEY: Final = ("prices", "amount_usd")


def with_money_as_text(value: Any) -> Any:
    """A number below these keys is an amount: the text that it is in the Admin API, which takes no JSON numbers for money."""
    if isinstance(value, list):
        return [with_money_as_text(each) for each in value]
    if isinstance(value, dict):
        return {key: _texts(below) if key in _MONEY else with_money_as_text(below) for key, below in value.items()}
    return value


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _texts(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
