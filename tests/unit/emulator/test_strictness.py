"""What is not OpenAI's wire format is refused, in OpenAI's error object with the right status."""

import json
from typing import Any

import httpx
import pytest

from common.testing.emulator import Emulator

HELLO = {"model": "emulated", "messages": [{"role": "user", "content": "Hello!"}]}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
JSON = {"content-type": "application/json"}


def user(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


def function(**fields: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "f", **fields}}]}


def called(*ids: str) -> dict[str, Any]:
    calls = [{"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id_ in ids]
    return {"role": "assistant", "tool_calls": calls}


def schema_format(**fields: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "s", **fields}}}


TOOL = function(parameters=SCHEMA)
ASK = {"role": "user", "content": "Hello!"}

WRONG: list[tuple[dict[str, Any], str | None, str | None]] = [
    # fields, the error's param, the error's code
    ({"best_of": 2}, None, None),
    ({"Temperature": 1}, None, None),
    ({"messages": [{**ASK, "mood": "good"}]}, "messages[0].mood", "unknown_parameter"),
    ({"stream": True, "stream_options": {"include_cost": True}}, "stream_options.include_cost", "unknown_parameter"),
    ({"messages": None}, "messages", "invalid_type"),
    ({"messages": "Hello!"}, "messages", "invalid_type"),
    ({"messages": []}, "messages", "empty_array"),
    ({"messages": ["Hello!"]}, "messages[0]", "invalid_type"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
    ({"messages": [{"content": "Hello!"}]}, "messages[0].role", "missing_required_parameter"),
    ({"messages": [{"role": "robot", "content": "Hello!"}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": "assistant"}]}, "messages[0].content", "invalid_type"),
    (user(None), "messages[0].content", "invalid_type"),
    (user(7), "messages[0].content", "invalid_type"),
    (user([]), "messages[0].content", "empty_array"),
    (user([{"type": "video", "video": "x"}]), "messages[0].content[0].type", "invalid_value"),
    (user([{"type": "text"}]), "messages[0].content[0].text", "missing_required_parameter"),
    (user([{"type": "text", "text": "a", "image_url": {}}]), "messages[0].content[0].image_url", "unknown_parameter"),
    (user([{"type": "image_url", "image_url": "https://x/"}]), "messages[0].content[0].image_url", "invalid_type"),
    (user([{"type": "image_url", "image_url": {"url": "a.png"}}]), None, "invalid_image_url"),
    (user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,*"}}]), None, "invalid_base64"),
    (user([{"type": "input_audio", "input_audio": {"data": "*", "format": "wav"}}]), None, "invalid_base64"),
    (user([{"type": "file", "file": {"filename": "a"}}]), None, "missing_required_parameter"),
    ({"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, None, None),
    ({"messages": [ASK, {"role": "tool", "tool_call_id": "a", "content": "b"}]}, "messages[1].role", None),
    ({"messages": [ASK, called("a", "b"), {"role": "tool", "tool_call_id": "a", "content": ""}]}, "messages", None),
    ({"messages": [ASK, called("a"), ASK]}, "messages[2]", None),
    ({"model": 7}, "model", "invalid_type"),
    ({"stream": "true"}, "stream", "invalid_type"),
    ({"stream": 1}, "stream", "invalid_type"),
    ({"stream_options": {"include_usage": True}}, "stream_options", None),
    ({"n": True}, "n", "invalid_type"),
    ({"n": 1.5}, "n", "invalid_type"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 129}, "n", "integer_above_max_value"),
    ({"temperature": "1"}, "temperature", "invalid_type"),
    ({"temperature": 2.5}, "temperature", "decimal_above_max_value"),
    ({"top_logprobs": 2}, "top_logprobs", None),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "integer_above_max_value"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens", "invalid_parameter_combination"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "array_above_max_length"),
    ({"stop": [1]}, "stop[0]", "invalid_type"),
    ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
    ({"metadata": {"a": "b" * 513}}, "metadata", None),
    ({"logit_bias": {"1": 101}}, "logit_bias", None),
    ({"reasoning_effort": "huge"}, "reasoning_effort", "invalid_value"),
    ({"modalities": ["audio"], "audio": {"format": "wav", "voice": "ash"}}, "modalities", "invalid_value"),
    ({"tools": []}, "tools", "empty_array"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
    ({"tools": [{"function": {"name": "f"}}]}, "tools[0].type", "missing_required_parameter"),
    (function(name="has blank"), "tools[0].function.name", "invalid_value"),
    (function(parameters=[]), "tools[0].function.parameters", "invalid_type"),
    (function(parameters={}), "tools[0].function.parameters", "invalid_function_parameters"),
    (function(parameters={"type": "object"}), "tools[0].function.parameters", "invalid_function_parameters"),
    (
        function(parameters={"type": "object", "properties": {"a": {"type": "text"}}}),
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    (
        function(strict=True, parameters={"type": "object", "properties": {"a": {"type": "string"}}}),
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    ({"tool_choice": "auto"}, "tool_choice", None),
    ({"parallel_tool_calls": True}, "parallel_tool_calls", None),
    ({**TOOL, "tool_choice": "any"}, "tool_choice", "invalid_value"),
    ({**TOOL, "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice", None),
    ({"response_format": {"type": "yaml"}}, "response_format.type", "invalid_value"),
    ({"response_format": {"type": "json_object"}}, "messages", None),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter"),
    (schema_format(schema={"type": "text"}), "response_format", None),
    (schema_format(strict=True, schema={**SCHEMA, "additionalProperties": True}), "response_format", None),
    (schema_format(strict=True, schema={**SCHEMA, "required": []}), "response_format", None),
    (schema_format(strict=True, schema={"type": "array", "items": SCHEMA}), "response_format", None),
]


def error_of(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    return dict(body["error"])


@pytest.mark.parametrize(("fields", "param", "code"), WRONG, ids=[json.dumps(fields)[:60] for fields, _, _ in WRONG])
async def test_a_wrong_body(
    http: httpx.AsyncClient, emulator: Emulator, fields: dict[str, Any], param: str | None, code: str | None
) -> None:
    response = await http.post("/v1/chat/completions", json={**HELLO, **fields})
    error = error_of(response)
    assert (response.status_code, error["type"]) == (400, "invalid_request_error")
    if param is not None:
        assert error["param"] == param
    if code is not None:
        assert error["code"] == code
    [call] = emulator.calls
    assert call.refused == error["message"]
    assert emulator.count()["refused"] == 1


RIGHT: list[dict[str, Any]] = [
    {},
    TOOL,
    {**function(strict=True, parameters=SCHEMA), "tool_choice": "required", "parallel_tool_calls": False},
    function(),
    schema_format(strict=True, schema=SCHEMA),
    schema_format(schema={"type": "array", "items": SCHEMA}),
    {"temperature": 0, "top_p": 1, "n": None, "stop": None, "seed": -5, "logit_bias": {"50256": -100}},
    {"temperature": None, "stream": False, "stream_options": None, "metadata": None, "reasoning_effort": None},
    {"messages": [ASK, called("a"), {"role": "tool", "tool_call_id": "a", "content": "b"}, ASK]},
    {"messages": [{"role": "developer", "content": [{"type": "text", "text": "Be brief."}]}, ASK]},
    {"messages": [ASK, {"role": "assistant", "content": None, "refusal": "No."}, ASK]},
    {"prediction": {"type": "content", "content": "Hello"}, "web_search_options": {}, "verbosity": "low"},
    {"user": "u", "safety_identifier": "s", "prompt_cache_key": "k", "prompt_cache_retention": "24h", "store": False},
]


@pytest.mark.parametrize("fields", RIGHT, ids=[json.dumps(fields)[:60] for fields in RIGHT])
async def test_a_right_body(http: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    response = await http.post("/v1/chat/completions", json={**HELLO, **fields})
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("field", ["model", "messages"])
async def test_a_missing_field(http: httpx.AsyncClient, field: str) -> None:
    response = await http.post(
        "/v1/chat/completions", json={name: value for name, value in HELLO.items() if name != field}
    )
    assert response.status_code == 400
    assert field in error_of(response)["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe{}",
        json.dumps(HELLO).encode()[:-1] + b',"model":"emulated"}',
        json.dumps(HELLO).encode()[:-1] + b',"temperature":NaN}',
        json.dumps(HELLO).encode().replace(b"Hello!", b"\\ud83d"),
        b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"n":' + b"9" * 10_000 + b"}",
    ],
    ids=lambda body: str(body[:20] + body[-20:]),
)
async def test_a_body_that_is_no_json_object(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.post("/v1/chat/completions", content=body, headers=JSON)
    assert response.status_code == 400
    assert error_of(response)["type"] == "invalid_request_error"


@pytest.mark.parametrize("name", ["gpt-4o", "emulated-ecko", "emulated-", "emulatedecho", "emulated-error-200", ""])
async def test_a_model_it_does_not_have(http: httpx.AsyncClient, name: str) -> None:
    response = await http.post("/v1/chat/completions", json={**HELLO, "model": name})
    assert (response.status_code, error_of(response)["code"]) == (404, "model_not_found")


async def test_models_it_does_not_have(http: httpx.AsyncClient) -> None:
    response = await http.get("/v1/models/gpt-4o")
    assert (response.status_code, error_of(response)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", None])
async def test_another_media_type(http: httpx.AsyncClient, media_type: str | None) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    response = await http.post("/v1/chat/completions", content=json.dumps(HELLO), headers=headers)
    assert (response.status_code, error_of(response)["code"]) == (415, "unsupported_content_type")


async def test_a_media_type_with_a_parameter(http: httpx.AsyncClient) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    response = await http.post("/v1/chat/completions", content=json.dumps(HELLO), headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/models", 405),
        ("DELETE", "/v1/models/emulated", 405),
        ("POST", "/v1/chat/completion", 404),
        ("POST", "/chat/completions", 404),
        ("POST", "/v1/v1/chat/completions", 404),
        ("GET", "/", 404),
    ],
)
async def test_another_method_or_path(http: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    response = await http.request(method, path, json=HELLO)
    assert response.status_code == status
    assert error_of(response)["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("", 401),
        ("Basic c2stcmlnaHQ=", 401),
        ("sk-right", 401),
        ("Bearer", 401),
        ("Bearer sk-wrong", 401),
        ("Bearer sk-right", 200),
        ("bearer sk-right", 200),
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions"])
async def test_authentication(authorization: str | None, status: int, path: str) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    async with Emulator(api_key="sk-right") as emulator, httpx.AsyncClient(base_url=emulator.url, verify=False) as http:
        if path == "/v1/models":
            response = await http.get(path, headers=headers)
        else:
            response = await http.post(path, json=HELLO, headers=headers)
    assert response.status_code == status
    if status == 401:
        assert error_of(response)["type"] == "invalid_request_error"
        assert "sk-right" not in response.text


@pytest.mark.parametrize(("authorization", "status"), [(None, 200), ("Bearer x", 200), ("Basic x", 401)])
async def test_without_a_key_of_its_own(http: httpx.AsyncClient, authorization: str | None, status: int) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    assert (await http.get("/v1/models", headers=headers)).status_code == status


async def test_unknown_fields_can_be_allowed_and_are_noted() -> None:
    fields = {
        "x_new": {"any": ["thing"]},
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a", "x_part": 1}], "x_message": 2}],
    }
    async with Emulator(allow_unknown=True) as emulator, httpx.AsyncClient(base_url=emulator.url, verify=False) as http:
        allowed = await http.post("/v1/chat/completions", json={**HELLO, **fields})
        wrong = await http.post("/v1/chat/completions", json={**HELLO, **fields, "n": "1"})
    assert (allowed.status_code, wrong.status_code) == (200, 400)
    unknown = emulator.calls[0].unknown_fields
    assert sorted(unknown) == ["messages[0].content[0].x_part", "messages[0].x_message", "x_new"]
    assert emulator.calls[0].body["x_new"] == {"any": ["thing"]}
