"""Reading the document and running the use case; called by `__main__` with what the environment says."""

import asyncio
import os
import sys
from pathlib import Path

from admin_api.audit.actor import acting, system
from admin_api.audit.listener import AuditedSession
from admin_api.bootstrap.domain import Changes, Content
from admin_api.bootstrap.reading import BLOCK, read_block, read_whole
from admin_api.bootstrap.service import bootstrap
from admin_api.sessions.passwords import Passwords
from admin_api.settings import BootstrapSettings
from common.clock import utc_now
from common.configuration.document import Document, DocumentError, parse_document, read_document
from common.configuration.given import UnusableError, configured_document
from common.crypto.sealing import Sealer
from common.db.engine import create_engine, create_sessions
from common.db.errors import DatabaseUnavailableError
from common.http.errors import ApiError
from common.logging import get_logger

_log = get_logger(__name__)


class BootstrapError(Exception):
    """The document cannot be used, or Postgres cannot; the message holds none of the document's secrets."""


def run(settings: BootstrapSettings, file: str | None, *, replace: bool = False) -> None:
    """Bootstrap from `file`, from standard input when it is `-`, or from the YAML file of settings. Raises `BootstrapError`."""
    content = _read(file)
    try:
        changes = asyncio.run(_bootstrap(settings, content, replace=replace))
    except ApiError as error:
        raise BootstrapError(error.message) from error
    except DatabaseUnavailableError as error:
        raise BootstrapError(str(error)) from error
    _log.info("bootstrapped", **{name: getattr(changes, name) for name in Changes.__slots__})


def _read(file: str | None) -> Content:
    """A file is a document of its own, or a YAML file of settings with a block."""
    try:
        if file is None:
            document = configured_document(os.environ)
            if document is None:
                raise BootstrapError("name a document, or in OMG_CONFIG_FILE a YAML file with the block bootstrap")
        else:
            document = _document(file)
        if file is None or BLOCK in document.values:
            return read_block(document, environment=os.environ)
        return read_whole(document, environment=os.environ)
    except UnusableError as error:
        raise BootstrapError("the document is not usable: " + "; ".join(map(str, error.problems))) from None


def _document(file: str) -> Document:
    try:
        document = parse_document(sys.stdin.read(), name="-") if file == "-" else read_document(Path(file))
    except (DocumentError, UnicodeDecodeError) as error:
        raise BootstrapError(f"the document is not usable: {error}") from None
    if not document.values:
        raise BootstrapError("the document is not usable: there is nothing in it")
    return document


async def _bootstrap(settings: BootstrapSettings, content: Content, *, replace: bool) -> Changes:
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
                replace=replace,
            )
    finally:
        passwords.close()
        await engine.dispose()
