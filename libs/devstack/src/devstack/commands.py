"""Short commands of the services, run to their end: migrations and the bootstrap; and what need not be run again.

A command is skipped only on proof, kept in the very database it works on (see `applied`): the same migration files, and the
schema still at the revisions they left it at; the same bootstrap document.
"""

import json
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from devstack.applied import Applied, digest_of_files, digest_of_text
from devstack.processes.command import CommandError, run_command
from devstack.provision import SCHEMAS
from devstack.services import Backends, Service, service_environment

DEMO_TENANT: Final = "Demo"
ADMIN_EMAIL: Final = "admin@example.com"


async def migrate(service: Service, backends: Backends, applied: Applied) -> bool:
    """Bring the schemas of a service up to date; false when they provably are."""
    assert service.role is not None
    name = f"migrate {service.role}"
    files = digest_of_files(_package_folder(service.package) / "migrations")
    revisions = await applied.revisions(SCHEMAS[service.role])
    if revisions and applied.has(name, f"{files} {revisions}"):
        return False
    await _run(service, backends, "migrate")
    await applied.record(name, f"{files} {await applied.revisions(SCHEMAS[service.role])}")
    return True


async def bootstrap(service: Service, backends: Backends, applied: Applied, models: list[dict[str, Any]]) -> bool:
    """Create the demo tenant, the admin, the API key and the aliases; false when this very document was applied before."""
    document = json.dumps(bootstrap_document(backends, models), sort_keys=True)
    digest = digest_of_text(document)
    if applied.has("bootstrap", digest):
        return False
    await _run(service, backends, "bootstrap", "-", stdin=document)
    await applied.record("bootstrap", digest)
    return True


def bootstrap_document(backends: Backends, models: list[dict[str, Any]]) -> Mapping[str, Any]:
    """What a fresh installation starts with."""
    secrets = backends.secrets
    return {
        "tenants": [{"name": DEMO_TENANT}],
        "admin_users": [{"email": ADMIN_EMAIL, "name": "Admin", "password": secrets.admin_password, "role": "owner"}],
        "api_keys": [{"tenant": DEMO_TENANT, "name": "First key", "secret": secrets.demo_api_key}],
        "models": models,
    }


async def _run(service: Service, backends: Backends, *arguments: str, stdin: str = "") -> None:
    title = f"{service.package} {arguments[0]}"
    await run_command(
        (sys.executable, "-m", service.package, *arguments),
        title=title,
        environment=service_environment(service, backends),
        log=backends.data.log(title.replace("_", "-").replace(" ", "-")),
        stdin=stdin,
    )


def _package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CommandError(f"the package {package} is not installed")
    return Path(spec.submodule_search_locations[0])
