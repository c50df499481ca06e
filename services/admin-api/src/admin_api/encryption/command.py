"""`python -m admin_api rotate-encryption`; called by `__main__` with what the environment says."""

import asyncio

from admin_api.audit.actor import acting, system
from admin_api.audit.listener import AuditedSession
from admin_api.encryption.rotation import Rotated, rotate
from admin_api.settings import BootstrapSettings
from common.crypto.sealing import Sealer
from common.db.engine import create_engine, create_sessions


def run(settings: BootstrapSettings) -> Rotated:
    """Raises `DatabaseUnavailableError` and SQLAlchemy's errors."""
    return asyncio.run(_run(settings))


async def _run(settings: BootstrapSettings) -> Rotated:
    engine = create_engine(settings.database_url.get_secret_value(), name="admin-api-rotation", pool_size=1)
    sealer = Sealer.from_setting(settings.encryption_keys.get_secret_value())
    try:
        with acting(system("rotate-encryption")):
            return await rotate(create_sessions(engine, session_class=AuditedSession), sealer)
    finally:
        await engine.dispose()
