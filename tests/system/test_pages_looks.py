"""A cross-section of how pages look, in a real browser: every kind of page, both languages, both schemes, phone and desk.

The whole of it, every page in every state, is in test_long_pages_looks.py.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.system.pages_looks import (
    ADDRESSES,
    Looker,
    Things,
    Window,
    bring_back,
    folder_of_pictures,
    furnish,
    take_away,
)
from tests.system.pages_yard import EMPTY, Yard, yard

PHONE, DESK = 320, 1440
SEEN = (
    "/",
    "/containers/konteiner-1",
    "/miners",
    "/miners/konteiner-1.a2",
    "/schedule",
    "/log",
    "/operations/{operation}",
)
WINDOWS = (
    Window(width=DESK, scheme="light", language="en"),
    Window(width=PHONE, scheme="dark", language="ru"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, prometheus: Path) -> Iterator[tuple[Yard, Things]]:
    with yard(tmp_path_factory.mktemp("looks"), prometheus) as found:
        yield found, furnish(found)


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
async def test_pages_look_as_they_are_meant_to(
    place: tuple[Yard, Things], browser: Browser, tmp_path: Path, window: Window
) -> None:
    found, things = place
    assert all(any(address in all_of_it for all_of_it in ADDRESSES.values()) for address in SEEN)
    found.speak(window.language)
    looker = await Looker.open(found, browser, window, folder_of_pictures(tmp_path))
    for address in SEEN:
        await looker.look(address.format(**vars(things)))
    await looker.close()
    assert looker.wrong == []


async def test_forms_and_confirmations_look_as_they_are_meant_to(
    place: tuple[Yard, Things], browser: Browser, tmp_path: Path
) -> None:
    found, things = place
    window = Window(width=PHONE, language="ru")
    found.speak(window.language)
    looker = await Looker.open(found, browser, window, folder_of_pictures(tmp_path))
    for address in (
        "/deeds/curtail?container=container-7",
        "/schedule/{schedule}/edit",
        "/me",
        "/settings/health",
        "/containers/no-such",
    ):
        await looker.look(address.format(**vars(things)))
    await looker.close()
    assert looker.wrong == []


async def test_on_paper_and_in_the_readers_own_colours_nothing_is_lost(
    place: tuple[Yard, Things], browser: Browser, tmp_path: Path
) -> None:
    found, _ = place
    found.speak("en")
    wrong = []
    for window in (Window(media="print"), Window(scheme="dark", forced=True)):
        looker = await Looker.open(found, browser, window, folder_of_pictures(tmp_path))
        for address in ("/", "/containers/konteiner-1", "/schedule"):
            await looker.look(address, axe=False)
        await looker.close()
        wrong += looker.wrong
    assert wrong == []


async def test_pages_of_sources_that_are_away_look_as_they_are_meant_to(
    place: tuple[Yard, Things], browser: Browser, tmp_path: Path
) -> None:
    found, _ = place
    found.speak("en")
    take_away(found, "exporter")
    take_away(found, "prometheus")
    try:
        looker = await Looker.open(found, browser, Window(width=PHONE), folder_of_pictures(tmp_path))
        for address in ("/", "/containers/container-7", "/miners", "/miners/container-7.w1"):
            await looker.look(address, "away")
        await looker.close()
    finally:
        bring_back(found, "prometheus")
        bring_back(found, "exporter")
    assert looker.wrong == []


async def test_an_empty_house_looks_as_it_is_meant_to(tmp_path: Path, browser: Browser) -> None:
    with yard(tmp_path, None, fleet=EMPTY) as found:
        looker = await Looker.open(found, browser, Window(), folder_of_pictures(tmp_path / "looks"))
        for address in ("/", "/miners", "/schedule"):
            await looker.look(address, "empty")
        await looker.close()
    assert looker.wrong == []
