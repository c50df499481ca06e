"""OpenAI's usage object. Servers that imitate it leave fields out, or set them to null."""

import msgspec

from common.events.usage import Tokens


class _InputDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    audio_tokens: int | None = None


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


_NO_INPUT_DETAILS = _InputDetails()
_NO_OUTPUT_DETAILS = _OutputDetails()


class Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None

    def tokens(self) -> Tokens | None:
        """None when the object holds no count, or an impossible one: then it is no report."""
        if self.prompt_tokens is None and self.completion_tokens is None:
            return None
        of_input = self.prompt_tokens_details or _NO_INPUT_DETAILS
        of_output = self.completion_tokens_details or _NO_OUTPUT_DETAILS
        counts = (
            self.prompt_tokens or 0,
            of_input.cached_tokens or 0,
            of_input.audio_tokens or 0,
            self.completion_tokens or 0,
            of_output.reasoning_tokens or 0,
            of_output.audio_tokens or 0,
        )
        if min(counts) < 0 or max(counts) > 2**53:
            return None
        return Tokens(
            input=counts[0],
            cached_input=counts[1],
            audio_input=counts[2],
            output=counts[3],
            reasoning=counts[4],
            audio_output=counts[5],
        )
