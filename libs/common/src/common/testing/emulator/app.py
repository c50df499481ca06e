"""The emulator as an ASGI app: reads a request, has the provider's file judge and answer it, sends the answer, records all of it.

What the providers have in common is here; what differs is in their folders.
"""

import json
from collections.abc import MutableMapping
from typing import Any, Final

from common.testing.emulator.calls import Call, Calls, State
from common.testing.emulator.control import control
from common.testing.emulator.delivery import deliver
from common.testing.emulator.exchange import ClientGone, Exchange, Receive, Send
from common.testing.emulator.openai_api.provider import OPENAI
from common.testing.emulator.operation import Answer, Operation, Provider, Refused, Request

PROVIDERS: Final = (OPENAI,)
_CONTROL: Final = "/emulator/"


class EmulatorApp:
    """`api_key`: the only one accepted, any when None. `allow_unknown`: fields the SDK does not know are noted, not refused."""

    def __init__(self, *, calls: Calls, api_key: str | None = None, allow_unknown: bool = False) -> None:
        self._calls = calls
        self._api_key = api_key
        self._allow_unknown = allow_unknown

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(_CONTROL):
            await control(self._calls, scope, send)
            return
        call = self._calls.arrived(
            method=scope["method"],
            path=path,
            query=scope["query_string"].decode("latin-1"),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        )
        state: State = "aborted"
        async with Exchange(scope, receive, send, call) as exchange:
            try:
                state = await self._answer(call, exchange)
            except ClientGone:
                pass
            finally:
                # Without a pause after the last bytes: who has read them finds the call ended.
                self._calls.ended(call, state)

    async def _answer(self, call: Call, exchange: Exchange) -> State:
        provider = _provider_of(call.path)
        try:
            await exchange.body()
        except ClientGone:
            self._calls.read(call)
            raise
        try:
            answer = self._judge(call, provider)
        except Refused as refused:
            call.refused = refused.message
            answer = Answer(content=provider.render(refused))
        self._calls.read(call)
        return await deliver(answer, exchange, call, provider.headers())

    def _judge(self, call: Call, provider: Provider) -> Answer:
        """Raises `Refused`."""
        operation = _operation_of(call, provider)
        provider.authenticate(call, self._api_key)
        request = Request(call=call, body=None, rest=call.path[len(operation.path) :], unknown=None)
        if operation.takes_body:
            call.body = request.body = read_json(call)
            request.unknown = call.unknown_fields = []
            if not self._allow_unknown:
                request.unknown = None
        return operation.answer(request)


def _provider_of(path: str) -> Provider:
    """The provider that has the path; the first one also answers for paths nobody has."""
    for provider in PROVIDERS:
        if any(_matches(operation, path) for operation in provider.operations):
            return provider
    return PROVIDERS[0]


def _operation_of(call: Call, provider: Provider) -> Operation:
    candidates = [operation for operation in provider.operations if _matches(operation, call.path)]
    if not candidates:
        raise Refused(404, f"Invalid URL ({call.method} {call.path})")
    for operation in candidates:
        if operation.method == call.method:
            return operation
    raise Refused(
        405,
        f"Not allowed to {call.method} on {call.path}. (HINT: Perhaps you meant to use a different HTTP method?)",
        code="method_not_supported",
    )


def _matches(operation: Operation, path: str) -> bool:
    return path.startswith(operation.path) if operation.path.endswith("/") else path == operation.path


def read_json(call: Call) -> Any:
    """The call's body. Raises `Refused` for another media type and for what is not JSON, a field that comes twice included."""
    given = call.header("content-type") or ""
    if given.split(";")[0].strip().lower() != "application/json":
        raise Refused(
            415,
            f"Unsupported content type: '{given}'. This API method only accepts 'application/json' requests, but you specified "
            f"the header 'Content-Type: {given}'. Please try again with a supported content type.",
            code="unsupported_content_type",
        )
    try:
        text = call.raw_body.decode()
        body = json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_refuse_constant)
        if "\\ud" in text.lower():
            json.dumps(body, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        raise Refused(
            400,
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
            "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)",
        ) from None
    return body


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field comes twice")
    return fields


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
