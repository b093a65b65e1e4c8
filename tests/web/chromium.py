"""The browser of the system, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()


def _has_playwright() -> bool:
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return False
    return True


requires_chromium = pytest.mark.skipif(
    CHROMIUM is None or not _has_playwright(),
    reason="no Chromium, or no Playwright: apt-get install chromium, pip install playwright",
)


class Watch:
    """What a page did that it should not: errors, and requests that leave this machine."""

    def __init__(self, page) -> None:
        self.problems: list[str] = []
        self.hosts: set[str] = set()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._message)
        page.on("request", self._request)

    def _message(self, message) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def _request(self, request) -> None:
        scheme, _, rest = request.url.partition("://")
        if scheme != "blob":
            self.hosts.add(rest.partition("/")[0].partition(":")[0])


@contextmanager
def browsing(address: str, **options) -> Iterator[tuple[object, Watch]]:
    """A page in a browser, and what it does wrong; at the end there must be nothing of that."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        settings = {"viewport": {"width": 1280, "height": 800}, **options}
        page = browser.new_context(base_url=address, **settings).new_page()
        page.set_default_timeout(60_000)
        watch = Watch(page)
        yield page, watch
        browser.close()
    assert watch.problems == []
    assert watch.hosts <= {"127.0.0.1"}
