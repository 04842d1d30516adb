"""Links from the API to Grafana: there where its address is known, encoded whatever the names are, and never for clients."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.unit.controller.api.conftest import MakeHouse
from tests.unit.controller.api.managed_fleet import start

HAND = """\
networks: [10.1.0.0/16]
containers:
- name: 'Контейнер 1 & "x" #?'
  id: one
  client: acme
  miners: [{name: 'a/1 {{7*7}}', address: 10.1.7.1}]
"""


async def test_names_arrive_at_the_dashboards_as_they_are(make_house: MakeHouse, tmp_path: Path) -> None:
    fleet = await start(make_house, tmp_path, hand=HAND, grafana_url="https://g.example/sub/")
    browser = await fleet.browser()
    miner_id = fleet.deeds.views()[0].id
    miner = await (await browser.get(f"/api/v1/miners/{miner_id}")).json()
    parts = urlsplit(miner["grafana_url"])
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "g.example", "/sub/d/hashyard-miner")
    assert parse_qs(parts.query) == {"var-container": ['Контейнер 1 & "x" #?'], "var-miner": ["a/1 {{7*7}}"]}
    assert parts.fragment == ""
    container = await (await browser.get("/api/v1/containers/one")).json()
    parts = urlsplit(container["grafana_url"])
    assert parts.path == "/sub/d/hashyard-container"
    assert parse_qs(parts.query) == {"var-container": ['Контейнер 1 & "x" #?']}
    client = await fleet.browser("clara", "client")
    assert (await (await client.get(f"/api/v1/miners/{miner_id}")).json())["grafana_url"] is None
    assert (await (await client.get("/api/v1/containers/one")).json())["grafana_url"] is None


async def test_without_grafana_there_is_no_link(make_house: MakeHouse, tmp_path: Path) -> None:
    fleet = await start(make_house, tmp_path)
    browser = await fleet.browser()
    assert (await (await browser.get("/api/v1/miners/container-1.a1")).json())["grafana_url"] is None
    assert (await (await browser.get("/api/v1/containers/container-1")).json())["grafana_url"] is None
