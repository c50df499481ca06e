"""What we reckon when a provider reported no usage: an aborted stream, a reply without `usage`, an edge that was killed.

Marked `estimated` in the ledger. Four bytes of request per token is the usual ratio of English text in JSON; a streamed event
carries one token with nearly every provider.
"""

from typing import Final

from common.events.usage import Tokens

_BYTES_PER_TOKEN: Final = 4


def estimate_input_tokens(body_size: int) -> int:
    return -(-body_size // _BYTES_PER_TOKEN)


def estimate_stream_tokens(*, body_size: int, events: int) -> Tokens:
    """A stream that broke off after `events` server-sent events."""
    return Tokens(input=estimate_input_tokens(body_size), output=events)


def estimate_reply_tokens(*, body_size: int, reply_size: int) -> Tokens:
    """A whole reply of `reply_size` bytes that reported nothing."""
    return Tokens(input=estimate_input_tokens(body_size), output=-(-reply_size // _BYTES_PER_TOKEN))
