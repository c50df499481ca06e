"""Sending one mail over SMTP. Certificates are checked, and STARTTLS is never skipped when it is asked for."""

import asyncio
import ssl
from email.message import EmailMessage
from typing import Final

import aiosmtplib

from alerts.outcome import Outcome
from common.crypto.sealing import Sealer, SealingError
from common.events.alerts import SMTP_PASSWORD_PURPOSE, Smtp

_PERMANENT: Final = range(500, 600)


class Mailer:
    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._tls = ssl.create_default_context()

    async def send(self, message: EmailMessage, *, smtp: Smtp | None, password: str | None) -> Outcome:
        """`password`, where it is not sealed in `smtp`. Ends within the transport's time, whatever the server does."""
        if smtp is None:
            return Outcome("no mail server is configured")
        try:
            if smtp.password is not None:
                password = self._sealer.open(smtp.password, purpose=SMTP_PASSWORD_PURPOSE)
            async with asyncio.timeout(smtp.timeout_seconds):
                await aiosmtplib.send(
                    message,
                    hostname=smtp.host,
                    port=smtp.port,
                    username=smtp.username,
                    password=password,
                    use_tls=smtp.security == "tls",
                    start_tls=smtp.security == "starttls",
                    tls_context=None if smtp.security == "none" else self._tls,
                    timeout=smtp.timeout_seconds,
                )
        except SealingError:
            return Outcome("the password of the mail server cannot be opened: its encryption key is not configured")
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = error.recipients[0].code if error.recipients else None
            return Outcome("the mail server refused the recipient", code, final=code in _PERMANENT)
        except aiosmtplib.SMTPAuthenticationError as error:
            return Outcome("the mail server refused our credentials", error.code)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return Outcome(f"the mail server did not answer within {smtp.timeout_seconds:g} s")
        except aiosmtplib.SMTPResponseException as error:
            return Outcome(f"the mail server answered {error.code}", error.code)
        except ssl.SSLCertVerificationError:
            return Outcome("the certificate of the mail server is not trusted")
        except (aiosmtplib.SMTPException, OSError) as error:
            return Outcome(f"the mail server cannot be used: {_reason(error)}")
        return Outcome()


def _reason(error: Exception) -> str:
    """Without what a server may have sent."""
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if "STARTTLS" in str(error):
        return "it does not offer STARTTLS"
    return type(error).__name__
