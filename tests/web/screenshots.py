"""Pictures of the page for docs/web.md, of the demo alone: python -m tests.web.screenshots."""

import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.web.chromium import browsing, chromium
from tests.web.page_server import process

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
_NARROW = {"width": 420, "height": 800}


def main(folder: Path) -> None:
    """Go through the page as a newcomer does, and take a picture at each stop."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        log = Path(scratch) / "log"
        with process("--demo", log=log) as (_, address):
            with browsing(browser, address, color_scheme="light") as (page, _):
                search(page, folder)
                jobs(page, folder)
                viewer(page, folder)
            with browsing(browser, address, color_scheme="dark") as (page, _):
                dark(page, folder)
            with browsing(browser, address, color_scheme="dark", viewport=_NARROW) as (page, _):
                narrow(page, folder)


def shot(page, folder: Path, name: str) -> None:
    page.wait_for_timeout(400)  # for what fades in
    path = folder / f"web-{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as picture:  # noise takes many bytes in full colour
        picture.convert("RGB").quantize(128).save(path, optimize=True)


def search(page, folder):
    page.goto("/")
    page.get_by_label("Patient name").fill("Demo*")
    page.get_by_role("button", name="Search", exact=True).click()
    for name in ("Demo, Chest", "Demo, Head"):
        page.get_by_role("button", name=name).click()
        page.locator("tr.is-series").first.wait_for()
    for label in ("2 Chest 2.5 mm", "3 Chest 10 mm", "2 T1 sagittal", "5 Perfusion"):
        page.get_by_label(label).check()
    shot(page, folder, "search")


def jobs(page, folder):
    page.get_by_role("button", name="Pull").click()
    page.goto("/jobs")
    page.locator(".items > li[data-state=done]").first.wait_for()
    shot(page, folder, "jobs")
    page.locator(".job[data-state=done]").wait_for()


def open_series(page, name):
    page.goto("/library")
    page.get_by_role("link", name=name).click()
    page.wait_for_url("**/view/*")
    page.locator("#viewport-0 .window-place").filter(has_text="%").wait_for()
    page.wait_for_timeout(1500)


def viewer(page, folder):
    open_series(page, "Chest 2.5 mm")
    for _ in range(12):
        page.keyboard.press("ArrowUp")
    page.mouse.move(510, 330)
    shot(page, folder, "viewer")


def dark(page, folder):
    page.goto("/library")
    page.locator("#rows tr").first.wait_for()
    shot(page, folder, "library-dark")
    open_series(page, "T1 sagittal")
    page.keyboard.press("4")
    page.wait_for_timeout(1500)
    page.mouse.click(420, 330)
    page.wait_for_timeout(800)
    shot(page, folder, "planes-dark")
    open_series(page, "Perfusion")
    page.keyboard.press("m")
    page.get_by_label("Search the elements").fill("time")
    page.keyboard.press("Tab")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    shot(page, folder, "elements-dark")


def narrow(page, folder):
    page.goto("/jobs")
    page.locator(".job").first.wait_for()
    shot(page, folder, "jobs-narrow")
    open_series(page, "Chest 2.5 mm")
    shot(page, folder, "viewer-narrow")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
