"""The query gateway of a whole stack: two clients' tokens at every path, over what the exporter says and Prometheus keeps.

Simulated miners, exporter, Prometheus and controller are processes as people run them; the second client's names carry a
word, and its power is above all others'.
"""

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from controller.gateway.asking import PATHS
from tests.system.stack import HASHYARD, Answer, Program, Stack, ask, query, until

OTHER: Final = "zephyr"
OF_OWN: Final = re.compile(r"\bacme\b|Yard A")
OF_OTHER: Final = re.compile(OTHER, re.IGNORECASE)

TARGETS = """\
networks: [127.N.0.0/16]
defaults: {interval: 1s, timeout: 5s}
containers:
  - name: Yard A
    client: acme
    miners:
      - {name: m1, address: 127.N.1.1, manufacturer: Whatsminer, model: M30S+}
  - name: Zephyr Yard
    client: zephyr
    miners:
      - {name: zephyr1, address: 127.N.2.1, manufacturer: AntMiner, model: S19 Pro}
      - {name: zephyr2, address: 127.N.2.2, manufacturer: AntMiner, model: S19 Pro}
  - name: Zephyr Annexe
    miners: [{name: zephyr9, address: 127.N.3.1, manufacturer: AntMiner, model: S19 Pro}]
"""


SAID_BACK: Final = (
    'label_replace(miner_up, "client", "zephyr", "client", ".*")',
    'absent(miner_up{container="Zephyr Yard"})',
)
"""What answers with words of the question itself."""


class House:
    """The stack while it runs, and the clients' tokens by slug."""

    def __init__(self, controller: Program, prometheus: Program, tokens: Mapping[str, str]) -> None:
        self.controller, self.prometheus, self.tokens = controller, prometheus, tokens

    def asked(self, who: str | None, path: str, method: str = "GET", /, **given: Any) -> Answer:
        """Ask the gateway as a client, by his token; None: without any."""
        headers = {} if who is None else {"Authorization": f"Bearer {self.tokens[who]}"}
        parameters = f"?{urlencode(given, doseq=True)}" if given else ""
        return ask(f"{self.controller.url}/gateway/api/v1/{path}{parameters}", method=method, headers=headers)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, prometheus: Path) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("gateway")
    with Stack(folder) as stack:
        targets = stack.write_targets(TARGETS)
        stack.start_simulator(targets)
        exporter = stack.start_exporter(targets)
        keeping = stack.start_prometheus(prometheus, exporter)
        where = f"127.{stack.network}.255.8:8000"
        command = [*HASHYARD, "controller", "--env-file", "/dev/null", "--targets", str(targets)]
        command += ["--data", str(folder / "data"), "--listen", where, "--exporter", exporter.url]
        controller = stack.start_program("controller", [*command, "--prometheus", keeping.url], where)
        controller.wait_ready("/-/ready")
        tokens = gateway_tokens(controller, folder / "data")
        until(
            lambda: len(query(keeping, 'miner_power_watts{client!=""}')) >= 3,
            "Prometheus has the power of both clients",
        )
        yield House(controller, keeping, tokens)


def gateway_tokens(controller: Program, data: Path) -> dict[str, str]:
    """Make a token of the gateway for each client that the inventory names; return them by slug."""
    password = (data / "initial-admin-password").read_text(encoding="utf-8").strip()
    login = {"username": "admin", "password": password}
    signed_in = ask(f"{controller.url}/api/v1/auth/login?as=token", method="POST", body=login)
    assert signed_in.status == 200, signed_in.body
    headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
    clients = ask(f"{controller.url}/api/v1/clients", headers=headers).json()["items"]
    found = {}
    for client in clients:
        path = f"/api/v1/clients/{client['id']}/gateway-tokens"
        made = ask(controller.url + path, method="POST", headers=headers)
        assert made.status == 201, made.body
        found[client["slug"]] = made.json()["token"]
    assert set(found) == {"acme", OTHER}
    return found


def questions() -> list[tuple[str, dict[str, Any]]]:
    """Return each path of the gateway with what it is asked, in the ways in which it is asked by Grafana and by the curious."""
    now = time.time()
    times = {"start": f"{now - 300:.0f}", "end": f"{now:.0f}"}
    expressions = (
        "miner_power_watts",
        'miner_power_watts{container="Zephyr Yard"}',
        'miner_power_watts{client="zephyr"}',
        'miner_power_watts{client=~".*"}',
        'miner_power_watts{client!="acme"}',
        'topk(5, {__name__=~"miner_.+"})',
        'count by (client, container, miner) ({__name__=~".+"})',
        *SAID_BACK,
        "max_over_time(sum(miner_power_watts)[2m:10s])",
        "miner_power_watts @ end() or miner_power_watts offset 1s",
    )
    found: list[tuple[str, dict[str, Any]]] = []
    for expression in expressions:
        found.append(("query", {"query": expression}))
        found.append(("query_range", {"query": expression, "step": "10", **times}))
    for given in ({}, times, {"match[]": ["miner_up", 'miner_up{client="zephyr"}']}):
        found.append(("labels", given))
        found += [(f"label/{name}/values", given) for name in ("client", "container", "miner", "__name__")]
        found.append(("series", {"match[]": '{__name__=~"miner_.+"}'} | given))
    found += [(path, {}) for path in ("rules", "alerts", "status/buildinfo", "metadata")]
    found.append(("query_exemplars", {"query": "miner_up", **times}))
    return found


def test_every_path_is_asked() -> None:
    asked = {re.sub(r"label/\w+/", "label/<name>/", path) for path, _ in questions()}
    assert asked == set(PATHS)


def test_each_client_is_told_of_his_own_at_every_path(house: House) -> None:
    told = {"acme": 0, OTHER: 0}
    for path, given in questions():
        for who, not_his in (("acme", OF_OTHER), (OTHER, OF_OWN)):
            answer = house.asked(who, path, **given)
            assert answer.status == 200, f"{who}: {path} {given}: {answer.body!r}"
            text = answer.body.decode()
            if given.get("query") not in SAID_BACK:
                assert not not_his.search(text), f"{who}: {path} {given}: {text[:500]}"
            assert "Annexe" not in text, f"{who}: {path} {given}"
            told[who] += (OF_OWN if who == "acme" else OF_OTHER).search(text) is not None
    # Of the rest, some is recorded by rules whose minute has not come yet.
    assert min(told.values()) > 10


def test_figures_are_those_of_ones_own_alone(house: House) -> None:
    for who, miners in (("acme", 1), (OTHER, 2)):
        [sample] = house.asked(who, "query", query="count(miner_up)").json()["data"]["result"]
        assert sample["value"][1] == str(miners)
        clients = house.asked(who, "label/client/values").json()["data"]
        assert clients == [who]


@pytest.mark.parametrize(
    "expression",
    [
        'quantile(scalar(miner_power_watts{container="Zephyr Yard"}), miner_power_watts)',
        'miner_up{client="acme" or client="zephyr"}',
        "info(miner_up)",
        "miner_up[5m:]",
        "miner_up{",
        "up",
    ],
)
def test_what_leads_around_is_refused(house: House, expression: str) -> None:
    answer = house.asked("acme", "query", query=expression)
    assert answer.status in {400, 422}, answer.body
    assert answer.json()["status"] == "error"


@pytest.mark.parametrize(
    "path", ["query", "status/config", "targets", "admin/tsdb/snapshot", "../../api/v1/query"]
)
def test_there_is_nothing_without_a_token_or_elsewhere(house: House, path: str) -> None:
    assert house.asked(None, path, query="miner_up").status == (401 if path == "query" else 404)
    if path != "query":
        assert house.asked("acme", path).status == 404


def test_a_token_of_the_gateway_opens_nothing_else(house: House) -> None:
    headers = {"Authorization": f"Bearer {house.tokens['acme']}"}
    for path in ("/api/v1/me", "/api/v1/containers", "/api/v1/stats/overview"):
        assert ask(house.controller.url + path, headers=headers).status == 401, path
