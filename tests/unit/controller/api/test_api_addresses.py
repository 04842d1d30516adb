"""No route has the controller ask, or send credentials to, an address that the inventory's networks do not hold.

Each way in which a request can name an address is tried with each address that must not be named, in the forms in which
programs have taken such addresses for others; something listens at some of them, and hears nothing.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.api.allowed_addresses import refused_address
from controller.api.routes import ROUTES
from tests.system.talkative_web import TalkativeMiner
from tests.unit.controller.api.conftest import Browser, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetHouse, start

EVERYTHING = "networks: [0.0.0.0/0, '::/0']\ncontainers: [{name: Container 1}]\n"
SOME = "networks: [10.1.0.0/16, 'fd00:1::/64']\ncontainers: [{name: Container 1}]\n"

SPECIAL = (
    "127.0.0.1",
    "127.1.2.3",
    "169.254.169.254",
    "224.0.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "240.0.0.1",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:0:0:0:0:0:80ff:fffe",
)
"""Refused though a network holds them among others."""

ODD = (
    "localhost",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "010.1.7.1",
    "0x0a.1.7.9",
    "10.1.7.9.",
    "10.1.7.9:80",
    "10.1.7.9@127.0.0.1",
    "10.1.7.9/32",
    "10.1.7.9#",
    "10.1.7.9\n127.0.0.1",
    "１０.1.7.9",
    "10。1。7。9",
    "10.1.7.9-12",
    "10.1.7.0/30",
    "[::1]",
    "miner.example.org",
    "10.1.7.9.nip.io",
    "http://10.1.7.9/",
)
"""Not an address at all, for us: others take some of them for one."""

OUTSIDE = ("8.8.8.8", "10.2.0.1", "10.0.255.255", "11.1.0.1", "fd00:2::1", "::a01:709")

NAMES_AN_ADDRESS = {
    ("POST", "/api/v1/miners"),
    ("PUT", "/api/v1/miners/{id}"),
    ("PATCH", "/api/v1/miners/{id}"),
    ("POST", "/api/v1/miners/import"),
    ("POST", "/api/miners"),
    ("PUT", "/api/miners/{id}"),
}
"""The routes whose bodies name one. Those that find a miner by its address (/api/login) find those of the inventory."""

FIND_BY_ADDRESS = {("POST", "/api/login"), ("POST", "/api/logout")}

READ_WITHOUT_ONE = {("POST", "/api/v1/meter-readings/import"), ("POST", "/sign-on/token")}
"""Read their bodies themselves, in which no column or field is an address."""


def fields_of(kind: Any) -> set[str]:
    return set(getattr(kind, "__struct_fields__", ()))


def test_no_other_route_takes_an_address_a_url_or_a_gateway() -> None:
    taking = {
        (route.method, route.path)
        for route in ROUTES
        if route.body is bytes
        or any(
            word in name
            for name in fields_of(route.body)
            for word in ("address", "ip", "host", "url", "gateway", "endpoint", "webhook", "network")
            if name != "description"
        )
    }
    assert taking == NAMES_AN_ADDRESS | FIND_BY_ADDRESS | READ_WITHOUT_ONE


async def made(make_house: MakeHouse, tmp_path: Path, hand: str) -> tuple[FleetHouse, Browser]:
    fleet = await start(
        make_house, tmp_path, hand=hand, environment={"HASHYARD_MINER_A": "root:planted-4e1a7"}
    )
    return fleet, await fleet.browser()


def ways(address: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Return each request that names an address: method, path, and what goes with it."""
    body = {"name": "m1", "address": address, "container": "container-1", "credentials": "HASHYARD_MINER_A"}
    older = {"name": "m1", "ip_address": address, "container_id": "container-1"}
    yaml = "containers:\n- name: Container 1\n  miners:\n  - {{name: m1, address: {}}}\n"
    quoted = '"' + address.replace("\n", "\\n") + '"'
    cell = '"' + address + '"'
    media: Callable[[str], dict[str, str]] = lambda kind: {"Content-Type": kind}  # noqa: E731  # two words
    return [
        ("POST", "/api/v1/miners", {"body": body}),
        ("POST", "/api/v1/miners?check=1", {"body": body}),
        ("PUT", "/api/v1/miners/container-1.known", {"body": body, "headers": {"If-Match": "*"}}),
        ("PUT", "/api/v1/miners/container-1.known?check=1", {"body": body, "headers": {"If-Match": "*"}}),
        (
            "PATCH",
            "/api/v1/miners/container-1.known",
            {"body": {"address": address}, "headers": {"If-Match": "*"}},
        ),
        (
            "PATCH",
            "/api/v1/miners/container-1.known?check=1",
            {"body": {"address": address}, "headers": {"If-Match": "*"}},
        ),
        ("POST", "/api/miners", {"body": older}),
        ("PUT", "/api/miners/container-1.known", {"body": {"ip_address": address}}),
        (
            "POST",
            "/api/v1/miners/import",
            {
                "data": f"container,name,address\nContainer 1,m1,{cell}\n".encode(),
                "headers": media("text/csv"),
            },
        ),
        (
            "POST",
            "/api/v1/miners/import",
            {"data": yaml.format(quoted).encode(), "headers": media("application/yaml")},
        ),
    ]


@pytest.fixture
async def listeners() -> AsyncIterator[tuple[int, list[str]]]:
    """Something that listens on this machine, at one port of IPv4 and IPv6, and who came."""
    came: list[str] = []

    async def hear(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(str(writer.get_extra_info("sockname")))
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0, family=socket.AF_INET)
    yield server.sockets[0].getsockname()[1], came
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("hand", "addresses", "own"),
    [(EVERYTHING, SPECIAL, "10.1.7.1"), (SOME, (*ODD, *OUTSIDE, "127.0.0.1"), "10.1.7.1")],
    ids=["special", "odd and outside"],
)
async def test_an_address_that_must_not_be_named(
    make_house: MakeHouse,
    tmp_path: Path,
    hand: str,
    addresses: tuple[str, ...],
    own: str,
    listeners: tuple[int, list[str]],
) -> None:
    port, came = listeners
    fleet, browser = await made(make_house, tmp_path, hand)
    known = {"name": "known", "address": own, "container": "container-1", "port": port}
    assert (await browser.ask("POST", "/api/v1/miners", known)).status == 201
    before = fleet.managed.read_text("utf-8")
    for address in addresses:
        for method, path, how in ways(address):
            if "body" in how and "/v1/" in path:
                how["body"]["port"] = port
            response = await browser.ask(method, path, **how)
            text = await response.text()
            assert response.status == 422, f"{method} {path} with {address!r}: {response.status} {text}"
            assert "planted" not in text
        assert fleet.managed.read_text("utf-8") == before
    assert came == []


@given(st.text(max_size=50))
def test_only_an_address_within_is_taken(text: str) -> None:
    import ipaddress  # noqa: PLC0415  # the oracle's own

    if refused_address(text, ("10.1.0.0/16",)) is None:
        assert ipaddress.ip_address(text) in ipaddress.ip_network("10.1.0.0/16")
        assert str(ipaddress.ip_address(text)) == text


async def test_a_special_network_that_is_named_opens_itself_alone(
    make_house: MakeHouse, tmp_path: Path
) -> None:
    hand = "networks: [127.0.0.0/24, 10.0.0.0/8]\ncontainers: [{name: Container 1}]\n"
    _, browser = await made(make_house, tmp_path, hand)
    body = {"name": "m1", "address": "127.0.0.9", "container": "container-1"}
    assert (await browser.ask("POST", "/api/v1/miners", body)).status == 201
    body = {"name": "m2", "address": "127.0.1.9", "container": "container-1"}
    assert (await browser.ask("POST", "/api/v1/miners", body)).status == 422


@pytest.mark.parametrize(
    "more",
    [
        {"gateway": "http://127.0.0.1:1"},
        {"gateway_credentials": "HASHYARD_MINER_A"},
        {"credentials": {"file": "x"}},
        {"password": "x"},
        {"pools": []},
        {"simulate": {}},
        {"extends": "Container 2"},
        {"networks": ["0.0.0.0/0"]},
    ],
)
async def test_nothing_else_that_leads_somewhere_can_be_set(
    make_house: MakeHouse, tmp_path: Path, more: dict[str, Any]
) -> None:
    fleet, browser = await made(make_house, tmp_path, SOME)
    body = {"name": "m1", "address": "10.1.7.9", "container": "container-1", **more}
    (field,) = more
    response = await browser.ask("POST", "/api/v1/miners", body)
    assert (response.status, [one["at"] for one in (await response.json())["errors"]]) == (422, [f"/{field}"])
    response = await browser.ask("POST", "/api/v1/containers", {"name": "C", **more})
    assert response.status == 422
    assert not fleet.managed.exists()


@pytest.mark.parametrize(
    "reference",
    [
        "PATH",
        "HASHYARD_EXPORTER_TOKEN",
        "DATABASE_URL",
        "HASHYARD_MINER_",
        "hashyard_miner_a",
        "HASHYARD_MINER_A ",
        "file:../rack",
        "file:/etc/passwd",
        "file:sub/../../rack",
        "file:link",
        "file:",
        "file:.",
        "file:rack\0",
        "root:root",
        "$HASHYARD_MINER_A",
    ],
)
async def test_a_reference_leads_to_secrets_of_miners_alone(
    make_house: MakeHouse, tmp_path: Path, reference: str
) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (tmp_path / "rack").write_text("root:planted-outside-77")
    (folder / "link").symlink_to(tmp_path / "rack")
    environment = {
        "HASHYARD_MINER_A": "root:planted-a1",
        "DATABASE_URL": "postgresql://a:planted@b/c",
        "HASHYARD_EXPORTER_TOKEN": "user:planted-token",
        "PATH": "/bin:/planted",
        "HASHYARD_MINER_": "root:planted",
    }
    fleet = await start(make_house, tmp_path, hand=SOME, environment=environment, secrets_dir=folder)
    browser = await fleet.browser()
    body = {"name": "m1", "address": "10.1.7.9", "container": "container-1", "credentials": reference}
    for path in ("/api/v1/miners", "/api/v1/miners?check=1"):
        response = await browser.ask("POST", path, body)
        found = await response.json()
        assert (response.status, found["errors"][0]["at"]) == (422, "/credentials")
        assert "planted" not in str(found)
    yaml = f'containers:\n- name: Container 1\n  miners:\n  - {{name: m1, address: 10.1.7.9, credentials: "{reference}"}}\n'
    if "\0" not in reference:
        response = await browser.ask(
            "POST", "/api/v1/miners/import", data=yaml.encode(), headers={"Content-Type": "application/yaml"}
        )
        assert response.status == 422
        assert "planted" not in await response.text()
    assert not fleet.managed.exists()


async def test_a_redirect_is_not_followed_with_the_password(make_house: MakeHouse, tmp_path: Path) -> None:
    hand = "networks: [127.0.0.1/32]\ncontainers: [{name: Container 1}]\n"
    _, browser = await made(make_house, tmp_path, hand)
    async with TalkativeMiner("127.0.0.1") as miner, TalkativeMiner("127.0.0.2") as elsewhere:
        body = {
            "name": "m1",
            "address": "127.0.0.1",
            "port": None,
            "v3_port": None,
            "web_port": miner.port,
            "container": "container-1",
            "manufacturer": "AntMiner",
            "credentials": "HASHYARD_MINER_A",
        }
        for redirect in (None, f"http://127.0.0.2:{elsewhere.port}"):
            miner.redirect = redirect
            response = await browser.ask("POST", "/api/v1/miners?check=1", body)
            text = await response.text()
            assert response.status == 502, text
            assert "planted" not in text
        assert miner.asked > 1
        assert elsewhere.asked == 0
