"""Takes the pictures of the README from a running stack: `make up`, `make demo-data ARGS="--days 28"`, then
`python tests/e2e/screenshots.py --data .omg`. Writes docs/images/*.png. Creates one API key and revokes it afterwards.
"""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page, async_playwright

_ROOT = Path(__file__).parents[2]
_LIMIT = 300_000
_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]


def main(data: Path, folder: Path, chromium: str) -> None:
    """Every picture, light and dark. Raises `SystemExit` when one is too large for the README."""
    ports = json.loads((data / "ports.json").read_text())
    password = json.loads((data / "secrets.json").read_text())["admin_password"]
    url = f"http://127.0.0.1:{ports['portal']}"
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take_all(url, password, folder, chromium))
    for picture in sorted(folder.glob("*.png")):
        size = picture.stat().st_size
        print(f"{picture.relative_to(_ROOT) if picture.is_relative_to(_ROOT) else picture}  {size // 1000} kB")
        if size > _LIMIT:
            raise SystemExit(f"{picture} is larger than {_LIMIT // 1000} kB")


async def _take_all(url: str, password: str, folder: Path, chromium: str) -> None:
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_ARGS)
        for scheme in schemes:
            await _take(browser, scheme, url, password, folder)
        await browser.close()


async def _take(browser: Browser, scheme: Literal["light", "dark"], url: str, password: str, folder: Path) -> None:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, device_scale_factor=1.5, color_scheme=scheme
    )
    page = await context.new_page()

    async def picture(name: str) -> None:
        await page.wait_for_timeout(1200)  # transitions, fonts and the mark of fresh rows
        await page.screenshot(path=folder / f"{name}-{scheme}.png")

    await page.goto(url)
    await page.get_by_label("E-mail").fill("admin@example.com")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Dashboard").wait_for()
    await page.get_by_text("30d", exact=True).click()
    await picture("dashboard")

    await page.goto(f"{url}/calls")
    await page.locator("tr[data-call]").first.wait_for()
    await picture("calls")
    await page.locator("tr[data-call]").nth(1).click()
    await picture("call")

    await page.goto(f"{url}/api-keys")
    await page.get_by_role("table", name="API keys").wait_for()
    await _reveal(page)
    await picture("api-keys")
    await page.get_by_role("button", name="I have copied it").click()
    await page.get_by_role("button", name="Revoke search backend").first.click()
    await page.get_by_role("button", name="Revoke key").click()
    await page.get_by_role("dialog").wait_for(state="detached")
    await context.close()


async def _reveal(page: Page) -> None:
    """Create a key and stop where its secret is shown. It is revoked right after the picture."""
    await page.get_by_role("button", name="Create key").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("search backend")
    await dialog.get_by_role("button", name="Create key").click()
    await page.get_by_label("Try it").wait_for()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=_ROOT / ".omg", help="data folder of the running stack")
    parser.add_argument("--to", type=Path, default=_ROOT / "docs" / "images", help="folder for the pictures")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    main(options.data, options.to, options.chromium)
