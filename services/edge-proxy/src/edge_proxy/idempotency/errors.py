"""What a client can be told about its `Idempotency-Key`. The tree of errors is in `edge_proxy.errors`.

InvalidIdempotencyKey   400  not 1 to 255 printable ASCII characters
IdempotencyKeyReused    422  the key came with another body before
ReplyNotKept            409  the first call was answered, but its answer cannot be replayed
├── ReplyTooLarge            it is larger than what is kept
└── ReplyLost                Redis has evicted it, or it does not open
TooManyDuplicates       429  as many calls wait for other calls' answers as this replica lets wait
IdempotencyUnavailable  503  Redis is away, and the installation's policy is not to serve without it
ReplayInterrupted       503  the answer that was being replayed came to no end: its call failed, or Redis is away
"""

from edge_proxy.errors import EdgeError


class InvalidIdempotencyKey(EdgeError):
    status = 400
    type = "invalid_request_error"
    code = "invalid_idempotency_key"

    def __init__(self) -> None:
        super().__init__("`Idempotency-Key` must be 1 to 255 printable ASCII characters.")


class IdempotencyKeyReused(EdgeError):
    status = 422
    type = "idempotency_error"
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This `Idempotency-Key` was used with another request body. Use a new key for a new request.")


class ReplyNotKept(EdgeError):
    """The SDKs try 409 again by themselves, unless this header says not to: it would be in vain until the key expires."""

    status = 409
    type = "idempotency_error"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The answer to the first call with this `Idempotency-Key` {why}. To make the call again, use a new key."
        )
        self.headers.append((b"x-should-retry", b"false"))


class ReplyTooLarge(ReplyNotKept):
    code = "idempotent_reply_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"is larger than {limit} bytes and was not kept")


class ReplyLost(ReplyNotKept):
    code = "idempotent_reply_lost"

    def __init__(self) -> None:
        super().__init__("is not available any more")


class TooManyDuplicates(EdgeError):
    status = 429
    type = "idempotency_error"
    code = "too_many_idempotent_duplicates"

    def __init__(self) -> None:
        super().__init__("Too many calls wait for the answer of a call with the same `Idempotency-Key`.")
        self.headers.append((b"retry-after", b"1"))


class IdempotencyUnavailable(EdgeError):
    status = 503
    type = "service_unavailable"
    code = "idempotency_unavailable"

    def __init__(self) -> None:
        super().__init__("Calls with an `Idempotency-Key` cannot be served at the moment.")
        self.headers.append((b"retry-after", b"1"))


class ReplayInterrupted(EdgeError):
    status = 503
    type = "service_unavailable"
    code = "idempotent_replay_interrupted"

    def __init__(self) -> None:
        super().__init__("The answer to the first call with this `Idempotency-Key` came to no end. Try again.")
        self.headers.append((b"retry-after", b"1"))
