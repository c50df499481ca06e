"""An emulator of the model providers' APIs, built from the types of their SDKs and strict about what it accepts.

    async with Emulator() as emulator:            # in the test's own loop, on a free port
        client = AsyncOpenAI(base_url=emulator.base_url, api_key="sk-any")
        …
        [call] = await emulator.wait_ended(1)     # what came, byte for byte, and how it ended

    python -m common.testing.emulator --port 8081 --call-file calls.jsonl     # as a process; the record is at /emulator/calls

Served: OpenAI chat completions (whole and streamed) and models. A request that OpenAI's types or rules do not allow is answered
with OpenAI's error object. An answer is checked against the SDK's type before it is sent. `tokens` says how tokens are counted,
`openai_api.chat_answer` what the model says; `app` is where the next provider is added, `openai_api.provider` the next operation.

The model's name says how to answer: `emulated`, and any of these, each after a hyphen (`emulated-echo-crlf-delay-20`). Numbers of
events count from the first, which only opens the choice; a whole answer counts as two events, its halves.

| option | meaning |
|---|---|
| `slow-first-byte-N` | nothing for N ms, then as usual |
| `delay-N` | N ms before every event but the first |
| `silent` | takes the request and never answers |
| `stall-after-N` | N events, then silence on an open connection |
| `cut-after-N` | N events, then a TCP reset; 0: before the status line |
| `close-after-N` | N events, then the connection is closed without the end of the body |
| `end-after-N` | N events, then a proper end of the body, without finish reason and end mark |
| `error-mid-stream` | `error-after-2` |
| `error-after-N` | N events of a stream, then OpenAI's error event, and the end of the body |
| `error-N` | status N with OpenAI's error object; 429 and 503 with `Retry-After` |
| `retry-after-N` | the seconds of that `Retry-After`, otherwise 1 |
| `no-retry-after` | without that header |
| `out-of-quota` | 429 `insufficient_quota` |
| `html-N` | status N with an HTML page, as proxies give |
| `malformed` | a whole answer ends in the middle of its JSON, though not of its HTTP; of a stream, the third event does |
| `split-bytes` | the stream in pieces of 7 bytes, cutting through events and characters |
| `crlf` | lines of the stream end in CR LF |
| `comments` | a keep-alive comment before every event |
| `percent-N` | all of the above, with which an answer goes wrong, happens to N of 100 calls only, by chance |
| `echo` | answers with the text of the last user message |
| `refuse` | a refusal by the model |
| `chunks-N` | an answer of N tokens: `000 001 002 …`, one per event |
| `huge-N` | N times 64 KiB of text, one per event; token limits do not count |
| `unknown-fields` | fields the SDK does not know, on every level of the answer |
| `tokens-N-N-N-N` | reports these: prompt, of it cached, completion, of it reasoning |
| `no-usage` | never reports usage |
| `usage-null-omitted` | asked for usage, a stream has it in the last chunk only, no `usage: null` before |
| `usage-with-finish` | asked for usage, a stream has it in the chunk with the last finish reason |

Not emulated, and refused: audio output, streamed calls of custom tools, schemas for which no value is found (`emulator_limit`).
"""

from common.testing.emulator.calls import Call, read_call_file
from common.testing.emulator.server import Emulator

__all__ = ["Call", "Emulator", "read_call_file"]
