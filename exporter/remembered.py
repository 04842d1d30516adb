"""What is remembered of miners over a restart: the driver found, who the device is, its highest nominal hash rate.

Everything here can be found again by asking the miners; so a file that cannot be read costs a warning and a slower
first sweep, never the start.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
import structlog

from exporter.device import Device
from exporter.fleet import MinerState

_log = structlog.get_logger(__name__)

_FORMAT = 1


class Memo(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered of one miner, and the address and port that it holds for."""

    container: str
    miner: str
    address: str
    port: int | None
    driver: str | None = None
    firmware: str | None = None
    no_join: bool = False
    device: Device | None = None


class _File(msgspec.Struct, frozen=True):
    format: int
    miners: list[Memo]


class Remembered:
    """The file of one exporter. `take_back` fills a miner that is new in the live state; `save` writes all."""

    def __init__(self, folder: Path, shard: tuple[int, int]) -> None:
        """Read the file of the folder, or begin afresh."""
        index, count = shard
        share = "" if count == 1 else f"-{index}-of-{count}"
        self.path = folder / f"exporter-remembers{share}.json"
        self._memos = {(memo.container, memo.miner): memo for memo in _read(self.path)}
        self._written: bytes | None = None

    def take_back(self, state: MinerState) -> None:
        """Give a miner what is remembered of it; what holds for another address is left."""
        memo = self._memos.pop((state.container.name, state.miner.name), None)
        if memo is None or (memo.address, memo.port) != (state.target.address, state.target.port):
            return
        state.memory.driver = memo.driver
        state.memory.firmware = memo.firmware
        state.memory.no_join = memo.no_join
        if memo.device is not None:
            state.device = memo.device

    def memos(self, miners: Iterable[MinerState]) -> list[Memo]:
        """Return what there is to remember of the miners as they are now."""
        return [
            Memo(
                state.container.name,
                state.miner.name,
                state.target.address,
                state.target.port,
                state.memory.driver,
                state.memory.firmware,
                state.memory.no_join,
                msgspec.structs.replace(state.device),
            )
            for state in miners
            if state.memory.driver is not None or state.device != Device()
        ]

    def save(self, memos: list[Memo]) -> None:
        """Write the file anew if anything changed: whole or not at all. Blocks; a failure is a warning."""
        content = msgspec.json.encode(_File(_FORMAT, memos))
        if content == self._written:
            return
        beside = self.path.with_suffix(".new")
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            _log.warning("cannot remember the miners", file=str(self.path), reason=error.strerror)
            return
        self._written = content


def _read(path: Path) -> list[Memo]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        _log.warning(
            "remembered miners cannot be read, beginning afresh", file=str(path), reason=error.strerror
        )
        return []
    try:
        file = msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, ValueError) as error:
        _log.warning("remembered miners are damaged, beginning afresh", file=str(path), reason=str(error))
        return []
    if file.format != _FORMAT:
        _log.warning(
            "remembered miners are of another format, beginning afresh", file=str(path), format=file.format
        )
        return []
    return file.miners
