"""The inventory in use, as its files change: on a real disk, with the watch running."""

# ruff: noqa: ASYNC240  # the test's own writing is small, and on a local disk
import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from miners.errors import InventoryError
from miners.inventory.fleet import Inventory
from miners.inventory.store import InventoryStore

LOOK_S = 0.02


def content(*names: str) -> str:
    return "containers:\n" + "".join(
        f"  - {{name: {name}, miners: [{{address: {name}}}]}}\n" for name in names
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event of its own
            await asyncio.sleep(LOOK_S)


def names_in(inventory: Inventory) -> list[str]:
    return [container.name for container in inventory.containers]


def replace(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


class Watched:
    """A store, its running watch, and the inventories that the watch has told of."""

    def __init__(self, store: InventoryStore) -> None:
        self.store = store
        self.told: asyncio.Queue[Inventory] = asyncio.Queue()

    async def next_names(self) -> list[str]:
        return names_in(await asyncio.wait_for(self.told.get(), 60))


@contextlib.asynccontextmanager
async def watching(store: InventoryStore) -> AsyncIterator[Watched]:
    watched = Watched(store)
    task = asyncio.create_task(store.watch(watched.told.put))
    await asyncio.sleep(0)
    try:
        yield watched
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "targets.yml"
    file.write_text(content("a"))
    return file


def test_a_wrong_file_at_the_start(file: Path) -> None:
    file.write_text("containers: 5\n")
    with pytest.raises(InventoryError, match="5 is not a list of containers"):
        InventoryStore([file])


async def test_a_change_is_noticed(file: Path) -> None:
    async with watching(InventoryStore([file], look_s=LOOK_S)) as watched:
        before = watched.store.last_good_at
        replace(file, content("a", "b"))
        assert await watched.next_names() == ["a", "b"]
        file.write_text(content("c"))
        assert await watched.next_names() == ["c"]
        assert names_in(watched.store.inventory) == ["c"]
        assert watched.store.last_good_at > before
        assert watched.store.last_error is None


async def test_a_replacement_with_the_same_time_and_size_is_noticed(file: Path) -> None:
    async with watching(InventoryStore([file], look_s=LOOK_S)) as watched:
        times = file.stat()
        new = file.with_suffix(".new")
        new.write_text(content("b"))
        os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))
        new.replace(file)
        assert await watched.next_names() == ["b"]


async def test_the_last_good_one_is_kept_and_the_reason_logged_once(file: Path) -> None:
    with capture_logs() as logs:
        async with watching(InventoryStore([file], look_s=LOOK_S)) as watched:
            replace(file, "containers:\n  - name: [\n")
            await until(lambda: watched.store.last_error is not None)
            assert names_in(watched.store.inventory) == ["a"]
            assert await watched.store.reload() is False
            assert await watched.store.reload() is False
            replace(file, content("b"))
            assert await watched.next_names() == ["b"]
            assert watched.store.last_error is None
    refusals = [entry for entry in logs if entry["log_level"] == "error"]
    assert len(refusals) == 1
    assert refusals[0]["mistakes"] == [f"{file}:3: not YAML: a value is missing, or a bracket is not closed"]


async def test_a_file_that_goes_away_and_comes_back(file: Path) -> None:
    async with watching(InventoryStore([file], look_s=LOOK_S)) as watched:
        file.unlink()
        await until(lambda: watched.store.last_error is not None)
        assert names_in(watched.store.inventory) == ["a"]
        file.write_text(content("a"))
        await until(lambda: watched.store.last_error is None)
        assert watched.told.empty()


async def test_a_file_that_is_still_being_written_is_left_alone(file: Path) -> None:
    whole = content(*(f"c{number}" for number in range(40)))
    async with watching(InventoryStore([file], look_s=0.1)) as watched:
        lines = whole.splitlines(keepends=True)
        with file.open("w") as writing:
            for line in lines:
                writing.write(line)
                writing.flush()
                await asyncio.sleep(0.01)
        assert len(await watched.next_names()) == 40
        assert watched.told.empty()


async def test_what_failed_without_a_change_is_tried_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("miners.inventory.store.RETRY_S", LOOK_S)
    folder = file.parent / "there"
    folder.mkdir()
    link = file.parent / "link.yml"
    link.symlink_to(file)
    store = InventoryStore([link], look_s=LOOK_S)
    monkeypatch.setattr("miners.inventory.load.MAX_BYTES", 3)
    assert await store.reload() is False
    async with watching(store):
        monkeypatch.setattr("miners.inventory.load.MAX_BYTES", 1000)
        await until(lambda: store.last_error is None)


async def test_reload_tells_the_watch(file: Path) -> None:
    async with watching(InventoryStore([file], look_s=3600)) as watched:
        assert await watched.store.reload() is True
        assert watched.told.empty()
        replace(file, content("b"))
        assert await watched.store.reload() is True
        assert names_in(watched.told.get_nowait()) == ["b"]


async def test_a_managed_file_appears(file: Path) -> None:
    managed = file.parent / "managed.yml"
    async with watching(InventoryStore([file], managed=managed, look_s=LOOK_S)) as watched:
        managed.write_text(content("b"))
        assert await watched.next_names() == ["a", "b"]
        managed.unlink()
        assert await watched.next_names() == ["a"]


async def test_a_part_that_fails_does_not_end_the_watch(file: Path) -> None:
    told: list[list[str]] = []

    async def on_change(inventory: Inventory) -> None:
        told.append(names_in(inventory))
        raise RuntimeError("a mistake of ours")

    store = InventoryStore([file], look_s=LOOK_S)
    with capture_logs() as logs:
        task = asyncio.create_task(store.watch(on_change))
        for name in ("b", "c"):
            replace(file, content(name))
            await until(lambda: [name] in told)  # noqa: B023  # awaited before the name changes
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
        "a part of the program did not take the new inventory"
    ] * 2
