"""The HTTP/1.1 server of the data plane: connections, requests, and nothing of what they are about (docs/adr/0001)."""
