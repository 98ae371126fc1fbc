"""Makes the images of pages that the README shows, from the demo.

    python tools/screenshots.py

It runs `cloudsealed demo` in a temporary folder and looks at its pages with the machine's Chromium,
so it needs what the browser's tests need. The images are written to docs/console.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "console"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
)
PAGES = {
    "overview": "/overview",
    "findings": "/findings?status=open&sort=-severity",
    "policies": "/policies",
    "resources": "/resources",
}
WIDTH, HEIGHT = 1280, 800
_LOGIN = re.compile(r"Log in at (\S+)/login as (\S+) with (\S+)")


@contextmanager
def demo() -> Iterator[tuple[str, str, str]]:
    """Run the demo while the block runs; give its address, and who may log in with what."""
    command = [str(Path(sys.executable).with_name("cloudsealed")), "demo", "--port", "0"]
    with tempfile.TemporaryDirectory() as folder:
        running = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            assert running.stdout is not None
            said = next(filter(None, map(_LOGIN.search, running.stdout)))
            yield said[1], said[2], said[3]
        finally:
            running.terminate()
            running.wait(30)


def look(page: Page, url: str, email: str, password: str) -> None:
    """Log in and keep an image of each page, and of the first finding."""
    page.goto(f"{url}/login")
    page.fill("#email", email)
    page.fill("#password", password)
    page.click("main button[type=submit]")
    for name, path in PAGES.items():
        keep(page, name, url + path)
    page.goto(url + PAGES["findings"])
    keep(page, "finding", url + (page.get_attribute("tbody a.main", "href") or ""))


def keep(page: Page, name: str, address: str) -> None:
    """Keep the image of a page once all of it is there."""
    page.goto(address)
    page.locator("[data-pending]").wait_for(state="detached")
    page.screenshot(path=FOLDER / f"{name}.png")
    print(f"docs/console/{name}.png")


def main() -> int:
    """Make the images."""
    FOLDER.mkdir(exist_ok=True)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        print("there is no chromium on the PATH", file=sys.stderr)
        return 1
    with demo() as (url, email, password), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        context = browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB", color_scheme="light"
        )
        look(context.new_page(), url, email, password)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
