"""Planted secrets over the whole controller: it is made to succeed and to fail in every way, and all that comes out is searched.

The miners, the gateway and the exporter repeat what they are told in confidence; whatever they say must have lost it before
anybody reads it.
"""

import base64
import json
import re
import traceback
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from controller.api.routes import ROUTES
from controller.settings import Settings, check
from controller.storage.faults import StorageAway
from controller.storage.storage import Storage
from hashyard_terminal import configure_logs
from miners.errors import ConfigurationError
from miners.model import Credentials
from miners.writers import WRITERS
from simulator.quiet import run_quietly
from tests.system.asking import Asker, free_port
from tests.system.talkative_web import (
    GATEWAY_TOKEN,
    POOL_PASSWORD,
    TalkativeGateway,
    TalkativeMiner,
    TalkativeWeb,
)
from tests.system.whole_controller import CALM, SECRET, Yard, yard

NOON = 1_780_056_000.0  # 2026-05-29 12:00:00 UTC
WHATSMINER_PASSWORD = "planted-whatsminer-9e2"
GATEWAY_PASSWORD = "planted-gateway-pw-1b8"
EXPORTER_TOKEN = "planted-exporter-token-55a0"
NEW_PASSWORD = "planted new administrator password"
WRONG_PASSWORD = "planted wrong password 3c"
STUMBLE = "planted-in-an-exception-0f3"
BASIC = base64.b64encode(f"root:{SECRET}".encode()).decode()

TARGETS = """\
networks: [127.N.0.0/16]
defaults:
  {{interval: 10s, control: enforce, port: 24028, web_port: 28080, v3_port: 24433, credentials: {{file: rack}},
    ramp: {{step: 1 MW, every: 1s, batch: 1000}}}}
schedules:
  always: {{otherwise: normal}}
containers:
  - name: Yard A
    client: acme
    simulate: {{{calm}}}
    miners:
      - {{name: good, address: 127.N.1.1, manufacturer: AntMiner, model: S19 Pro}}
      - {{name: locked, address: 127.N.1.2, manufacturer: AntMiner, model: S19 Pro}}
      - {{name: talks, address: 127.N.1.3, manufacturer: AntMiner, model: S19 Pro, web_port: {web}}}
      - {{name: v2, address: 127.N.1.4, manufacturer: Whatsminer, model: M30S+, credentials: HASHYARD_MINER_W, simulate: {{password: {whatsminer}}}}}
      - {{name: v3, address: 127.N.1.5, manufacturer: Whatsminer, model: M60S, credentials: HASHYARD_MINER_W, simulate: {{password: {whatsminer}}}}}
      - {{name: html, address: 127.N.1.6, manufacturer: Whatsminer, model: M30S+, credentials: HASHYARD_MINER_W, simulate: {{password: {whatsminer}}}}}
      - {{name: no, address: 127.N.1.7, manufacturer: Whatsminer, model: M30S+, credentials: HASHYARD_MINER_W, simulate: {{password: {whatsminer}}}}}
      - {{name: gone, address: 127.N.1.8, manufacturer: AntMiner, model: S19 Pro}}
  - name: Yard B
    client: borealis
    gateway: {gateway}
    gateway_credentials: HASHYARD_MINER_GATE
    simulate: {{{calm}}}
    miners:
      - {{name: g1, address: 127.N.2.1, manufacturer: Whatsminer, model: M30S+}}
"""


class Outputs:
    """All that came out, by where it was."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []

    def add(self, where: str, text: str) -> None:
        self.texts.append((where, text))

    def check(self, secrets: dict[str, str]) -> None:
        """Assert that no secret stands anywhere, in clear or in another coding."""
        assert len(self.texts) > 100
        for name, secret in secrets.items():
            assert len(secret) >= 8
            forms = {secret, json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode().rstrip("=")}
            for where, text in self.texts:
                for form in forms:
                    at = text.find(form)
                    assert at < 0, f"{name} in {where}: {text[max(0, at - 600) : at + 100]}"


@pytest.fixture
def logs_of_the_process() -> Iterator[None]:
    """Log as the process does."""
    configure_logs()
    yield
    structlog.reset_defaults()


def test_no_secret_comes_out(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    logs_of_the_process: None,
) -> None:
    run_quietly(scenario(tmp_path, capfd, caplog, monkeypatch))


async def scenario(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outputs = Outputs()
    secrets = {
        "a miner's password": SECRET,
        "a miner's password as Basic": BASIC,
        "a Whatsminer's password": WHATSMINER_PASSWORD,
        "the gateway's password": GATEWAY_PASSWORD,
        "the gateway's password as Basic": base64.b64encode(f"farm:{GATEWAY_PASSWORD}".encode()).decode(),
        "the gateway's token": GATEWAY_TOKEN,
        "a pool's password": POOL_PASSWORD,
        "the exporter's token": EXPORTER_TOKEN,
        "the new password": NEW_PASSWORD,
        "the wrong password": WRONG_PASSWORD,
        "what an exception said": STUMBLE,
    }
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(TalkativeGateway("127.0.0.1"))
        exporter = await stack.enter_async_context(TalkativeWeb("127.0.0.1"))
        pages = await stack.enter_async_context(TalkativeMiner("0.0.0.0"))  # asked on loopback alone
        token_file = tmp_path / "exporter-token"
        token_file.write_text(EXPORTER_TOKEN)
        port = free_port()
        told = {
            "calm": CALM,
            "gateway": f"http://127.0.0.1:{gateway.port}",
            "whatsminer": WHATSMINER_PASSWORD,
        }
        on = await stack.enter_async_context(
            yard(
                tmp_path,
                TARGETS.format(web=28080, **told),
                NOON,
                port=port,
                exporters=(f"http://127.0.0.1:{exporter.port}",),
                exporter_token_file=token_file,
                environment={
                    "HASHYARD_MINER_W": f"admin:{WHATSMINER_PASSWORD}",
                    "HASHYARD_MINER_GATE": f"farm:{GATEWAY_PASSWORD}",
                },
            )
        )
        # The simulator listens where the file says; only now the pages are those of another.
        await on.write(TARGETS.format(web=pages.port, **told))
        await on.pass_(60)
        on.bend("yard-a.locked", "wrong_password")
        on.bend("yard-a.no", "refuses")
        on.bend("yard-a.html", "hostile", kind="html")
        await on.spoil("yard-a.gone", "refused")
        asker = Asker(on, port, outputs.add)
        stack.push_async_callback(asker.http.close)

        token, browser = await sign_in(asker, on, secrets)
        await command(asker, token)
        assert pages.heard
        assert gateway.heard
        assert exporter.heard == [f"Bearer {EXPORTER_TOKEN}"] * len(exporter.heard) != []
        await stumble(asker, on, token, monkeypatch)
        await ask_every_route(asker, on, token)
        await ask_wrongly(asker, token, browser)
        for text in [repr(on.settings), str(on.settings), *struct_texts(on)]:
            outputs.add("a struct", text)
        with monkeypatch.context() as patch:
            away(on, patch)
            for path in ("/api/v1/me", "/api/v1/events", "/api/v1/miners", "/metrics", "/-/ready"):
                status, _, _ = await asker.ask("GET", path, Authorization=f"Bearer {token}")
                assert status in {200, 503}
            status, _, _ = await asker.ask(
                "POST", "/api/v1/auth/login", {"username": "admin", "password": NEW_PASSWORD}
            )
            assert status == 503
            await on.pass_(30)
    for file in sorted((tmp_path / "data").rglob("*")):
        if file.is_file():
            outputs.add(f"the file {file.name}", file.read_bytes().decode("latin-1"))
    out, err = capfd.readouterr()
    outputs.add("stdout", out)
    outputs.add("stderr", err)
    outputs.add("logging", caplog.text)
    assert "commands" in err or "command" in err, err[:500]
    outputs.check(secrets)


async def sign_in(asker: Asker, on: Yard, secrets: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Sign in as the first administrator, change the password; return a token and a session's headers."""
    first = (on.settings.data / "initial-admin-password").read_text().strip()
    secrets["the first password"] = first
    login = "/api/v1/auth/login"
    await asker.ask("POST", login, {"username": "admin", "password": WRONG_PASSWORD})
    await asker.ask("POST", login, {"username": WRONG_PASSWORD, "password": "x"})
    _, told, _ = await asker.ask("POST", login, {"username": "admin", "password": first}, secret=True)
    browser = session_of(told)
    change = {"current": first, "new": NEW_PASSWORD}
    status, told, _ = await asker.ask("PUT", "/api/v1/me/password", change, secret=True, **browser)
    assert status == 204
    secrets |= {
        "an ended cookie": browser["Cookie"].partition("=")[2],
        "an ended CSRF token": browser["X_CSRF_Token"],
    }
    browser = session_of(told)
    secrets |= {"the cookie": browser["Cookie"].partition("=")[2]}
    wish = {"name": "all", "scopes": ["read", "reports", "inventory", "control", "people"]}
    status, _, made = await asker.ask("POST", "/api/v1/me/tokens", wish, secret=True, **browser)
    assert status == 201
    secrets |= {"the token": made["token"], "the CSRF token": browser["X_CSRF_Token"]}
    body = {"username": "olga", "role": "accountant"}
    _, _, olga = await asker.ask("POST", "/api/v1/users", body, secret=True, **browser)
    secrets["a one-time password"] = olga["password"]
    _, _, older = await asker.ask(
        "POST", "/api/auth/login", {"username": "admin", "password": NEW_PASSWORD}, secret=True
    )
    secrets["an older tool's token"] = older["access_token"]
    return made["token"], browser


def session_of(told: Any) -> dict[str, str]:
    cookie = told["Set-Cookie"].partition(";")[0]
    return {"Cookie": cookie, "X_CSRF_Token": told["X-CSRF-Token"]}


async def command(asker: Asker, token: str) -> None:
    """Have commands end in every way: each outcome that there is but one that takes minutes is among them."""
    bearer = f"Bearer {token}"
    ends: dict[str, str] = {}
    for miner, action in (
        ("yard-a.good", {"type": "sleep"}),
        ("yard-a.good", {"type": "set_power_limit", "watts": 1000}),
        ("yard-a.locked", {"type": "sleep"}),
        ("yard-a.talks", {"type": "sleep"}),
        ("yard-a.v2", {"type": "sleep"}),
        ("yard-a.v3", {"type": "sleep"}),
        ("yard-a.no", {"type": "sleep"}),
        ("yard-a.html", {"type": "sleep"}),
        ("yard-a.gone", {"type": "sleep"}),
        ("yard-b.g1", {"type": "sleep"}),
    ):
        body = {"action": action, "reason": "the grid asks"}
        path = f"/api/v1/miners/{miner}/actions"
        status, _, told = await asker.ask("POST", path, body, seconds=400.0, Authorization=bearer)
        ends[f"{miner} {action['type']}"] = f"{status} {told.get('state')} {told.get('detail')}"
    found = {name: end.split()[1] for name, end in ends.items()}
    assert found == {
        "yard-a.good sleep": "applied",
        "yard-a.good set_power_limit": "None",
        "yard-a.locked sleep": "auth_failed",
        "yard-a.talks sleep": "refused",
        "yard-a.v2 sleep": "applied",
        "yard-a.v3 sleep": "applied",
        "yard-a.no sleep": "refused",
        "yard-a.html sleep": "unreachable",
        "yard-a.gone sleep": "unreachable",
        "yard-b.g1 sleep": "refused",
    }, json.dumps(ends, indent=1)
    # What they said is told, without what they were told.
    assert ends["yard-a.talks sleep"].count("<secret>") >= 2
    assert "<secret>" in ends["yard-b.g1 sleep"]


async def stumble(asker: Asker, on: Yard, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let our own code make mistakes, with a secret in what they say."""
    bearer = f"Bearer {token}"

    async def broken(*_given: Any, **_named: Any) -> Any:
        raise RuntimeError(STUMBLE)

    with monkeypatch.context() as patch:
        patch.setitem(WRITERS, "antminer", msgspec.structs.replace(WRITERS["antminer"], send=broken))
        body = {"action": {"type": "wake"}, "reason": "x"}
        path = "/api/v1/miners/yard-a.good/actions"
        status, _, told = await asker.ask("POST", path, body, seconds=60.0, Authorization=bearer)
        assert "RuntimeError" in told["detail"], (status, told)
    with monkeypatch.context() as patch:
        patch.setattr(on.controller.engine, "poll", broken)
        status, _, _ = await asker.ask("POST", "/api/v1/miners/yard-a.good/poll", Authorization=bearer)
        assert status == 500


def answers_of(path: str) -> set[int]:
    """Return how a path may answer here: without Prometheus, without a closed month, and without a Grafana to sign on to."""
    if "stats" in path or "alerts" in path:
        return {200, 503}
    return {404} if path.startswith(("/api/v1/reports/1", "/sign-on/", "/.well-known/")) else {200}


async def ask_every_route(asker: Asker, on: Yard, token: str) -> None:
    """Read all that can be read, as administrator."""
    bearer = f"Bearer {token}"
    order = {"target": {"containers": ["yard-a"]}, "profile": "curtail", "ends": "manual", "reason": "x"}
    _, _, made = await asker.ask("POST", "/api/v1/overrides", order, seconds=300.0, Authorization=bearer)
    _, _, users = await asker.ask("GET", "/api/v1/users", Authorization=bearer)
    olga = next(user["id"] for user in users["items"] if user["username"] == "olga")
    _, _, client = await asker.ask("POST", "/api/v1/clients", {"name": "Volga"}, Authorization=bearer)
    tariff = {"name": "day", "currency": "USD", "price_per_kwh": "0.05"}
    await asker.ask("POST", "/api/v1/tariffs", tariff, Authorization=bearer)
    values = {
        "/api/v1/clients/{id}": client["id"],
        "/api/v1/tariffs/{name}": "day",
        "/api/v1/reports/{number}": "1",
        "/api/v1/containers/{id}": "yard-a",
        "/api/v1/miners/{id}": "yard-a.talks",
        "/api/v1/profiles/{name}": "normal",
        "/api/v1/schedules/{id}": "always",
        "/api/v1/overrides/{id}": made["id"],
        "/api/v1/operations/{id}": made["operation"]["id"],
        "/api/v1/stats/containers/{id}": "yard-a",
        "/api/v1/stats/miners/{id}": "yard-a.good",
        "/api/v1/users/{id}": olga,
        "/api/v1/manufacturers/{name}": "Whatsminer",
        "/api/miners/models/{manufacturer}": "Whatsminer",
        "/api/miners/{id}": "yard-a.talks",
        "/api/containers/{id}": "yard-a",
        "/api/stats/miners/{id}": "yard-a.good",
        "/api/stats/containers/{id}": "yard-a",
        "/problems/{type}": "invalid",
    }
    for route in ROUTES:
        if route.method != "GET" or route.reply_media == "text/event-stream":
            continue
        path = route.path
        for begin, value in values.items():
            if path == begin or path.startswith(begin + "/"):
                path = path.replace(begin, re.sub(r"{\w+}", value, begin))
        if path == "/api/v1/reports/energy":
            path += "?from=2026-01-01&to=2026-01-31"
        assert "{" not in path, f"which one to ask for at {path} is not said here"
        status, _, _ = await asker.ask("GET", path, secret=path == "/api/v1/me", Authorization=bearer)
        assert status in answers_of(path), (path, status)
    for miner in on.miners:
        await asker.ask("GET", f"/api/v1/miners/{miner}", Authorization=bearer)
    await asker.ask("GET", "/api/v1/events?limit=500", Authorization=bearer)
    await asker.ask("GET", "/metrics", Accept="application/openmetrics-text")
    async with asker.http.get(
        "/api/v1/stream?topics=overview,containers,miner:yard-a.talks,events",
        headers={"Authorization": bearer},
    ) as stream:
        asker.keep("the stream", (await stream.content.read(100_000)).decode())


async def ask_wrongly(asker: Asker, token: str, browser: dict[str, str]) -> None:
    """Make every kind of error, with secrets where they do not belong."""
    bearer = f"Bearer {token}"
    await asker.ask("GET", "/api/v1/me", **browser, Authorization=bearer)
    await asker.ask("POST", "/api/v1/me/tokens", {"name": "x"}, Cookie=browser["Cookie"])
    await asker.ask("GET", "/api/v1/me", Authorization=bearer + "x")
    await asker.ask("GET", f"/api/v1/me?access_token={token}", Authorization=bearer)
    await asker.ask(
        "PUT", "/api/v1/me/password", {"current": WRONG_PASSWORD, "new": "x"}, Authorization=bearer
    )
    await asker.ask("POST", "/api/v1/auth/login", {"username": "admin", "passwort": NEW_PASSWORD})
    miner = {"name": "n", "address": "10.1.1.1", "container": "yard-a", "credentials": f"root:{SECRET}"}
    status, _, _ = await asker.ask("POST", "/api/v1/miners", miner, Authorization=bearer)
    assert status == 422
    await asker.ask(
        "POST", "/api/login", {"miner_ip": "127.0.0.1", "username": "admin", "password": WRONG_PASSWORD}
    )
    await asker.ask("POST", "/api/profileset", {"token": token, "profile": "normal"})
    await asker.ask("POST", "/api/v1/reload", Authorization=bearer)


def struct_texts(on: Yard) -> list[str]:
    """Return what printing shows of the things that hold secrets."""
    known = on.controller.live.all().values()
    held: list[Any] = (
        [one.target for one in known]
        + [one.reading for one in known]
        + [one.miner.credentials for one in known]
    )
    held += [
        Credentials("root", SECRET),
        on.controller.exporter,
        on.controller.process,
        on.controller.storage,
    ]
    return [shown for one in held for shown in (repr(one), str(one), f"{one}")]


def away(on: Yard, patch: pytest.MonkeyPatch) -> None:
    """Take the database away."""

    async def no(*_given: Any, **_named: Any) -> Any:
        raise StorageAway("the database is locked by another program: try again later", "locked")

    patch.setattr(on.controller.storage.database, "read", no)
    patch.setattr(on.controller.storage.database, "write", no)


def test_the_databases_password_is_in_no_message(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    secret = "planted-database-pw-8d"
    messages: list[str] = []
    for url in (
        f"postgresql://hashyard:{secret}@127.0.0.1:1/hashyard",
        f"postgresql://hashyard:{secret}@127.0.0.1:1/hashyard?no_such_option=1",
        f"postgresql://hashyard:{secret}@127.0.0.1:port/hashyard",
        f"postgresql://hashyard:{secret}@[::1/hashyard",
        f"mysql://hashyard:{secret}@127.0.0.1/hashyard",
        f"{secret}",
    ):
        settings = Settings(targets=(tmp_path,), data=tmp_path, database_url=url)
        messages += [repr(settings), str(settings)]
        try:
            check(settings)
            Storage.open(settings.database).close()
        except ConfigurationError as error:
            messages += [str(error), "".join(traceback.format_exception(error))]
        else:
            raise AssertionError(url)
    out, err = capfd.readouterr()
    assert secret not in out + err + "".join(messages)
