"""Whatever make it is: of a reply that ends in mid-air a reading tells what is true, or nothing, and says that it was cut."""

import json
from typing import Any

import msgspec
import pytest

from miners.client import read_miner
from miners.driver import Memory
from miners.model import Snapshot, Target
from simulator.build import build_miners
from simulator.miner import SimulatedMiner
from simulator.specs import ContainerSpec, MinerSpec
from tests.replay.server import ReplayServer

START = 1_750_000_000.0
NOW = START + 3_600
CUTS = 48

MAKES = [
    ("S9", None, "antminer", "stats+summary+pools"),
    ("S19 Pro", None, "antminer", "stats"),
    ("S19 Pro", None, "antminer", "summary"),
    ("L7", None, "antminer", "stats"),
    ("S19 Pro", "luxos", "luxos", "summary+"),
    ("S19 Pro", "vnish", "vnish", "stats"),
    ("M30S+", None, "whatsminer_v2", "summary+"),
    ("M20S", None, "whatsminer_v2", "summary+"),
    ("1246", None, "avalon", "summary+"),
    ("741", None, "avalon", "summary+"),
    ("DG1+", None, "elphapex", "stats"),
]
BY_THE_TABLE = ("estimated", "expected_boards", "expected_chips", "nominal_power_w", "power_source")
"""What the model table says where the device said nothing is marked, and is no reading."""
OF_THE_POLL = ("taken_at", "duration_s", "truncated", "faults", "state")


class CuttingServer(ReplayServer):
    """A simulated miner whose reply to one question, by its beginning, ends after a share of its bytes."""

    def __init__(self, miner: SimulatedMiner, question: str, share: float) -> None:
        super().__init__({}, nul=False)
        self.miner, self.question, self.share = miner, question, share

    def answer(self, request: dict[str, Any]) -> bytes:
        reply = self.miner.reply(json.dumps(request).encode(), NOW)
        if not request["command"].startswith(self.question):
            return reply
        return reply[: int(len(reply.rstrip(b"\0")) * self.share)] if self.share < 1 else reply


def simulated(model: str, firmware: str | None) -> SimulatedMiner:
    spec = MinerSpec(container="c", name="a1", address="127.0.0.1", model=model, driver=firmware)
    container = ContainerSpec(name="c", simulate={"wear": {"restarts_per_day": 0}}, miners=(spec,))
    return build_miners([container], seed=5, start=START)[0]


async def read_cut(miner: SimulatedMiner, driver: str, question: str, share: float) -> Snapshot | None:
    async with CuttingServer(miner, question, share) as server:
        target = Target(
            container="c",
            miner="m",
            address="127.0.0.1",
            port=server.port,
            v3_port=None,
            web_port=None,
            driver=driver,
        )
        reading = await read_miner(target, Memory())
        return reading if isinstance(reading, Snapshot) else None


def figures(snapshot: Snapshot) -> dict[str, Any]:
    """Return every figure by its place, those of boards, fans and pools by their number."""
    found: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(snapshot).items():
        if name in OF_THE_POLL + BY_THE_TABLE:
            continue
        if isinstance(value, list | tuple):
            for part in value:
                found |= {f"{name} {part['index']} {key}": figure for key, figure in part.items()}
        elif isinstance(value, dict):
            found |= {f"{name} {key}": figure for key, figure in value.items()}
        elif name not in snapshot.estimated:
            found[name] = value
    return found


@pytest.mark.parametrize(("model", "firmware", "driver", "question"), MAKES)
async def test_of_a_cut_reply_the_truth_or_nothing(
    model: str, firmware: str | None, driver: str, question: str
) -> None:
    miner = simulated(model, firmware)
    whole = await read_cut(miner, driver, question, 1.0)
    assert whole is not None
    assert not whole.truncated
    truth = figures(whole)
    read = 0
    for cut in range(CUTS):
        snapshot = await read_cut(miner, driver, question, cut / CUTS)
        if snapshot is None:
            continue
        read += 1
        assert snapshot.truncated or cut == 0, cut
        for place, figure in figures(snapshot).items():
            if place.split(" ")[-1] in BY_THE_TABLE or place.endswith("last_share_at"):
                continue
            right = truth.get(place)
            if isinstance(figure, float) and isinstance(right, float):
                # The same reading may come from another window or another sensor of the same thing.
                assert figure == pytest.approx(right, rel=0.1), (cut, place)
            else:
                assert figure is None or figure == right, (cut, place)
    assert read > CUTS // 2
