"""Blocks for a running Prometheus: made beside its data by promtool, and moved in whole, once all of them are there.

What is unfinished lies in one folder of its own, which Prometheus passes over; an interruption leaves nothing else. The
record beside the blocks says that the past has been made, so that it is made once.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import orjson

from tools.history_pages import Span
from tools.ready import get

RECORD, STAGING, READY = "hashyard-history.json", "hashyard-history", "ready"
_BLOCK = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")  # a ULID
_NO_SAMPLE = 2**63 - 1


class BlocksFailed(Exception):
    """The blocks cannot be made; the message is one line that says why."""


def has_blocks(data: Path) -> bool:
    """Return whether Prometheus' folder holds a block: more than two hours of its own, or a past made before."""
    return data.is_dir() and any(_BLOCK.fullmatch(path.name) for path in data.iterdir())


def is_made(data: Path) -> bool:
    """Return whether the past has been made in this folder."""
    return (data / RECORD).exists()


def staging(data: Path) -> Path:
    """Return the folder for what is unfinished."""
    return data / STAGING


def begin_staging(data: Path) -> Path:
    """Return the folder for what is unfinished, empty. Raises OSError."""
    folder = staging(data)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "blocks").mkdir(parents=True)
    return folder


def first_sample(url: str) -> float | None:
    """Return when the oldest sample in a running Prometheus' memory was taken, unix seconds; None without any.

    Raises OSError where it does not answer, BlocksFailed where it answers something else.
    """
    try:
        oldest_ms = orjson.loads(get(f"{url}/api/v1/status/tsdb"))["data"]["headStats"]["minTime"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BlocksFailed(f"{url} does not answer as Prometheus does: {error!r}") from None
    return None if oldest_ms >= _NO_SAMPLE else oldest_ms / 1000


def make_block(promtool: Path, folder: Path, span: Span) -> None:
    """Make the block of one span from the text that was written for it, and take that away.

    Raises BlocksFailed, and OSError for a full disk.
    """
    text = span.file(folder)
    size = f"--max-block-duration={span.size_s}s"
    done = subprocess.run(  # noqa: S603  # a fixed command, no shell
        [promtool, "tsdb", "create-blocks-from", size, "openmetrics", "-q", text, folder / "blocks"],
        env={**os.environ, "GOGC": "50"},  # a demo has other uses for memory
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise BlocksFailed(f"promtool could not make a block: {said[-1] if said else done.returncode}")
    text.unlink()


def move_in(data: Path, about: dict[str, int]) -> int:
    """Move the finished blocks into Prometheus' folder, which shows them within a minute; return how many there are.

    `about`: what the record says. May be called again after an interruption. Raises OSError.
    """
    folder = staging(data)
    (folder / READY).write_bytes(orjson.dumps(about))
    return finish_moving(data)


def was_moving(data: Path) -> bool:
    """Return whether all blocks were finished when they were last worked on: they have only to be moved."""
    return (staging(data) / READY).exists()


def finish_moving(data: Path) -> int:
    """Move what is finished, from where it was interrupted. Raises OSError."""
    folder = staging(data)
    moved = 0
    for block in sorted((folder / "blocks").iterdir()):
        block.rename(data / block.name)
        moved += 1
    os.replace(folder / READY, data / RECORD)  # noqa: PTH105  # over one that is there, in one step
    shutil.rmtree(folder, ignore_errors=True)
    return moved
