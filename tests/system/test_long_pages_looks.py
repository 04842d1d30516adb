"""Every page in every state, in both languages, light and dark, on a phone and at a desk: pictures, and what is wrong with them.

Pages are found by themselves in the table of pages; one without an address to look at fails. HASHYARD_LOOKS names a folder in
which the pictures stay.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.system.pages_looks import (
    ADDRESSES_OF,
    LANGUAGES,
    PARTS,
    SCHEMES,
    WIDTHS,
    Looker,
    Things,
    Window,
    addresses_of,
    bring_back,
    folder_of_pictures,
    furnish,
    furnish_books,
    shown_pages,
    take_away,
)
from tests.system.pages_yard import EMPTY, Yard, yard
from tools import packages

# Some hundred pages through eight windows, on two cores.
pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]

SEEN_EMPTY = (
    "/",
    "/miners",
    "/log",
    "/operations",
    "/schedule",
    "/schedule/new",
    "/settings/health",
    "/me",
    "/reports",
    "/tariffs",
    "/meters",
    "/people",
    "/clients",
)


# What happens before the pages are looked at, and what makes it good again.
STATES: dict[str, tuple[Callable[[Yard], None], Callable[[Yard], None]]] = {
    "full": (lambda _: None, lambda _: None),
    "exporter-away": (partial(take_away, source="exporter"), partial(bring_back, source="exporter")),
    "prometheus-away": (partial(take_away, source="prometheus"), partial(bring_back, source="prometheus")),
    "inventory-wrong": (Yard.spoil_inventory, Yard.mend_inventory),
}
WINDOWS = [
    Window(width=width, scheme=scheme, language=language)
    for language, scheme, width in product(LANGUAGES, SCHEMES, WIDTHS)
]
MORE_WINDOWS = (
    Window(width=2560),
    Window(media="print"),
    Window(media="print", width=720, language="ru"),
    Window(forced=True),
    Window(forced=True, scheme="dark", width=320, language="ru"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, prometheus: Path) -> Iterator[tuple[Yard, Things]]:
    with yard(tmp_path_factory.mktemp("looks"), prometheus) as found:
        yield found, furnish_books(found, furnish(found))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of_pictures(tmp_path)


def test_every_page_has_an_address_to_look_at(place: tuple[Yard, Things]) -> None:
    pages = list(shown_pages())
    assert len(pages) > 25
    assert all(addresses_of(route, place[1]) for route in pages)
    assert not {route.path for route in pages} & set(PARTS)


@pytest.mark.parametrize("state", STATES)
async def test_every_page_looks_as_it_is_meant_to(
    place: tuple[Yard, Things], browser: Browser, folder: Path, state: str
) -> None:
    begin, end = STATES[state]
    begin(place[0])
    wrong = []
    try:
        for window in WINDOWS:
            wrong += await look_at_all(place, browser, folder, window, state)
    finally:
        end(place[0])
    assert wrong == []


async def test_what_accountant_and_client_see_looks_as_it_is_meant_to(
    place: tuple[Yard, Things], browser: Browser, folder: Path
) -> None:
    found, things = place
    clients = {one["slug"]: one["id"] for one in found.api("/clients").json()["items"]}
    wrong = []
    for role, addresses in ADDRESSES_OF.items():
        by = found.let_in(f"a-{role}", role, clients["volga"] if role == "client" else None)
        for window in (*WINDOWS, Window(media="print")):
            found.speak(window.language, by)
            looker = await Looker.open(found, browser, window, folder, by)
            for address in addresses:
                await looker.look(address.format(**vars(things)), role, axe=window.media == "screen")
            await looker.close()
            wrong += looker.wrong
    assert wrong == []


@pytest.mark.parametrize("window", MORE_WINDOWS, ids=lambda window: window.name)
async def test_every_page_looks_as_it_is_meant_to_elsewhere(
    place: tuple[Yard, Things], browser: Browser, folder: Path, window: Window
) -> None:
    assert await look_at_all(place, browser, folder, window, "full", axe=False) == []


async def test_text_of_twice_the_size_stays_readable(
    place: tuple[Yard, Things], browser: Browser, folder: Path
) -> None:
    how = packages.browser_launch()
    # As a reader has it who has chosen so in the browser's settings.
    how["args"] += ["--blink-settings=defaultFontSize=32,defaultFixedFontSize=26"]
    large = await browser.browser_type.launch(**how)
    wrong = []
    for language, width in product(LANGUAGES, (640, 1440)):
        window = Window(width=width, language=language, text_percent=200)
        wrong += await look_at_all(place, large, folder, window, "full", axe=False)
    await large.close()
    assert wrong == []


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
async def test_an_empty_house_looks_as_it_is_meant_to(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, folder: Path, window: Window
) -> None:
    with yard(tmp_path_factory.mktemp("empty"), None, fleet=EMPTY) as found:
        found.speak(window.language)
        looker = await Looker.open(found, browser, window, folder)
        for address in SEEN_EMPTY:
            await looker.look(address, "empty")
        await looker.close()
    assert looker.wrong == []


async def look_at_all(
    place: tuple[Yard, Things],
    browser: Browser,
    folder: Path,
    window: Window,
    state: str,
    *,
    axe: bool = True,
) -> list[str]:
    """Look at each page under each of its addresses; return all that is wrong."""
    found, things = place
    found.speak(window.language)
    looker = await Looker.open(found, browser, window, folder)
    for route in shown_pages():
        for address in addresses_of(route, things):
            await looker.look(address, state, axe=axe)
    await looker.close()
    return looker.wrong
