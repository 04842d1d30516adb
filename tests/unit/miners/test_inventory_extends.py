"""More of a container that another file describes: its miners, whose it is, its tariff, and what each mistake gives."""

from pathlib import Path

import pytest

from miners.errors import InventoryError
from miners.inventory.fleet import ContainerTariff, CredentialsReference, Inventory, Origin
from miners.inventory.load import load

HAND = """\
defaults: {timeout: 5s, standby_power_w: 20}
containers:
- name: Контейнер 1
  rows: 2
  columns: 3
  manufacturer: Whatsminer
  credentials: HASHYARD_MINER_A
  miners:
  - {name: a1, address: 10.1.7.1, row: 1, column: 1}
- {name: B, miners: [{name: a1, address: 10.1.8.1}]}
"""


def load_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, managed: str, hand: str = HAND) -> Inventory:
    monkeypatch.chdir(tmp_path)
    Path("targets.yml").write_text(hand, encoding="utf-8")
    Path("managed.yml").write_text(managed, encoding="utf-8")
    return load([Path("targets.yml")], managed=Path("managed.yml"))


def mistakes_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, managed: str, hand: str = HAND
) -> tuple[str, ...]:
    with pytest.raises(InventoryError) as caught:
        load_both(monkeypatch, tmp_path, managed, hand)
    return tuple(caught.value.mistakes)


def test_miners_are_added_and_inherit_what_their_container_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    inventory = load_both(
        monkeypatch,
        tmp_path,
        "containers:\n"
        "- extends: Контейнер 1\n"
        "  miners:\n"
        "  - {name: a2, address: 10.1.7.2}\n"
        "  - {name: a3, address: 10.1.7.3, manufacturer: AntMiner, row: 2, column: 3}\n",
    )
    first, other = inventory.containers
    assert [miner.name for miner in first.miners] == ["a1", "a2", "a3"]
    assert [miner.name for miner in other.miners] == ["a1"]
    assert first.origin == Origin("targets.yml", 3)
    second, third = first.miners[1:]
    assert (second.container, second.manufacturer, second.standby_power_w) == (
        "Контейнер 1",
        "Whatsminer",
        20,
    )
    assert second.credentials == CredentialsReference(environment="HASHYARD_MINER_A")
    assert second.origin == Origin("managed.yml", 4)
    assert (third.manufacturer, third.row, third.column) == ("AntMiner", 2, 3)


def test_it_may_stand_before_its_container_and_several_times(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hand = (
        "containers:\n"
        "- {extends: A, miners: [{address: 10.1.7.2}]}\n"
        "- {name: A, miners: [{address: 10.1.7.1}]}\n"
        "- {extends: A, miners: [{address: 10.1.7.3}]}\n"
    )
    inventory = load_both(
        monkeypatch, tmp_path, "containers: [{extends: A, miners: [{address: 10.1.7.4}]}]\n", hand
    )
    assert [container.name for container in inventory.containers] == ["A"]
    assert [miner.name for miner in inventory.containers[0].miners] == [
        f"10.1.7.{last}" for last in range(1, 5)
    ]


@pytest.mark.parametrize(
    ("entry", "mistakes"),
    [
        (
            "{extends: Контейнер 2, miners: []}",
            [
                "managed.yml:2: containers[0].extends: there is no container Контейнер 2; did you mean Контейнер 1?"
            ],
        ),
        (
            "{extends: xyz, miners: []}",
            [
                "managed.yml:2: containers[0].extends: there is no container xyz; its name is that of a container"
            ],
        ),
        (
            "{extends: B}",
            ["managed.yml:2: containers[0]: miners, client, tariff or tariff_changes is missing"],
        ),
        (
            "{extends: B, control: enforce, miners: []}",
            [
                (
                    "managed.yml:2: containers[0].control: unknown key; control belongs to the container itself: beside extends "
                    "stand only miners, client, tariff, tariff_changes"
                )
            ],
        ),
        (
            "{extends: B, name: C, miners: []}",
            [
                (
                    "managed.yml:2: containers[0].name: unknown key; name belongs to the container itself: beside extends "
                    "stand only miners, client, tariff, tariff_changes"
                )
            ],
        ),
        ("{extends: B, miner: []}", None),
        (
            "{extends: , miners: []}",
            ["managed.yml:2: containers[0].extends: is empty: give a name, or leave the key out"],
        ),
        (
            "{extends: B, miners: [{name: a1, address: 10.1.8.2}]}",
            [
                "managed.yml:2: containers[0].miners[0].name: a1 is already the name of a miner in B (targets.yml:10)"
            ],
        ),
        (
            "{extends: B, miners: [{name: a2, address: 10.1.7.1}]}",
            [
                (
                    "managed.yml:2: containers[0].miners[0].address: 10.1.7.1:4028 is already that of a1 in Контейнер 1 "
                    "(targets.yml:9)"
                )
            ],
        ),
        (
            "{extends: Контейнер 1, miners: [{name: a2, address: 10.1.7.2, row: 1, column: 1}]}",
            [
                "managed.yml:2: containers[0].miners[0].row: row 1, column 1 is already the place of a1 (targets.yml:9)"
            ],
        ),
        (
            "{extends: Контейнер 1, miners: [{name: a2, address: 10.1.7.2, row: 3, column: 1}]}",
            ["managed.yml:2: containers[0].miners[0].row: a2 would stand in row 3; the container has 2"],
        ),
    ],
)
def test_mistakes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, entry: str, mistakes: list[str] | None
) -> None:
    found = mistakes_of(monkeypatch, tmp_path, f"containers:\n- {entry}\n")
    if mistakes is None:
        assert any("did you mean miners?" in line for line in found)
    else:
        assert list(found) == mistakes


TARIFFS = "tariffs: {flat: {currency: USD, price_per_kwh: 1}, night: {currency: USD, price_per_kwh: 2}}\n"


def test_whose_it_is_and_what_it_costs_may_be_said_beside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hand = f"defaults: {{tariff: flat}}\n{TARIFFS}containers: [{{name: A}}, {{name: B}}, {{name: C, client: own}}]\n"
    managed = (
        "containers:\n"
        "- {extends: A, client: volga, tariff_changes: [{from: 2026-11-01, tariff: night}, {from: 2027-01-01, tariff: null}]}\n"
        "- {extends: B, tariff: null}\n"
        "- {extends: C, tariff: night}\n"
        "- {extends: A, miners: [{address: 10.1.1.1}]}\n"
    )
    first, second, third = load_both(monkeypatch, tmp_path, managed, hand).containers
    assert (first.client, first.tariff) == ("volga", "flat")
    assert first.tariff_changes == (
        ContainerTariff("2026-11-01", "night"),
        ContainerTariff("2027-01-01", None),
    )
    assert [miner.address for miner in first.miners] == ["10.1.1.1"]
    assert (second.client, second.tariff) == (None, None)
    assert (third.client, third.tariff) == ("own", "night")
    assert [one.said_at for one in (first, second, third)] == [
        {"client": Origin("managed.yml", 2), "tariff": Origin("managed.yml", 2)},
        {"tariff": Origin("managed.yml", 3)},
        {"client": Origin("targets.yml", 3), "tariff": Origin("managed.yml", 4)},
    ]


@pytest.mark.parametrize(
    ("own", "beside", "mistakes"),
    [
        (
            "client: a",
            "client: b",
            ["managed.yml:2: containers[0].client: A has client already (targets.yml:3)"],
        ),
        (
            "tariff: flat",
            "tariff: night",
            ["managed.yml:2: containers[0].tariff: A has tariff already (targets.yml:3)"],
        ),
        (
            "tariff: flat",
            "tariff_changes: []",
            ["managed.yml:2: containers[0].tariff_changes: A has tariff already (targets.yml:3)"],
        ),
        (
            "tariff_changes: []",
            "tariff: flat",
            ["managed.yml:2: containers[0].tariff: A has tariff_changes already (targets.yml:3)"],
        ),
        ("client: a", "client: Ö", None),
    ],
)
def test_what_the_container_says_itself_is_not_said_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: str, beside: str, mistakes: list[str] | None
) -> None:
    hand = f"{TARIFFS}containers:\n- {{name: A, {own}}}\n"
    found = mistakes_of(monkeypatch, tmp_path, f"containers:\n- {{extends: A, {beside}}}\n", hand)
    if mistakes is None:
        assert len(found) == 2
    else:
        assert list(found) == [f"{line}; say it in one of the two places" for line in mistakes]


def test_two_entries_beside_it_do_not_say_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    managed = "containers:\n- {extends: A, client: a}\n- {extends: A, client: b}\n"
    assert mistakes_of(monkeypatch, tmp_path, managed, "containers: [{name: A}]\n") == (
        "managed.yml:3: containers[1].client: A has client already (managed.yml:2); say it in one of the two places",
    )


def test_a_tariff_that_is_not_there_is_named_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    managed = (
        "containers:\n- extends: A\n  tariff: nigt\n  tariff_changes: [{from: 2026-11-01, tariff: falt}]\n"
    )
    assert mistakes_of(monkeypatch, tmp_path, managed, f"{TARIFFS}containers: [{{name: A}}]\n") == (
        "managed.yml:3: containers[0].tariff: there is no tariff nigt; did you mean night?",
        "managed.yml:4: containers[0].tariff_changes[0].tariff: there is no tariff falt; did you mean flat?",
    )
