"""`hashyard read` and `hashyard scan` as a person runs them, against captured replies on real sockets."""

import asyncio
import json
import sys
from typing import Any

import pytest
import yaml

from tests.replay.server import ReplayServer, WebReplayServer, fixture_set

Finished = tuple[int, str, str]


async def hashyard(*arguments: str) -> Finished:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hashyard",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


READINGS = [
    (
        ("antminer", "S19_Pro"),
        {"driver": "antminer", "state": "mining", "model": "Antminer S19 Pro", "TH/s": 110.57, "boards": 3},
    ),
    (
        ("antminer", "L9"),
        {"driver": "antminer", "state": "mining", "model": "Antminer L9", "TH/s": 0.01148, "boards": 3},
    ),
    (
        ("whatsminer", "v1_20210322"),
        {"driver": "whatsminer_v2", "state": "mining", "model": None, "TH/s": 70.67, "boards": 3, "W": 3417},
    ),
    (
        ("whatsminer", "v2_20230803"),
        {"driver": "whatsminer_v2", "state": "mining", "model": None, "TH/s": 124.5, "boards": 3, "W": 3200},
    ),
    (
        ("whatsminer", "v3_M60S"),
        {
            "driver": "whatsminer_v3",
            "state": "mining",
            "model": "M60S_VK40",
            "TH/s": 171.26,
            "boards": 3,
            "W": 3156,
        },
    ),
    (
        ("avalon", "1246"),
        {"driver": "avalon", "state": "mining", "model": "1246-83", "TH/s": 81.07, "boards": 3, "W": 3504},
    ),
    (("avalon", "Q"), {"driver": "avalon", "state": "sleeping", "model": "Q", "TH/s": 0.0, "boards": 1}),
    (
        ("luxos", "S19k_Pro"),
        {
            "driver": "luxos",
            "state": "mining",
            "model": "Antminer S19k Pro",
            "TH/s": 59.756,
            "boards": 3,
            "W": 1051,
        },
    ),
]


def shown(reading: dict[str, Any]) -> dict[str, Any]:
    return {
        "driver": reading["driver"],
        "state": reading["state"],
        "model": reading["identity"]["model"],
        "TH/s": reading["hashrate_hs"] / 1e12,
        "boards": len(reading["boards"]),
        "W": reading["power_w"],
    }


@pytest.mark.parametrize(("captured", "expected"), READINGS, ids=["/".join(name) for name, _ in READINGS])
async def test_each_captured_set_reads_through_the_command_line(
    captured: tuple[str, str], expected: dict[str, Any]
) -> None:
    """The address and a port are all that is given: the make is found by asking."""
    async with ReplayServer(fixture_set(*captured), v3="v3" in captured[1]) as server:
        code, out, errors = await hashyard("read", f"127.0.0.1:{server.port}", "--json")
    assert (code, errors) == (0, "")
    reading = json.loads(out)
    assert reading["kind"] == "snapshot"
    found = shown(reading)
    for key, value in expected.items():
        assert found[key] == (pytest.approx(value, rel=1e-3) if isinstance(value, float) else value), key


async def test_an_elphapex_reads_through_its_web_page_alone() -> None:
    async with WebReplayServer(fixture_set("elphapex", "DG-Home1")) as web:
        code, out, errors = await hashyard("read", "127.0.0.1:1", "--web-port", str(web.port), "--json")
    assert (code, errors) == (0, "")
    reading = json.loads(out)
    assert (reading["driver"], reading["identity"]["model"]) == ("elphapex", "DG-Home1")
    assert (len(reading["boards"]), reading["boards"][0]["chips"]) == (1, 120)


async def test_a_person_sees_a_table_and_raw_replies_without_secrets() -> None:
    async with ReplayServer(fixture_set("avalon", "Q"), joins=True) as server:
        address = f"127.0.0.1:{server.port}"
        code, table, _ = await hashyard("read", address)
        assert code == 0
        assert "Avalon Q" in table
        assert "sleeping" in table
        code, raw, _ = await hashyard("read", address, "--raw")
    assert code == 0
    assert "GHSmm[55032.79]" in raw
    assert "worker1" not in raw
    assert '"Password": "x"' not in raw


async def test_what_cannot_be_read_is_one_line_or_a_poll_failure() -> None:
    code, out, errors = await hashyard("read", "127.0.0.1:1")
    assert (code, out) == (1, "")
    assert len(errors.splitlines()) == 1
    assert "127.0.0.1:1" in errors
    code, out, errors = await hashyard("read", "127.0.0.1:1", "--json")
    assert (code, errors) == (1, "")
    failure = json.loads(out)
    assert (failure["kind"], failure["reason"]) == ("poll_failure", "refused")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("read", "a b"), "is not HOST or HOST:PORT"),
        (("read", "10.1.7.16", "--driver", "s9"), "no driver is called 's9'"),
        (("read", "10.1.7.16", "--timeout", "never"), "--timeout: 'never' is not a number of seconds"),
        (("read", "10.1.7.16", "--credentials-file", "absent"), "absent cannot be read"),
        (("scan", "10.0.0.0/8"), "16777214 addresses"),
        (("scan", "10.1.7.9-3"), "runs backwards"),
        (("check", "absent.yml"), "absent.yml"),
        (("exporter", "--shard", "5/4"), "--shard: '5/4' is not i/n"),
        (("exporter", "--targets", "absent.yml"), "absent.yml"),
        (("exporter", "--nope"), "--nope"),
        (("simulate", "--targets", "absent.yml"), "absent.yml"),
    ],
)
async def test_wrong_use_is_told_in_words_and_exits_with_2(arguments: tuple[str, ...], said: str) -> None:
    code, out, errors = await hashyard(*arguments)
    assert (code, out) == (2, "")
    assert said in errors
    assert "Traceback" not in errors


async def test_scan_finds_miners_and_writes_entries_that_check_accepts(tmp_path: Any) -> None:
    s9 = {
        "version": {
            "STATUS": [{"STATUS": "S", "Code": 22, "Description": "bmminer"}],
            "VERSION": [{"Type": "Antminer S9"}],
        }
    }
    async with ReplayServer(s9, host="127.7.7.2") as first:
        arguments = ("--port", str(first.port), "--v3-port", "1", "--web-port", "1", "--connect-timeout", "1")
        code, out, errors = await hashyard(
            "scan", "127.7.7.1-4", *arguments, "--yaml", "--container", "Контейнер 7"
        )
        assert code == 0
        assert "1 miners at 4 addresses" in errors or "miners at 4 addresses" in errors
    document = yaml.safe_load(out)
    assert [container["name"] for container in document["containers"]] == ["Контейнер 7"]
    path = tmp_path / "targets.yml"
    path.write_text(out, encoding="utf-8")
    code, out, errors = await hashyard("check", str(path))
    assert (code, errors) == (0, "")
