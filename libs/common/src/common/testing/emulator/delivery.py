"""Sends an answer the way the model's name asks for: late, in odd pieces, broken off, wrong."""

from collections.abc import Iterable, Iterator
from typing import Final

from common.testing.emulator.behaviour import Behaviour
from common.testing.emulator.calls import Call, State
from common.testing.emulator.exchange import Exchange
from common.testing.emulator.operation import Answer, Event, Headers, Streamed, Whole

_EVENT_STREAM: Final = (b"content-type", b"text/event-stream; charset=utf-8")
_COMMENT: Final = b": keep-alive"
_MALFORMED_EVENT: Final = 2
_PIECE_BYTES: Final = 7
_PIECE_PAUSE_S: Final = 0.0005


async def deliver(answer: Answer, exchange: Exchange, call: Call, headers: Headers) -> State:
    """Returns how the answer ended. Raises `ClientGone`."""
    behaviour = answer.behaviour
    if behaviour.first_byte_delay:
        await exchange.pause(behaviour.first_byte_delay)
    if behaviour.silent:
        await exchange.pause(None)
    if behaviour.cut_after == 0:
        exchange.reset()
        return "cut"
    if isinstance(answer.content, Streamed):
        return await _Stream(behaviour, exchange, call).send(answer.content, headers)
    return await _send_whole(answer, answer.content, exchange, call, headers)


async def _send_whole(answer: Answer, whole: Whole, exchange: Exchange, call: Call, headers: Headers) -> State:
    """A whole answer has two events, its halves: `…-after-1` acts between them, any larger number not at all."""
    behaviour, body = answer.behaviour, whole.body
    if behaviour.malformed:
        body = body[: len(body) // 2]
    await exchange.start(
        whole.status,
        [
            (b"content-type", whole.content_type),
            (b"content-length", str(len(body)).encode()),
            *whole.headers,
            *headers,
        ],
    )
    breaks = (behaviour.stall_after, behaviour.cut_after, behaviour.close_after)
    if 1 in breaks or 0 in breaks:
        half = 0 if 0 in breaks else len(body) // 2
        await exchange.write(body[:half])
        return await _break_off(behaviour, exchange)
    call.usage_sent = answer.reports_usage
    await exchange.write(body, last=True)
    return "finished"


async def _break_off(behaviour: Behaviour, exchange: Exchange) -> State:
    if behaviour.stall_after is not None:
        await exchange.pause(None)
    elif behaviour.cut_after is not None:
        # What was written before has to arrive: a reset throws away what the kernel still holds.
        await exchange.pause(0.05)
        exchange.reset()
    else:
        await exchange.close()
    return "cut"


class _Stream:
    """Sends one answer's events."""

    def __init__(self, behaviour: Behaviour, exchange: Exchange, call: Call) -> None:
        self._behaviour = behaviour
        self._exchange = exchange
        self._call = call
        self._line_end = b"\r\n" if behaviour.crlf else b"\n"
        self._rest = b""

    async def send(self, streamed: Streamed, headers: Headers) -> State:
        behaviour, exchange = self._behaviour, self._exchange
        await exchange.start(200, [_EVENT_STREAM, (b"cache-control", b"no-cache"), *streamed.headers, *headers])
        breaks = {behaviour.stall_after, behaviour.cut_after, behaviour.close_after}
        for event, is_last in _until_last(streamed.events):
            if self._call.events_sent in breaks:
                await self._flush(last=False)
                return await _break_off(behaviour, exchange)
            if self._call.events_sent == behaviour.end_after:
                await self._flush(last=True)
                return "cut"
            if self._call.events_sent == behaviour.error_after:
                await self._write(self._frame(streamed.error), last=True)
                return "cut"
            await exchange.pause(behaviour.event_delay if self._call.events_sent else 0)
            await self._write(self._frame(event), last=is_last)
            self._call.events_sent += 1
            self._call.usage_sent = self._call.usage_sent or event.usage
        return "finished"

    def _frame(self, event: Event) -> bytes:
        data = event.data
        if self._behaviour.malformed and self._call.events_sent == _MALFORMED_EVENT:
            data = data[: len(data) // 2]
        lines = [_COMMENT, b""] if self._behaviour.comments else []
        if event.name is not None:
            lines.append(b"event: " + event.name.encode())
        return self._line_end.join([*lines, b"data: " + data, b"", b""])

    async def _write(self, data: bytes, *, last: bool) -> None:
        if not self._behaviour.split_bytes:
            await self._exchange.write(data, last=last)
            return
        # Pieces are cut from the stream as a whole, so that they also straddle the ends of events.
        data = self._rest + data
        whole = len(data) - len(data) % _PIECE_BYTES
        for start in range(0, whole, _PIECE_BYTES):
            await self._exchange.write(data[start : start + _PIECE_BYTES])
            await self._exchange.pause(_PIECE_PAUSE_S)
        self._rest = data[whole:]
        if last:
            await self._flush(last=True)

    async def _flush(self, *, last: bool) -> None:
        rest, self._rest = self._rest, b""
        if rest or last:
            await self._exchange.write(rest, last=last)


def _until_last(events: Iterable[Event]) -> Iterator[tuple[Event, bool]]:
    """Each event, and whether it is the last: the end of the answer has to go out with it."""
    ahead: Event | None = None
    for event in events:
        if ahead is not None:
            yield ahead, False
        ahead = event
    if ahead is not None:
        yield ahead, True
