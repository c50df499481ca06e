"""What a client is told when no route of a model can do what it asks for (a branch of the tree in `edge_proxy.errors`)."""

from edge_proxy.errors import EdgeError


class OperationUnsupported(EdgeError):
    """`operation` is named `<surface>` or `<surface>.<what>`; the code is the surface's: `chat_operation_unsupported`."""

    status = 400
    type = "invalid_request_error"

    def __init__(self, operation: str, *, model: str) -> None:
        surface = operation.partition(".")[0]
        super().__init__(
            f"The model `{model[:200]}` does not support this operation ({operation}).",
            code=f"{surface}_operation_unsupported",
            param="model",
        )
