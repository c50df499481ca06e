"""Types of fields that several requests share, and what all shapes have in common. Rules of one noun are in its `schemas`."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

# What Postgres cannot store (NUL) or no person means to type into a name.
NO_CONTROL_CHARACTERS: Final = r"^[^\x00-\x1f\x7f]*$"

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=NO_CONTROL_CHARACTERS)
]
"""What people call something."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("this moment is out of range") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment with its offset (RFC 3339), turned to UTC."""


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("this is no time zone of the IANA database, such as Europe/Berlin") from None
    return name


Timezone = Annotated[
    str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$"), AfterValidator(_known_timezone)
]
"""By its IANA name."""


MAX_TAGS: Final = 16
MAX_TAG_LENGTH: Final = 64
_TagName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TAG_LENGTH, pattern=NO_CONTROL_CHARACTERS)]
_TagValue = Annotated[str, StringConstraints(max_length=MAX_TAG_LENGTH, pattern=NO_CONTROL_CHARACTERS)]
Tags = Annotated[dict[_TagName, _TagValue], Field(max_length=MAX_TAGS)]
"""What somebody wants to remember about a thing, or to see usage by."""


class RequestBody(BaseModel):
    """A request's shape: a field it does not know is a mistake of the caller, and said."""

    model_config = ConfigDict(extra="forbid")

    def given(self, *names: str) -> dict[str, Any]:
        """Of the fields `names`, those that the caller sent, with their values; `null` is a value."""
        return {name: getattr(self, name) for name in names if name in self.model_fields_set}


def absent() -> Any:
    """The default of a field that may be left out, but is never null when it is sent."""
    return Field(default_factory=lambda: None)


class ErrorBody(BaseModel):
    """What went wrong, for people (`message`) and programs (`code`)."""

    message: str
    type: str
    code: str | None
    param: str | None


class ErrorReply(BaseModel):
    """Every refusal has this shape."""

    error: ErrorBody
