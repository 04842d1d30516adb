"""What is no HTTP request is answered as a problem, and nothing that stood in it is logged or repeated."""

import asyncio
from pathlib import Path

import pytest

from exporter.main import Exporter, Settings
from miners.driver import Memory
from miners.errors import Refused
from miners.model import Reading, Target

SECRET = "planted-token-of-nobody-77"


async def nobody(target: Target, memory: Memory) -> Reading:
    del memory
    raise Refused(target.address)


@pytest.mark.parametrize(
    "head",
    [
        f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SECRET}{'x' * 9000}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SECRET}\x01\r\n\r\n",
        f"{SECRET}\r\n\r\n",
    ],
)
async def test_nothing_of_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], head: str) -> None:
    targets = tmp_path / "targets.yml"
    targets.write_text("containers: []\n")
    exporter = Exporter(Settings(targets=(targets,), port=0), reader=nobody)
    async with exporter.serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        answer = (await reader.read()).decode()
        writer.close()
    assert answer.partition("\r\n")[0].endswith("400 Bad Request")
    assert "application/problem+json" in answer
    printed = capsys.readouterr()
    assert "request not readable" in printed.out + printed.err
    assert SECRET not in answer + printed.out + printed.err
