"""Forms of pages as a browser fills and sends them, text fields and files among them."""

from typing import Any
from urllib.parse import urlencode

from aiohttp import FormData

from tests.unit.controller.api.conftest import Browser
from tests.unit.controller.pages.fleet_with_schedules import FORM, fields_of
from tests.unit.controller.pages.reading_pages import Element, read_page


def filled(page: Element, **new: str | None) -> dict[str, str]:
    """Return what a browser would send of the page's editor, with other values; None unticks a box."""
    found = dict(fields_of(page))
    for one in page.one("form", class_="editor").all("textarea"):
        found[one.attributes["name"]] = one.text.removeprefix("\n")
    for name, value in new.items():
        if value is None:
            found.pop(name)
        else:
            found[name] = value
    return found


async def sent(browser: Browser, path: str, fields: dict[str, str]) -> tuple[int, Element, str]:
    """Send a form; return the status, the page, and where it leads."""
    response = await browser.ask("POST", path, data=urlencode(fields), headers=FORM)
    return response.status, read_page(await response.text()), response.headers.get("Location", "")


async def sent_in_parts(
    browser: Browser, path: str, fields: dict[str, str], file: tuple[str, bytes] | None = None, **more: Any
) -> tuple[int, Element]:
    """Send a form in parts, with a file of this name and content; return the status and the page."""
    form = FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, value)
    if file is not None:
        form.add_field("file", file[1], filename=file[0], content_type="text/csv")
    response = await browser.ask("POST", path, data=form, **more)
    return response.status, read_page(await response.text())


def summary(page: Element) -> list[str]:
    """Return the mistakes that stand above a form; each that leads to a field is told there in the same words."""
    box = page.one("div", class_="mistakes")
    for link in box.all("a"):
        field = link.attributes["href"].removeprefix("#")
        told = page.all("p", id=f"{field}-error")
        if told:
            assert told[0].words == link.words
            assert f"{field}-error" in page.one("", id=field).attributes["aria-describedby"]
    return [one.words for one in box.all("li")]


def differing(page: Element) -> list[list[str]]:
    """Return the rows that tell somebody else's change from what was typed: field, as it is now, as typed."""
    rows = page.one("section", class_="theirs").one("tbody").all("tr")
    return [[cell.words for cell in row.inside] for row in rows]
