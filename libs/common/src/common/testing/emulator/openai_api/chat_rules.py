"""What OpenAI asks of a chat completions request beyond its types: ranges, fields that need each other, schemas, messages."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from common.testing.emulator.json_schema import is_valid_schema, strict_mode_fault
from common.testing.emulator.operation import Refused

Body = Mapping[str, Any]

_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "n": (1, 128),
    "top_logprobs": (0, 20),
    "max_tokens": (1, 2**31),
    "max_completion_tokens": (1, 2**31),
    "seed": (-(2**63), 2**63 - 1),
}
_MAX_TOOLS: Final = 128
_MAX_STOPS: Final = 4
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_DATA_URL: Final = re.compile(r"data:image/(?:png|jpe?g|webp|gif);base64,(.*)", re.DOTALL)


def check_rules(body: Body) -> None:
    """Raises `Refused` for the first rule that is broken. The body has the right types."""
    for rule in _RULES:
        rule(body)


def _invalid(message: str, *, param: str | None, code: str | None = None) -> Refused:
    return Refused(400, message, param=param, code=code)


def _ranges(body: Body) -> None:
    for field, (low, high) in _RANGES.items():
        value = body.get(field)
        if value is None or low <= value <= high:
            continue
        kind = "integer" if isinstance(value, int) else "decimal"
        side, sign, bound = ("below_min", ">=", low) if value < low else ("above_max", "<=", high)
        words = "below minimum" if value < low else "above maximum"
        raise _invalid(
            f"Invalid '{field}': {kind} {words} value. Expected a value {sign} {bound:g}, but got {value} instead.",
            param=field,
            code=f"{kind}_{side}_value",
        )
    for token, bias in (body.get("logit_bias") or {}).items():
        if not token.isdigit() or not -100 <= bias <= 100:
            raise _invalid(
                "Invalid 'logit_bias': expected token ids with values between -100 and 100.", param="logit_bias"
            )


def _lengths(body: Body) -> None:
    for path, array in _arrays(body):
        if not array:
            raise _invalid(
                f"Invalid '{path}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
                param=path,
                code="empty_array",
            )
    for field, longest in (("tools", _MAX_TOOLS), ("functions", _MAX_TOOLS), ("stop", _MAX_STOPS)):
        value = body.get(field)
        if isinstance(value, list) and len(value) > longest:
            raise _invalid(
                f"Invalid '{field}': array too long. Expected an array with maximum length {longest}, "
                f"but got an array with length {len(value)} instead.",
                param=field,
                code="array_above_max_length",
            )
    metadata = body.get("metadata") or {}
    if len(metadata) > 16 or any(len(name) > 64 or len(value) > 512 for name, value in metadata.items()):
        raise _invalid("Invalid 'metadata': at most 16 pairs of 64 and 512 characters.", param="metadata")


def _arrays(body: Body) -> Iterator[tuple[str, list[Any]]]:
    for field in ("messages", "tools", "functions"):
        if field in body:
            yield field, body[field]
    for index, message in enumerate(body["messages"]):
        for field in ("content", "tool_calls"):
            if isinstance(message.get(field), list):
                yield f"messages[{index}].{field}", message[field]


def _fields_that_need_each_other(body: Body) -> None:
    if body.get("stream_options") is not None and not body.get("stream"):
        raise _invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        raise _invalid("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", param="top_logprobs")
    for field, needed in (("tool_choice", "tools"), ("parallel_tool_calls", "tools"), ("function_call", "functions")):
        if field in body and needed not in body:
            raise _invalid(
                f"Invalid value for '{field}': '{field}' is only allowed when '{needed}' are specified.", param=field
            )
    if "tools" in body and "functions" in body:
        raise _invalid("'functions' is not allowed together with 'tools'.", param="functions")
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise _invalid(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            param="max_tokens",
            code="invalid_parameter_combination",
        )
    if body.get("audio") or "audio" in (body.get("modalities") or []):
        raise _invalid("This model does not support audio output.", param="modalities", code="invalid_value")


def _tools(body: Body) -> None:
    for index, tool in enumerate(body.get("tools", [])):
        if tool["type"] == "function":
            _function(tool["function"], f"tools[{index}].function")
        else:
            _name(tool["custom"]["name"], f"tools[{index}].custom.name")
    for index, function in enumerate(body.get("functions", [])):
        _function(function, f"functions[{index}]")
    for path, kind, name in _chosen(body):
        if name not in _names(body, kind):
            raise _invalid(f"Invalid value for '{path}': no {kind} named '{name}' was specified.", param=path)


def _function(function: Body, path: str) -> None:
    _name(function["name"], f"{path}.name")
    if "parameters" not in function:
        return
    schema, place = function["parameters"], f"{path}.parameters"
    fault = None
    if schema.get("type") != "object":
        fault = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    elif "properties" not in schema:
        fault = "In context=(), object schema missing properties."
    elif not is_valid_schema(schema):
        fault = "it is not a valid JSON Schema."
    elif function.get("strict"):
        fault = strict_mode_fault(schema)
    if fault is not None:
        raise _invalid(
            f"Invalid schema for function '{function['name']}': {fault}",
            param=place,
            code="invalid_function_parameters",
        )


def _name(name: str, path: str) -> None:
    if not _NAME.fullmatch(name):
        raise _invalid(
            f"Invalid '{path}': string does not match pattern. Expected a string that matches the pattern "
            "'^[a-zA-Z0-9_-]{1,64}$'.",
            param=path,
            code="invalid_value",
        )


def _chosen(body: Body) -> Iterator[tuple[str, str, str]]:
    """The tools that the choice names: path, kind, name."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        entries = choice["allowed_tools"]["tools"] if choice["type"] == "allowed_tools" else [choice]
        for entry in entries:
            kind = entry.get("type")
            named = entry.get(kind) if kind in {"function", "custom"} else None
            if not isinstance(named, dict) or not isinstance(named.get("name"), str):
                raise _invalid(
                    "Invalid 'tool_choice.allowed_tools.tools': expected tools with a name.", param="tool_choice"
                )
            yield "tool_choice", str(kind), named["name"]
    function_call = body.get("function_call")
    if isinstance(function_call, dict):
        yield "function_call", "function", function_call["name"]


def _names(body: Body, kind: str) -> set[str]:
    names = {tool[kind]["name"] for tool in body.get("tools", []) if tool["type"] == kind}
    return names | {function["name"] for function in body.get("functions", [])}


def _response_format(body: Body) -> None:
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_object" and "json" not in str(body["messages"]).lower():
        raise _invalid(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            param="messages",
        )
    if wanted.get("type") != "json_schema":
        return
    named = wanted["json_schema"]
    _name(named["name"], "response_format.json_schema.name")
    schema = named.get("schema", {})
    fault = None
    if not is_valid_schema(schema):
        fault = "it is not a valid JSON Schema."
    elif named.get("strict") and schema.get("type") != "object":
        fault = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    elif named.get("strict"):
        fault = strict_mode_fault(schema)
    if fault is not None:
        raise _invalid(f"Invalid schema for response_format '{named['name']}': {fault}", param="response_format")


def _conversation(body: Body) -> None:
    """Tool messages answer the tool calls right before them, all of them; an assistant says something."""
    open_calls: set[str] = set()
    for index, message in enumerate(body["messages"]):
        role, path = message["role"], f"messages[{index}]"
        if role == "tool":
            if message["tool_call_id"] not in open_calls:
                raise _invalid(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
                    param=f"{path}.role",
                )
            open_calls.discard(message["tool_call_id"])
            continue
        _all_answered(open_calls, path)
        if role == "assistant":
            open_calls = {call["id"] for call in message.get("tool_calls", [])}
            if not any(message.get(field) is not None for field in _SAYING):
                raise _invalid(
                    "Invalid value for 'content': expected a string, got null.",
                    param=f"{path}.content",
                    code="invalid_type",
                )
    _all_answered(open_calls, "messages")


_SAYING: Final = ("content", "tool_calls", "function_call", "refusal", "audio")


def _all_answered(open_calls: set[str], path: str) -> None:
    if open_calls:
        raise _invalid(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
            f"The following tool_call_ids did not have response messages: {', '.join(sorted(open_calls))}",
            param=path,
        )


def _content_parts(body: Body) -> None:
    for index, message in enumerate(body["messages"]):
        content = message.get("content")
        for number, part in enumerate(content if isinstance(content, list) else []):
            path = f"messages[{index}].content[{number}]"
            if part["type"] == "image_url":
                _image(part["image_url"]["url"], f"{path}.image_url.url")
            elif part["type"] == "input_audio" and not _is_base64(part["input_audio"]["data"]):
                raise _invalid(
                    "Invalid base64 in 'input_audio'.", param=f"{path}.input_audio.data", code="invalid_base64"
                )
            elif part["type"] == "file" and not {"file_id", "file_data"} & set(part["file"]):
                raise _missing(f"{path}.file.file_id")


def _missing(path: str) -> Refused:
    return _invalid(f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def _image(url: str, path: str) -> None:
    if url.startswith(("https://", "http://")):
        return
    data = _DATA_URL.fullmatch(url)
    if data is None:
        raise _invalid(
            f"Invalid '{path}'. Expected a valid URL, or a data URL of a PNG, JPEG, WebP or GIF image in base64.",
            param=path,
            code="invalid_image_url",
        )
    if not _is_base64(data[1]):
        raise _invalid(f"Invalid base64 image_url in '{path}'.", param=path, code="invalid_base64")


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


_RULES: Final[list[Callable[[Body], None]]] = [
    _ranges,
    _lengths,
    _fields_that_need_each_other,
    _tools,
    _response_format,
    _conversation,
    _content_parts,
]
