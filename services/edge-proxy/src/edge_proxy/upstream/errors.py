"""What can go wrong on the way to a provider, whatever HTTP client is in use.

TransportError
├── ConnectFailed   the request never left: no connection, TLS failure, name not found
├── ConnectTimeout  the same, by time
├── ReadTimeout     the provider went silent: no head, or no more body
└── TransportBroken the connection ended before the reply did
"""


class TransportError(Exception):
    """The way to the provider failed. The text is for logs, never for a client."""


class ConnectFailed(TransportError):
    pass


class ConnectTimeout(ConnectFailed):
    pass


class ReadTimeout(TransportError):
    pass


class TransportBroken(TransportError):
    pass
