"""The controller killed with SIGKILL at random moments, again and again, while it commands: nothing is lost, all converges.

Real processes on the wall's clock: the simulator lives on, the controller is killed and started anew on what it left.
"""

import json
import random
import shutil
import signal
import sqlite3
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from miners.inventory.load import load
from tests.system.stack import HASHYARD, Program, Stack, ask, truth, until
from tests.system.whole_controller import CALM, PREPARATIONS, SECRET

PASSWORD = "correct-horse-battery-9"
LONGEST_RUN_S = 2.5
CONVERGED_S = 1000.0
"""A command whose fate nobody knows is not repeated before the make has had its time."""

CLOCK_GRAIN_S = 0.05
"""The simulator's clock and the controller's are the machine's, read by different ways."""

ENDED = {"done", "done_with_failures", "interrupted", "cancelled"}

TARGETS = f"""
defaults: {{interval: 3s, port: 24028, web_port: 28080, v3_port: 24433, connect_timeout: 2s, timeout: 4s,
  control: enforce, schedule: always, ramp: {{step: 1 MW, every: 1s, batch: 2}}, credentials: {{file: rack}}}}
networks: [127.0.0.0/8]
schedules:
  always: {{otherwise: normal}}
containers:
  - name: north
    simulate: {{{CALM}}}
    miners:
      - {{name: "v{{n}}", addresses: 127.N.1.1-3, manufacturer: Avalon, model: "1246"}}
      - {{name: "l{{n}}", addresses: 127.N.1.11-12, manufacturer: AntMiner, model: S19k Pro, simulate: {{device: luxos}}}}
      - {{name: "w{{n}}", addresses: 127.N.1.21-23, manufacturer: Whatsminer, model: M50}}
      - {{name: "n{{n}}", addresses: 127.N.1.31-32, manufacturer: Whatsminer, model: M60S}}
      - {{name: "a{{n}}", addresses: 127.N.1.41-42, manufacturer: AntMiner, model: S19 Pro}}
"""


class Site:
    """The simulator, the data folder, and the controllers that were started on it. What was answered stands in the sets."""

    def __init__(self, stack: Stack, chance: random.Random) -> None:
        self.stack, self.chance = stack, chance
        self.targets = stack.write_targets(TARGETS)
        self.data = stack.folder / "data"
        self.secrets = stack.folder / "secrets"
        self.secrets.mkdir()
        secret = self.secrets / "rack"
        secret.touch(mode=0o600)
        secret.write_text(f"root:{SECRET}\n", encoding="utf-8")
        self.simulator = stack.start_simulator(self.targets)
        self.controller: Program
        self.token = ""
        self.events: set[str] = set()
        self.overrides: dict[str, bool] = {}
        self.containers: set[str] = set()
        self.starts = 0

    def start(self) -> None:
        """Start a controller, and do not wait for it."""
        self.starts += 1
        where = f"127.{self.stack.network}.253.1:8000"
        flags = ["--env-file", "/dev/null", "--targets", str(self.targets), "--data", str(self.data)]
        flags += ["--listen", where, "--secrets-dir", str(self.secrets)]
        flags += ["--cool-down", "1", "--restarts-a-day", "1000"]
        self.controller = self.stack.start_program(
            f"controller-{self.starts}", [*HASHYARD, "controller", *flags], where
        )

    def ready(self) -> None:
        self.controller.wait_ready("/-/ready")

    def kill(self) -> None:
        assert self.controller.end(signal.SIGKILL) == -signal.SIGKILL
        self.check()

    def ask(self, path: str, *, method: str = "GET", body: object = None, status: int = 200) -> Any:
        """Ask the controller; return what it answers."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if method == "POST":
            headers["Idempotency-Key"] = f"{self.chance.getrandbits(64):016x}"
        answer = ask(f"{self.controller.url}/api/v1{path}", method=method, body=body, headers=headers)
        assert answer.status == status, (path, answer)
        return json.loads(answer.body) if answer.body else None

    def sign_in(self) -> None:
        """Take the first password, change it, and have a token from then on."""
        first = (self.data / "initial-admin-password").read_text(encoding="utf-8").strip()
        self.token = self._token(first)
        self.ask("/me/password", method="PUT", body={"current": first, "new": PASSWORD}, status=204)
        self.token = ""
        self.token = self._token(PASSWORD)

    def _token(self, password: str) -> str:
        answer = self.ask(
            "/auth/login?as=token", method="POST", body={"username": "admin", "password": password}
        )
        return str(answer["access_token"])

    def put_override(self, profile: str) -> None:
        made = self.ask(
            "/overrides",
            method="POST",
            body={
                "target": {"containers": ["north"]},
                "profile": profile,
                "ends": "manual",
                "reason": "to see",
            },
            status=201,
        )
        self.overrides[made["id"]] = False

    def end_override(self) -> None:
        """End one that is in force, if any is."""
        live = [id_ for id_, ended in self.overrides.items() if not ended]
        if live:
            self.ask(f"/overrides/{live[-1]}", method="DELETE", status=202)
            self.overrides[live[-1]] = True

    def make_container(self) -> None:
        name = f"more {len(self.containers)} {self.chance.getrandbits(32):x}"
        self.ask("/containers", method="POST", body={"name": name}, status=201)
        self.containers.add(name)

    def read_events(self) -> None:
        self.events |= {event["id"] for event in self.ask("/events?limit=500")["items"]}

    def check(self) -> None:
        """Assert that what was left behind is whole, and holds all that was answered. Looks at a copy."""
        copy = self.stack.folder / f"left-{self.starts}"
        shutil.copytree(self.data, copy)
        with rows(copy) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
            found = {row[0] for row in database.execute("SELECT id FROM events")}
            assert self.events <= found
            ended = dict(database.execute("SELECT id, ended_at IS NOT NULL FROM overrides").fetchall())
            assert self.overrides.keys() <= ended.keys()
            assert all(ended[id_] for id_, over in self.overrides.items() if over)
        managed = copy / "targets.managed.yml"
        found = {one.name for one in load([self.targets], managed=managed).containers}
        assert self.containers <= found
        shutil.rmtree(copy)

    def follow(self, *states: str) -> bool:
        """Assert that every miner truly is in one of these states; of those that are not, say what was done last."""
        others = {
            name.replace("/", "."): one["state"]
            for name, one in truth(self.simulator).items()
            if one["state"] not in states
        }
        assert not others, [
            (id_, state, self.ask(f"/miners/{id_}"), self.ask(f"/events?miner={id_}&limit=3")["items"])
            for id_, state in list(others.items())[:2]
        ]
        return True

    def live(self) -> None:
        """Do something, as a person does, and leave it to its work for a moment."""
        match self.chance.randrange(4):
            case 0:
                self.end_override()
            case 1:
                self.make_container()
                self.put_override(self.chance.choice(["normal", "curtail"]))
            case _:
                self.put_override("curtail" if self.chance.random() < 0.6 else "normal")
        time.sleep(self.chance.uniform(0.0, LONGEST_RUN_S))
        self.read_events()


class Closing(NamedTuple):
    """A connection to SQLite that is closed at the end of a block."""

    connection: sqlite3.Connection

    def __enter__(self) -> sqlite3.Connection:
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def rows(folder: Path) -> Closing:
    return Closing(sqlite3.connect(folder / "hashyard.db"))


def killed_again_and_again(folder: Path, kills: int, seed: int) -> None:
    with Stack(folder) as stack:
        site = Site(stack, random.Random(seed))
        site.start()
        site.ready()
        site.sign_in()
        for _ in range(kills - 2):
            site.live()
            site.kill()
            site.start()
            if site.chance.random() < 0.25:  # it is not even there yet
                time.sleep(site.chance.uniform(0.2, 2.0))
                site.kill()
                site.start()
            site.ready()
        for profile, states in (("curtail", {"sleeping"}), ("normal", {"starting", "mining"})):
            site.put_override(profile)
            time.sleep(site.chance.uniform(0.0, 1.0))
            site.kill()
            site.start()
            site.ready()
            until(lambda states=states: site.follow(*states), f"all follow {profile}", patience_s=CONVERGED_S)
        until(lambda: all_ended(site), "every operation has ended", patience_s=CONVERGED_S)
        site.make_container()
        site.read_events()
        assert site.controller.end() == 0
        site.check()
        assert sorted(path.name for path in site.data.iterdir() if path.suffix == ".new") == []
        accounted(site)


def all_ended(site: Site) -> bool:
    states = {one["id"]: one["state"] for one in site.ask("/operations?limit=500")["items"]}
    assert set(states.values()) <= ENDED, states
    return True


def accounted(site: Site) -> None:
    """Assert that no command was received without its `command.sent`, and that each of those is explained.

    One that has an end was received if the end says so. One without (the controller was killed) may have been received,
    once, before the next.
    """
    received: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for one in ask(f"{site.simulator.url}/received").json()["received"]:
        if one["command"] not in PREPARATIONS:
            received[f"{one['container']}.{one['miner']}"].append((one["at"], one["command"]))
    intents = windows(site.data)
    assert received.keys() <= intents.keys(), "a miner was told, and no record of it is there"
    for miner, sent in intents.items():
        assert sum(left is None for _, _, left in sent) < site.starts, "each kill leaves one without an end"
        journal = received[miner]
        for known in (True, False):  # what is known to have left claims its command first
            for begin, end, left in sent:
                if (left is not None) is not known:
                    continue
                within = [one for one in journal if begin - CLOCK_GRAIN_S <= one[0] <= end + CLOCK_GRAIN_S]
                if known:
                    assert len(within) == left, f"{miner}: {within} of {received[miner]} against {sent}"
                for one in within[:1]:
                    journal.remove(one)
        assert journal == [], f"{miner}: received without a record: {journal} against {sent}"


def windows(data: Path) -> dict[str, list[tuple[float, float, bool | None]]]:
    """Return by miner the times within which each command that was intended may have come in, oldest first.

    With it whether it left, None for unknown.
    """
    with rows(data) as database:
        found = database.execute(
            "SELECT miner, kind, at, params FROM events "
            "WHERE kind IN ('command.sent', 'command.finished') ORDER BY seq"
        ).fetchall()
    intents: dict[str, list[tuple[float, float, bool | None]]] = defaultdict(list)
    for miner, kind, at, params in found:
        when, told = seconds(at), json.loads(params)
        sent = intents[miner]
        if kind == "command.sent":
            if sent and sent[-1][2] is None:
                sent[-1] = (sent[-1][0], when, None)
            sent.append((when, float("inf"), None))
        elif told["intended"]:
            assert sent, miner
            assert sent[-1][2] is None, f"{miner}: two ends of one command"
            sent[-1] = (sent[-1][0], when, bool(told["sent"]))
    return intents


def seconds(at: str) -> float:
    """Return a moment of the database, which SQLite keeps as UTC without saying so."""
    return datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()


@pytest.mark.timeout(1800)
def test_killed_at_random_moments(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path, 4, 20_260_529)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_many_times(tmp_path: Path, seed: int) -> None:
    killed_again_and_again(tmp_path, 16, seed)
