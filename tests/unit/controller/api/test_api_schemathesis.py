"""Schemathesis asks the running API whatever its document allows and forbids, as each role, and finds nothing.

All its checks and phases run. Where an answer is right and a schema cannot say so, the status stands here with the reason.
"""

import asyncio
import os
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from controller.api.route import ListQuery, Route
from controller.api.routes import ROUTES
from controller.model import ROLES, Role
from tests.unit.controller.api.conftest import House, MakeHouse
from tests.unit.controller.api.quiet_deeds import BEGIN, QuietDeeds

ROOT = Path(__file__).parents[4]

ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "429", "503"]
"""What a request that fits the document may be answered: done, not yours, not there, in the way, too often, not now."""

ALL = "examples,coverage,fuzzing,stateful"

BESIDES = {
    "POST /api/v1/auth/confirm": ("422", "the password is not known from a schema"),
    "PUT /api/v1/me/password": ("422", "the password is not known from a schema"),
    "PATCH /api/v1/me": ("422", "a time zone is one of some hundred names"),
    "POST /api/v1/me/tokens": ("422", "scopes and containers have to be the owner's own"),
    "POST /api/v1/users": ("422", "the client has to be there, for the role client and no other"),
    "PATCH /api/v1/users/{id}": ("422", "the client has to be there, for the role client and no other"),
}


class Hurried(QuietDeeds):
    """A clock that runs 60 times as fast, so that 600 requests a minute are 600 a second."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        super().__init__()

    @property
    def now(self) -> datetime:  # type: ignore[override]
        return BEGIN + timedelta(seconds=60 * (time.monotonic() - self._began))

    @now.setter
    def now(self, _at: datetime) -> None:
        """It cannot be set."""


def configuration() -> str:
    """Return Schemathesis' configuration: for each route what may be answered to a request that fits."""
    lines = [
        # The token goes in by --header; a cookie made up beside it would make every request a wrong one.
        "[generation]",
        "with-security-parameters = false",
        # Refused in every text, with 422: to say so at each of them would bury the document. Our own tests send it.
        "allow-x00 = false",
        "[checks]",
        f"positive_data_acceptance.expected-statuses = {ACCEPTED}",
        # If-Match is answered as RFC 6585 has it.
        'missing_required_header.expected-statuses = ["401", "403", "404", "428"]',
    ]
    for route in ROUTES:
        besides = besides_of(route)
        if besides:
            lines += [
                "[[operations]]",
                f'include-name = "{route.method} {route.path}"',
                f"checks.positive_data_acceptance.expected-statuses = {[*ACCEPTED, *besides]}",
            ]
    return "\n".join(lines) + "\n"


def besides_of(route: Route) -> list[str]:
    besides = [status for status, _ in [BESIDES.get(f"{route.method} {route.path}", ("", ""))] if status]
    if issubclass(route.query, ListQuery):
        besides.append("400")  # a cursor is opaque: only one that was given out is right
    if route.conditional:
        besides.append("412")  # the ETag is not known from a schema
    return besides


async def run(house: House, role: Role, folder: Path, examples: int, phases: str) -> None:
    user = await house.user(f"tester-{role}", role)
    await house.user("keeps the house open")
    token = await house.token(user)
    [kept] = await house.storage.access.tokens.of_user(user.id)
    config = folder / "schemathesis.toml"
    config.write_text(configuration())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
        f"{str(house.http._base_url).rstrip('/')}/api/openapi.json",
        *("--header", f"Authorization: Bearer {token}", "--max-examples", str(examples)),
        *("--phases", phases),
        *("--seed", "1", "--generation-database", "none", "--no-color"),
        cwd=folder,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.unit.controller.api.schemathesis_hooks",
            "PYTHONPATH": str(ROOT),
            "OWN_IDS": f"{user.id} {kept.id}",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()[-8000:]
    # The token was not revoked on the way: what came back were answers and not refusals alone.
    assert (await house.browser(token=token).get("/api/v1/me")).status == 200


@pytest.mark.parametrize(
    ("role", "phases"),
    [
        ("administrator", ALL),
        # What is wrong is refused alike for all roles, most of it before anything is decoded.
        ("accountant", "fuzzing,stateful"),
        ("client", "fuzzing,stateful"),
    ],
)
async def test_schemathesis_finds_nothing(
    make_house: MakeHouse, tmp_path: Path, role: Role, phases: str
) -> None:
    await run(await make_house(deeds=Hurried()), role, tmp_path, 3, phases)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", ROLES)
async def test_schemathesis_finds_nothing_for_long(make_house: MakeHouse, tmp_path: Path, role: Role) -> None:
    await run(await make_house(deeds=Hurried()), role, tmp_path, 200, ALL)
