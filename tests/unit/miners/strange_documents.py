"""Documents with strange values in them, a Link that hands them out, and what a Draft of them must still hold."""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from miners.draft import Draft, conclude
from miners.driver import Driver
from miners.errors import Malformed, Unsupported
from miners.link import Object
from miners.model import Snapshot, Target, to_json

STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["nan", "-inf", "1e400", "true", "[", '{"a":', 10**400, -1, 1e308, "9" * 500]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)
"""What no miner should send where a figure, a text or an object belongs."""

Path = tuple[str | int, ...]


def mutated(document: Any) -> st.SearchStrategy[Any]:
    """Copies of the document with up to eight of its values, large or small, made strange."""
    return st.lists(st.tuples(st.sampled_from(_paths(document)), STRANGE), max_size=8).map(
        lambda changes: _changed(document, changes)
    )


class ScriptedLink:
    """A Link whose miner answers from a table: by command, `command:parameter`, `command?flag`. Joins whatever it has."""

    def __init__(self, replies: Mapping[str, Any], now: float) -> None:
        self.target = Target(container="c", miner="m", address="127.0.0.1")
        self.now = now
        self.truncated = False
        self._replies = replies

    async def ask(self, command: str, parameter: str | None = None, **more: object) -> Object:
        question = command if parameter is None else f"{command}:{parameter}"
        return self._object("?".join((question, *more)))

    async def ask_joined(self, commands: Sequence[str]) -> dict[str, Object]:
        found = {name: self._replies[name] for name in commands if isinstance(self._replies.get(name), dict)}
        if not found:
            raise Unsupported("does not join")
        return found

    async def frame(self, command: str, parameter: object = None) -> Object:
        return self._object(command if parameter is None else f"{command}:{parameter}")

    async def web(self, path: str) -> Object | list[Any]:
        raise Unsupported(f"has no {path}")

    def _object(self, question: str) -> Object:
        reply = self._replies.get(question)
        if not isinstance(reply, dict):
            raise Malformed("what came is no reply")
        return reply


def concluded(draft: Draft, driver: Driver, now: float) -> Snapshot:
    """The Snapshot that the client would make of the Draft."""
    draft.manufacturer = driver.manufacturer
    return conclude(
        draft,
        Target(container="c", miner="m", address="127.0.0.1"),
        driver=driver.name,
        warm_up_s=driver.warm_up_s,
        now=now,
        duration_s=0.1,
        truncated=False,
    )


def assert_sane(snapshot: Snapshot) -> None:
    """No NaN, no infinity, nothing that JSON cannot hold, no two parts of one number."""
    to_json(snapshot)
    pending: list[Any] = [msgspec.to_builtins(snapshot)]
    while pending:
        found = pending.pop()
        if isinstance(found, float):
            assert math.isfinite(found)
        elif isinstance(found, dict):
            pending += found.values()
        elif isinstance(found, list | tuple):
            pending += found
    for parts in (snapshot.boards, snapshot.pools, snapshot.fans):
        assert len({part.index for part in parts}) == len(parts)


def _paths(value: Any, at: Path = ()) -> list[Path]:
    found: list[Path] = [at] if at else []
    if isinstance(value, dict):
        found += [path for key, inner in value.items() for path in _paths(inner, (*at, key))]
    elif isinstance(value, list):
        found += [path for place, inner in enumerate(value) for path in _paths(inner, (*at, place))]
    return found


def _changed(document: Any, changes: list[tuple[Path, Any]]) -> Any:
    changed = copy.deepcopy(document)
    # The longest paths first: a holder that was replaced has no inside left.
    for path, value in sorted(changes, key=lambda change: -len(change[0])):
        holder = changed
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value
    return changed
