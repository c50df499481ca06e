"""The chat completions request: decoded only as far as we act on it.

The body's top level becomes a mapping of raw values, so that every field, known or not, goes to the provider byte for byte;
only `model` is replaced, and `stream_options` is completed when usage has to be asked for.
"""

from typing import Final

import msgspec

from edge_proxy.errors import InvalidRequest

_Fields = dict[str, msgspec.Raw]
_TRUE: Final = b"true"
_NULL: Final = b"null"
_OPENING_BRACKET: Final = ord("[")

_MAX_LABELS: Final = 16
_MAX_LABEL_NAME: Final = 64
_MAX_TEXT: Final = 256
_MAX_RAW_TEXT: Final = 6 * _MAX_TEXT + 2
"""A character is escaped with up to six; and the quotation marks."""

_fields = msgspec.json.Decoder(_Fields)
_string = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode


class ChatRequest:
    """A decoded request. `wants_usage`: the client itself asked for usage in the stream."""

    __slots__ = ("_fields", "body_size", "model", "stream", "wants_usage")

    def __init__(self, *, fields: _Fields, model: str, stream: bool, wants_usage: bool, body_size: int) -> None:
        self._fields = fields
        self.model = model
        self.stream = stream
        self.wants_usage = wants_usage
        self.body_size = body_size

    @property
    def max_output(self) -> int | None:
        """The most tokens the client wants of each choice, as far as it says so."""
        return _number(self._fields.get("max_completion_tokens") or self._fields.get("max_tokens"))

    @property
    def choices(self) -> int:
        """How many answers it wants."""
        return _number(self._fields.get("n")) or 1

    @property
    def user(self) -> str | None:
        """Whom it is for, as far as it says so."""
        return _text(self._fields.get("user"))

    @property
    def metadata(self) -> dict[str, str]:
        """What it wants to be known by. What is no text, or too long for the ledger, is left out."""
        raw = self._fields.get("metadata")
        if raw is None:
            return {}
        try:
            fields = _fields.decode(raw)
        except msgspec.DecodeError:
            return {}
        texts = ((name, _text(value)) for name, value in fields.items() if 0 < len(name) <= _MAX_LABEL_NAME)
        labels = [(name, text) for name, text in texts if text is not None and "\0" not in name]
        return dict(labels[:_MAX_LABELS])

    @property
    def sticky(self) -> bytes | None:
        """What calls have in common that should share a provider's prompt cache."""
        raw = self._fields.get("prompt_cache_key") or self._fields.get("user")
        return None if raw is None or bytes(raw) == _NULL else bytes(raw)

    def body_for(self, model: bytes) -> bytes:
        """The provider's body: `model` is its name for the model, as JSON."""
        fields = self._fields
        fields["model"] = msgspec.Raw(model)
        if self.stream and not self.wants_usage:
            fields["stream_options"] = _with_usage(fields.get("stream_options"))
        return _encode(fields)


def decode_chat_request(body: bytes) -> ChatRequest:
    """Raises `InvalidRequest` when the body is not a JSON object or the fields we act on have the wrong type."""
    try:
        fields = _fields.decode(body)
    except msgspec.ValidationError:
        raise InvalidRequest("The request body must be a JSON object.", code="invalid_type") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest("We could not parse the JSON body of your request.", code="invalid_json") from None
    raw_model = fields.get("model")
    if raw_model is None:
        raise InvalidRequest("You must provide a model parameter.", code="missing_required_parameter", param="model")
    try:
        model = _string.decode(raw_model)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidRequest("`model` must be a string.", code="invalid_type", param="model") from None
    messages = fields.get("messages")
    if messages is None:
        raise InvalidRequest(
            "Missing required parameter: 'messages'.", code="missing_required_parameter", param="messages"
        )
    if memoryview(messages)[0] != _OPENING_BRACKET:
        raise InvalidRequest("`messages` must be an array.", code="invalid_type", param="messages")
    stream = _boolean(fields, "stream")
    return ChatRequest(
        fields=fields,
        model=model,
        stream=stream,
        wants_usage=stream and _wants_usage(fields.get("stream_options")),
        body_size=len(body),
    )


def _number(raw: msgspec.Raw | None) -> int | None:
    digits = b"" if raw is None else bytes(raw)
    return int(digits) if digits.isdigit() and len(digits) < 10 else None


def _text(raw: msgspec.Raw | None) -> str | None:
    """Short enough to be kept; None for anything else than such a text."""
    if raw is None or len(memoryview(raw)) > _MAX_RAW_TEXT:
        return None
    try:
        text = _string.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return text if 0 < len(text) <= _MAX_TEXT and "\0" not in text else None


def _boolean(fields: _Fields, name: str) -> bool:
    raw = fields.get(name)
    if raw is None:
        return False
    text = bytes(raw)
    if text == _TRUE:
        return True
    if text in {b"false", _NULL}:
        return False
    raise InvalidRequest(f"`{name}` must be a boolean.", code="invalid_type", param=name)


def _stream_options(raw: msgspec.Raw | None) -> _Fields:
    if raw is None or bytes(raw) == _NULL:
        return {}
    try:
        return _fields.decode(raw)
    except msgspec.DecodeError:
        raise InvalidRequest(
            "`stream_options` must be an object.", code="invalid_type", param="stream_options"
        ) from None


def _wants_usage(raw: msgspec.Raw | None) -> bool:
    return _boolean(_stream_options(raw), "include_usage")


def _with_usage(raw: msgspec.Raw | None) -> msgspec.Raw:
    options = _stream_options(raw)
    options["include_usage"] = msgspec.Raw(_TRUE)
    return msgspec.Raw(_encode(options))
