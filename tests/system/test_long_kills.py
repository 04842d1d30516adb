"""The exporter killed with SIGKILL by the hundred, at any moment and with its memory damaged in any way, always goes on."""

import json
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.system.stack import Program, Stack, by_miner, metrics, until

KILLS = 100
MOST_RUN_S = 1.5

# Ten makes of miners, so that the memory grows while it is written; half of them name no model.
TARGETS = """
defaults: {interval: 1s, web_port: 8080, connect_timeout: 1s, timeout: 2s}
containers:
  - name: Контейнер 1
    miners:
      - {name: "w{n}", addresses: 127.N.1.1-20, manufacturer: Whatsminer, model: M50}
      - {name: "x{n}", addresses: 127.N.1.21-30, simulate: {model: M60S}}
      - {name: "a{n}", addresses: 127.N.1.31-50, manufacturer: AntMiner, model: S19 Pro}
      - {name: "v{n}", addresses: 127.N.1.51-60, simulate: {model: "1246"}}
      - {name: "l{n}", addresses: 127.N.1.61-65, simulate: {model: S19k Pro, device: luxos}}
      - {name: "e{n}", addresses: 127.N.1.66-70, manufacturer: Elphapex, model: DG1+}
"""
MINERS = 70

# The exporter as it is, but for one figure: it writes its memory down as often as it can, not every five minutes.
EAGER = (
    "import sys, exporter.main, hashyard; exporter.main.SAVE_S = 0.01; "
    "sys.exit(hashyard.main(['exporter', *sys.argv[1:]]))"
)


def damaged(chance: random.Random, content: bytes) -> bytes:
    """Return the file as a bad disk, another program or a half-finished copy might leave it."""
    at = chance.randrange(len(content) + 1)
    match chance.randrange(8):
        case 0:
            return content[:at]
        case 1:
            return b""
        case 2:
            return chance.randbytes(chance.randrange(5000))
        case 3:
            return content[:at] + chance.randbytes(chance.randrange(1, 50)) + content[at:]
        case 4:
            return content[:at] + bytes(chance.randrange(1, 5000))
        case 5:
            return content.replace(b"whatsminer_v2", b"nosuchdriver").replace(b'"antminer"', b'"avalon"')
        case 6:
            return content.replace(b'"container"', b'"containers"')
        case _:
            return content + content


def all_up(exporter: Program) -> bool:
    up = by_miner([one for one in metrics(exporter) if one.name == "miner_up"])
    assert len(up) == MINERS
    assert [name for name, value in up.items() if value != 1.0] == []
    return True


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("damage", [False, True], ids=["killed", "killed and damaged"])
def test_killed_by_the_hundred(tmp_path: Path, *, damage: bool) -> None:
    chance = random.Random(20_260_301)
    with Stack(tmp_path) as stack:
        targets = stack.write_targets(TARGETS)
        stack.start_simulator(targets)
        data = tmp_path / "data"
        remembered = data / "exporter-remembers.json"
        data.mkdir()
        writes = 0
        for kill in range(KILLS):
            if damage and remembered.exists():
                remembered.write_bytes(damaged(chance, remembered.read_bytes()))
                if chance.random() < 0.3:
                    remembered.with_suffix(".new").write_bytes(chance.randbytes(100))
            elif not damage and chance.random() < 0.5:
                remembered.unlink(missing_ok=True)  # so that there is something to write again
            before = remembered.read_bytes() if remembered.exists() else b""
            exporter = stack.start_exporter(
                targets, "--data", str(data), command=(sys.executable, "-c", EAGER), wait_for=""
            )
            if kill % 10 == 9:
                exporter.wait_ready("/-/ready")
                until(lambda exporter=exporter: all_up(exporter), f"all are up after {kill} kills")
            else:
                time.sleep(chance.uniform(0.3, MOST_RUN_S))
            assert exporter.end(signal.SIGKILL) == -signal.SIGKILL
            after = remembered.read_bytes() if remembered.exists() else b""
            writes += after != before
            if after and not damage:
                # Whole, whenever the kill came.
                assert json.loads(after)["format"] == 1
        assert writes > KILLS / 20, "kills came while there was something to write"

        last = stack.start_exporter(targets, "--data", str(data))
        until(lambda: all_up(last), "all are up in the end")
        assert last.end() == 0
        assert len(json.loads(remembered.read_bytes())["miners"]) == MINERS
        assert sorted(path.name for path in data.iterdir()) == [remembered.name]
