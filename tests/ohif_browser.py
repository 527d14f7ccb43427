"""OHIF in a Chromium without a window: a study opened, an object shown, the picture looked at."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from external_tools import missing, tool
from PIL import Image

__all__ = ["coloured_pixels", "opened_study", "show"]

PATIENCE = 120_000  # ms: a machine that does other things as well
SOFTWARE_GL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
LOOKS = 120  # a second apart, at most


@contextmanager
def opened_study(url: str, study: str) -> Iterator[Any]:
    """A page of OHIF with a study in it, its first series drawn."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed (PyPI: playwright)")
    chromium = tool("chromium", "Debian: chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", *SOFTWARE_GL]
        )
        page = browser.new_page(viewport={"width": 800, "height": 600})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{url}/ohif/viewer?StudyInstanceUIDs={study}")
        page.wait_for_selector("canvas")
        page.get_by_text("Confirm and Hide").click()
        yield page
        browser.close()


def show(page: Any, series: str, *, asks: bool = False) -> int:
    """Open a series of the list.

    Args:
        page: of a study.
        series: its description, or how it begins.
        asks: OHIF asks whether it may load such an object.

    Returns:
        The number of coloured pixels in the viewport, as soon as there are any.
    """
    page.get_by_text(series).first.dblclick()
    if asks:
        page.get_by_text("Yes", exact=True).click()
    for _ in range(LOOKS):
        found = 0 if _is_loading(page) else coloured_pixels(page)
        if found and not _is_loading(page):
            return found
        page.wait_for_timeout(1000)  # nothing in the page tells when a picture is drawn
    return 0


def _is_loading(page: Any) -> bool:
    """Whether OHIF shows its bar, which has colours, too."""
    return any(bar.is_visible() for bar in page.get_by_text("Loading").all())


def coloured_pixels(page: Any) -> int:
    """Pixels in the middle of the viewport that are no grey; questions lie around it."""
    from playwright.sync_api import Error

    try:
        shot = page.locator("canvas").first.screenshot()
    except Error as error:
        if "not attached" not in str(error):
            raise
        return 0  # OHIF put another canvas in its place meanwhile: the next look sees that one
    image = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)
    height, width = image.shape[:2]
    inside = image[height // 3 : -height // 3, width // 3 : -width // 3]
    return int((inside.max(axis=-1) - inside.min(axis=-1) > 60).sum())
