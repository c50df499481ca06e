"""Reading the document and running the use case; called by `__main__` with what the environment says."""

import asyncio
import sys
from pathlib import Path

from pydantic import ValidationError

from admin_api.audit.actor import acting, system
from admin_api.audit.listener import AuditedSession
from admin_api.bootstrap.domain import Changes, Content
from admin_api.bootstrap.schemas import BootstrapDocument
from admin_api.bootstrap.service import bootstrap
from admin_api.sessions.passwords import Passwords
from admin_api.settings import BootstrapSettings
from common.clock import utc_now
from common.crypto.sealing import Sealer
from common.db.engine import create_engine, create_sessions
from common.db.errors import DatabaseUnavailableError
from common.http.errors import ApiError
from common.logging import get_logger

_log = get_logger(__name__)


class BootstrapError(Exception):
    """The document cannot be used, or Postgres cannot; the message holds none of the document's secrets."""


def run(settings: BootstrapSettings, file: str) -> None:
    """Bootstrap from `file`, or from standard input when it is `-`. Raises `BootstrapError`."""
    content = _read(file)
    try:
        changes = asyncio.run(_bootstrap(settings, content))
    except ApiError as error:
        raise BootstrapError(error.message) from error
    except DatabaseUnavailableError as error:
        raise BootstrapError(str(error)) from error
    _log.info("bootstrapped", tenants=changes.tenants, users=changes.users, keys=changes.keys, models=changes.models)


def _read(file: str) -> Content:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return BootstrapDocument.model_validate_json(text).value()
    except (OSError, UnicodeDecodeError) as error:
        raise BootstrapError(f"the document cannot be read: {error}") from None
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False))
        raise BootstrapError("the document is not usable: " + "; ".join(problems)) from None


async def _bootstrap(settings: BootstrapSettings, content: Content) -> Changes:
    engine = create_engine(settings.database_url.get_secret_value(), name="admin-api-bootstrap", pool_size=1)
    passwords = Passwords()
    try:
        with acting(system("bootstrap")):
            return await bootstrap(
                create_sessions(engine, session_class=AuditedSession),
                content,
                clock=utc_now,
                passwords=passwords,
                sealer=Sealer.from_setting(settings.encryption_keys.get_secret_value()),
                hash_secret=settings.key_hash_secret_bytes,
                allow_private=settings.allow_private_upstreams,
            )
    finally:
        passwords.close()
        await engine.dispose()
