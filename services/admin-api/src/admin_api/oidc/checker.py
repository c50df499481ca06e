"""The task that asks providers now and then whether the people whose sessions they began are still to be let in.

A session whose refresh token is refused, or whose person is not allowed in any more, ends. Failure policy: a provider that is away
ends nobody's session; it is asked again at the next round.
"""

import asyncio
from datetime import timedelta
from typing import Final

from prometheus_client import Counter

from admin_api.audit.actor import acting, system
from admin_api.audit.service import note
from admin_api.oidc import repository
from admin_api.oidc.discovery import Discovery
from admin_api.oidc.domain import Provider, RefusedError, person_of
from admin_api.oidc.flow import refresh
from admin_api.oidc.models import SsoSessionRow
from admin_api.oidc.service import refresh_purpose, set_role
from admin_api.users import repository as users
from common.clock import Clock
from common.crypto.sealing import Sealer, SealingError
from common.db.engine import Sessions
from common.db.errors import DatabaseUnavailableError
from common.logging import get_logger

_LOOK_S: Final = 30.0
_AT_ONCE: Final = 20

_log = get_logger(__name__)
_checks = Counter(
    "omg_oidc_session_checks_total", "Sessions whose provider was asked again, by the answer.", ["result"]
)


class SessionChecker:
    """`run` in the background. Several replicas may: each session is looked at by one."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        providers: dict[str, Provider],
        discovery: Discovery,
        sealer: Sealer,
        clock: Clock,
        every: timedelta,
    ) -> None:
        self._sessions = sessions
        self._providers = providers
        self._discovery = discovery
        self._sealer = sealer
        self._clock = clock
        self._every = every

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                with acting(system("single-sign-on")):
                    while await self.check_due():
                        pass
            except DatabaseUnavailableError as error:
                _log.warning("sessions are checked later", reason=repr(error))
            await asyncio.sleep(_LOOK_S)

    async def check_due(self) -> int:
        """Ask about some sessions; how many."""
        now = self._clock()
        async with self._sessions.begin() as session:
            due = await repository.due_for_check(session, checked_before=now - self._every, limit=_AT_ONCE)
            for row in due:
                row.checked_at = (
                    now  # nobody else asks meanwhile, and one that cannot be asked is asked in the next round
                )
        await asyncio.gather(*(self._check(row) for row in due))
        return len(due)

    async def _check(self, row: SsoSessionRow) -> None:
        provider = self._providers.get(row.provider)
        try:
            if provider is None or row.refresh_token is None:
                raise RefusedError("not_allowed", "the provider is not configured any more")
            token = self._sealer.open(row.refresh_token, purpose=refresh_purpose(row.session_id))
            claims, tokens = await refresh(provider, token, subject=row.subject, discovery=self._discovery)
            person = None if claims is None else person_of(claims, provider)
        except RefusedError as error:
            if error.reason == "unavailable":
                _checks.labels(result="unavailable").inc()
                return
            await self._end(row, str(error))
            return
        except SealingError:
            await self._end(row, "its refresh token cannot be opened")
            return
        _checks.labels(result="kept").inc()
        async with self._sessions.begin() as session:
            found = await session.get(SsoSessionRow, row.session_id, with_for_update=True)
            if found is not None and tokens.refresh_token is not None:
                found.refresh_token = self._sealer.seal(tokens.refresh_token, purpose=refresh_purpose(row.session_id))
            identity = await repository.find_identity(session, row.issuer, row.subject)
            if identity is not None and person is not None:
                user = await users.find(session, identity.user_id, for_update=True)
                if user is not None:
                    set_role(user, identity, is_admin=person.is_admin)

    async def _end(self, row: SsoSessionRow, reason: str) -> None:
        _checks.labels(result="ended").inc()
        _log.info("a session is ended by its provider", provider=row.provider, reason=reason)
        async with self._sessions.begin() as session:
            await repository.end_session(session, row.session_id)
            resource_id = f"{row.issuer} {row.subject}"
            await note(
                session, "session.ended", resource_type="identity", resource_id=resource_id, after={"reason": reason}
            )
