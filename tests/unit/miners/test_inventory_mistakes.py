"""Wrong files and the exact lines that each must give: the place, what is wrong, what would be right."""

from pathlib import Path

import pytest

from miners.errors import InventoryError
from miners.inventory.load import load

CREDENTIALS = (
    "user and password are never written here; put `user:password` into a file below the secrets folder, or into a "
    "variable HASHYARD_MINER_…, and name it: `credentials: {file: NAME}` or `credentials: {environment: HASHYARD_MINER_…}`"
)


def mistakes_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> list[str]:
    monkeypatch.chdir(tmp_path)
    file = Path("targets.yml")
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InventoryError) as caught:
        load([file])
    return list(caught.value.mistakes)


# One key of a miner, and what its value must give after `targets.yml:4: containers[0].miners[0]`.
MINER_KEYS: dict[str, str] = {
    "port: 70000": ".port: 70000 is not a TCP port (1–65535)",
    "port: 0": ".port: 0 is not a TCP port (1–65535)",
    "port: 4028.5": ".port: 4028.5 is not a TCP port (1–65535)",
    "port: abc": ".port: abc is not a TCP port (1–65535)",
    "port: .nan": ".port: .nan is not a TCP port (1–65535)",
    "port: true": ".port: true is not a TCP port (1–65535)",
    "port: [4028]": ".port: a list is not a TCP port (1–65535)",
    "port: {a: 1}": ".port: a mapping is not a TCP port (1–65535)",
    "port: 99999999999999999999999999999999999999": (
        ".port: 99999999999999999999999999999999999999 is not a TCP port (1–65535)"
    ),
    'port: "4028"': '.port: "4028" is a text here: leave the quotes out to make it a TCP port (1–65535)',
    "name: ": ".name: is empty: give a name, or leave the key out",
    'name: ""': '.name: "" is empty or has spaces around it: give a name',
    'name: " a"': '.name: " a" is empty or has spaces around it: give a name',
    'name: "a\\tb"': '.name: "a\\tb" has a control character (U+0009) in it',
    'name: "a\\u202Eb"': '.name: "a\\u202eb" has a control character (U+202E) in it',
    "name: true": ".name: true is a truth value here: put it in quotes to make it a name",
    "name: [a]": ".name: a list is not a name",
    f"name: {'x' * 101}": f".name: {'x' * 59}… has 101 characters; 100 at most",
    "manufacturer: Whatsmner": ".manufacturer: Whatsmner is not a manufacturer; did you mean Whatsminer?; leave it out for other makes",
    "manufacturer: Acme": (
        ".manufacturer: Acme is not a manufacturer: AntMiner, Whatsminer, Avalon, Elphapex, Ebang; leave it out for other makes"
    ),
    "driver: antminr": ".driver: antminr is not a driver; did you mean antminer?",
    "driver: token_gateway": (
        ".driver: token_gateway is no driver that reads: write `gateway: http://…` and leave it out, reading finds its own"
    ),
    "nominal_power_w: -1": ".nominal_power_w: -1 is not a number of watts (0–1000000)",
    "nominal_power_w: 3 kW": ".nominal_power_w: 3 kW is not a number of watts (0–1000000)",
    "nominal_power_w: .inf": ".nominal_power_w: .inf is not a number of watts (0–1000000)",
    "nominal_power_w: 1e400": ".nominal_power_w: 1e400 is not a number of watts (0–1000000)",
    "nominal_hashrate: 110": ".nominal_hashrate: 110 has no unit; write it as 110 TH/s",
    "nominal_hashrate: 110 TB/s": ".nominal_hashrate: 110 TB/s has the unknown unit TB/s; write it as 110 TH/s",
    'nominal_hashrate: "9,5 GH/s"': (
        '.nominal_hashrate: "9,5 GH/s" is not a hash rate such as 110 TH/s: decimals are written with a point'
    ),
    "active: yes": ".active: yes is not true or false",
    "row: 0, column: 1": ".row: 0 is not a whole number from 1 to 1000",
    "row: 2": ".row: goes with column, which is missing",
    "interval: 5": ".interval: unknown key; interval belongs to the container, or to defaults",
    "ip: 10.0.0.1": ".ip: unknown key; did you mean address?",
    "manufacturr: Avalon": ".manufacturr: unknown key; did you mean manufacturer?",
    "fill: rows, row: 1, column: 1": ".fill: goes with addresses, which is missing",
    "addresses: 10.2.0.1-9": ".addresses: stands beside address; only one of them is taken",
    "address: 10.1.7.11": ".address: is given twice, first in line 4",
    "gateway: 10.1.0.5": ".gateway: 10.1.0.5 is not a URL such as http://10.1.0.5:8080",
    "gateway: ftp://10.1.0.5": ".gateway: ftp://10.1.0.5 is not a URL such as http://10.1.0.5:8080",
    "gateway: 'http://a:70000'": ".gateway: this is not a URL such as http://10.1.0.5:8080",
    "gateway: 'http://[1'": ".gateway: this is not a URL such as http://10.1.0.5:8080",
    "gateway: 'http://'": ".gateway: http:// is not a URL such as http://10.1.0.5:8080",
    "gateway: 'http://root:hunter2@10.1.0.5'": (
        ".gateway: user and password never stand in a URL: write `gateway_credentials: HASHYARD_MINER_…` beside it"
    ),
    "gateway: 'http://10.1.0.5/?token=hunter2'": (
        ".gateway: nothing stands behind `?` or `#` in this URL: paths such as /api/login are added to it"
    ),
    "gateway_credentials: hunter2": (
        f".gateway_credentials: this is not a reference such as HASHYARD_MINER_A or file:antminer; {CREDENTIALS}"
    ),
    "gateway_credentials: {password: hunter2}": f".gateway_credentials: {CREDENTIALS}",
    "ramp: {step: 1 kW}": ".ramp: unknown key; ramp belongs to the container, or to defaults",
    "simulate: 5": ".simulate: 5 is not a mapping",
    "simulate: {a: 1, a: 2}": ".simulate: the key a stands twice (line 4)",
    "simulate: {a: .inf}": ".simulate: .inf is not a finite number (line 4)",
    "pools: x": ".pools: x is not a list of pools",
    "pools: [{user: x}]": ".pools[0]: url is missing: give a URL pattern",
    "pools: [{url: x, password: y}]": f".pools[0].password: {CREDENTIALS}",
    "password: hunter2": f".password: {CREDENTIALS}",
    "Password: hunter2": f".Password: {CREDENTIALS}",
    "credentials: root:hunter2": (
        f".credentials: this is not a reference such as HASHYARD_MINER_A or file:antminer; {CREDENTIALS}"
    ),
    "credentials: {user: root, password: hunter2}": f".credentials: {CREDENTIALS}",
    "credentials: {hunter2: hunter2}": f".credentials: {CREDENTIALS}",
    "credentials: {file: ../hunter2}": (
        f".credentials.file: this is not the name of a file below the secrets folder; {CREDENTIALS}"
    ),
    "credentials: {file: /etc/hunter2}": (
        f".credentials.file: this is not the name of a file below the secrets folder; {CREDENTIALS}"
    ),
    "credentials: {environment: HUNTER2}": (
        f".credentials.environment: this is not the name of a variable HASHYARD_MINER_…; {CREDENTIALS}"
    ),
    "credentials: {}": ".credentials: file or environment is missing",
    "credentials: {file: a, environment: HASHYARD_MINER_A}": (
        ".credentials.environment: stands beside file; only one of them is taken"
    ),
    "[a]: b": ": a list cannot be a key",
}


@pytest.mark.parametrize("key", MINER_KEYS)
def test_a_wrong_key_of_a_miner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    content = f"containers:\n  - name: Контейнер 1\n    miners:\n      - {{address: 10.1.7.10, {key}}}\n"
    found = mistakes_of(tmp_path, monkeypatch, content)
    assert found == [f"targets.yml:4: containers[0].miners[0]{MINER_KEYS[key]}"]
    assert "hunter2" not in "".join(found).lower()


# One key of a container, and what it must give after `targets.yml:3: containers[0]`.
CONTAINER_KEYS: dict[str, str] = {
    "id: Site 1": (".id: Site 1 is not a slug: small letters a-z, digits and single hyphens, such as site-1"),
    "id: 7": ".id: 7 is a number here: put it in quotes to make it a slug",
    "client: Волга": ".client: Волга is not a slug: small letters a-z, digits and single hyphens, such as site-1",
    "timezone: Europe/Moskow": ".timezone: Europe/Moskow is not a time zone; did you mean Europe/Moscow?",
    "timezone: europe/moscow": ".timezone: europe/moscow is not a time zone; did you mean Europe/Moscow?",
    "timezone: ../../etc/passwd": ".timezone: ../../etc/passwd is not a time zone such as Europe/Moscow",
    "timezone: 3": ".timezone: 3 is not a time zone",
    "interval: 0": ".interval: 0 is not a duration from 1 s to 3600 s",
    "interval: 2h": ".interval: 2h is not a duration from 1 s to 3600 s",
    "interval: 30 sec": ".interval: 30 sec has the unknown unit sec; write seconds, or 30s, 2m, 500ms",
    "interval: soon": (
        ".interval: soon is not a duration from 1 s to 3600 s; write seconds, or 30s, 2m, 500ms"
    ),
    "interval: .nan": ".interval: .nan is not a duration from 1 s to 3600 s",
    "connect_timeout: 11": ".connect_timeout: connect_timeout (11 s) is a part of timeout (10 s) and not longer",
    "power_limit: 800 kV": ".power_limit: 800 kV has the unknown unit kV; write watts, or 800 kW, 1.2 MW",
    "control: enforced": ".control: enforced is not a word for control; did you mean enforce?",
    "control: off": ".control: off is not a word for control: observe, enforce",
    "tariff: nights": ".tariff: there is no tariff nights; did you mean night?",
    "tariff: zzz": ".tariff: there is no tariff zzz; write it under `tariffs`",
    "schedule: defalt": ".schedule: there is no schedule defalt; did you mean default?",
    "schedule: zzz": ".schedule: there is no schedule zzz; write it under `schedules`",
    "ramp: {step: 0}": ".ramp.step: 0 is not a power such as 250 kW (100 W to 1 GW)",
    "ramp: {step: 250 kV}": ".ramp.step: 250 kV has the unknown unit kV; write watts, or 250 kW, 1.2 MW",
    "ramp: {every: 0}": ".ramp.every: 0 is not a duration from 1 s to 3600 s",
    "ramp: {batch: 0}": ".ramp.batch: 0 is not a whole number from 1 to 10000",
    "ramp: {batch: 2.5}": ".ramp.batch: 2.5 is not a whole number from 1 to 10000",
    "ramp: 5": ".ramp: 5 is not how power may step, such as {step: 250 kW, every: 10s, batch: 20}",
    "alerts: {down_max_ratio: 30}": ".alerts.down_max_ratio: 30 is not a share from 0 to 1, such as 0.85",
    "alerts: 5": ".alerts: 5 is not limits of alerts",
    "temperature_limits: {chip: 90}": ".temperature_limits.chip: unknown key; did you mean chip_max?",
    "temperature_limits: {chip_max: 900}": ".temperature_limits.chip_max: 900 is not a temperature in °C (-60–200)",
    "time_zone: UTC": ".time_zone: unknown key; did you mean timezone?",
    "miners: ": ".miners: is empty: give a list of miners, or `[]` for none",
    "miners: {name: a}": ".miners: a mapping is not a list of miners",
    "miners: [a1]": ".miners[0]: a1 is not a miner: a mapping with an address, or addresses",
    "miners: [{name: a1}]": ".miners[0]: address or addresses is missing",
    "miners: [{address: 10.1.7.300}]": ".miners[0].address: 10.1.7.300 is not an IPv4 or IPv6 address",
    "miners: [{address: 10.1.7}]": (
        ".miners[0].address: 10.1.7 is not an IPv4 address: it has four numbers from 0 to 255"
    ),
    "miners: [{address: 10.1.07.3}]": (
        ".miners[0].address: 10.1.07.3 has leading zeros, which some programs read as octal: leave them out"
    ),
    "miners: [{address: 10.1.7.3:4028}]": (
        ".miners[0].address: 10.1.7.3:4028 has a port in it: write `port:` beside the address"
    ),
    "miners: [{address: 10.1.7.3-9}]": (
        ".miners[0].address: 10.1.7.3-9 is more than one address: write `addresses:` for a range"
    ),
    "miners: [{address: 10.1.7.0/24}]": (
        ".miners[0].address: 10.1.7.0/24 is more than one address: write `addresses:` for a range"
    ),
    "miners: [{address: 224.0.0.1}]": ".miners[0].address: 224.0.0.1 is no address of a single host",
    "miners: [{address: a b}]": ".miners[0].address: a b is not an IPv4 or IPv6 address or a host name",
    "miners: [{address: 10.1.7.3, port: null, web_port: null, v3_port: null}]": (
        ".miners[0]: port, web_port and v3_port are all null, so nothing of it would be read"
    ),
    "miners: [{addresses: 10.1.7.200-10, name: 'a{n}'}]": (
        ".miners[0].addresses: 10.1.7.200-10 runs backwards: the smaller address comes first"
    ),
    "miners: [{addresses: 10.1.7.1/24}]": (
        ".miners[0].addresses: 10.1.7.1/24 has host bits set; the network is 10.1.7.0/24"
    ),
    "miners: [{addresses: 10.0.0.0/8}]": (
        ".miners[0].addresses: 10.0.0.0/8 stands for 16777214 addresses; 65536 at most"
    ),
    "miners: [{addresses: ['fd00::/64']}]": (
        ".miners[0].addresses[0]: fd00::/64 stands for 18446744073709551614 addresses; 65536 at most"
    ),
    "miners: [{addresses: 10.1.7.3-fd00::1}]": (
        ".miners[0].addresses: 10.1.7.3-fd00::1 begins with IPv4 and ends with IPv6"
    ),
    "miners: [{addresses: 10.1.7.3-300}]": ".miners[0].addresses: 10.1.7.300 is not an IPv4 or IPv6 address",
    "miners: [{addresses: 10.1.7.1-20, name: b}]": (
        '.miners[0].name: b would name all 20 miners of the range; put {n} into it, such as "b{n:02}"'
    ),
    "miners: [{addresses: 10.1.7.1-20, name: 'b{m}'}]": (
        ".miners[0].name: b{m} has braces that mean nothing; there are {n}, {n:03}, {row}, {column}, {address} and {last}"
    ),
    "miners: [{addresses: 10.1.7.1-20, name: 'b{row}'}]": (
        ".miners[0].name: b{row} names a place: give the row and column of the first miner"
    ),
    "miners: [{addresses: 10.1.7.1-20, row: 1, column: 1}]": (
        ".miners[0].row: filling by rows takes the container's `columns`"
    ),
    "miners: [{addresses: 10.1.7.1-20, row: 1, column: 1, fill: columns}]": (
        ".miners[0].row: filling by columns takes the container's `rows`"
    ),
    "miners: [{addresses: 10.1.7.1-20, except: 10.1.8.1}]": (
        ".miners[0].except: 10.1.8.1 is not among the addresses"
    ),
    "miners: [{addresses: 10.1.7.1-20, except: 10.1.7.1-20}]": ".miners[0].except: leaves none of the addresses",
    "columns: 2, miners: [{addresses: 10.1.7.1-5, row: 1, column: 1}], rows: 2": (
        ".miners[0].row: 10.1.7.5 would stand in row 3; the container has 2"
    ),
}


@pytest.mark.parametrize("key", CONTAINER_KEYS)
def test_a_wrong_key_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    content = (
        f"tariffs: {{night: {{currency: USD, price_per_kwh: 1}}}}\ncontainers:\n  - {{name: C, {key}}}\n"
    )
    assert mistakes_of(tmp_path, monkeypatch, content) == [
        f"targets.yml:3: containers[0]{CONTAINER_KEYS[key]}"
    ]


# A whole file, and all its lines.
TOPS: dict[str, tuple[str, list[str]]] = {
    "unknown key": (
        "continers: []\nmäh: 1\n",
        [
            "targets.yml:1: continers: unknown key; did you mean containers?",
            "targets.yml:2: mäh: unknown key; known here: defaults, tariffs, profiles, schedules, feeds, networks, containers",
        ],
    ),
    "miners at the top": (
        "miners: []\n",
        [
            "targets.yml:1: miners: unknown key; miners belong to a container: `containers: [{name: Container 1, miners: […]}]`"
        ],
    ),
    "name as a default": (
        "defaults: {name: a, timezone: Mars/Base}\n",
        [
            "targets.yml:1: defaults.name: unknown key; name cannot be a default: it belongs to each container or miner",
            "targets.yml:1: defaults.timezone: Mars/Base is not a time zone such as Europe/Moscow",
        ],
    ),
    "key twice": (
        "containers: []\nnetworks: []\ncontainers: []\n",
        ["targets.yml:3: containers: is given twice, first in line 1"],
    ),
    "no name": ("containers:\n  - id: a\n", ["targets.yml:2: containers[0]: name is missing: give a name"]),
    "names and ids twice": (
        "containers:\n  - name: A 1\n  - name: A 1\n  - name: a-1\n  - {name: B, id: a-1}\n",
        [
            "targets.yml:3: containers[1].name: A 1 is already the name of a container (targets.yml:2)",
            (
                "targets.yml:4: containers[2].name: a-1 has the id a-1 in URLs, and so has A 1 (targets.yml:2): "
                "give one of them another `id:`"
            ),
            (
                "targets.yml:5: containers[3].id: B has the id a-1 in URLs, and so has A 1 (targets.yml:2): "
                "give one of them another `id:`"
            ),
        ],
    ),
    "miners that are in each other's way": (
        (
            "containers:\n"
            "  - name: Контейнер 1\n"
            "    miners:\n"
            "      - {name: a1, address: 10.1.7.10, row: 1, column: 1}\n"
            "      - {name: a1, address: 10.1.7.11}\n"
            "      - {name: A1, address: 10.1.7.12}\n"
            "      - {name: a2, address: 10.1.7.10}\n"
            "      - {name: a3, address: 10.1.7.13, row: 1, column: 1}\n"
            "  - name: Контейнер 2\n"
            "    miners:\n"
            "      - {addresses: 10.1.7.9-11, name: 'a{n}'}\n"
        ),
        [
            "targets.yml:5: containers[0].miners[1].name: a1 is already the name of a miner in Контейнер 1 (targets.yml:4)",
            (
                "targets.yml:6: containers[0].miners[2].name: A1 has the id a1 in URLs, and so has a1 (targets.yml:4): "
                "rename one of them"
            ),
            (
                "targets.yml:7: containers[0].miners[3].address: 10.1.7.10:4028 is already that of a1 in Контейнер 1 "
                "(targets.yml:4)"
            ),
            "targets.yml:8: containers[0].miners[4].row: row 1, column 1 is already the place of a1 (targets.yml:4)",
            (
                "targets.yml:11: containers[1].miners[0].addresses: 10.1.7.10:4028 is already that of a1 in Контейнер 1 "
                "(targets.yml:4)"
            ),
            (
                "targets.yml:11: containers[1].miners[0].addresses: 10.1.7.11:4028 is already that of a1 in Контейнер 1 "
                "(targets.yml:5)"
            ),
        ],
    ),
    "two ranges": (
        (
            "containers:\n"
            "  - name: C\n"
            "    miners:\n"
            "      - {addresses: 'fd00::1-fd00::20', name: 'a{n}'}\n"
            "      - {addresses: 'fd00::10-fd00::30', name: 'b{n}'}\n"
        ),
        [
            (
                "targets.yml:5: containers[0].miners[1].addresses: [fd00::10]:4028 is already that of a16 in C "
                "(targets.yml:4) (and 16 more)"
            )
        ],
    ),
    "web port given to two": (
        (
            "containers:\n"
            "  - name: C\n"
            "    miners:\n"
            "      - {name: a, address: miner-1, port: 4028, web_port: 8080}\n"
            "      - {name: b, address: MINER-1, port: 4029, web_port: 8080, v3_port: null}\n"
        ),
        [
            "targets.yml:5: containers[0].miners[1].web_port: miner-1:8080 is already that of a in C (targets.yml:4)"
        ],
    ),
    "tariffs": (
        (
            "tariffs:\n"
            "  день:\n"
            "    currency: usd\n"
            "    price_per_kwh: abc\n"
            "    zones:\n"
            "      - {from: 06:00, to: 12:00, price_per_kwh: 1}\n"
            "      - {days: mon-fri, from: 11:00, to: 13:00, price_per_kwh: 1}\n"
            "      - {days: [sum], from: 25:00, to: 13:00, price_per_kwh: -1}\n"
            "      - {days: mon, from: 13:00, to: 13:00, price_per_kwh: .nan}\n"
            "      - {days: mon, from: 13:00, to: 13:00, price_per_kwh: 1}\n"
            "      - {days: sun, from: 23:00, to: 02:00, price_per_kwh: 1}\n"
            "      - {days: mon, from: 01:00, to: 05:00, price_per_kwh: 1}\n"
            "  x: {}\n"
            "  x: 5\n"
        ),
        [
            "targets.yml:3: tariffs.день.currency: usd is not a currency: three letters of ISO 4217 such as USD",
            "targets.yml:4: tariffs.день.price_per_kwh: abc is not a price such as 0.061",
            "targets.yml:7: tariffs.день.zones[1]: overlaps zones[0] (targets.yml:6)",
            "targets.yml:8: tariffs.день.zones[2].days[0]: sum is not a day such as mon, or days such as mon-fri, weekdays, weekend or every day",
            "targets.yml:8: tariffs.день.zones[2].from: 25:00 is not a time of day such as 06:00 (24:00 is the day's end)",
            "targets.yml:8: tariffs.день.zones[2].price_per_kwh: -1 is not a price such as 0.061",
            "targets.yml:9: tariffs.день.zones[3].price_per_kwh: .nan is not a price such as 0.061",
            "targets.yml:10: tariffs.день.zones[4].to: leaves the zone no time: a whole day is from 00:00 to 24:00",
            "targets.yml:12: tariffs.день.zones[6]: overlaps zones[5] (targets.yml:11)",
            "targets.yml:13: tariffs.x: currency is missing: give a currency: three letters of ISO 4217 such as USD",
            "targets.yml:13: tariffs.x: price_per_kwh or zones is missing",
            "targets.yml:14: tariffs.x: is given twice, first in line 13",
        ],
    ),
    "networks": (
        "networks:\n  - 10.1.0.0/16\n  - 10.1.0.1/16\n  - 10.1.0.0\n  - 10.1.0.0/16\n  - [x]\n",
        [
            "targets.yml:3: networks[1]: 10.1.0.1/16 has host bits set; the network is 10.1.0.0/16",
            "targets.yml:4: networks[2]: 10.1.0.0 is not a network such as 10.1.0.0/16",
            "targets.yml:5: networks[3]: 10.1.0.0/16 is already in the list (targets.yml:2)",
            "targets.yml:6: networks[4]: a list is not a network such as 10.1.0.0/16",
        ],
    ),
    "too many miners": (
        "containers:\n  - name: C\n    miners:\n"
        + "".join(f"      - {{addresses: 10.{i}.0.0/16}}\n" for i in range(5)),
        [
            f"targets.yml:{line}: containers[0].miners[{line - 4}].addresses: the inventory would hold more than 250000 "
            "miners; leave some to another"
            for line in (7, 8)
        ],
    ),
}


@pytest.mark.parametrize(("content", "lines"), TOPS.values(), ids=TOPS.keys())
def test_every_mistake_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, lines: list[str]
) -> None:
    assert mistakes_of(tmp_path, monkeypatch, content) == lines


def test_the_line_of_the_example_in_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "containers:\n"
    for container in range(3):
        content += f"  - name: C{container}\n    miners:\n"
        for miner in range(15):
            port = ", port: 70000" if (container, miner) == (2, 14) else ""
            content += f"      - {{name: m{miner}, address: 10.{container}.0.{miner + 1}{port}}}\n"
    assert mistakes_of(tmp_path, monkeypatch, content) == [
        "targets.yml:52: containers[2].miners[14].port: 70000 is not a TCP port (1–65535)"
    ]
