"""Checkers compiled from the types a provider publishes in its SDK: TypedDicts of parameters, pydantic models of replies.

Stricter than the SDK, which leaves judging to the server: a field the type does not name is refused, `true` is no number and a
string no list. The complaint names the place as OpenAI does (`messages[0].content[1].type`). Rules that types cannot say
(ranges, fields that need each other) live with the operation.
"""

import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NoReturn, Union, get_args, get_origin

import pydantic
import typing_extensions

Check = Callable[[Any, str, list[str] | None], None]
"""`check(value, path, unknown)` raises `Mismatch`; unknown fields are added to the list, or refused when there is none."""

_KINDS: Final[Mapping[type, tuple[str, str]]] = {
    str: ("string", "a string"),
    bool: ("boolean", "a boolean"),
    int: ("integer", "an integer"),
    float: ("number", "a decimal"),
    list: ("array", "an array"),
    dict: ("object", "an object"),
    type(None): ("null", "null"),
}
_DISCRIMINATORS: Final = ("role", "type")


class Mismatch(ValueError):
    """`code` and `message` as OpenAI words them; `path` is the place of the fault."""

    def __init__(self, message: str, *, path: str, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.code = code


def object_checker(*sdk_types: Any) -> Check:
    """A checker of JSON objects of one type. Several types are one whose same-named fields allow what any of them allows."""
    fields: dict[str, tuple[Any, bool]] = {}
    for sdk_type in sdk_types:
        for name, (hint, required) in _fields_of(sdk_type).items():
            known = fields.get(name)
            fields[name] = (Union[known[0], hint], known[1] and required) if known else (hint, required)  # noqa: UP007
    if len(sdk_types) > 1:
        everywhere = set.intersection(*(set(_fields_of(sdk_type)) for sdk_type in sdk_types))
        fields = {name: (hint, required and name in everywhere) for name, (hint, required) in fields.items()}
    return _object(fields)


def _fields_of(sdk_type: Any) -> dict[str, tuple[Any, bool]]:
    """Each field's type, and whether it is required."""
    if issubclass(sdk_type, pydantic.BaseModel):
        return {name: (field.annotation, field.is_required()) for name, field in sdk_type.model_fields.items()}
    # The SDK's TypedDicts say what is required with `Required[…]`, in annotations that are strings: `__required_keys__` is wrong.
    hints = typing_extensions.get_type_hints(sdk_type, include_extras=True)
    return {name: (hint, _is_required(hint)) for name, hint in hints.items()}


def _is_required(hint: Any) -> bool:
    return get_origin(hint) in {typing.Required, typing_extensions.Required}


def _object(fields: Mapping[str, tuple[Any, bool]]) -> Check:
    checks = {name: _checker(hint) for name, (hint, _) in fields.items()}
    required = [name for name, (_, needed) in fields.items() if needed]

    def check(value: Any, path: str, unknown: list[str] | None) -> None:
        if not isinstance(value, dict):
            _wrong_type(value, path, "an object")
        prefix = f"{path}." if path else ""
        for name in required:
            if name not in value:
                raise Mismatch(
                    f"Missing required parameter: '{prefix}{name}'.",
                    path=prefix + name,
                    code="missing_required_parameter",
                )
        for name, item in value.items():
            field = checks.get(name)
            if field is not None:
                field(item, prefix + name, unknown)
            elif unknown is None:
                raise Mismatch(f"Unknown parameter: '{prefix}{name}'.", path=prefix + name, code="unknown_parameter")
            else:
                unknown.append(prefix + name)

    return check


def _checker(hint: Any) -> Check:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Annotated, typing.Required, typing_extensions.Required}:
        return _checker(arguments[0])
    if origin in {Union, types.UnionType}:
        return _union(hint)
    if origin is Literal:
        return _literal(arguments)
    if hint in {Any, object}:
        return _anything
    if hint in _KINDS:
        return _scalar(hint)
    if origin is dict:
        return _mapping(arguments[1])
    if _is_sequence(origin):
        return _array(arguments[0])
    if isinstance(hint, type) and (typing_extensions.is_typeddict(hint) or issubclass(hint, pydantic.BaseModel)):
        return object_checker(hint)
    raise TypeError(f"the SDK uses a type that is new to us: {hint!r}")


def _is_sequence(origin: Any) -> bool:
    # `SequenceNotStr` is a protocol of the SDK's own that stands for a list of strings.
    return isinstance(origin, type) and (
        issubclass(origin, (list, Sequence)) or origin is Iterable or origin.__name__ == "SequenceNotStr"
    )


def _anything(_value: Any, _path: str, _unknown: list[str] | None) -> None:
    pass


def _scalar(kind: type) -> Check:
    expected = _KINDS[kind][1]

    def check(value: Any, path: str, _unknown: list[str] | None) -> None:
        given = type(value)
        if given is not kind and not (kind is float and given is int):
            _wrong_type(value, path, expected)

    return check


def _literal(allowed: tuple[Any, ...]) -> Check:
    listed = _listed([f"'{value}'" if isinstance(value, str) else str(value).lower() for value in allowed])

    def check(value: Any, path: str, _unknown: list[str] | None) -> None:
        # `True == 1` in Python, not in JSON.
        if not any(value == one and type(value) is type(one) for one in allowed):
            if type(value) not in {type(one) for one in allowed}:
                _wrong_type(value, path, f"one of {listed}")
            raise Mismatch(
                f"Invalid value: '{value}'. Supported values are: {listed}.", path=path, code="invalid_value"
            )

    return check


def _mapping(values: Any) -> Check:
    check_value = _checker(values)

    def check(value: Any, path: str, unknown: list[str] | None) -> None:
        if not isinstance(value, dict):
            _wrong_type(value, path, "an object")
        for name, item in value.items():
            check_value(item, f"{path}.{name}", unknown)

    return check


def _array(items: Any) -> Check:
    check_item = _checker(items)

    def check(value: Any, path: str, unknown: list[str] | None) -> None:
        if not isinstance(value, list):
            _wrong_type(value, path, "an array")
        for index, item in enumerate(value):
            check_item(item, f"{path}[{index}]", unknown)

    return check


def _union(hint: Any) -> Check:
    """Chooses by the kind of the JSON value, and among objects by the field that tells them apart."""
    members = _flat(hint)
    objects = [member for member in members if _kind_of(member) == "object"]
    by_kind: dict[str, Check] = {}
    for kind in dict.fromkeys(_kind_of(member) for member in members if member not in objects):
        same = [member for member in members if _kind_of(member) == kind]
        # Where the SDK says `Union[str, Literal["a", "b"]]` the literals are only hints for editors.
        plain = [member for member in same if get_origin(member) is not Literal]
        by_kind[kind] = _checker(plain[0]) if plain else _literal(sum((get_args(one) for one in same), ()))
    if objects:
        by_kind["object"] = _checker(objects[0]) if len(objects) == 1 else _one_of_objects(objects)
    if "number" in by_kind:
        by_kind.setdefault("integer", by_kind["number"])
    expected = " or ".join(dict(_KINDS.values()).get(kind, kind) for kind in by_kind if kind != "null")

    def check(value: Any, path: str, unknown: list[str] | None) -> None:
        check_kind = by_kind.get(_KINDS[type(value)][0])
        if check_kind is None:
            _wrong_type(value, path, expected)
        check_kind(value, path, unknown)

    return check


def _one_of_objects(members: list[Any]) -> Check:
    for field in _DISCRIMINATORS:
        hints = [_fields_of(member).get(field, (None, False))[0] for member in members]
        if all(hint is not None for hint in hints):
            tags = [get_args(_without_required(hint)) for hint in hints]
            by_tag = {tag: _checker(member) for member, values in zip(members, tags, strict=True) for tag in values}
            return _tagged(field, by_tag)
    raise TypeError(f"no field tells these types apart: {members!r}")


def _tagged(field: str, by_tag: Mapping[str, Check]) -> Check:
    check_tag = _literal(tuple(by_tag))

    def check(value: Any, path: str, unknown: list[str] | None) -> None:
        place = f"{path}.{field}" if path else field
        if field not in value:
            raise Mismatch(f"Missing required parameter: '{place}'.", path=place, code="missing_required_parameter")
        check_tag(value[field], place, unknown)
        by_tag[value[field]](value, path, unknown)

    return check


def _flat(hint: Any) -> list[Any]:
    origin = get_origin(hint)
    if origin in {Annotated, typing.Required, typing_extensions.Required}:
        return _flat(get_args(hint)[0])
    if origin in {Union, types.UnionType}:
        return [member for argument in get_args(hint) for member in _flat(argument)]
    return [hint]


def _without_required(hint: Any) -> Any:
    return get_args(hint)[0] if _is_required(hint) else hint


def _kind_of(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is Literal:
        return _KINDS[type(get_args(hint)[0])][0]
    if hint in _KINDS:
        return _KINDS[hint][0]
    return "array" if _is_sequence(origin) else "object"


def _listed(words: Sequence[str]) -> str:
    """As OpenAI lists: 'a', 'b', and 'c'."""
    return " and ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])}, and {words[-1]}"


def _wrong_type(value: Any, path: str, expected: str) -> NoReturn:
    given = _KINDS[type(value)][1]
    raise Mismatch(
        f"Invalid type for '{path}': expected {expected}, but got {given} instead.", path=path, code="invalid_type"
    )
