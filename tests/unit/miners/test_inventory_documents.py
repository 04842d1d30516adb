"""The page and the JSON schema of targets.yml: up to date, and saying what the loader does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from miners.drivers import DRIVERS
from miners.errors import InventoryError
from miners.inventory import documents, shared_keys
from miners.inventory.load import load
from miners.inventory.nodes import compose, value_of
from miners.inventory.schema import SECTIONS

ROOT = Path(__file__).parents[3]
SCHEMA = documents.json_schema()


@pytest.mark.parametrize("name", [documents.PAGE_NAME, documents.SCHEMA_NAME])
def test_the_documents_are_not_stale(tmp_path: Path, name: str) -> None:
    documents.write(tmp_path)
    assert (tmp_path / name).read_text("utf-8") == (ROOT / "docs" / name).read_text("utf-8"), (
        f"docs/{name} is stale: run `python -m miners.inventory.documents docs/`"
    )


def test_the_generator_as_a_program(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "miners.inventory.documents", str(tmp_path)], check=True, cwd=ROOT)
    assert json.loads((tmp_path / documents.SCHEMA_NAME).read_text("utf-8")) == SCHEMA


def test_every_key_is_in_the_page_with_an_example_that_the_loader_takes(tmp_path: Path) -> None:
    page = documents.page()
    for _, section in SECTIONS.values():
        for key, field in section.fields.items():
            assert f"| `{key}` |" in page
            assert f"`{field.example}`" in page
    wrapped = {
        "containers": "{name: C, %s}",
        "miners": "{name: C, columns: 9, rows: 9, miners: [{address: a, %s}]}",
        "defaults": "",
    }
    for name, section in SECTIONS.values():
        for key, field in section.fields.items():
            if name not in wrapped or key in (
                "address",
                "addresses",
                "except",
                "number",
                "fill",
                "row",
                "column",
                "name",
            ):
                continue
            pair = f"{key}: {field.example}"
            content = (
                f"defaults: {{{pair}}}\n" if name == "defaults" else f"containers: [{wrapped[name] % pair}]\n"
            )
            file = tmp_path / "targets.yml"
            file.write_text(f"tariffs: {{day-night: {{currency: USD, price_per_kwh: 1}}}}\n{content}")
            load([file])


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_takes_the_example() -> None:
    jsonschema.validate(data_of((ROOT / "targets.yml").read_text("utf-8")), SCHEMA)


# Values for one key of a container (its `miners` given otherwise) or of a miner: the loader and the schema agree.
CONTAINER = [
    "interval: 30",
    "interval: 30s",
    "interval: 2M",
    "interval: 0",
    "interval: 5000",
    "interval: 30 sec",
    "interval: [30]",
    "timezone: Europe/Moscow",
    "timezone: 3",
    "timezone: Europe Moscow",
    "control: enforce",
    "control: true",
    "id: site-1",
    "id: Site 1",
    "id: 1",
    "client: null",
    "description: 12",
    "description: true",
    'description: "a\\u0007"',
    'description: " a"',
    "power_limit: 800 kW",
    "power_limit: 800kw",
    "power_limit: 800.5 MW",
    "power_limit: 800 kV",
    "power_limit: 800000",
    "power_limit: -1",
    "alerts: {down_max_ratio: 0.5}",
    "alerts: {down_max_ratio: 5}",
    "alerts: {x: 0.5}",
    "alerts: null",
    "temperature_limits: {chip_max: 95.5}",
    "temperature_limits: {chip: 95}",
    "rows: 3",
    "rows: 3.5",
    "rows: 3.0",
    "rows: '3'",
    "simulate: {a: [1, {b: null}]}",
    "simulate: 5",
    "miners: {}",
    "miners: []",
    "unknown: 1",
]
MINER = [
    "port: 4028",
    "port: null",
    "port: 70000",
    "port: '4028'",
    "port: true",
    "manufacturer: AntMiner",
    "manufacturer: ELHAPEX",
    "manufacturer: MicroBT",
    "manufacturer: Acme",
    "manufacturer: 3",
    "driver: avalon",
    "driver: token_gateway",
    "driver: Avalon",
    "nominal_hashrate: 110 TH/s",
    "nominal_hashrate: 110th",
    "nominal_hashrate: 840 kSol/s",
    "nominal_hashrate: 110",
    "nominal_hashrate: 110 TB/s",
    "nominal_power_w: 3250.5",
    "nominal_power_w: 3250 W",
    "nominal_power_w: -3",
    "active: false",
    "active: no",
    "row: 1",
    "row: 1, column: 1",
    "fill: rows",
    "addresses: 10.0.0.1-9",
    "name: 007",
    "name: null",
    f"name: {'x' * 101}",
    "pools: []",
    "pools: [a]",
    "pools: [{url: a}]",
    "pools: [{user: a}]",
    "pools: a",
    "credentials: {file: a/b}",
    "credentials: {file: ../b}",
    "credentials: {file: /b}",
    "credentials: {environment: HASHYARD_MINER_A}",
    "credentials: {environment: PATH}",
    "credentials: {file: a, environment: HASHYARD_MINER_A}",
    "credentials: {}",
    "credentials: {user: a, password: b}",
    "credentials: HASHYARD_MINER_A",
    "credentials: file:a",
    "credentials: file:../a",
    "credentials: root:root",
    "password: a",
]
TOP = [
    "networks: [10.0.0.0/8]",
    "networks: [10.0.0.0]",
    "networks: 10.0.0.0/8",
    "defaults: {interval: 5}",
    "defaults: {name: a}",
    "containers: []",
    "containers: {}",
    "containers: [{}]",
    "containers: [{name: a}]",
    "containers: [{name: a, miners: [{}]}]",
    "containers: [{name: a, miners: [{addresses: 10.0.0.1-9, name: 'a{n}'}]}]",
    "containers: [{name: a, miners: [{addresses: [10.0.0.1-9, 10.0.1.0/24]}]}]",
    "containers: [{name: a, miners: [{addresses: {}}]}]",
    "containers: [{name: a}, {extends: a, miners: [{address: b}]}]",
    "containers: [{name: a}, {extends: a, miners: []}]",
    "containers: [{name: a}, {extends: a}]",
    "containers: [{name: a}, {extends: a, name: b, miners: []}]",
    "containers: [{name: a}, {extends: 5.0.0, rows: 3, miners: []}]",
    "containers: [{name: a}, {extends: null, miners: []}]",
    "containers: [{name: a}, {extends: a, miners: [{}]}]",
    "tariffs: {a: {currency: USD, price_per_kwh: 0.05}}",
    "tariffs: {a: {currency: USD, price_per_kwh: '0.05'}}",
    "tariffs: {a: {currency: USD, price_per_kwh: 5e-2}}",
    "tariffs: {a: {currency: USD, price_per_kwh: '5e-2'}}",
    "tariffs: {a: {currency: USD, price_per_kwh: -1}}",
    "tariffs: {a: {currency: usd, price_per_kwh: 1}}",
    "tariffs: {a: {currency: USD}}",
    "tariffs: {a: {currency: USD, price_per_kwh: 1, zones: [{from: 06:00, to: 24:00, price_per_kwh: 1}]}}",
    "tariffs: {a: {currency: USD, price_per_kwh: 1, zones: [{from: 6:00, to: 24:00, price_per_kwh: 1}]}}",
    "tariffs: {a: {currency: USD, price_per_kwh: 1, zones: [{days: mon-fri, from: 06:00, to: 07:00, price_per_kwh: 1}]}}",
    "tariffs: {a: {currency: USD, price_per_kwh: 1, zones: [{days: [mun], from: 06:00, to: 07:00, price_per_kwh: 1}]}}",
    "tariffs: {a: {currency: USD, price_per_kwh: 1, zones: [{from: 06:00, price_per_kwh: 1}]}}",
    "x: 1",
    "[]",
    "5",
]


@pytest.mark.parametrize(
    "content",
    [f"containers: [{{name: C, {pair}}}]" for pair in CONTAINER]
    + [f"containers: [{{name: C, miners: [{{address: a, {pair}}}]}}]" for pair in MINER]
    + TOP,
)
def test_the_schema_and_the_loader_agree(tmp_path: Path, content: str) -> None:
    file = tmp_path / "targets.yml"
    file.write_text(content + "\n", encoding="utf-8")
    try:
        load([file])
        taken = True
    except InventoryError:
        taken = False
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(data_of(content)) is taken


def test_both_verdicts_are_among_the_documents(tmp_path: Path) -> None:
    valid = [jsonschema.Draft202012Validator(SCHEMA).is_valid(data_of(content)) for content in TOP]
    assert 5 < sum(valid) < len(valid) - 5


def data_of(content: str) -> Any:
    root = compose(content)
    assert root is not None
    return value_of(root)


def test_the_inventory_can_name_every_driver_that_there_is() -> None:
    assert tuple(DRIVERS) == shared_keys.DRIVERS
