"""The simulated fleet on real sockets: ports, limits, manners, and the control interface while it runs."""

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from simulator import fleet as running
from simulator import server
from simulator.clock import ManualClock
from simulator.errors import SimulatorError
from simulator.fleet import SimulatedFleet
from simulator.specs import ContainerSpec, MinerSpec

CONTAINER = "Контейнер 1"
Start = Callable[..., Awaitable[SimulatedFleet]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a fleet of the models named, on addresses of its own; closed when the test ends."""
    begun: list[SimulatedFleet] = []

    async def begin(*models: str, clock: ManualClock | None = None, **simulate: Any) -> SimulatedFleet:
        miners = tuple(
            MinerSpec(
                container=CONTAINER,
                name=f"a{number}",
                address=f"127.66.{number // 250}.{number % 250 + 1}",
                port=24028,
                web_port=28080,
                v3_port=24433,
                model=model,
                simulate=simulate,
            )
            for number, model in enumerate(models, 1)
        )
        fleet = SimulatedFleet([ContainerSpec(name=CONTAINER, miners=miners)], clock=clock, control_port=0)
        await fleet.start()
        begun.append(fleet)
        return fleet

    yield begin
    for fleet in begun:
        await fleet.stop()


async def ask(
    address: str, command: str | bytes, *, port: int = 24028, source: str = "127.0.0.1", within: float = 60.0
) -> bytes:
    asked = json.dumps({"command": command}).encode() if isinstance(command, str) else command
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection(address, port, local_addr=(source, 0))
        try:
            writer.write(asked)
            return await reader.read()
        finally:
            writer.close()


async def refused_or_nothing(address: str, *, source: str) -> bool:
    """Whether a question is turned away: reset, or closed without a byte, as the kernel happens to order it."""
    try:
        return await ask(address, "summary", source=source) == b""
    except ConnectionError:
        return True


async def control(fleet: SimulatedFleet, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, fleet.control_url + path, data=None if body is None else json.dumps(body)
        ) as answer,
    ):
        return answer.status, await answer.json()


def here(fleet: SimulatedFleet, number: int = 0) -> str:
    return fleet.miners[number].spec.address


async def test_two_hundred_miners_answer_at_once(start: Start) -> None:
    fleet = await start(*["S9", "S19 Pro", "M30S+", "1246", "DG1+"] * 40)
    answers = await asyncio.gather(*(ask(miner.spec.address, "summary") for miner in fleet.miners))
    assert len(answers) == 200
    for reply in answers:
        assert json.loads(reply.rstrip(b"\0"))["SUMMARY"][0]["Accepted"] > 100


async def test_requests_in_pieces_with_a_nul_and_too_long(start: Start) -> None:
    address = here(await start("S9"))
    reader, writer = await asyncio.open_connection(address, 24028)
    writer.write(b'{"comm')
    await asyncio.sleep(0.05)
    writer.write(b'and":"version"}\0')
    assert b'"VERSION"' in await reader.read()
    writer.close()
    assert b'"Code":23' in await ask(address, b"summary\n")
    assert await ask(address, b'{"command":"' + b"a" * 5000 + b'"}') == b""


async def test_each_make_opens_its_own_ports_only(start: Start) -> None:
    fleet = await start("M60S", "DG-Home1")
    for number in (0, 1):
        with pytest.raises(ConnectionRefusedError):
            await ask(here(fleet, number), "summary")
    _, listed = await control(fleet, "GET", "/fleet")
    assert [row["ports"] for row in listed["miners"]] == [{"v3": 24433}, {"web": 28080}]


async def test_frames_come_and_go_on_one_connection(start: Start) -> None:
    reader, writer = await asyncio.open_connection(here(await start("M60S")), 24433)
    for parameter in ("summary", "pools+edevs"):
        asked = json.dumps({"cmd": "get.miner.status", "param": parameter}).encode()
        framed = struct.pack("<I", len(asked)) + asked
        writer.write(framed[:7])
        await asyncio.sleep(0.02)
        writer.write(framed[7:])
        (length,) = struct.unpack("<I", await reader.readexactly(4))
        assert json.loads(await reader.readexactly(length))["msg"].keys() == set(parameter.split("+"))
    writer.write(b"\xff\xff\xff\xff")
    assert await reader.read() == b""
    writer.close()


async def test_a_whatsminer_talks_to_sixteen_addresses_and_no_more(start: Start) -> None:
    address = here(await start("M30S+"))
    for number in range(1, 17):
        assert b"SUMMARY" in await ask(address, "summary", source=f"127.0.9.{number}")
    assert await refused_or_nothing(address, source="127.0.9.17")
    assert b"SUMMARY" in await ask(address, "summary", source="127.0.9.3")


async def test_the_one_session_of_luxos(start: Start) -> None:
    address = here(await start("S19k Pro", device="luxos"))
    replies = await asyncio.gather(*(ask(address, "logon") for _ in range(5)))
    codes = sorted(json.loads(reply)["STATUS"][0]["Code"] for reply in replies)
    assert codes == [316, 402, 402, 402, 402]


async def test_joins_where_the_firmware_joins_and_nowhere_else(start: Start) -> None:
    fleet = await start("S9", "S19", "M30S+", "1246", "DG1+")
    replies = await asyncio.gather(*(ask(miner.spec.address, "summary+pools") for miner in fleet.miners))
    joined = [b'"summary":[{' in reply for reply in replies]
    assert joined == [True, False, True, True, False]
    assert b'"Code":14' in replies[1]


async def test_the_web_wants_a_digest_and_the_right_password(start: Start) -> None:
    fleet = await start("S19")
    url = f"http://{here(fleet)}:28080/cgi-bin/get_system_info.cgi"

    async def get(password: str | None, path: str = url) -> tuple[int, str]:
        middlewares = () if password is None else (aiohttp.DigestAuthMiddleware("root", password),)
        async with (
            aiohttp.ClientSession(middlewares=middlewares) as session,
            session.get(path) as answer,
        ):
            return answer.status, await answer.text()

    assert (await get(None))[0] == 401
    assert (await get("admin"))[0] == 401
    status, text = await get("root")
    assert (status, json.loads(text)["minertype"]) == (200, "Antminer S19")
    assert (await get("root", url.replace("get_system_info", "no_such_page")))[0] == 404
    await control(fleet, "POST", f"/miners/{CONTAINER}/a1/faults", {"fault": "wrong_password"})
    assert (await get("root"))[0] == 401
    await control(fleet, "DELETE", f"/miners/{CONTAINER}/a1/faults")
    assert (await get("root"))[0] == 200
    await control(fleet, "POST", f"/miners/{CONTAINER}/a1/faults", {"fault": "cut", "ratio": 0.5})
    with pytest.raises(aiohttp.ClientPayloadError):
        await get("root")


async def test_faults_come_and_go_by_http_while_it_runs(start: Start) -> None:
    fleet = await start("S9")
    address, faults = here(fleet), f"/miners/{CONTAINER}/a1/faults"
    status, answer = await control(
        fleet, "POST", faults, [{"fault": "board_dead", "board": 2}, {"fault": "refused"}]
    )
    assert status == 201
    assert [fault["fault"] for fault in answer["faults"]] == ["board_dead", "refused"]
    with pytest.raises(ConnectionRefusedError):
        await ask(address, "stats")
    assert (await control(fleet, "GET", "/truth"))[1]["miners"][0]["answering"] is False
    assert await control(fleet, "DELETE", f"{faults}/refused") == (200, {"removed": 1})
    assert b'"chain_acn7":0,' in await ask(address, "stats")
    assert await control(fleet, "GET", faults) == (200, {"faults": [{"fault": "board_dead", "board": 2}]})
    assert (await control(fleet, "DELETE", faults))[0] == 200
    assert b'"chain_acn7":63,' in await ask(address, "stats")


async def test_the_silent_accept_and_say_nothing_and_others_are_not_disturbed(start: Start) -> None:
    fleet = await start("S9", "S9")
    await control(fleet, "POST", f"/miners/{CONTAINER}/a1/faults", {"fault": "silent"})
    waiting = asyncio.create_task(ask(here(fleet), "summary"))
    assert b"SUMMARY" in await ask(here(fleet, 1), "summary")
    await asyncio.sleep(0.2)
    assert not waiting.done()
    waiting.cancel()


async def test_slow_dripping_and_cut_replies(start: Start) -> None:
    fleet = await start("S9", "S9", "S9")
    for name, fault in (
        ("a1", {"fault": "slow", "seconds": 0.5}),
        ("a2", {"fault": "drip", "seconds": 0.001}),
        ("a3", {"fault": "cut", "ratio": 0.5}),
    ):
        assert (await control(fleet, "POST", f"/miners/{CONTAINER}/{name}/faults", fault))[0] == 201
    slow = asyncio.create_task(ask(here(fleet), "version"))
    assert (await ask(here(fleet, 1), "version")).endswith(b"}\0")
    cut = await ask(here(fleet, 2), "version")
    assert cut.startswith(b'{"STATUS"')
    assert not cut.endswith(b"\0")
    assert (await slow).endswith(b"}\0")


@pytest.mark.parametrize(
    ("kind", "beginning", "size"),
    [
        ("html", b"<!DOCTYPE html>", 80),
        ("garbage", b"", 4096),
        ("empty", b"", 0),
        ("nested", b"[[[[", 100_000),
        ("huge", b'{"STATUS"', 10 * 1024 * 1024),
        ("not_utf8", b"{", 70),
        ("wrong_types", b'{"STATUS":7', 80),
        ("not_finite", b"{", 80),
        ("text", b"Socket connect failed", 20),
    ],
)
async def test_hostile_replies(start: Start, kind: str, beginning: bytes, size: int) -> None:
    fleet = await start("S9")
    await control(fleet, "POST", f"/miners/{CONTAINER}/a1/faults", {"fault": "hostile", "kind": kind})
    reply = await ask(here(fleet), "summary")
    assert reply.startswith(beginning)
    assert size <= len(reply) <= size + 100


async def test_an_idle_connection_is_closed_by_the_miner(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IDLE_S", 0.05)
    monkeypatch.setattr(running, "SWEEP_EVERY_S", 0.0)
    address = here(await start("M30S+"))
    reader, writer = await asyncio.open_connection(address, 24028)
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.close()


async def test_a_silent_web_port_and_a_malformed_header_leave_nothing_behind(start: Start) -> None:
    fleet = await start("S19")
    url = f"http://{here(fleet)}:28080/cgi-bin/stats.cgi"
    async with aiohttp.ClientSession() as session:
        for header in (
            "Digest a=",
            "Digest",
            "Digest nonce=x-y, uri",
            'Digest nonce="1-2"',
            "Basic cm9vdDpyb290",
        ):
            async with session.get(url, headers={"Authorization": header}) as answer:
                assert answer.status == 401
        await control(fleet, "POST", f"/miners/{CONTAINER}/a1/faults", {"fault": "silent"})
        before = len(asyncio.all_tasks())
        for _ in range(5):
            with pytest.raises(TimeoutError):
                await session.get(url, timeout=aiohttp.ClientTimeout(total=0.1))
    async with asyncio.timeout(60):
        while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110  # the server hears of it in its own time
            await asyncio.sleep(0.01)


async def test_a_slow_miner_answers_after_the_others(start: Start) -> None:
    fleet = await start("S9", "S9")
    await control(fleet, "POST", f"/miners/{CONTAINER}/a1/faults", {"fault": "slow", "seconds": 2})
    slow = asyncio.create_task(ask(here(fleet), "summary"))
    assert b"SUMMARY" in await ask(here(fleet, 1), "summary")
    assert not slow.done()
    assert b"SUMMARY" in await slow


async def test_orders_by_http_have_their_physical_effect(start: Start) -> None:
    clock = ManualClock()
    fleet = await start("S19 Pro", clock=clock)
    state = f"/miners/{CONTAINER}/a1/state"
    status, truth = await control(fleet, "POST", state, {"asleep": True})
    assert (status, truth["state"], truth["hashrate_hs"]) == (200, "sleeping", 0)
    clock.advance(60)
    await control(fleet, "POST", state, {"asleep": False, "power_percent": 80, "mode": "normal"})
    clock.advance(3_600)
    truth = (await control(fleet, "GET", f"/truth?container={CONTAINER}&miner=a1"))[1]["miners"][0]
    assert truth["power_w"] == pytest.approx(0.8 * 3_250, rel=0.06)
    assert truth["seconds"]["sleeping"] == pytest.approx(60)
    assert truth["energy_joules"] > 3_000 * truth["power_w"]


async def test_a_reboot_closes_the_ports_until_it_is_over(start: Start) -> None:
    clock = ManualClock()
    fleet = await start("S9", clock=clock)
    _, truth = await control(fleet, "POST", f"/miners/{CONTAINER}/a1/state", {"reboot": True})
    assert truth["state"] == "down"
    with pytest.raises(ConnectionRefusedError):
        await ask(here(fleet), "summary")
    clock.advance(90)
    async with asyncio.timeout(60):
        while True:
            try:
                reply = await ask(here(fleet), "summary")
                break
            except ConnectionError:
                await asyncio.sleep(0.05)
    assert json.loads(reply.rstrip(b"\0"))["SUMMARY"][0]["Elapsed"] < 90


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/miners/x/a1/faults", {"fault": "silent"}, 404, "no miner 'a1' in a container 'x'"),
        ("POST", f"/miners/{CONTAINER}/a1/faults", {"fault": "nap"}, 400, "'nap' is no fault"),
        ("POST", f"/miners/{CONTAINER}/a1/faults", {"fault": "board_dead", "board": 9}, 400, "has 3 boards"),
        ("POST", f"/miners/{CONTAINER}/a1/state", {"mode": "turbo"}, 400, "turbo"),
        ("POST", f"/miners/{CONTAINER}/a1/state", {"asleep": "yes"}, 400, "asleep"),
        ("POST", f"/miners/{CONTAINER}/a1/state", {"reboot": "yes"}, 400, "reboot"),
        ("POST", f"/miners/{CONTAINER}/a1/state", [], 400, "an object is wanted"),
        ("DELETE", f"/miners/{CONTAINER}/a1/faults/silent", None, 404, "no fault 'silent'"),
        ("GET", "/weather", None, 404, ""),
    ],
)
async def test_the_control_interface_says_what_is_wrong(
    start: Start, method: str, path: str, body: Any, status: int, words: str
) -> None:
    fleet = await start("S19")
    answered, said = await control(fleet, method, path, body)
    assert answered == status
    assert words in said["mistakes"][0]


async def test_the_truth_is_in_the_metrics_too(start: Start) -> None:
    fleet = await start("S19", "M60S")
    async with aiohttp.ClientSession() as session, session.get(f"{fleet.control_url}/metrics") as answer:
        text = await answer.text()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    power = {sample.labels["miner"]: sample.value for sample in families["simulator_power_watts"].samples}
    assert power["a1"] == pytest.approx(3_250, rel=0.06)
    assert {sample.labels["container"] for sample in families["simulator_hashes"].samples} == {CONTAINER}


async def test_a_port_that_is_taken_is_named(start: Start) -> None:
    await start("S9")
    with pytest.raises(
        SimulatorError, match=r"miner a1: cannot listen on 127.66.0.2:24028: Address already in use"
    ):
        await start("S9")
