"""Requests as no browser and no honest program sends them, byte by byte: refused as problems, and told to no log."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from controller.api.app import application
from controller.api.unreadable import Runner
from controller.settings import Settings
from controller.storage.storage import Storage
from tests.unit.controller.api.conftest import House, MakeHouse, cheap_passwords
from tests.unit.controller.api.managed_fleet import start
from tests.unit.controller.api.quiet_deeds import QuietDeeds, QuietProcess

SECRET = "hy_planted-5c0d1e"
HEAD = "Host: 127.0.0.1\r\nConnection: close\r\n"
JSON = f"{HEAD}Content-Type: application/json\r\n"
LOGIN = "POST /api/v1/auth/login HTTP/1.1\r\n"
OLDER = f"POST /api/login HTTP/1.1\r\n{JSON}"
MINER = '{"miner_ip":"1.1"}'
ME = "GET /api/v1/me HTTP/1.1\r\n"


async def raw(port: int, text: str) -> tuple[int, dict[str, str], str]:
    """Send bytes, and return status, headers (lower case) and body of what comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text.encode("latin-1"))
    async with asyncio.timeout(60):
        answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """An API as the controller runs it."""
    settings = Settings(targets=(tmp_path / "targets.yml",), data=tmp_path)
    storage = Storage.open(settings.database)
    passwords = cheap_passwords()
    runner = Runner(
        application(settings, QuietDeeds(), storage, process=QuietProcess(), passwords=passwords),
        access_log=None,
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()
    storage.close()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (f"{ME}{HEAD}Authorization: Bearer {SECRET}{'x' * 9000}\r\n\r\n", 400),
        (f"{ME}{HEAD}Authorization: Bearer {SECRET}\x00\r\n\r\n", 400),
        (f"{ME}{HEAD}Authoriz\x01ation: Bearer {SECRET}\r\n\r\n", 400),
        (f"{ME}{HEAD}Cookie: hashyard={SECRET}{'x' * 9000}\r\n\r\n", 400),
        (f"GET /api/v1/me?token={SECRET}{'x' * 9000} HTTP/1.1\r\n{HEAD}\r\n", 400),
        (f"{SECRET} / HTTP/1.1\r\n{HEAD}\r\n", 400),
        (f"{LOGIN}{JSON}Content-Length: {len(SECRET)}\r\nContent-Length: 4\r\n\r\n{SECRET}", 400),
        (f"{LOGIN}{JSON}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
        (f"{LOGIN}{JSON}Transfer-Encoding: chunked\r\n\r\n{SECRET}\r\n", 400),
        (f"{LOGIN}{JSON}Content-Encoding: gzip\r\nContent-Length: {len(SECRET)}\r\n\r\n{SECRET}", 400),
        (f"{ME}Host: 127.0.0.1\r\nHost: {SECRET}\r\nConnection: close\r\n\r\n", 400),
        (f"{ME}Connection: close\r\n\r\n", 400),
        (f"{ME}Host: {SECRET}@127.0.0.1\r\nConnection: close\r\n\r\n", 400),
        (f"{LOGIN}{JSON}Expect: {SECRET}\r\nContent-Length: 2\r\n\r\n{{}}", 422),
        (f"{LOGIN}{JSON}Content-Length: {len(SECRET)}\r\n\r\n{SECRET}", 400),
        (f"{OLDER}Authorization: Basic \xff\xfe{SECRET}\r\nContent-Length: 18\r\n\r\n{MINER}", 401),
        (f"{ME}{HEAD}Cookie: =;;\xff; hashyard={SECRET}; hashyard=2\r\n\r\n", 401),
        (f"{ME}{HEAD}Authorization: Bearer {SECRET}\r\nAuthorization: Bearer 2\r\n\r\n", 401),
        (f"TRACE /api/v1/me HTTP/1.1\r\n{HEAD}Cookie: hashyard={SECRET}\r\n\r\n", 405),
        (f"CONNECT {SECRET}:443 HTTP/1.1\r\n{HEAD}\r\n", 421),
        (f"GET http://{SECRET}.example/api/v1/me HTTP/1.1\r\n{HEAD}\r\n", 421),
    ],
)  # fmt: skip
async def test_it_is_a_problem_and_its_bytes_are_told_to_nobody(
    port: int, text: str, status: int, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    found, headers, body = await raw(port, text)
    assert (found, headers["content-type"]) == (status, "application/problem+json"), body
    told = json.loads(body)
    assert (told["status"], told["request_id"]) == (status, headers["x-request-id"])
    assert headers["server"] == "Hashyard"
    out, err = capfd.readouterr()
    assert SECRET not in body + out + err + caplog.text
    assert "Traceback" not in out + err + caplog.text


async def test_the_body_is_asked_for_where_that_is_waited_for(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{LOGIN}{JSON}Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n".encode())
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"{}")
    assert (await reader.read()).startswith(b"HTTP/1.1 422 ")
    writer.close()


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method"]
)
async def test_no_header_makes_another_method_of_it(house: House, header: str) -> None:
    browser = await house.signed_in("anna")
    assert (await browser.get("/api/v1/me", headers={header: "DELETE"})).status == 200
    response = await browser.ask("POST", "/api/v1/me", {}, headers={header: "PATCH"})
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, PATCH")
    response = await browser.ask("POST", "/api/v1/me?_method=PATCH", {})
    assert response.status == 405


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Host", "X-Forwarded-Server", "X-Original-URL", "X-Rewrite-URL"]
)
async def test_no_header_makes_another_host_or_path_of_it(house: House, name: str) -> None:
    browser = await house.signed_in("anna")
    response = await browser.get("/api/v1/me", headers={name: "/api/v1/users"})
    assert (await response.json())["username"] == "anna"
    response = await browser.get("/nothing", headers={name: "evil.example"})
    assert "evil" not in str(response.headers) + await response.text()


async def test_options_and_head_tell_and_change_nothing(house: House) -> None:
    browser = await house.signed_in("anna")
    options = await browser.ask("OPTIONS", "/api/v1/users", headers={"Origin": "https://evil.example"})
    assert options.status == 405
    assert not [name for name in options.headers if name.lower().startswith("access-control")]
    whole, head = await browser.get("/api/v1/me"), await browser.ask("HEAD", "/api/v1/me")
    assert (head.status, await head.read(), head.headers["ETag"]) == (200, b"", whole.headers["ETag"])
    assert (await house.browser().ask("HEAD", "/api/v1/me")).status == 401
    assert (await browser.ask("HEAD", "/api/v1/events.csv")).status == 200
    assert (await browser.ask("HEAD", "/api/v1/auth/logout")).status == 405
    assert (await browser.get("/api/v1/me")).status == 200


@pytest.mark.parametrize("path", ["/state", "/logs"])
@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
async def test_the_older_pages_lead_to_our_own_and_nowhere_else(house: House, path: str, host: str) -> None:
    browser = await house.signed_in("anna")
    accepts = {"Accept": "text/html", "X-Forwarded-Host": "evil.example", "Host": host}
    response = await browser.get(path, headers=accepts)
    if host == "evil.example":
        assert response.status == 421
        return
    assert (response.status, response.headers["Location"]) == (303, {"/state": "/", "/logs": "/log"}[path])


@pytest.mark.parametrize(
    "path", ["//evil.example/state", "/\\evil.example", "/state//evil.example", "/%2f%2fevil.example/"]
)
async def test_no_path_leads_out(house: House, path: str) -> None:
    browser = await house.signed_in("anna")
    url = URL(f"{str(house.http._base_url).rstrip('/')}{path}", encoded=True)
    response = await browser.ask("GET", str(url), headers={"Accept": "text/html"})
    assert response.status == 404
    assert "Location" not in response.headers


async def test_names_do_not_get_into_headers(make_house: MakeHouse, tmp_path: Path) -> None:
    fleet = await start(make_house, tmp_path)
    browser = await fleet.browser()
    evil = 'x\r\nSet-Cookie: hashyard=1\r\n"; filename=evil'
    for method, path, body in (
        ("POST", "/api/v1/containers", {"name": evil}),
        ("POST", "/api/v1/schedules", {"name": evil, "otherwise": "normal"}),
        ("POST", "/api/v1/miners", {"name": evil, "address": "10.1.7.9", "container": "container-1"}),
        ("POST", "/api/v1/users", {"username": "olga", "role": "client", "name": evil}),
        ("POST", "/api/containers", {"name": evil}),
    ):
        response = await browser.ask(method, path, body)
        assert response.status in {201, 422}, await response.text()
        for name in ("Location", "Link", "Content-Disposition"):
            assert re.fullmatch(r'[\w/.<>:;="\- ]*', response.headers.get(name, "")), response.headers[name]
        assert "Set-Cookie" not in response.headers
    for path in (
        "/api/v1/containers/x%0d%0aSet-Cookie:%20a=1",
        "/api/miners/models/x%0d%0aSet-Cookie:%20a=1",
        "/api/v1/events.csv?q=x%0d%0aSet-Cookie:%20a=1",
        "/logs?miner_ip=x%0d%0aSet-Cookie:%20a=1",
    ):
        response = await browser.get(path)
        assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1, 198.51.100.2", "203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9", ""], "203.0.113.9"),
    ],
)
async def test_a_line_of_its_own_by_which_a_proxy_tells_the_caller(
    make_house: MakeHouse, lines: list[str], address: str
) -> None:
    """Some proxies add a second X-Forwarded-For; the first is then the caller's own invention."""
    house = await make_house(trusted_proxies=("127.0.0.1",))
    await house.user("anna")
    headers = CIMultiDict([("X-Forwarded-For", line) for line in lines])
    response = await house.http.post(
        "/api/v1/auth/login", json={"username": "anna", "password": "wrong wrong wrong"}, headers=headers
    )
    assert response.status == 401
    [failed] = await house.events("auth.failed")
    assert failed.address == address


async def test_the_proxys_word_on_tls_is_the_last(make_house: MakeHouse) -> None:
    house = await make_house(trusted_proxies=("127.0.0.1",))
    await house.user("anna")
    body = {"username": "anna", "password": "heron lantern quarry wick"}
    for protocols, cookie in ((("https", "http"), "hashyard"), (("http", "https"), "__Host-hashyard")):
        headers = CIMultiDict([("X-Forwarded-Proto", one) for one in protocols])
        response = await house.http.post("/api/v1/auth/login", json=body, headers=headers)
        assert list(response.cookies) == [cookie]


async def test_long_inputs_are_refused_where_they_stand(house: House) -> None:
    browser = await house.signed_in("anna")
    for method, path, body, at in (
        ("POST", "/api/v1/auth/login", {"username": "x" * 129, "password": "y"}, "/username"),
        ("POST", "/api/v1/auth/login", {"username": "x", "password": "y" * 100_000}, "/password"),
        ("POST", "/api/v1/me/tokens", {"name": "x" * 100_000, "scopes": ["read"]}, "/name"),
        ("POST", "/api/v1/users", {"username": "x" * 100_000, "role": "client"}, "/username"),
    ):
        response = await browser.ask(method, path, body)
        assert (response.status, [one["at"] for one in (await response.json())["errors"]]) == (422, [at])
    for query in (f"/api/v1/users?q={'x' * 201}", f"/api/v1/users?cursor={'x' * 501}"):
        assert (await browser.get(query)).status == 400
