"""Launchers of the embedded servers, one module each: find the program, prepare its folder, start, wait, kill, stop.

with PostgresServer(folder) as server:
    server.url
    server.kill()    # kill -9, everything below it included
    server.start()   # same data, same port
"""

from devstack.servers.base import Server, ServerError
from devstack.servers.nats import NatsServer
from devstack.servers.postgres import PostgresServer
from devstack.servers.small_model import SmallModelServer
from devstack.servers.valkey import ValkeyServer

__all__ = ["NatsServer", "PostgresServer", "Server", "ServerError", "SmallModelServer", "ValkeyServer"]
