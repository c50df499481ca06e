"""What pydantic says is wrong, as far as several parts of the program read it."""

from typing import Any, Final

from pydantic_core import ErrorDetails, PydanticCustomError

_BELOW: Final = "below"


def error_below(name: str, message: str, **context: Any) -> PydanticCustomError:
    """For a validator of a mapping: what is wrong is below the key `name`. `message` may refer to `context`, as `{this}`."""
    return PydanticCustomError("value", message, {**context, _BELOW: name})


def place_of(error: ErrorDetails) -> tuple[int | str, ...]:
    """Where it is wrong, from the outside in."""
    below = error.get("ctx", {}).get(_BELOW)
    return error["loc"] if below is None else (*error["loc"], below)
