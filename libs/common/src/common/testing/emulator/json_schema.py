"""JSON schemas in requests: are they valid, do they keep to OpenAI's strict mode, and what is the smallest value that fits one."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsonschema_rs

Schema = Mapping[str, Any]

_TEXT: Final = "text"
_FORMATS: Final[Mapping[str, str]] = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "PT1S",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_SIMPLEST_FIRST: Final = ("null", "boolean", "integer", "number", "string", "array", "object")


class NoInstance(ValueError):
    """The emulator finds no value for the schema."""


def is_valid_schema(schema: Any) -> bool:
    """Whether it is a JSON schema of a draft known to the validator (2020-12 when it names none)."""
    return isinstance(schema, dict) and jsonschema_rs.meta.is_valid(schema)


def strict_mode_fault(schema: Schema) -> str | None:
    """What OpenAI's strict mode does not allow in it, in OpenAI's words, or None."""
    for context, part in _parts(schema, ()):
        if part.get("type") != "object" and "properties" not in part:
            continue
        if part.get("additionalProperties") is not False:
            return f"In context={context}, 'additionalProperties' is required to be supplied and to be false."
        missing = set(part.get("properties", {})) - set(part.get("required", []))
        if missing:
            return (
                f"In context={context}, 'required' is required to be supplied and to be an array including every key in "
                f"properties. Missing '{min(missing)}'."
            )
    return None


def _parts(schema: Any, context: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """The schema and all schemas within it, each with the way to it."""
    if not isinstance(schema, dict):
        return
    yield context, schema
    for group in ("properties", "$defs", "definitions"):
        for name, part in schema.get(group, {}).items():
            yield from _parts(part, (*context, group, name))
    for group in ("anyOf", "oneOf", "allOf"):
        for index, part in enumerate(schema.get(group, [])):
            yield from _parts(part, (*context, group, str(index)))
    if "items" in schema:
        yield from _parts(schema["items"], (*context, "items"))


def minimal_instance(schema: Schema) -> Any:
    """A small value that the schema accepts, always the same. Raises `NoInstance`."""
    instance = _Builder(schema).build(schema)
    if not jsonschema_rs.is_valid(dict(schema), instance, validate_formats=True):
        raise NoInstance("the schema asks for more than the emulator can make up")
    return instance


class _Builder:
    """Builds values for one schema document, whose references point into it."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._following: list[str] = []

    def build(self, schema: Any) -> Any:
        if isinstance(schema, bool):
            if schema:
                return None
            raise NoInstance("the schema allows nothing")
        if "$ref" in schema:
            return self._follow(schema["$ref"])
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if "allOf" in schema:
            return self.build(self._merged(schema))
        for group in ("anyOf", "oneOf"):
            if group in schema:
                return self._first_that_ends(schema[group])
        return self._of_type(schema)

    def _follow(self, reference: str) -> Any:
        if reference in self._following:
            raise NoInstance("the schema refers to itself without an end")
        self._following.append(reference)
        try:
            return self.build(self._resolve(reference))
        finally:
            self._following.pop()

    def _first_that_ends(self, options: list[Any]) -> Any:
        for option in options:
            try:
                return self.build(option)
            except NoInstance:
                continue
        raise NoInstance("none of the alternatives has an end")

    def _of_type(self, schema: Schema) -> Any:
        named = schema.get("type") or ("object" if "properties" in schema else "string")
        kinds = named if isinstance(named, list) else [named]
        # A value says more than null where both are allowed.
        kind = min((one for one in kinds if one != "null"), key=_SIMPLEST_FIRST.index, default="null")
        match kind:
            case "null":
                return None
            case "boolean":
                return True
            case "integer" | "number":
                return _number(schema)
            case "string":
                return _string(schema)
            case "array":
                item = schema.get("items", True)
                return [self.build(item) for _ in range(schema.get("minItems", 0))]
            case _:
                properties = schema.get("properties", {})
                return {name: self.build(properties.get(name, True)) for name in schema.get("required", [])}

    def _merged(self, schema: Schema) -> dict[str, Any]:
        merged = {name: value for name, value in schema.items() if name != "allOf"}
        for part in schema["allOf"]:
            resolved = self._resolve(part["$ref"]) if "$ref" in part else part
            properties = {**merged.get("properties", {}), **resolved.get("properties", {})}
            required = [*merged.get("required", []), *resolved.get("required", [])]
            merged |= resolved
            if properties:
                merged |= {"properties": properties, "required": list(dict.fromkeys(required))}
        return merged

    def _resolve(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise NoInstance(f"the reference {reference} leaves the schema")
        part: Any = self._root
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(part, dict) or name not in part:
                raise NoInstance(f"the reference {reference} leads nowhere")
            part = part[name]
        return part


def _number(schema: Schema) -> Any:
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None:
        value = -(-low // step) * step
        return value + step if value == schema.get("exclusiveMinimum") else value
    if high is not None:
        value = high // step * step
        return value - step if value == schema.get("exclusiveMaximum") else value
    return step


def _string(schema: Schema) -> str:
    if "format" in schema and schema["format"] in _FORMATS:
        return _FORMATS[schema["format"]]
    shortest: int = schema.get("minLength", 0)
    longest: int = schema.get("maxLength", len(_TEXT))
    return (_TEXT * (1 + shortest // len(_TEXT)))[: max(shortest, min(len(_TEXT), longest))]
