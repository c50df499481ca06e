"""A streamed chat completion: server-sent events forwarded as they arrive, with usage read on the way.

When the client did not ask for usage, we did in its place, and the traces are removed: the `"usage":null` on every chunk and
the last chunk that holds nothing else. Whole events leave in the call of `feed` that completes them; a chunk of the transport
that ends inside an event keeps only that event's beginning back.
"""

import re
from typing import Final

import msgspec

from common.events.usage import Tokens
from edge_proxy.errors import ProviderError, ProviderFailed
from edge_proxy.providers.openai.usage import Usage

# In JSON this sequence cannot occur inside a string: the quotation mark before `usage` would have to be escaped.
_NULL_USAGE: Final = re.compile(rb',\s*"usage"\s*:\s*null')
_EVENT_END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_FINISHED: Final = re.compile(rb'"finish_reason"\s*:\s*"')
_NOTHING: Final = (b"", b"null")
_MAX_EVENT_BYTES: Final = 8 * 1024 * 1024


class _Chunk(msgspec.Struct, gc=False):
    usage: Usage | None = None
    choices: list[msgspec.Raw] | None = None
    error: msgspec.Raw = msgspec.Raw()


_chunks = msgspec.json.Decoder(_Chunk)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class ChatStream:
    """One stream's decoder; see `providers.base.StreamDecoder`."""

    __slots__ = ("_rest", "_show_usage", "complete", "error", "events", "tokens")

    def __init__(self, *, show_usage: bool) -> None:
        self._show_usage = show_usage
        self._rest = b""
        self.events = 0
        self.tokens: Tokens | None = None
        self.error: ProviderError | None = None
        self.complete = False

    def feed(self, chunk: bytes) -> bytes:
        data = self._rest + chunk if self._rest else chunk
        end = _last_event_end(data)
        if end < len(data):
            self._rest = data[end:]
            data = data[:end]
            if len(self._rest) > _MAX_EVENT_BYTES:
                self.error = ProviderFailed("The provider sent an event that is too large.")
        else:
            self._rest = b""
        return self._events(data) if data else b""

    def finish(self) -> bytes:
        rest, self._rest = self._rest, b""
        # A last event without its blank line is complete only if it is the end mark; anything else was cut off.
        return self._events(rest + b"\n\n") if rest.strip() == b"data: [DONE]" else b""

    def _events(self, data: bytes) -> bytes:
        self.events += data.count(b"data:")
        if b"[DONE]" in data or (not self.complete and _FINISHED.search(data)):
            self.complete = True
        if b'"error"' in data or (b'"usage"' in data and self._holds_usage(data)):
            return b"".join([self._event(event) for event in _split(data)])
        return data

    def _holds_usage(self, data: bytes) -> bool:
        """Whether an event needs a closer look; `"usage":null` alone is not one, and is stripped in `_event`."""
        return not self._show_usage or data.count(b'"usage"') > len(_NULL_USAGE.findall(data))

    def _event(self, event: bytes) -> bytes:
        if not self._show_usage:
            event = _NULL_USAGE.sub(b"", event)
        if b'"usage"' not in event and b'"error"' not in event:
            return event
        payload = _payload(event)
        try:
            chunk = _chunks.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return event  # not ours to judge: a provider's own kind of event passes as it came
        if bytes(chunk.error) not in _NOTHING and not chunk.choices:
            self.error = ProviderFailed("The provider reported an error while streaming.", code="provider_stream_error")
            return b""
        if chunk.usage is None:
            return event
        self.tokens = chunk.usage.tokens() or self.tokens
        if self._show_usage:
            return event
        if not chunk.choices:
            self.events -= 1
            return b""
        fields = _fields.decode(payload)
        del fields["usage"]
        return b"data: " + msgspec.json.encode(fields) + b"\n\n"


def _last_event_end(data: bytes) -> int:
    """The index after the last blank line."""
    if data.endswith((b"\n\n", b"\r\n\r\n")):
        return len(data)
    return max(_after(data, b"\n\n"), _after(data, b"\r\n\r\n"))


def _after(data: bytes, mark: bytes) -> int:
    index = data.rfind(mark)
    return 0 if index < 0 else index + len(mark)


def _split(data: bytes) -> list[bytes]:
    events, start = [], 0
    for match in _EVENT_END.finditer(data):
        events.append(data[start : match.end()])
        start = match.end()
    return events


def _payload(event: bytes) -> bytes:
    """The event's data: its `data:` lines joined, as the standard says."""
    lines = [line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")]
    return lines[0] if len(lines) == 1 else b"\n".join(lines)
