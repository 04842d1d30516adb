"""Schemathesis asks the running API whatever its document allows and forbids, as each role, and finds nothing.

All its checks and phases run. Where an answer is right and a schema cannot say so, the status stands here with the reason.
"""

import asyncio
import os
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from controller.api.route import Route
from controller.api.routes import ROUTES
from controller.history import FiringAlert, History, Line
from controller.model import ROLES, Role
from miners.inventory.store import InventoryStore
from miners.model import Reading
from tests.unit.controller.api.conftest import House, MakeHouse
from tests.unit.controller.api.managed_fleet import FleetDeeds, start
from tests.unit.controller.api.quiet_deeds import BEGIN

ROOT = Path(__file__).parents[4]

ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "429", "503"]
"""What a request that fits the document may be answered: done, not yours, not there, in the way, too often, not now."""

ALL = "examples,coverage,fuzzing,stateful"

IN_FILES = "422", "names, addresses and references have to be right in the inventory as a whole"
ORDERED = "422", "a target is one of three, and has to be there"
IN_TIME = "400", "the begin lies before the end, and at most a year"
PRICED = "422", "prices are figures that fill the week, in a currency that there is"
OLDER = "400", "the older tools' token or miner is not known from a schema"

BESIDES = {
    "POST /api/v1/auth/confirm": ("422", "the password is not known from a schema"),
    "PUT /api/v1/me/password": ("422", "the password is not known from a schema"),
    "PATCH /api/v1/me": ("422", "a time zone is one of some hundred names"),
    "POST /api/v1/me/tokens": ("422", "scopes and containers have to be the owner's own"),
    "POST /api/v1/users": ("422", "the client has to be there, for the role client and no other"),
    "PATCH /api/v1/users/{id}": ("422", "the client has to be there, for the role client and no other"),
    "POST /api/auth/register": ("422", "the client has to be there, and the password no common one"),
    "POST /api/auth/admin/create": ("422", "the password has to be no common one"),
    "POST /api/v1/containers": IN_FILES,
    "PATCH /api/v1/containers/{id}": IN_FILES,
    "POST /api/v1/miners": IN_FILES,
    "PUT /api/v1/miners/{id}": IN_FILES,
    "PATCH /api/v1/miners/{id}": IN_FILES,
    "POST /api/v1/miners/import": ("400 422", "its text is CSV or YAML, with rows that fit the inventory"),
    "POST /api/containers": IN_FILES,
    "POST /api/miners": IN_FILES,
    "PUT /api/miners/{id}": IN_FILES,
    "PUT /api/v1/profiles/{name}": (
        "422 428",
        "makes and their ways have to be known; If-Match for one that is there",
    ),
    "POST /api/v1/schedules": IN_FILES,
    "PUT /api/v1/schedules/{id}": IN_FILES,
    "POST /api/v1/schedules/{id}/plan": IN_FILES,
    "POST /api/v1/plans": ORDERED,
    "POST /api/v1/overrides": ORDERED,
    "POST /api/v1/operations": ORDERED,
    "POST /api/v1/holds": ORDERED,
    "GET /api/v1/timeline": ("400", "the date lies in two centuries"),
    "GET /api/v1/stats/overview": IN_TIME,
    "GET /api/v1/stats/containers": IN_TIME,
    "GET /api/v1/stats/containers/{id}": IN_TIME,
    "GET /api/v1/stats/miners/{id}": IN_TIME,
    "POST /api/v1/tariffs": PRICED,
    "PATCH /api/v1/tariffs/{name}": PRICED,
    "PUT /api/v1/containers/{id}/tariff": ("422", "the tariff has to be there, and changes come in order"),
    "POST /api/v1/clients": ("422", "a currency is one of some hundred codes"),
    "PATCH /api/v1/clients/{id}": ("422", "a currency is one of some hundred codes"),
    "PUT /api/v1/clients/{id}/containers": (
        "422",
        "containers have to be there, and times end after they begin",
    ),
    "POST /api/v1/meter-readings": ("422", "a figure has to be one, of a time that has been"),
    "POST /api/v1/meter-readings/import": (
        "422",
        "its text is CSV, with readings that follow on those before",
    ),
    "POST /api/v1/reports": ("422", "a month has to be one, and over"),
    "GET /api/v1/reports/energy": ("400", "the first day lies before the last, and at most ten years"),
    "PATCH /api/v1/overrides/{id}": ("422", "what stands as `until` has to be a time"),
    "POST /api/login": OLDER,
    "POST /api/logout": OLDER,
    "POST /api/profileset": OLDER,
    "POST /api/curtail": OLDER,
}

UNDER_IDS = (
    "/api/v1/miners/import",
    "/api/v1/meter-readings/import",
    "/api/miners/manufacturers",
    "/api/miners/models/{manufacturer}",
)
"""Paths that an `{id}` could be as well, so that 405 names that one's methods among theirs."""

ENDLESS = "/api/v1/stream"
"""Left out: its answer has no end, so nothing that waits for one can ask it. It has tests of its own."""


class Nothing(History):
    """A Prometheus that answers, and knows of nothing."""

    def __init__(self) -> None:
        super().__init__(None)

    async def over_range(self, _query: str, _begin: float, _end: float, _step_s: float) -> list[Line]:
        return []

    async def alerts(self) -> list[FiringAlert]:
        return []


class Hurried(FleetDeeds):
    """A fleet on a clock that runs 60 times as fast, so that 600 requests a minute are 600 a second."""

    def __init__(self, store: InventoryStore) -> None:
        self._began = time.monotonic()
        super().__init__(store)

    async def poll(self, miner: str) -> Reading:
        return self.snapshot(miner)

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
        # What is wrong and too large is refused for its size, before anything is read of it.
        'negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "406", "409", "412", "413", "415", "422", "428"]',
        f"positive_data_acceptance.expected-statuses = {ACCEPTED}",
        # If-Match is answered as RFC 6585 has it.
        'missing_required_header.expected-statuses = ["401", "403", "404", "428"]',
    ]
    for route in ROUTES:
        besides = besides_of(route)
        if besides or route.path in UNDER_IDS:
            lines += ["[[operations]]", f'include-name = "{route.method} {route.path}"']
        if besides:
            lines.append(f"checks.positive_data_acceptance.expected-statuses = {[*ACCEPTED, *besides]}")
        if route.path in UNDER_IDS:
            lines.append("checks.allow_header_conformance.enabled = false")
    return "\n".join(lines) + "\n"


def besides_of(route: Route) -> list[str]:
    statuses, _ = BESIDES.get(f"{route.method} {route.path}", ("", ""))
    besides = statuses.split()
    if any(field.name == "cursor" for field in msgspec.structs.fields(route.query)):
        besides.append("400")  # a cursor is opaque: only one that was given out is right
    if route.conditional:
        besides.append("412")  # the ETag is not known from a schema
    if route.idempotent:
        besides.append("422")  # a key may have been used for another request
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
        *("--phases", phases, "--exclude-path", ENDLESS),
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
    (folder / "found.txt").write_bytes(out)
    assert process.returncode == 0, out.decode()[-8000:]
    # The token was not revoked on the way: what came back were answers and not refusals alone.
    assert (await house.browser(token=token).get("/api/v1/me")).status == 200


@pytest.mark.timeout(300)  # every route in every way: on a busy machine two minutes do not do
@pytest.mark.parametrize(
    ("role", "phases"),
    [
        # The phase `coverage` takes a minute of its own: the long tests have it, for each role.
        ("administrator", "examples,fuzzing,stateful"),
        # What is wrong is refused alike for all roles, most of it before anything is decoded.
        ("accountant", "fuzzing,stateful"),
        ("client", "fuzzing,stateful"),
    ],
)
async def test_schemathesis_finds_nothing(
    make_house: MakeHouse, tmp_path: Path, role: Role, phases: str
) -> None:
    fleet = await start(make_house, tmp_path, kind=Hurried, services={History: Nothing()})
    await run(fleet.house, role, tmp_path, 3, phases)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", ROLES)
async def test_schemathesis_finds_nothing_for_long(make_house: MakeHouse, tmp_path: Path, role: Role) -> None:
    fleet = await start(make_house, tmp_path, kind=Hurried, services={History: Nothing()})
    await run(fleet.house, role, tmp_path, 200, ALL)
