"""SIGTERM and SIGINT end the exporter soon and cleanly, whatever is under way."""

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.stack import Program, Stack, metrics, until
from tools import place

# Each of them would keep a poll for a minute.
TARGETS = """
defaults: {interval: 60s, web_port: null, v3_port: null, connect_timeout: 60s, timeout: 60s}
containers:
  - name: Silence
    miners:
      - {name: "s{n}", addresses: 127.N.1.1-40, manufacturer: Whatsminer, model: M50, simulate: {fault: silent}}
      - {name: "d{n}", addresses: 127.N.1.41-50, manufacturer: Avalon, model: "1246", simulate: {fault: drip, seconds: 5}}
      - {name: good, address: 127.N.1.60, manufacturer: Whatsminer, model: M50}
"""


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Program]:
    with Stack(tmp_path) as stack:
        targets = stack.write_targets(TARGETS)
        stack.start_simulator(targets)
        exporter = stack.start_exporter(targets, "--data", str(tmp_path / "data"), wait_for="/-/healthy")

        def under_way() -> bool:
            own = [one.value for one in metrics(exporter) if one.name == "hashyard_exporter_polls_in_flight"]
            assert own == [50.0]
            return True

        until(under_way, "fifty polls wait for silent miners")
        yield exporter


def address_of(exporter: Program) -> tuple[str, int]:
    host, _, port = exporter.url.removeprefix("http://").partition(":")
    return host, int(port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_with_silent_miners_in_flight(exporter: Program, number: signal.Signals) -> None:
    began = time.monotonic()
    assert exporter.end(number) == 0
    # Far from the minute that each poll may take; most of it is for a machine that is busy with other things.
    assert time.monotonic() - began < 40.0
    assert "exporter ending" in exporter.said
    assert place.is_free(*address_of(exporter))


def test_a_client_that_keeps_its_connection_holds_up_nothing(exporter: Program) -> None:
    with (
        socket.create_connection(address_of(exporter)) as idle,
        socket.create_connection(address_of(exporter)) as asked,
    ):
        asked.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert asked.recv(4096).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        assert exporter.end() == 0
        assert time.monotonic() - began < 40.0
        for client in (idle, asked):
            client.settimeout(10.0)
            assert client.recv(4096) == b"", "closed, and not left hanging"


def test_a_second_signal_does_not_disturb_the_end(exporter: Program) -> None:
    exporter.send(signal.SIGTERM)
    exporter.send(signal.SIGHUP)
    exporter.send(signal.SIGTERM)
    exporter.send(signal.SIGINT)
    assert exporter.process.wait(60.0) == 0
