"""How the emulator counts tokens: one token is four characters, the last one may be shorter.

No tokenizer, on purpose: a test can do the sum in its head, and a count does not change with a package's version. A prompt is
the text of its messages and 4 tokens for each of them, 3 for the answer's start, the tools and the response format as compact
JSON, and a flat number for each image, recording or file.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

_CHARACTERS: Final = 4
_PER_MESSAGE: Final = 4
_ANSWER_START: Final = 3
_PART_TOKENS: Final[Mapping[str, int]] = {"image_url": 85, "input_audio": 100, "file": 50}
_TEXT_FIELDS: Final = ("text", "refusal")


def count(text: str) -> int:
    """The tokens of a text."""
    return -(-len(text) // _CHARACTERS)


def split(text: str) -> list[str]:
    """The text in pieces of one token each."""
    return [text[start : start + _CHARACTERS] for start in range(0, len(text), _CHARACTERS)]


def count_chat_prompt(request: Mapping[str, Any]) -> int:
    """The prompt tokens of a chat completions request."""
    total = _ANSWER_START + sum(_PER_MESSAGE + _message(message) for message in request["messages"])
    for field in ("tools", "functions", "response_format"):
        if request.get(field):
            total += count(_compact(request[field]))
    return total


def _message(message: Mapping[str, Any]) -> int:
    total = count(message.get("name") or "") + count(message.get("refusal") or "")
    content = message.get("content")
    if isinstance(content, str):
        total += count(content)
    else:
        total += sum(_part(part) for part in content or [])
    for field in ("tool_calls", "function_call"):
        if message.get(field):
            total += count(_compact(message[field]))
    return total


def _part(part: Mapping[str, Any]) -> int:
    texts = [part[field] for field in _TEXT_FIELDS if field in part]
    return count(texts[0]) if texts else _PART_TOKENS[part["type"]]


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
