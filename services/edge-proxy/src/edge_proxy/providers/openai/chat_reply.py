"""A whole chat completion: passed back byte for byte; only `usage` is decoded."""

import msgspec

from edge_proxy.errors import ProviderFailed
from edge_proxy.providers.base import Reply
from edge_proxy.providers.openai.usage import Usage


class _Completion(msgspec.Struct, gc=False):
    usage: Usage | None = None


_completions = msgspec.json.Decoder(_Completion)


def read_chat_reply(body: bytes) -> Reply:
    """Raises `ProviderFailed` when the body is not JSON. A usage object of the wrong shape counts as none."""
    try:
        usage = _completions.decode(body).usage
    except msgspec.ValidationError:
        usage = None
        if not body.lstrip()[:1] == b"{":
            raise ProviderFailed("The provider's reply was not a chat completion.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProviderFailed("The provider's reply could not be read.", code="provider_reply_invalid") from None
    return Reply(body, usage.tokens() if usage else None)
