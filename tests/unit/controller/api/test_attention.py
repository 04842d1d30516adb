"""What needs attention: whatever is counted is listed by its link, in exactly that number, in the API as on the pages."""

from pathlib import Path
from typing import Any

import pytest

from controller.api.attention import NEEDS
from controller.api.boards import lost_boards, misses_chips
from controller.model import Actor
from miners.model import Board, Fault, Identity, Snapshot, Temperatures
from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import HAND, FleetHouse, start
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.fleet_with_pages import ChangedDeeds, page

WHOLE = tuple(Board(at, chips=126, expected_chips=126) for at in range(3))
CHIPPED = (*WHOLE[:2], Board(2, chips=100, expected_chips=126))
FAULT = (Fault("J0:2", "chain 2 not found"),)

SITUATIONS: dict[str, dict[str, Any]] = {
    "whole": {},
    "within what makers ship": {"boards": (*WHOLE[:2], Board(2, chips=124, expected_chips=126))},
    "lame": {"boards": WHOLE[:2]},
    "lame and says so": {"boards": WHOLE[:2], "faults": FAULT},
    "lame and stands": {"boards": WHOLE[:2], "faults": FAULT, "state": "fault"},
    "hides its boards": {"boards": WHOLE[:1], "state": "sleeping"},
    "begins": {"boards": WHOLE[:1], "state": "starting"},
    "no board is reported": {"boards": ()},
    "chipped": {"boards": CHIPPED},
    "lame and chipped": {"boards": CHIPPED[1:], "faults": FAULT},
    "faulty": {"faults": FAULT},
    "sleeps faulty": {"faults": FAULT, "state": "sleeping"},
    "hot": {"temperatures_c": Temperatures(chip_max=85.5)},
    "warm": {"temperatures_c": Temperatures(chip_max=85.0)},
}
TOUCHED = ("stale", "served", "off")
"""What is known in addition of a second miner in each situation, of a third, of a fourth."""


async def fleet_of_all(make_house: MakeHouse, folder: Path) -> FleetHouse:
    """Start a fleet that has a miner in each situation, alone and with each that is known in addition."""
    names = [f"s{at}{more}" for at in range(len(SITUATIONS)) for more in ("", *TOUCHED)]
    lines = [
        f"\n  - {{name: {name}, address: 10.2.{at // 200}.{at % 200 + 1}{', active: false' * name.endswith('off')}}}"
        for at, name in enumerate(names)
    ]
    hand = f"{HAND}- name: Container 3\n  timezone: Europe/Samara\n  miners:{''.join(lines)}\n"
    fleet = await start(make_house, folder, hand=hand, kind=ChangedDeeds)
    assert isinstance(fleet.deeds, ChangedDeeds)
    for at, fields in enumerate(SITUATIONS.values()):
        for more in ("", *TOUCHED):
            id_ = f"container-3.s{at}{more}"
            fleet.deeds.snapshot(id_, **{"boards": WHOLE, "expected_boards": 3} | fields)
            fleet.deeds.altered[id_] = {"stale": more == "stale"}
        await fleet.deeds.mark_service(f"container-3.s{at}served", "fan", Actor("user", "boris", "usr_boris"))
    fleet.deeds.failure("container-1.a2")
    return fleet


async def test_every_count_is_that_of_its_link(make_house: MakeHouse, tmp_path: Path) -> None:
    fleet = await fleet_of_all(make_house, tmp_path)
    browser = await fleet.browser()
    found = await (await browser.get("/api/v1/overview")).json()
    counts = {one["kind"]: one["count"] for one in found["attention"]}
    assert set(counts) == set(NEEDS)
    for one in found["attention"]:
        listed = await (await browser.get(one["link"])).json()
        assert listed["total"] == one["count"], one
    listed = await (await browser.get(f"/api/v1/miners?{NEEDS['boards']}")).json()
    assert [miner["name"] for miner in listed["items"]] == ["s2", "s3", "s4", "s9"]
    listed = await (await browser.get(f"/api/v1/miners?{NEEDS['chips']}")).json()
    assert [miner["name"] for miner in listed["items"]] == ["s8", "s9"]
    listed = await (await browser.get(f"/api/v1/miners?{NEEDS['faults']}")).json()
    assert [miner["name"] for miner in listed["items"]] == ["s10"]
    # The page says the same numbers, and its links lead to lists of as many.
    section = (await page(browser, "/")).one("section", class_="fleet-needs")
    for need, query in NEEDS.items():
        link = section.one("a", href=f"/miners?{query}")
        assert str(counts[need]) in link.words.split(), need
        listing = await page(browser, f"/miners?{query}")
        assert f"of {counts[need]}" in listing.one("main").words, need


@pytest.mark.parametrize(
    ("boards", "expected", "state", "lost", "misses"),
    [
        (WHOLE, 3, "mining", 0, False),
        (WHOLE[:2], 3, "mining", 1, False),
        (WHOLE[:2], 3, "fault", 1, False),
        (WHOLE[:2], 3, "unknown", 1, False),
        (CHIPPED[1:], 3, "sleeping", 0, False),
        (CHIPPED[1:], 3, "starting", 0, False),
        (WHOLE, 2, "mining", 0, False),
        (WHOLE, None, "mining", 0, False),
        ((), 3, "mining", 0, False),
        (CHIPPED, 3, "mining", 0, True),
        ((Board(0, chips=10), Board(1, expected_chips=126)), 2, "mining", 0, False),
        ((Board(0, chips=98, expected_chips=100),), 1, "mining", 0, False),
        ((Board(0, chips=97, expected_chips=100),), 1, "mining", 0, True),
    ],
)
def test_what_is_lost(
    boards: tuple[Board, ...], expected: int | None, state: Any, lost: int, *, misses: bool
) -> None:
    reading = Snapshot(
        container="C", miner="a1", address="10.0.0.1", taken_at=BEGIN, duration_s=0.1, driver="antminer",
        state=state, identity=Identity(), boards=boards, expected_boards=expected,
    )  # fmt: skip
    assert lost_boards(reading) == lost
    assert misses_chips(reading) is misses


def test_nothing_is_lost_where_nothing_was_read() -> None:
    assert lost_boards(None) == 0
    assert not misses_chips(None)
