"""The service processes: which there are, their environment, and when they are ready."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from devstack.data_folder import DataFolder
from devstack.ports import LOOPBACK
from devstack.processes.child import ProcessSpec
from devstack.processes.supervisor import Program
from devstack.referred import referred_variables
from devstack.secrets_file import Secrets

# They promise to stop within 8 s of SIGTERM, and `omg up` to be gone within 10.
_STOP_TIMEOUT: Final = 8.0
_PASSED_ON: Final = ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`python -m <package> <command>`. `port` names its port; `role` is its Postgres role, if it uses Postgres."""

    name: str
    package: str
    command: str
    port: str
    role: str | None


SERVICES: Final = (
    Service(name="edge-proxy", package="edge_proxy", command="serve", port="gateway", role=None),
    Service(name="admin-api", package="admin_api", command="serve", port="portal", role="admin_api"),
    Service(name="admin-api-worker", package="admin_api", command="worker", port="admin-api-worker", role="admin_api"),
    Service(name="batch-runner", package="batch_runner", command="serve", port="batch-runner", role="batch_runner"),
    Service(name="file-service", package="file_service", command="serve", port="file-service", role="file_service"),
    Service(name="alerts", package="alerts", command="serve", port="alerts", role="alerts"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """Where the servers are, and what else the services are told. `database_urls` are by role."""

    database_urls: Mapping[str, str]
    redis_url: str
    nats_url: str
    secrets: Secrets
    data: DataFolder
    ports: Mapping[str, int]
    portal_folder: str | None


def gateway_url(ports: Mapping[str, int]) -> str:
    """The address of the API, without `/v1`."""
    return f"http://{LOOPBACK}:{ports['gateway']}"


def portal_url(ports: Mapping[str, int]) -> str:
    """The address of the portal and the Admin API."""
    return f"http://{LOOPBACK}:{ports['portal']}"


def python_environment() -> dict[str, str]:
    """What any Python process of ours gets of our own environment: no provider keys, no foreign server URLs."""
    passed = {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(("LC_", "OMG_"))
    }
    for name in _PROXIES:
        for spelling in (name, name.lower()):
            if spelling in os.environ:
                passed[spelling] = os.environ[spelling]
    # Whatever proxy the machine uses, processes on the loopback interface reach each other directly.
    no_proxy = ",".join(filter(None, (passed.get("NO_PROXY") or passed.get("no_proxy"), LOOPBACK, "localhost")))
    return passed | {"NO_PROXY": no_proxy, "no_proxy": no_proxy, "PYTHONUNBUFFERED": "1"}


def service_environment(service: Service, backends: Backends) -> dict[str, str]:
    """The whole environment of one process, as the services' settings read it."""
    environment = python_environment() | {
        "OMG_LISTEN_HOST": LOOPBACK,
        "OMG_LISTEN_PORT": str(backends.ports[service.port]),
        "NATS_URL": backends.nats_url,
    }
    if service.role is not None:
        environment["DATABASE_URL"] = backends.database_urls[service.role]
    if service.package in {"edge_proxy", "admin_api"}:
        environment["OMG_KEY_HASH_SECRET"] = backends.secrets.key_hash_secret
    if service.package in {"edge_proxy", "admin_api", "alerts"}:
        environment["OMG_ENCRYPTION_KEYS"] = backends.secrets.encryption_keys
    if service.package in {"admin_api", "alerts"}:
        environment["OMG_ALLOW_PRIVATE_WEBHOOKS"] = "true"  # receivers that run on this machine
    if service.package == "alerts":
        environment.setdefault("OMG_PORTAL_URL", portal_url(backends.ports))
    if service.package == "edge_proxy":
        environment["REDIS_URL"] = backends.redis_url
        environment["OMG_STATE_DIR"] = str(backends.data.edge_state)
        environment["OMG_REPLICA_ID"] = "edge-1"
    if service.package == "admin_api":
        environment = referred_variables(os.environ) | environment
        environment |= {
            "REDIS_URL": backends.redis_url,
            "OMG_PUBLIC_GATEWAY_URL": gateway_url(backends.ports),
            "OMG_SECURE_COOKIES": "false",  # plain http on the loopback interface
            "OMG_ALLOW_PRIVATE_UPSTREAMS": "true",  # the small model, and whatever else runs on this machine
        }
        environment.pop("OMG_PORTAL_DIR", None)
        if backends.portal_folder is not None:
            environment["OMG_PORTAL_DIR"] = backends.portal_folder
    return environment


def service_program(service: Service, backends: Backends) -> Program:
    """How the supervisor runs one of `SERVICES`."""
    port = backends.ports[service.port]
    spec = ProcessSpec(
        name=service.name,
        command=(sys.executable, "-m", service.package, service.command),
        environment=service_environment(service, backends),
        log=backends.data.log(service.name),
    )
    return Program(spec=spec, is_ready=lambda: is_ready(port), stop_timeout=_STOP_TIMEOUT)


def is_ready(port: int) -> bool:
    """Whether `/readyz` of the process on this port answers 200."""
    connection = HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def served_aliases(gateway: str, key: str) -> set[str]:
    """The aliases that the gateway lists for an API key; none while it does not know the key."""
    parts = urlsplit(gateway)
    connection = HTTPConnection(parts.hostname or LOOPBACK, parts.port, timeout=2)
    try:
        connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {key}"})
        reply = connection.getresponse()
        return {model["id"] for model in json.load(reply)["data"]} if reply.status == 200 else set()
    except (OSError, HTTPException, ValueError):
        return set()
    finally:
        connection.close()
