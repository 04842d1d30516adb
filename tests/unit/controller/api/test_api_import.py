"""Many miners at once: what each row becomes, which are refused with their line, and that it is all rows or none."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start

CSV = """\
container,name,address,port,row,column,credentials
Container 1,m1,10.1.9.1,,2,1,HASHYARD_MINER_A
container-1,m2,10.1.9.2,4029,2,2,
Container 2,,10.1.9.3,null,,,
"""
YAML = """\
defaults: {credentials: HASHYARD_MINER_A}
containers:
- extends: Container 1
  columns: 5
  model: M50S
  miners:
  - {addresses: 10.1.9.1-3, name: "m{n}", row: 2, column: 1, except: 10.1.9.2}
  - {name: x, address: 10.1.9.9, model: M60, pools: ["stratum+tcp://a:1"], nominal_hashrate: 110 TH/s, active: false}
- {name: Container 2, miners: [{address: 10.1.10.1}]}
"""


@pytest.fixture
async def fleet(make_house: MakeHouse, tmp_path: Path) -> FleetHouse:
    return await start(make_house, tmp_path, environment={"HASHYARD_MINER_A": "root:hunter2"})


@pytest.fixture
async def browser(fleet: FleetHouse) -> Browser:
    found: Browser = await fleet.browser()
    return found


async def send(
    browser: Browser, text: str | bytes, media: str = "text/csv", *, dry: bool = False
) -> tuple[int, dict[str, Any]]:
    response = await browser.ask(
        "POST",
        "/api/v1/miners/import" + ("?dry_run=1" if dry else ""),
        data=text if isinstance(text, bytes) else text.encode(),
        headers={"Content-Type": media},
    )
    return response.status, await response.json()


def told(found: dict[str, Any]) -> list[tuple[int, str, str | None]]:
    return [(row["line"], row["action"], row["detail"]) for row in found["rows"]]


async def test_rows_of_csv_are_added_and_then_changed(fleet: FleetHouse, browser: Browser) -> None:
    status, found = await send(browser, CSV, dry=True)
    assert (status, found["dry_run"], found["added"]) == (200, True, 3)
    assert not fleet.managed.exists()
    status, found = await send(browser, CSV)
    assert (status, found["added"], found["refused"]) == (200, 3, 0)
    assert told(found) == [(2, "add", None), (3, "add", None), (4, "add", None)]
    first, second = fleet.store.inventory.containers
    assert [(one.name, one.port, one.row, one.manufacturer) for one in first.miners[2:]] == [
        ("m1", 4028, 2, "Whatsminer"),
        ("m2", 4029, 2, "Whatsminer"),
    ]
    assert (second.miners[1].name, second.miners[1].port) == ("10.1.9.3", None)
    status, found = await send(browser, CSV.replace("4029", "4030"))
    assert (status, found["same"], found["changed"]) == (200, 2, 1)
    events = await fleet.house.events("miner.created", "miner.changed")
    assert [event.kind for event in events] == ["miner.changed", *["miner.created"] * 3]
    assert (events[0].before["port"], events[0].after["port"]) == (4029, 4030)


async def test_rows_of_yaml_are_written_out(fleet: FleetHouse, browser: Browser) -> None:
    status, found = await send(browser, YAML, "application/yaml")
    assert (status, found["added"]) == (200, 4), found
    assert [row["line"] for row in found["rows"]] == [7, 7, 8, 9]
    first, second = fleet.store.inventory.containers
    one, three, last = first.miners[2:]
    assert [(miner.name, miner.address, miner.row, miner.column) for miner in (one, three)] == [
        ("m1", "10.1.9.1", 2, 1),
        ("m3", "10.1.9.3", 2, 3),
    ]
    assert (one.model, last.model, last.active) == ("M50S", "M60", False)
    assert last.nominal_hashrate_hs == 110e12
    assert last.pools is not None
    assert last.pools[0].url == "stratum+tcp://a:1"
    assert {miner.credentials.environment for miner in (one, three, last) if miner.credentials} == {
        "HASHYARD_MINER_A"
    }
    assert second.miners[1].address == "10.1.10.1"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("container,address,prot\n", 1, "there is no column prot; did you mean port?"),
        ("container\n", 1, "the column address is missing"),
        ("container,address,address\n", 1, "the column address stands twice"),
        ("container,address\nContainer 1\n", 2, "has 1 cells; the first line names 2 columns"),
        (
            "container,address\nContainer 1,10.1.9.300\n",
            2,
            "address: 10.1.9.300 is not an IPv4 or IPv6 address",
        ),
        ("container,address\nContainer 9,10.1.9.1\n", 2, "there is no container Container 9: make it first"),
        ("container,address\n,10.1.9.1\n", 2, "container: is empty: give its name or id"),
        ("container,address\nContainer 1,10.2.9.1\n", 2, "10.2.9.1 is in none of the inventory's networks"),
        ("container,address\nContainer 1,host\n", 2, "give an IP address"),
        (
            "container;address;port\nContainer 1;10.1.9.1;70000\n",
            2,
            "port: 70000 is not a TCP port (1–65535)",
        ),
        ("container,address,name\nContainer 1,10.1.9.1,a1\n", 2, "it stands in"),
        (
            "container,address\nContainer 1,10.1.9.1\nContainer 1,10.1.9.1\n",
            3,
            "10.1.9.1 stands in line 2 already",
        ),
        (
            "container,address,name\nContainer 1,10.1.7.1,m1\n",
            2,
            "address: 10.1.7.1:4028 is already that of a1",
        ),
        ("container,address,credentials\nContainer 1,10.1.9.1,root:root\n", 2, "credentials: this is not"),
        (
            "container,address,credentials\nContainer 1,10.1.9.1,file:x\n",
            2,
            "there is no usable user:password there",
        ),
        ('container,address\n"Container 1,10.1.9.1\n', 2, "not CSV: unexpected end of data"),
        ("container,address,active\nContainer 1,10.1.9.1,perhaps\n", 2, "active: "),
    ],
)
async def test_rows_that_cannot_be_taken(
    fleet: FleetHouse, browser: Browser, text: str, line: int, words: str
) -> None:
    status, found = await send(browser, text)
    assert status == 422, found
    (mistake,) = found["errors"]
    assert mistake["at"] == f"line {line}"
    assert words in mistake["detail"]
    assert "root:root" not in str(found)
    assert not fleet.managed.exists()
    status, found = await send(browser, text, dry=True)
    assert status == 200
    assert [row["line"] for row in found["rows"] if row["action"] == "refuse"] == [line]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("containers: [", 2, "not YAML"),
        ("- a\n", 1, "it is a mapping"),
        ("containers:\n- {name: Container 1, control: enforce}\n", 2, "control: is not imported"),
        ("schedules: {x: {otherwise: normal}}\n", 1, "schedules: is not imported"),
        ("containers:\n- name: Container 1\n  miners:\n  - {adress: a}\n", 4, "did you mean address?"),
        (
            "containers:\n- {name: Container 1, miners: [{address: 10.1.9.1, gateway: 'http://8.8.8.8'}]}\n",
            2,
            "gateway: is not imported",
        ),
    ],
)
async def test_yaml_that_cannot_be_taken(
    fleet: FleetHouse, browser: Browser, text: str, line: int, words: str
) -> None:
    status, found = await send(browser, text, "text/yaml")
    assert status == 422, found
    assert found["errors"][0]["at"] == f"line {line}"
    assert any(words in mistake["detail"] for mistake in found["errors"])
    assert not fleet.managed.exists()


async def test_one_wrong_row_keeps_all_others_out(fleet: FleetHouse, browser: Browser) -> None:
    status, found = await send(browser, CSV + "Container 1,m9,10.9.9.9,,,,\n")
    assert (status, found["import"]["added"], found["import"]["refused"]) == (422, 3, 1)
    assert not fleet.managed.exists()
    assert await fleet.house.events("miner.created") == []


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"container,address\n"])
async def test_what_holds_no_miner(fleet: FleetHouse, browser: Browser, text: bytes) -> None:
    status, found = await send(browser, text)
    assert status in {400, 422}
    assert found["detail"]
    assert not fleet.managed.exists()


async def test_another_type_is_refused(browser: Browser) -> None:
    status, _ = await send(browser, CSV, "application/json")
    assert status == 415
