"""Rules of SCIM: what a directory's messages say, in the spellings that Okta and Entra use. Pure.

What is not kept here (addresses, managers, photos) is passed over without a word, as both expect.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from admin_api.users.domain import MAX_EMAIL_LENGTH, normal_email
from common.http.errors import ApiError

USER_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
LIST_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
TOKEN_PREFIX: Final = "sct"  # noqa: S105 - of ids
GROUP_PREFIX: Final = "sgr"
MOST_PER_PAGE: Final = 200
MOST_OPERATIONS: Final = 1000
_LONGEST: Final = 255
_TOKEN: Final = re.compile(r"omgs_[A-Za-z0-9_-]{43}")
_FILTER: Final = re.compile(r'\s*([A-Za-z][\w.:$-]*(?:\[[^\]]*\]\.\w+)?)\s+eq\s+"((?:[^"\\]|\\.)*)"\s*', re.IGNORECASE)
_MEMBER_PATH: Final = re.compile(r'members\[\s*value\s+eq\s+"([^"]*)"\s*\]', re.IGNORECASE)
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
_EMAIL_PATH: Final = re.compile(r"emails(\[[^\]]*\])?(\.value)?", re.IGNORECASE)


class ScimError(ApiError):
    """A refusal in SCIM's own shape (RFC 7644, 3.12)."""

    def __init__(self, status: int, detail: str, scim_type: str | None = None) -> None:
        super().__init__(detail)
        self.status = status  # type: ignore[misc]
        self._scim_type = scim_type

    def body(self) -> dict[str, Any]:
        body = {"schemas": [ERROR_SCHEMA], "status": str(self.status), "detail": self.message}
        return body if self._scim_type is None else {**body, "scimType": self._scim_type}


def new_token() -> str:
    return "omgs_" + secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def invalid(detail: str, scim_type: str = "invalidValue") -> ScimError:
    return ScimError(400, detail, scim_type)


@dataclass(frozen=True, slots=True)
class Filter:
    """`attribute eq "value"`, the attribute in lower case."""

    attribute: str
    value: str


def parse_filter(text: str | None) -> Filter | None:
    """Raises `ScimError` for filters that are not understood: answering with everybody would be worse."""
    if not text:
        return None
    found = _FILTER.fullmatch(text)
    if found is None or len(text) > 2 * _LONGEST:
        raise invalid('only filters such as userName eq "somebody" are understood', "invalidFilter")
    return Filter(found[1].lower(), re.sub(r"\\(.)", r"\1", found[2]))


@dataclass(slots=True)
class UserChange:
    """What a message says of a person; null: nothing. `email` and `user_name` in their normal spelling."""

    user_name: str | None = None
    email: str | None = None
    name: str | None = None
    external_id: str | None = None
    active: bool | None = None
    given: str | None = None
    family: str | None = None

    @property
    def full_name(self) -> str | None:
        return self.name or " ".join(part for part in (self.given, self.family) if part) or None

    @property
    def address(self) -> str | None:
        """The address, which is the user name where none is given and that looks like one."""
        if self.email is not None:
            return self.email
        return self.user_name if self.user_name is not None and _EMAIL.fullmatch(self.user_name) else None


def user_change(resource: Any) -> UserChange:
    """Of a whole resource. Raises `ScimError`."""
    change = UserChange()
    _take(change, _object(resource))
    return change


def user_patch(message: Any) -> UserChange:
    """Of a PatchOp. Raises `ScimError`."""
    change = UserChange()
    for operation, path, value in _operations(message):
        if operation == "remove":
            if path.lower() == "active":
                change.active = False
        elif path:
            _take(change, {path: value})
        else:
            _take(change, _object(value))
    return change


@dataclass(slots=True)
class GroupChange:
    """What a message says of a group: `members` replaces all of them, then some are added and others removed. What is said of a
    member last counts."""

    display_name: str | None = None
    external_id: str | None = None
    members: list[str] | None = None
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def replace(self, members: list[str]) -> None:
        self.members, self.added, self.removed = members, [], []

    def add(self, members: list[str]) -> None:
        self.removed = [each for each in self.removed if each not in members]
        self.added += members

    def remove(self, members: list[str]) -> None:
        self.added = [each for each in self.added if each not in members]
        self.removed += members


def group_change(resource: Any) -> GroupChange:
    """Of a whole resource. Raises `ScimError`."""
    content = {name.lower(): value for name, value in _object(resource).items()}
    change = GroupChange(members=_members(content.get("members") or []))
    change.display_name = _text(content.get("displayname"), "displayName")
    change.external_id = _text(content.get("externalid"), "externalId")
    return change


def group_patch(message: Any) -> GroupChange:
    """Of a PatchOp. Raises `ScimError`."""
    change = GroupChange()
    for operation, path, value in _operations(message):
        one = _MEMBER_PATH.fullmatch(path)
        if one is not None and operation == "remove":
            change.remove([one[1]])
        elif one is not None:
            change.add([one[1]])
        elif not path:
            _take_group(change, operation, _object(value))
        else:
            _take_group(change, operation, {path: value})
    return change


def _take_group(change: GroupChange, operation: str, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        match name.lower():
            case "members" if operation == "remove":
                if value is None:
                    change.replace([])
                else:
                    change.remove(_members(value))
            case "members" if operation == "replace":
                change.replace(_members(value))
            case "members":
                change.add(_members(value))
            case "displayname" if operation != "remove":
                change.display_name = _text(value, name)
            case "externalid" if operation != "remove":
                change.external_id = _text(value, name)


def _take(change: UserChange, values: Mapping[str, Any]) -> None:
    for path, value in values.items():
        name = path.removeprefix(f"{USER_SCHEMA}:").lower()
        if name == "username":
            text = _text(value, path)
            change.user_name = None if text is None else text.lower()
        elif name == "externalid":
            change.external_id = _text(value, path)
        elif name == "active":
            change.active = _boolean(value)
        elif name in {"displayname", "name.formatted"}:
            change.name = _text(value, path) or change.name
        elif name == "name.givenname":
            change.given = _text(value, path)
        elif name == "name.familyname":
            change.family = _text(value, path)
        elif name == "name":
            _take(change, {f"name.{part}": each for part, each in _object(value).items()})
        elif _EMAIL_PATH.fullmatch(name):
            change.email = _email(value) or change.email


def _operations(message: Any) -> list[tuple[str, str, Any]]:
    content = {name.lower(): value for name, value in _object(message).items()}
    operations = content.get("operations")
    if not isinstance(operations, list) or not operations or len(operations) > MOST_OPERATIONS:
        raise invalid("Operations: a list of at least one operation", "invalidSyntax")
    found = []
    for each in operations:
        content = {name.lower(): value for name, value in _object(each).items()}
        operation, path = str(content.get("op", "")).lower(), content.get("path") or ""
        if operation not in {"add", "replace", "remove"} or not isinstance(path, str):
            raise invalid("an operation is add, replace or remove, with a path that is text", "invalidSyntax")
        found.append((operation, path, content.get("value")))
    return found


def _email(value: Any) -> str | None:
    if isinstance(value, Sequence) and not isinstance(value, str):
        entries = [each for each in value if isinstance(each, Mapping)]
        primary = next((each for each in entries if each.get("primary") is True), entries[0] if entries else {})
        value = primary.get("value")
    text = _text(value, "emails")
    if text is None:
        return None
    if _EMAIL.fullmatch(text) is None or len(text) > MAX_EMAIL_LENGTH:
        raise invalid("emails: not an address")
    return normal_email(text)


def _members(value: Any) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    members = [each.get("value") if isinstance(each, Mapping) else each for each in entries]
    if not all(isinstance(each, str) for each in members):
        raise invalid("members: each has the id of a user as its value")
    return [str(each) for each in members]


def _boolean(value: Any) -> bool:
    # Entra sends texts.
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise invalid("active: true or false")
    return value


def _text(value: Any, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
        raise invalid(f"{name}: a text of at most {_LONGEST} characters")
    return value.strip() or None


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise invalid("an object is expected", "invalidSyntax")
    return value
