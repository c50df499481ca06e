"""Mail over SMTP: with TLS and accounts, from servers that drop connections, and never without the TLS that was asked for."""

import pytest
from tests.integration.alerts.conftest import Alerts, Eventually
from tests.servers.certificates import Authority
from tests.servers.mail import MailServer

from devstack.ports import LOOPBACK

pytestmark = [
    pytest.mark.usefixtures("_soon"),
    # The library warns of a server that takes passwords without TLS; one is meant to, and one has TLS from the start.
    pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning"),
]

ACCOUNTS = {"gateway": "s3cret-of-smtp"}
OPS = "ops@example.com"


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_it_arrives_with_tls_and_an_account(
    idle: Alerts, authority: Authority, eventually: Eventually, security: str
) -> None:
    with MailServer(context=authority.server_context(LOOPBACK), tls=security, accounts=ACCOUNTS) as server:
        await idle.start()
        await idle.mail_by(server, security=security, password=ACCOUNTS["gateway"])
        await idle.policy(emails=[OPS, "second@example.com"])
        await idle.cross(level=100, spent="10000000000")
        await eventually(lambda: len(server.mails) == 2)
        assert sorted(server.recipients) == [OPS, "second@example.com"]
        mail = server.mails[0]
        assert mail["Subject"] == "[critical] Budget Pilot of the tenant Research: $10.00 of $10.00 spent (100 %)"
        assert mail["From"] == "gateway@example.com"
        text, html = mail.get_body(("plain",)), mail.get_body(("html",))
        assert text is not None
        assert html is not None
        assert "https://portal.example/budgets" in text.get_content()
        assert 'href="https://portal.example/budgets"' in html.get_content()
        assert set(server.logins) == {ACCOUNTS["gateway"]}


async def test_a_connection_that_drops_is_tried_again(idle: Alerts, eventually: Eventually) -> None:
    with MailServer() as server:
        server.troubles += ["drop", "451", ""]
        await idle.start()
        await idle.mail_by(server, security="none")
        await idle.policy(emails=[OPS])
        await idle.cross()
        await eventually(lambda: server.mails)

        async def is_delivered() -> bool:
            return await idle.deliveries() == ["delivered"]

        await eventually(is_delivered)
        assert len(server.mails) == 1
        first, second, third = await idle.attempts()
        assert first is not None
        assert (second, third) == ("the mail server answered 451", None)


async def test_a_wrong_password_says_so_and_does_not_say_it(
    idle: Alerts, authority: Authority, eventually: Eventually, capfd: pytest.CaptureFixture[str]
) -> None:
    with MailServer(context=authority.server_context(LOOPBACK), tls="starttls", accounts=ACCOUNTS) as server:
        await idle.start()
        await idle.mail_by(server, security="starttls", password="wrong-canary")
        await idle.policy(emails=[OPS])
        await idle.cross()

        async def is_given_up() -> bool:
            return await idle.deliveries() == ["failed"]

        await eventually(is_given_up)
        assert set(await idle.attempts()) == {"the mail server refused our credentials"}
        printed = "".join(capfd.readouterr())
        assert "refused our credentials" in printed
        assert "wrong-canary" not in printed
        for table in ("alerts", "deliveries", "attempts"):
            rows = await idle.rows(f"SELECT t::text FROM alerts.{table} t")
            assert not any("wrong-canary" in row[0] for row in rows)


async def test_no_password_goes_to_a_server_without_the_tls_that_was_asked_for(
    idle: Alerts, tmp_path: object, authority: Authority, eventually: Eventually
) -> None:
    """One that offers no STARTTLS, and one whose certificate is for somebody else."""
    with (
        MailServer(tls="none", accounts=ACCOUNTS) as plain,
        MailServer(context=authority.server_context("other.example"), tls="starttls", accounts=ACCOUNTS) as other,
    ):
        await idle.start(webhook_max_retries=0)
        await idle.policy(emails=[OPS])
        for count, server in enumerate((plain, other), start=1):
            await idle.mail_by(server, security="starttls", password=ACCOUNTS["gateway"])
            await idle.cross(budget_id=f"bud_{count}")

            async def is_given_up(count: int = count) -> bool:
                return await idle.deliveries() == ["failed"] * count

            await eventually(is_given_up)
        errors = [each or "" for each in await idle.attempts()]
        assert "STARTTLS" in errors[0]
        assert "certificate" in errors[-1]
        assert plain.logins == other.logins == []
        assert plain.mails == other.mails == []


async def test_as_the_service_is_configured_until_somebody_sets_it(idle: Alerts, eventually: Eventually) -> None:
    with MailServer() as server:
        await idle.start(
            smtp_host=LOOPBACK,
            smtp_port=server.port,
            smtp_security="none",
            smtp_from="gw@example.com",
            alert_emails=(OPS,),
        )
        await idle.cross()
        await eventually(lambda: server.mails)
        assert (server.recipients, server.mails[0]["From"]) == ([OPS], "gw@example.com")


async def test_without_a_mail_server_the_history_says_so(alerts: Alerts, eventually: Eventually) -> None:
    await alerts.policy(emails=[OPS])
    await alerts.cross()

    async def was_tried() -> bool:
        return await alerts.attempts() != []

    await eventually(was_tried)
    assert (await alerts.attempts())[0] == "no mail server is configured"
