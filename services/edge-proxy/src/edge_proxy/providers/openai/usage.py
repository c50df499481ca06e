"""OpenAI's usage object. Servers that imitate it leave fields out, or set them to null."""

import msgspec

from common.events.usage import Tokens


class _InputDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None

    def tokens(self) -> Tokens | None:
        """None when the object holds no count, or an impossible one: then it is no report."""
        if self.prompt_tokens is None and self.completion_tokens is None:
            return None
        counts = (
            self.prompt_tokens or 0,
            (self.prompt_tokens_details and self.prompt_tokens_details.cached_tokens) or 0,
            self.completion_tokens or 0,
            (self.completion_tokens_details and self.completion_tokens_details.reasoning_tokens) or 0,
        )
        if min(counts) < 0 or max(counts) > 2**53:
            return None
        return Tokens(input=counts[0], cached_input=counts[1], output=counts[2], reasoning=counts[3])
