"""The exporter as a process of its own: how it starts, reloads and ends."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import aiohttp

TARGETS = """\
networks: [127.0.0.0/8]
containers:
  - name: Контейнер 1
    miners:
      - {name: a, address: 127.1.0.1}
"""


async def begin(folder: Path, *more: str) -> asyncio.subprocess.Process:
    file = folder / "targets.yml"
    if not file.exists():
        file.write_text(TARGETS, encoding="utf-8")
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hashyard",
        "exporter",
        "--targets",
        str(file),
        *more,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def free_port() -> int:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def containers(port: int) -> list[str]:
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/sd") as response:
                    return [group["labels"]["container"] for group in json.loads(await response.text())]
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


async def test_it_serves_reloads_on_a_signal_and_ends_cleanly(tmp_path: Path) -> None:
    port = await free_port()
    process = await begin(tmp_path, "--listen", f"127.0.0.1:{port}", "--data", str(tmp_path / "data"))
    try:
        async with asyncio.timeout(60):
            while await containers(port) != ["Контейнер 1"]:  # noqa: ASYNC110  # a page sets no event
                await asyncio.sleep(0.05)
        (tmp_path / "targets.yml").write_text(TARGETS.replace("Контейнер 1", "другой"), encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(60):
            while await containers(port) != ["другой"]:  # noqa: ASYNC110  # a page sets no event
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in out + errors
    assert b"inventory and credentials read again" in errors


async def test_a_busy_port_is_one_clear_line(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        process = await begin(tmp_path, "--listen", f"127.0.0.1:{port}")
        async with asyncio.timeout(60):
            _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode().strip().split("\n") == [
        f"--listen: 127.0.0.1:{port} is in use by another program; give another port"
    ]


async def test_wrong_targets_and_an_open_address_stop_the_start(tmp_path: Path) -> None:
    process = await begin(tmp_path, "--listen", "0.0.0.0:0")
    async with asyncio.timeout(60):
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"--token-file" in errors
    (tmp_path / "targets.yml").write_text(
        TARGETS.replace("127.1.0.1", "127.1.0.1, port: 70000") + "colour: red\n", encoding="utf-8"
    )
    process = await begin(tmp_path, "--listen", "127.0.0.1:0")
    async with asyncio.timeout(60):
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.count(b"targets.yml:") == 2


async def test_credentials_that_are_missing_stop_the_start_and_exposed_ones_are_told_of(
    tmp_path: Path,
) -> None:
    secret = "root:hunter2hunter2"
    (tmp_path / "secrets").mkdir()
    (tmp_path / "targets.yml").write_text(
        TARGETS.replace("127.1.0.1", "127.1.0.1, credentials: {file: site}"), encoding="utf-8"
    )
    arguments = ("--listen", "127.0.0.1:0", "--secrets-dir", str(tmp_path / "secrets"))
    process = await begin(tmp_path, *arguments)
    async with asyncio.timeout(60):
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert len(errors.decode().splitlines()) == 1
    assert b"site" in errors

    file = tmp_path / "secrets" / "site"
    file.write_text(secret, encoding="utf-8")
    file.chmod(0o644)
    process = await begin(tmp_path, *arguments)
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while b"credentials exposed" not in (said := await process.stderr.readline()):
                assert said, "the exporter ended"
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert b"chmod o-r" in said
    assert b"hunter2" not in said + out + errors
