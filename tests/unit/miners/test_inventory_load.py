"""What right files become: defaults laid under, ranges written out, warnings beside it; and that anything else is refused."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from miners.errors import InventoryError
from miners.inventory import profiles, schedules
from miners.inventory.fleet import (
    AlertLimits,
    Container,
    ContainerTariff,
    CredentialsReference,
    DayException,
    Feed,
    Inventory,
    Miner,
    Origin,
    PoolRule,
    Profile,
    Ramp,
    Schedule,
    Tariff,
    TariffChange,
    TariffZone,
    Window,
)
from miners.inventory.load import load
from miners.inventory.schema import SECTIONS

ROOT = Path(__file__).parents[3]


def inventory_of(tmp_path: Path, content: str) -> Inventory:
    file = tmp_path / "targets.yml"
    file.write_text(content, encoding="utf-8")
    return load([file])


def miners_of(tmp_path: Path, entry: str, container: str = "") -> tuple[Miner, ...]:
    inventory = inventory_of(
        tmp_path, f"containers:\n  - {{name: C, {container + ',' if container else ''} miners: [{entry}]}}\n"
    )
    return inventory.containers[0].miners


def test_everything_said_once(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path,
        """\
defaults:
  interval: 1m
  timeout: 5
  port: 4029
  manufacturer: elhapex
  timezone: Asia/Almaty
  alerts: {reject_max_ratio: 0.05}
  temperature_limits: {inlet: 30}
  credentials: HASHYARD_MINER_ALL
  pools: ["stratum+tcp://a:1"]
  ramp: {step: 500 kW, batch: 7}
profiles:
  night: {target_percent: 62.5, by_make: {MicroBT: {power_percent: 62}, luxos: {preset: 2000W}, antminer: {power_limit_w: 2100}}}
  curtail: {target_percent: 0}
schedules:
  Четверти:
    id: quarters
    windows:
      - {days: weekdays, from: 06:00, to: "24:00", profile: normal}
      - {days: [sun, sat], from: "22:00", to: 06:00, profile: night}
    otherwise: curtail
    exceptions: [{dates: [2028-02-29, 2026-12-31]}, {date: "2027-01-01", windows: [{from: 00:00, to: 00:00, profile: night}]}]
feeds:
  feeder 2: {power_limit: 2.5 MW, ramp: {every: 20s}}
tariffs:
  flat: {currency: KZT, price_per_kwh: 30.50, zones: [{days: [sat, sun], from: 22:00, to: 06:00, price_per_kwh: 1e1}], changes: [{from: 2026-11-01, price_per_kwh: 31}]}
networks: [10.0.0.0/8, "fd00::/64"]
containers:
  - name: Контейнер 1
    description: "старый, шумный"
    location: NO
    client: volga
    feed: feeder 2
    schedule: Четверти
    ramp: {every: 1m}
    gateway: http://10.1.0.5:8080/
    gateway_credentials: {file: gateway}
    tariff: flat
    tariff_changes: [{from: 2027-01-01, tariff: null}]
    control: enforce
    rows: 8
    columns: 25
    connect_timeout: 500ms
    power_limit: 0.8 MW
    alerts: {down_max_ratio: 0.5}
    temperature_limits: {chip_max: 90.5}
    simulate: {weather: cold, list: [1, null, yes, 2.5, true]}
    miners:
      - name: 007
        address: 10.1.7.10
        row: 1
        column: 2
        web_port: null
        model: DG1+
        driver: elphapex
        nominal_power_w: 3900
        nominal_hashrate: 14.4 GH/s
        standby_power_w: 20
        active: false
        credentials: {file: site/elphapex}
        pools: [{url: "*", user: "v.*"}, b]
        simulate: {fault: x}
""",
    )
    file = str(tmp_path / "targets.yml")
    assert inventory == Inventory(
        containers=(
            Container(
                name="Контейнер 1",
                id="konteiner-1",
                description="старый, шумный",
                location="NO",
                timezone="Asia/Almaty",
                client="volga",
                tariff="flat",
                tariff_changes=(ContainerTariff("2027-01-01", None),),
                schedule="quarters",
                control="enforce",
                feed="feeder 2",
                ramp=Ramp(step_w=500_000.0, every_s=60.0, batch=7),
                rows=8,
                columns=25,
                interval_s=60.0,
                connect_timeout_s=0.5,
                timeout_s=5.0,
                power_limit_w=800_000.0,
                alerts=AlertLimits(reject_max_ratio=0.05, down_max_ratio=0.5),
                temperature_limits_c={"inlet": 30.0, "chip_max": 90.5},
                simulate={"weather": "cold", "list": [1, None, "yes", 2.5, True]},
                miners=(
                    Miner(
                        name="007",
                        container="Контейнер 1",
                        address="10.1.7.10",
                        port=4029,
                        web_port=None,
                        manufacturer="Elphapex",
                        model="DG1+",
                        driver="elphapex",
                        row=1,
                        column=2,
                        nominal_power_w=3900.0,
                        nominal_hashrate_hs=14.4e9,
                        standby_power_w=20.0,
                        pools=(PoolRule(url="*", user="v.*"), PoolRule(url="b")),
                        credentials=CredentialsReference(file="site/elphapex"),
                        gateway="http://10.1.0.5:8080",
                        gateway_credentials=CredentialsReference(file="gateway"),
                        active=False,
                        simulate={"fault": "x"},
                        origin=Origin(file, 49),
                    ),
                ),
                said_at={"client": Origin(file, 32), "tariff": Origin(file, 38)},
                origin=Origin(file, 29),
            ),
        ),
        tariffs={
            "flat": Tariff(
                name="flat",
                currency="KZT",
                price_per_kwh="30.50",
                zones=(TariffZone(days=(5, 6), from_minute=1320, to_minute=360, price_per_kwh="10"),),
                changes=(TariffChange("2026-11-01", "31"),),
                origin=Origin(file, 26),
            )
        },
        profiles={
            **profiles.BUILT_IN,
            "night": Profile(
                name="night",
                target_percent=62.5,
                by_make={
                    "whatsminer": {"power_percent": 62.0},
                    "luxos": {"preset": "2000W"},
                    "antminer": {"power_limit_w": 2100.0},
                },
                origin=Origin(file, 13),
            ),
            "curtail": Profile(name="curtail", target_percent=0.0, origin=Origin(file, 14)),
        },
        schedules={
            **schedules.BUILT_IN,
            "quarters": Schedule(
                id="quarters",
                name="Четверти",
                windows=(
                    Window(days=(0, 1, 2, 3, 4), from_minute=360, to_minute=1440, profile="normal"),
                    Window(days=(5, 6), from_minute=1320, to_minute=360, profile="night"),
                ),
                otherwise="curtail",
                exceptions=(
                    DayException("2028-02-29"),
                    DayException("2026-12-31"),
                    DayException("2027-01-01", (Window((0,), 0, 1440, "night"),)),
                ),
                origin=Origin(file, 17),
            ),
        },
        feeds={
            "feeder 2": Feed(
                name="feeder 2",
                power_limit_w=2_500_000.0,
                ramp=Ramp(every_s=20.0, batch=10_000),
                origin=Origin(file, 24),
            )
        },
        networks=("10.0.0.0/8", "fd00::/64"),
    )


def test_the_least_that_a_miner_needs(tmp_path: Path) -> None:
    (miner,) = miners_of(tmp_path, "{address: 10.1.7.10}")
    origin = Origin(str(tmp_path / "targets.yml"), 2)
    assert miner == Miner(name="10.1.7.10", container="C", address="10.1.7.10", origin=origin)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (("", "", ""), 80),
        (("web_port: 81", "", ""), 81),
        (("web_port: 81", "web_port: 82", ""), 82),
        (("web_port: 81", "web_port: 82", "web_port: 83"), 83),
        (("web_port: 81", "web_port: null", ""), None),
        (("web_port: 81", "", "web_port: null"), None),
    ],
)
def test_the_nearest_value_wins(tmp_path: Path, layers: tuple[str, str, str], expected: int | None) -> None:
    defaults, container, miner = layers
    inventory = inventory_of(
        tmp_path,
        f"defaults: {{{defaults}}}\ncontainers:\n  - {{name: C, miners: [{{address: a, {miner}}}], {container}}}\n",
    )
    assert inventory.containers[0].miners[0].web_port == expected


def test_a_range_with_places_names_and_holes(tmp_path: Path) -> None:
    found = miners_of(
        tmp_path,
        "{addresses: [10.1.7.10-13, 10.1.8.1], except: 10.1.7.11, name: 'a{n:03}', number: 101, row: 1, column: 2}",
        "rows: 3, columns: 3",
    )
    assert [(one.name, one.address, one.row, one.column) for one in found] == [
        ("a101", "10.1.7.10", 1, 2),
        ("a103", "10.1.7.12", 2, 1),
        ("a104", "10.1.7.13", 2, 2),
        ("a105", "10.1.8.1", 2, 3),
    ]


def test_a_range_down_the_columns(tmp_path: Path) -> None:
    found = miners_of(
        tmp_path,
        "{addresses: 10.1.7.0/29, name: 'r{row}c{column:02}-{last}', row: 1, column: 1, fill: columns}",
        "rows: 4",
    )
    assert [one.name for one in found] == ["r1c01-1", "r2c01-2", "r3c01-3", "r4c01-4", "r1c02-5", "r2c02-6"]


def test_a_range_across_a_boundary_is_named_by_address(tmp_path: Path) -> None:
    found = miners_of(tmp_path, "{addresses: 10.1.7.254-10.1.8.1}")
    assert [one.name for one in found] == ["10.1.7.254", "10.1.7.255", "10.1.8.0", "10.1.8.1"]


def test_anchors_and_merges(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path,
        """\
containers:
  - name: A
    miners:
      - &first {name: a, address: 10.0.0.1, manufacturer: &make Avalon, model: "1246"}
      - {<<: *first, name: b, address: 10.0.0.2}
  - name: B
    miners:
      - {address: 10.0.0.3, manufacturer: *make}
""",
    )
    assert [
        (one.name, one.manufacturer, one.model)
        for container in inventory.containers
        for one in container.miners
    ] == [("a", "Avalon", "1246"), ("b", "Avalon", "1246"), ("10.0.0.3", "Avalon", None)]


def test_an_inactive_miner_leaves_its_address_to_another(tmp_path: Path) -> None:
    found = miners_of(
        tmp_path, "{name: old, address: 10.0.0.1, active: false}, {name: new, address: 10.0.0.1}"
    )
    assert [one.name for one in found] == ["old", "new"]


def test_one_address_with_many_ports(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path,
        "containers:\n  - name: C\n    miners:\n"
        + "".join(f"      - {{name: m{n}, address: 127.0.0.1, port: {14000 + n}}}\n" for n in range(3)),
    )
    place = f"{tmp_path / 'targets.yml'}:5: containers[0].miners[1]"
    assert inventory.warnings == (
        (
            f"{place}: v3_port 4433 of 127.0.0.1 is shared with 2 other miners; give each its own, or `v3_port: null` "
            "so that it is not asked"
        ),
        (
            f"{place}: web_port 80 of 127.0.0.1 is shared with 2 other miners; give each its own, or `web_port: null` "
            "so that it is not asked"
        ),
    )


def test_names_that_look_alike_in_unicode_are_one_name(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="is already the name of a container"):
        inventory_of(tmp_path, "containers:\n  - {name: Контейнер}\n  - {name: Контеи\u0306нер}\n")


@pytest.mark.parametrize(
    ("container", "warning"),
    [
        (
            "miners: [{address: a, manufacturer: AntMiner, model: S19 Pro 110T}]",
            (
                "containers[0].miners[0].model: S19 Pro 110T is not a AntMiner of the model table, so its nominal figures are "
                "not known; near: S19 Pro"
            ),
        ),
        (
            "miners: [{addresses: 10.0.0.1-3, manufacturer: Whatsminer, model: Q99}]",
            (
                "containers[0].miners[0].model: Q99 (3 miners) is not a Whatsminer of the model table, so its nominal figures "
                "are not known"
            ),
        ),
        (
            "miners: [{address: a, model: M50S}]",
            "containers[0].miners[0].model: M50S is looked up by make: write `manufacturer: Whatsminer` beside it",
        ),
        (
            "miners: [{address: a, model: Q99}]",
            "containers[0].miners[0].model: Q99 is not in the model table, and no manufacturer is given",
        ),
        (
            "miners: [{address: a}], interval: 5",
            "containers[0].interval: a poll may take 10 s, longer than the interval of 5 s",
        ),
        (
            "miners: [{address: a}], control: enforce",
            "containers[0].control: enforce does nothing without a schedule",
        ),
        (
            "power_limit: 4 kW, miners: [{address: a, nominal_power_w: 1500}, {address: b, manufacturer: avalon, model: '1246'}]",
            "containers[0].power_limit: the miners' nominal power is 4.92 kW, more than the limit of 4 kW",
        ),
    ],
)
def test_what_is_worth_a_look(tmp_path: Path, container: str, warning: str) -> None:
    inventory = inventory_of(tmp_path, f"containers:\n  - {{name: C, {container}}}\n")
    assert inventory.warnings == (f"{tmp_path / 'targets.yml'}:2: {warning}",)


def test_an_inventory_without_miners_is_worth_a_look(tmp_path: Path) -> None:
    inventory = inventory_of(tmp_path, "containers: []\n")
    assert inventory.warnings == (
        f"{tmp_path / 'targets.yml'}:1: the inventory names no miner, so none is read",
    )


def test_a_second_file_takes_the_defaults_of_the_first(tmp_path: Path) -> None:
    hand, managed = tmp_path / "targets.yml", tmp_path / "managed.yml"
    hand.write_text(
        "defaults: {interval: 15, timeout: 4}\ntariffs: {t: {currency: USD, price_per_kwh: 1}}\n"
        "containers: [{name: A, miners: [{address: a}]}]\n"
    )
    assert [one.name for one in load([hand], managed=managed).containers] == ["A"]
    managed.write_text("containers:\n- {name: B, tariff: t}\n")
    inventory = load([hand], managed=managed)
    assert [(one.name, one.interval_s, one.origin) for one in inventory.containers] == [
        ("A", 15.0, Origin(str(hand), 3)),
        ("B", 15.0, Origin(str(managed), 2)),
    ]


def test_the_example_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    inventory = load([Path("targets.yml")])
    assert inventory.warnings == ()
    assert [(one.name, one.id, len(one.miners)) for one in inventory.containers] == [
        ("Контейнер 1", "konteiner-1", 189),
        ("Container 2", "container-2", 5),
        ("Tank 3", "tank-3", 30),
    ]


def test_every_key_of_the_table_reaches_its_attribute() -> None:
    for key, attributes in (("containers", Container), ("miners", Miner)):
        section = next(section for name, section in SECTIONS.values() if name == key)
        filled = {field.attribute for field in section.fields.values() if field.attribute}
        assert filled <= set(Container.__struct_fields__) | set(Miner.__struct_fields__)
        own = {field.attribute for field in section.fields.values()} & set(attributes.__struct_fields__)
        by_hand = {
            "name",
            "id",
            "container",
            "address",
            "alerts",
            "temperature_limits_c",
            "ramp",
            "simulate",
            "tariff_changes",
            "said_at",
            "miners",
            "origin",
        }
        assert own | by_hand >= set(attributes.__struct_fields__)


def test_ten_thousand_miners_by_hand(tmp_path: Path) -> None:
    content = ["containers:\n"]
    for number in range(40):
        content.append(f"  - name: Контейнер {number}\n    rows: 10\n    columns: 25\n    miners:\n")
        content += [
            f"      - {{name: a{n:03}, address: 10.{number}.{n // 200}.{n % 200 + 1}, manufacturer: Whatsminer, "
            f"model: M50S, row: {n // 25 + 1}, column: {n % 25 + 1}}}\n"
            for n in range(250)
        ]
    inventory = inventory_of(tmp_path, "".join(content))
    assert sum(len(container.miners) for container in inventory.containers) == 10_000
    assert inventory.containers[39].miners[249].address == "10.39.1.50"


WORDS = st.sampled_from(
    [name for _, section in SECTIONS.values() for name in section.fields]
    + [
        "10.1.7.10",
        "10.1.7.1-9",
        "a",
        "Контейнер 1",
        "{n}",
        "30s",
        "<<",
        "*",
        "password",
        "mon-fri",
        "06:00",
        "110 TH/s",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.text() | st.binary().map(lambda content: content.decode("latin-1")))
def test_any_text_is_an_inventory_or_refused(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    _inventory_or_refusal(tmp_path_factory, content)


@given(
    st.dictionaries(
        st.sampled_from(["defaults", "tariffs", "profiles", "schedules", "feeds", "networks", "containers"]),
        VALUES,
    ),
    st.booleans(),
)
def test_any_yaml_is_an_inventory_or_refused(
    tmp_path_factory: pytest.TempPathFactory, top: object, flow: bool
) -> None:
    _inventory_or_refusal(
        tmp_path_factory, yaml.safe_dump(top, allow_unicode=True, default_flow_style=flow, sort_keys=False)
    )


SECTION_VALUES = {
    key: st.dictionaries(st.sampled_from(sorted(section.fields)), VALUES, max_size=6)
    for key, section in ((key, section) for key, section in SECTIONS.values() if key)
}


@given(
    st.fixed_dictionaries(
        {
            "defaults": SECTION_VALUES["defaults"],
            "containers": st.lists(
                st.builds(
                    lambda container, miners: {**container, "name": "C", "miners": miners},
                    SECTION_VALUES["containers"],
                    st.lists(SECTION_VALUES["miners"], max_size=4),
                ),
                max_size=2,
            ),
            "tariffs": st.dictionaries(WORDS, SECTION_VALUES["tariffs"], max_size=2),
        }
    )
)
def test_any_values_in_the_right_places_are_an_inventory_or_refused(
    tmp_path_factory: pytest.TempPathFactory, top: object
) -> None:
    _inventory_or_refusal(tmp_path_factory, yaml.safe_dump(top, allow_unicode=True, sort_keys=False))


def _inventory_or_refusal(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yml"
    file.write_text(content, encoding="utf-8", errors="surrogatepass", newline="")
    lines: tuple[str, ...] = ()
    found = None
    try:
        found = load([file])
    except InventoryError as error:
        lines = error.mistakes
    assert (found is None) == bool(lines)
    assert all(line.startswith(f"{file}:") and len(line.splitlines()) == 1 for line in lines)


def test_miners_behind_one_address_are_told_apart_by_the_port_that_is_theirs(tmp_path: Path) -> None:
    found = miners_of(
        tmp_path,
        "{name: a, address: 10.1.7.10, driver: whatsminer_v3, v3_port: 5001}, "
        "{name: b, address: 10.1.7.10, driver: whatsminer_v3, port: 5002}, "
        "{name: c, address: 10.1.7.10, driver: elphapex, web_port: 5003}, "
        "{name: d, address: 10.1.7.10, driver: elphapex, web_port: 5004}, "
        "{name: e, address: 10.1.7.10, port: 5005}",
    )
    assert [miner.v3_port for miner in found] == [5001, 5002, 4433, 4433, 4433]
    assert [miner.web_port for miner in found] == [80, 80, 5003, 5004, 80]
    assert [miner.port for miner in found] == [4028, 5002, 4028, 4028, 5005]
