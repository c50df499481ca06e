"""OpenAI as the emulator serves it: the list of its operations. A new operation is a module beside this one and a name here."""

from typing import Final

from common.ids import new_id
from common.testing.emulator.openai_api.chat import CREATE_CHAT_COMPLETION
from common.testing.emulator.openai_api.errors import authenticate, render
from common.testing.emulator.openai_api.models import LIST_MODELS, RETRIEVE_MODEL
from common.testing.emulator.operation import Headers, Provider

_ALWAYS: Final = [
    (b"openai-version", b"2020-10-01"),
    (b"openai-organization", b"emulator"),
    (b"openai-processing-ms", b"7"),
    (b"x-ratelimit-limit-requests", b"10000"),
    (b"x-ratelimit-limit-tokens", b"2000000"),
    (b"x-ratelimit-remaining-requests", b"9999"),
    (b"x-ratelimit-remaining-tokens", b"1999999"),
    (b"x-ratelimit-reset-requests", b"6ms"),
    (b"x-ratelimit-reset-tokens", b"0s"),
]


def _headers() -> Headers:
    return [*_ALWAYS, (b"x-request-id", new_id("req").encode())]


OPENAI: Final = Provider(
    operations=[CREATE_CHAT_COMPLETION, LIST_MODELS, RETRIEVE_MODEL],
    authenticate=authenticate,
    render=render,
    headers=_headers,
)
