"""A whole running stack, as `omg up` starts it, and a browser in front of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from tests.servers.oidc import CLIENT_ID, CLIENT_SECRET, OpenIdProvider

from devstack.ports import free_port

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parents[2] / "portal" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The first start builds the portal, which takes longest.
_START_SECONDS = 240.0
_STOP_SECONDS = 20.0

expect.set_options(timeout=10_000)


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the running stack answers, and how to get in."""

    portal_url: str
    gateway_url: str
    email: str
    password: str


@pytest.fixture(scope="session")
def ports() -> tuple[int, int]:
    """Of the gateway and the portal."""
    gateway = free_port()
    return gateway, free_port(taken={gateway})


@pytest.fixture(scope="session")
def idp(ports: tuple[int, int]) -> Iterator[OpenIdProvider]:
    """The company's identity provider, where somebody is signed in already."""
    with OpenIdProvider(redirect_url=f"http://127.0.0.1:{ports[1]}/admin/auth/oidc/callback") as provider:
        yield provider


@pytest.fixture(scope="session")
def stack(
    chromium: Path, ports: tuple[int, int], idp: OpenIdProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """`omg up` on an empty data folder, stopped with Ctrl-C's signal at the end."""
    folder = tmp_path_factory.mktemp("stack")
    data, output = folder / "data", folder / "output.txt"
    gateway, portal = ports
    command = [sys.executable, "-m", "devstack.cli", "up", "--data", str(data)]
    command += ["--gateway-port", str(gateway), "--portal-port", str(portal)]
    # Servers that other tests were pointed at are not this stack's.
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL", "NATS_URL"}}
    environment |= {
        "OMG_OIDC_ISSUER": idp.issuer,
        "OMG_OIDC_NAME": "Example Inc.",
        "OMG_OIDC_CLIENT_ID": CLIENT_ID,
        "OMG_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "OMG_OIDC_REDIRECT_URL": idp.redirect_url,
        "OMG_ALLOW_PRIVATE_ISSUERS": "true",
    }
    with output.open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{portal}/readyz", output)
        secrets = json.loads((data / "secrets.json").read_text())
        yield Stack(
            portal_url=f"http://127.0.0.1:{portal}",
            gateway_url=f"http://127.0.0.1:{gateway}",
            email="admin@example.com",
            password=secrets["admin_password"],
        )
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            pytest.fail(f"omg up did not stop within {_STOP_SECONDS:.0f} s of SIGINT:\n{output.read_text()[-4000:]}")


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, output: Path) -> None:
    """Until the welcome is printed: by then the first key, login and model exist too."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        text = output.read_text()
        if process.poll() is not None:
            pytest.fail(f"omg up ended with {process.returncode}:\n{text[-4000:]}")
        if "Ready after" in text and httpx.get(url).status_code == 200:
            return
        time.sleep(0.2)
    pytest.fail(f"omg up was not ready within {_START_SECONDS:.0f} s:\n{output.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program. Asked for before the stack is started, so that a skip costs nothing."""
    return _required(CHROMIUM, "the portal's end-to-end tests", "Debian package chromium")


@pytest.fixture(scope="session")
def axe(stack: Stack) -> str:
    """The script that checks a page for accessibility. Building the portal, which the stack may have done, installs it."""
    return _required(AXE, "the portal's accessibility test", "npm ci in portal/").read_text()


def _required(path: Path, what: str, source: str) -> Path:
    """`path`, or no test: a loud skip for a person who lacks it, a failure in CI."""
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{path} is missing, and in CI {what} must run")
        pytest.skip(f"NOT RUN: {what}: {path} is missing ({source})")
    return path


@pytest.fixture(scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """One browser for all tests; each test has a profile of its own."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield launched
        await launched.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A fresh browser profile on a system that prefers light."""
    made = await browser.new_context(viewport={"width": 1280, "height": 860}, color_scheme="light")
    yield made
    await made.close()


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page that is not signed in. An error that nothing caught, or anything the security policy stopped, fails the test."""
    made = await context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on(
        "console", lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None
    )
    yield made
    assert errors == []


SignIn = Callable[[Page], Awaitable[None]]


@pytest.fixture
def sign_in(stack: Stack) -> SignIn:
    """Fills in the login page that is open."""

    async def fill_in(page: Page) -> None:
        await page.get_by_label("E-mail").fill(stack.email)
        await page.get_by_label("Password").fill(stack.password)
        await page.get_by_role("button", name="Sign in").click()

    return fill_in


@pytest.fixture
async def signed_in(page: Page, stack: Stack, sign_in: SignIn) -> Page:
    """The dashboard of the administrator."""
    await page.goto(stack.portal_url)
    await sign_in(page)
    await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    return page
