"""A mail server (aiosmtpd) in a thread of its own: with TLS from the start or by STARTTLS, with accounts, and with bad days."""

import asyncio
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from devstack.ports import LOOPBACK, free_port


class MailServer:
    """`mails` are what arrived, `logins` the passwords that were tried. `troubles` are used up, one per mail: `drop` hangs up in
    the middle, a number is what is answered instead of 250, `""` is none."""

    def __init__(
        self,
        *,
        context: ssl.SSLContext | None = None,
        tls: str = "none",
        accounts: dict[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.logins: list[str] = []
        self.troubles: list[str] = []
        self._accounts = accounts
        wanted: dict[str, Any] = {"hostname": LOOPBACK, "port": self.port}
        if accounts is not None:
            wanted |= {"authenticator": self._check, "auth_required": True, "auth_require_tls": tls != "none"}
        if tls == "starttls":
            wanted |= {"tls_context": context, "require_starttls": True}
        if tls == "tls":
            wanted |= {"ssl_context": context, "auth_require_tls": False}
        self._controller = Controller(self, **wanted)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "drop":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "421 gone"
        if trouble:
            return f"{trouble} not now"
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(message_from_bytes(content, policy=policy.default))
        self.recipients += envelope.rcpt_tos
        return "250 taken"

    def _check(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        assert self._accounts is not None
        password = data.password.decode()
        self.logins.append(password)
        return AuthResult(success=self._accounts.get(data.login.decode()) == password, handled=False)
