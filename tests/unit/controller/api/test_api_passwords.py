"""Hashing: two at a time, a flood is turned away, and what is not there takes as long as what is."""

import asyncio
import threading
from typing import Any

import pytest
from argon2 import PasswordHasher

from controller.api.passwords import AT_ONCE, MAX_WAITING, Passwords
from controller.api.problems import Problem


class Watched(PasswordHasher):
    """Counts how many hash at a time, and waits until it may go on."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.may_go = threading.Event()
        self.running = self.most = self.done = 0
        self._lock = threading.Lock()

    def verify(self, *given: Any) -> Any:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.may_go.wait(30)
        try:
            return super().verify(*given)
        finally:
            with self._lock:
                self.running -= 1
                self.done += 1


async def test_a_flood_is_hashed_two_at_a_time_and_then_turned_away() -> None:
    watched = Watched()
    passwords = Passwords(watched)
    kept = watched.hash("heron lantern quarry wick")
    tries = [
        asyncio.create_task(passwords.verify(kept, "heron lantern quarry wick"))
        for _ in range(MAX_WAITING + 10)
    ]
    refused = await asyncio.gather(*tries[MAX_WAITING:], return_exceptions=True)
    assert all(isinstance(error, Problem) and error.kind == "too-many" for error in refused)
    watched.may_go.set()
    assert set(await asyncio.gather(*tries[:MAX_WAITING])) == {(True, None)}
    assert watched.most == AT_ONCE
    passwords.close()


async def test_a_name_that_is_not_there_is_hashed_as_well() -> None:
    watched = Watched()
    watched.may_go.set()
    passwords = Passwords(watched)
    assert await passwords.verify(None, "whatever it is") == (False, None)
    assert watched.done == 1
    passwords.close()


@pytest.mark.parametrize("kept", ["", "plain", "$argon2id$v=19$broken"])
async def test_a_hash_that_is_none_lets_nobody_in(kept: str) -> None:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    assert await passwords.verify(kept, "plain") == (False, None)
    passwords.close()


async def test_the_costs_are_those_of_argon2id() -> None:
    passwords = Passwords()
    kept = await passwords.hash("heron lantern quarry wick")
    passwords.close()
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
