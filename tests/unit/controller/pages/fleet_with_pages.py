"""A fleet whose first miner reports everything, and how its pages are read."""

from datetime import timedelta
from typing import Any

import msgspec

from controller.deeds import MinerView, Source
from controller.model import Actor
from miners.model import Board, Fan, Fault, Identity, Pool, Psu, Snapshot, Temperatures
from tests.unit.controller.api.conftest import Browser
from tests.unit.controller.api.managed_fleet import FleetDeeds, FleetHouse
from tests.unit.controller.api.quiet_deeds import BEGIN
from tests.unit.controller.pages.reading_pages import Element, read_page

A1 = "/miners/container-1.a1"
A2 = "/miners/container-1.a2"
BORIS = Actor("user", "boris", "usr_boris")
OWN = {"container": "Container 1", "client": "acme"}


class ChangedDeeds(FleetDeeds):
    """Knows of miners whatever a test says in addition: `altered`, fields of the view by miner."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.altered: dict[str, dict[str, Any]] = {}
        self.origin_of_readings = Source(state="ok", since=BEGIN)

    def views(self, container_id: str | None = None) -> list[MinerView]:
        return [
            msgspec.structs.replace(view, **self.altered.get(view.id, {}))
            for view in super().views(container_id)
        ]

    def source(self) -> Source:
        return self.origin_of_readings


def full_snapshot(fleet: FleetHouse, **more: Any) -> Snapshot:
    """Give the first miner a reading with a board that is gone, one fault, and two pools."""
    given: dict[str, Any] = {
        "identity": Identity(
            manufacturer="Antminer",
            model="S19j Pro",
            algorithm="SHA-256",
            firmware="Bitmain",
            firmware_version="2023-01-10",
            serial="SMT0123",
        ),
        "hashrate_hs": 66.1e12,
        "nominal_hashrate_hs": 104e12,
        "power_w": 2210.0,
        "uptime_s": 12 * 86_400 + 4 * 3600.0,
        "expected_boards": 3,
        "boards": (
            Board(0, hashrate_hs=33.0e12, chips=126, expected_chips=126, chip_max_c=71.0, frequency_hz=545e6),
            Board(1, hashrate_hs=33.1e12, chips=120, expected_chips=126, voltage_v=13.7, hardware_errors=0),
        ),
        "fans": (Fan(0, 5640.0), Fan(1, 0.0)),
        "psu": Psu(input_v=228.0),
        "temperatures_c": Temperatures(chip_max=72.0),
        "pools": (
            Pool(
                0,
                "stratum+tcp://pool.example:3333",
                "volga.a6",
                alive=True,
                active=True,
                accepted=12_480,
                rejected=22,
                last_share_at=fleet.deeds.now - timedelta(seconds=6),
            ),
            Pool(1, "stratum+tcp://spare.example:3333", alive=False, active=False),
        ),
        "faults": (Fault("J0:2", "chain 2 not found", fleet.deeds.now - timedelta(hours=1)),),
    } | more
    return fleet.deeds.snapshot("container-1.a1", **given)


async def page(browser: Browser, path: str, status: int = 200) -> Element:
    response = await browser.get(path)
    text = await response.text()
    assert (response.status, response.content_type) == (status, "text/html"), text[:500]
    return read_page(text)


def pairs(found: Element) -> dict[str, str]:
    """Return what stands behind each word of the page's lists."""
    named: dict[str, str] = {}
    for name, value in zip(found.all("dt"), found.all("dd"), strict=True):
        named.setdefault(name.words, value.words)
    return named


def main(found: Element) -> str:
    return found.one("main").words
