"""The chat request: what passes untouched, what is changed, what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_proxy.errors import InvalidRequest
from edge_proxy.wire.chat import decode_chat_request

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.text().filter(lambda name: name not in {"model", "messages", "stream", "stream_options"}), json_values
    )
)
def test_every_field_passes_and_only_the_model_changes(fields: dict[str, object]) -> None:
    body = {"model": "alias", "messages": [{"role": "user", "content": "hé"}], **fields}
    sent = json.loads(decode_chat_request(json.dumps(body).encode()).body_for(b'"upstream"'))
    assert sent == {**body, "model": "upstream"}
    assert list(sent) == list(body)


def test_numbers_and_escapes_pass_byte_for_byte() -> None:
    body = b'{"temperature": 1.0000000000000000001, "model": "a", "messages": [ "\\u00e9" ], "seed": 12345678901234567890123}'
    assert decode_chat_request(body).body_for(b'"b"') == (
        b'{"temperature":1.0000000000000000001,"model":"b","messages":[ "\\u00e9" ],"seed":12345678901234567890123}'
    )


@pytest.mark.parametrize(
    ("options", "sent", "wants"),
    [
        ({}, {"include_usage": True}, False),
        ({"stream_options": None}, {"include_usage": True}, False),
        ({"stream_options": {"x": 1}}, {"x": 1, "include_usage": True}, False),
        ({"stream_options": {"include_usage": False}}, {"include_usage": True}, False),
        ({"stream_options": {"include_usage": True, "x": 1}}, {"include_usage": True, "x": 1}, True),
    ],
)
def test_a_stream_asks_the_provider_for_usage(options: dict[str, object], sent: object, wants: bool) -> None:
    request = decode_chat_request(json.dumps({"model": "a", "messages": [], "stream": True, **options}).encode())
    assert request.wants_usage is wants
    assert json.loads(request.body_for(b'"b"'))["stream_options"] == sent


def test_a_plain_call_gets_no_stream_options() -> None:
    request = decode_chat_request(b'{"model":"a","messages":[],"stream":false}')
    assert "stream_options" not in json.loads(request.body_for(b'"b"'))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b'{"model":"a","messages":[]', "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b'{"model":"\xff","messages":[]}', None),
        (b"[]", "invalid_type"),
        (b"null", "invalid_type"),
        (b"[" * 100_000, None),
        (b'{"a":' * 100_000, None),
        (b"{}", "missing_required_parameter"),
        (b'{"model":null,"messages":[]}', "invalid_type"),
        (b'{"model":3,"messages":[]}', "invalid_type"),
        (b'{"model":"a"}', "missing_required_parameter"),
        (b'{"model":"a","messages":{}}', "invalid_type"),
        (b'{"model":"a","messages":[],"stream":1}', "invalid_type"),
        (b'{"model":"a","messages":[],"stream":true,"stream_options":[]}', "invalid_type"),
        (b'{"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":"yes"}}', "invalid_type"),
    ],
)
def test_what_we_cannot_act_on_is_refused_by_name(body: bytes, code: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_chat_request(body)
    assert code is None or refused.value.code == code


@given(
    st.binary(max_size=200)
    | st.text().map(lambda text: json.dumps({"model": text, "messages": [], text: text}).encode())
)
def test_no_bytes_make_the_decoder_fail(body: bytes) -> None:
    try:
        decode_chat_request(body).body_for(b'"x"')
    except InvalidRequest:
        return


@pytest.mark.parametrize(
    ("fields", "user", "metadata"),
    [
        ({}, None, {}),
        ({"user": None, "metadata": None}, None, {}),
        ({"user": "anna", "metadata": {"team": "a", "n": 1, "": "x", "z": ""}}, "anna", {"team": "a"}),
        ({"user": "", "metadata": []}, None, {}),
        ({"user": {"id": 1}, "metadata": "x"}, None, {}),
        ({"user": "a\0b", "metadata": {"a\0": "b", "c": "\0"}}, None, {}),
        ({"user": "é" * 256}, "é" * 256, {}),
        ({"user": "a" * 257, "metadata": {"k" * 65: "a", "k" * 64: "b" * 256}}, None, {"k" * 64: "b" * 256}),
        ({"metadata": {str(number): "x" for number in range(20)}}, None, {str(number): "x" for number in range(16)}),
    ],
)
def test_what_a_request_says_of_itself(fields: dict[str, object], user: str | None, metadata: dict[str, str]) -> None:
    request = decode_chat_request(json.dumps({"model": "a", "messages": [], **fields}).encode())
    assert (request.user, request.metadata) == (user, metadata)
