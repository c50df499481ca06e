"""Our own HTTP/1.1 client: asyncio's transports, httptools' parser, and no more than calls to providers need (docs/adr/0001)."""
