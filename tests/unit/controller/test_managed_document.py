"""The file that the program writes: what stands in it is read back as it was, by us and by whoever reads YAML."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.managed import Managed, put_miner, remove_miner, say_of_container
from miners.errors import ConfigurationError
from miners.inventory.kinds import MISSING
from miners.inventory.store import InventoryStore

HAND = "networks: [10.1.0.0/16]\ncontainers: [{name: Yard, miners: [{name: a1, address: 10.1.7.1}]}]\n"
M1 = {"name": 'm"1 #: é', "address": "10.1.7.2", "port": None, "active": False, "nominal_power_w": 3250.5}


@pytest.fixture
def managed(tmp_path: Path) -> Managed:
    hand = tmp_path / "targets.yml"
    hand.write_text(HAND, encoding="utf-8")
    path = tmp_path / "managed.yml"
    return Managed(path, [hand], InventoryStore([hand], managed=path))


async def test_what_was_written_is_what_is_read(managed: Managed, tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        put_miner(document, "Yard", dict(M1))

    await managed.edit(change)
    remembered = await managed.document()
    assert remembered == {"containers": [{"extends": "Yard", "miners": [M1]}]}
    path = tmp_path / "managed.yml"
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == remembered
    again = Managed(
        path, [tmp_path / "targets.yml"], InventoryStore([tmp_path / "targets.yml"], managed=path)
    )
    assert await again.document() == remembered
    remembered["containers"].clear()
    assert await managed.document() != remembered


async def test_what_people_write_into_it_is_read_as_the_inventory_reads_it(
    managed: Managed, tmp_path: Path
) -> None:
    """Times stay texts, as in the hand-written files; YAML 1.1 would make numbers of them."""
    path = tmp_path / "managed.yml"
    path.write_text(
        "schedules: {days: {windows: [{from: 06:00, to: 20:00, profile: normal}]}}\n", encoding="utf-8"
    )
    (window,) = (await managed.document())["schedules"]["days"]["windows"]
    assert window == {"from": "06:00", "to": "20:00", "profile": "normal"}


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "", "a: &a [*a]\n", "\x00"])
async def test_what_is_no_inventory_is_named(managed: Managed, tmp_path: Path, text: str) -> None:
    path = tmp_path / "managed.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        await managed.document()
    assert str(path) in str(raised.value)
    assert "mend it, or move it away" in str(raised.value)


def test_a_new_miner_takes_the_place_of_none() -> None:
    document: dict[str, Any] = {"containers": [{"name": "Yard", "miners": [{"addresses": "10.1.7.0/30"}]}]}
    put_miner(document, "Yard", dict(M1))
    assert document["containers"][0]["miners"] == [{"addresses": "10.1.7.0/30"}, M1]
    put_miner(document, "Yard", {**M1, "port": 1}, instead_of=M1["name"])  # type: ignore[arg-type]  # of other values too
    assert [miner.get("port") for miner in document["containers"][0]["miners"]] == [None, 1]


async def test_whose_a_container_is_stands_beside_its_own_entry(managed: Managed, tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["tariffs"] = {"flat 1": {"currency": "EUR", "price_per_kwh": "0.10"}}
        say_of_container(document, "Yard", {"client": "volga", "tariff": "flat 1"})

    inventory = await managed.edit(change)
    assert (inventory.containers[0].client, inventory.containers[0].tariff) == ("volga", "flat 1")
    assert inventory.containers[0].said_at["client"].file == str(tmp_path / "managed.yml")
    assert inventory.tariffs["flat 1"].price_per_kwh == "0.10"
    assert [one.name for one in inventory.containers[0].miners] == ["a1"]
    await managed.edit(lambda document: put_miner(document, "Yard", dict(M1)))
    await managed.edit(lambda document: remove_miner(document, "Yard", str(M1["name"])))
    assert (await managed.document())["containers"] == [
        {"extends": "Yard", "client": "volga", "tariff": "flat 1", "miners": []}
    ]
    await managed.edit(
        lambda document: say_of_container(document, "Yard", {"client": MISSING, "tariff": MISSING})
    )
    assert (await managed.document())["containers"] == []
