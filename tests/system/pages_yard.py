"""A yard whose pages people look at: a simulated fleet, the exporter, Prometheus and the controller as processes.

Its miners really change when they are told; its parts are stopped and its inventory is spoiled by the tests, which then
read the pages. One container obeys, one is only watched, and one bears a name that wants to be more than text.
"""

import http.cookies
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext

from tests.system.stack import HASHYARD, Answer, Miner, Program, Stack, ask, until

PASSWORD = "heron lantern quarry wick"
ORDERS = "opensesame-5r7"
"""The password without which the miners of the container that obeys take no order."""
READ_EVERY_S = 2
PATIENCE_MS = 60_000

OBEYS, WATCHED, HOSTILE = "Container 7", "Контейнер 1", "<b>{{7*7}}</b> עברית"
CALM = "wear: {restarts_per_day: 0, pool_outages_per_day: 0, chip_deaths_per_day: 0, board_deaths_per_day: 0}"
FLEET = f"""
defaults: {{interval: {READ_EVERY_S}s, web_port: 8080, timezone: UTC, connect_timeout: 1s, timeout: 2s}}
networks: [127.N.0.0/16]
schedules:
  all day: {{windows: [{{from: "00:00", to: "24:00", profile: normal}}]}}
containers:
  - name: {OBEYS}
    location: Port A
    description: 40 ft, air-cooled
    timezone: Europe/Samara
    client: volga
    control: enforce
    schedule: all day
    rows: 3
    columns: 4
    power_limit: 60 kW
    credentials: {{file: rack}}
    simulate: {{{CALM}, password: {ORDERS}}}
    miners:
      - {{name: "w{{n}}", addresses: 127.N.7.1-12, manufacturer: Whatsminer, model: M30S+, row: 1, column: 1}}
  - name: {WATCHED}
    location: Братск
    timezone: Asia/Irkutsk
    client: steppe
    rows: 3
    columns: 5
    simulate:
      {CALM}
      faults:
        - {{fault: board_dead, board: 2, miners: [a2]}}
        - {{fault: silent, miners: [a5]}}
        - {{fault: sleeping, miners: [a9]}}
    miners:
      - {{name: "a{{n}}", addresses: 127.N.1.1-10, manufacturer: AntMiner, model: S19j Pro, row: 1, column: 1}}
      - {{name: "l{{n}}", number: 11, addresses: 127.N.1.11-13, manufacturer: AntMiner, model: L7, row: 3, column: 1}}
  - name: '{HOSTILE}'
    id: hostile
    simulate: {{{CALM}, pools: [{{url: "stratum+tcp://pool.example:3333", user: "<script>alert(1)</script>"}}]}}
    miners:
      - {{name: '<script>alert("a")</script>', address: 127.N.9.1, manufacturer: Whatsminer, model: M30S+}}
"""
EMPTY = "containers: []\n"


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in: the cookie, and what a browser sends along with a change."""

    cookie: str
    csrf: str


@dataclass
class Yard:
    """The running yard. `prometheus` None: there is none."""

    stack: Stack
    targets: Path
    fleet: str
    simulator: Program
    exporter: Program
    prometheus: Program | None
    controller: Program
    cookie: str = ""
    csrf: str = ""
    languages: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The controller's data folder."""
        return self.targets.parent / "data"

    @property
    def url(self) -> str:
        """Where the pages are."""
        return self.controller.url

    def miner(self, name: str, container: str = OBEYS) -> Miner:
        """Return the simulator's handle of a miner."""
        return Miner(self.simulator, container, name)

    def api(
        self, path: str, *, method: str = "GET", body: Any = None, by: Session | None = None, **headers: str
    ) -> Answer:
        """Ask the API as the administrator, or as somebody else."""
        asks = by or Session(self.cookie, self.csrf)
        sent = {"Cookie": f"hashyard={asks.cookie}", "X-CSRF-Token": asks.csrf, **headers}
        return ask(f"{self.url}/api/v1{path}", method=method, body=body, headers=sent)

    def page(self, path: str) -> Answer:
        """Read a page as the administrator, without scripts."""
        return ask(self.url + path, headers={"Cookie": f"hashyard={self.cookie}", "Accept": "text/html"})

    def sign_in(self, password: str) -> None:
        """Begin a session of the administrator."""
        begun = self.session("admin", password)
        self.cookie, self.csrf = begun.cookie, begun.csrf

    def session(self, username: str, password: str) -> Session:
        """Begin a session of somebody."""
        answer = ask(
            f"{self.url}/api/v1/auth/login", method="POST", body={"username": username, "password": password}
        )
        assert answer.status == 204, answer
        cookie = http.cookies.SimpleCookie(answer.headers["Set-Cookie"])["hashyard"].value
        return Session(cookie, answer.headers["X-CSRF-Token"])

    def let_in(self, username: str, role: str, client_id: str | None = None) -> Session:
        """Make somebody who has chosen his password, and begin a session of his."""
        made = self.api(
            "/users", method="POST", body={"username": username, "role": role, "client_id": client_id}
        )
        assert made.status == 201, made
        first = made.json()["password"]
        change = {"current": first, "new": PASSWORD}
        changed = self.api("/me/password", method="PUT", body=change, by=self.session(username, first))
        assert changed.status == 204, changed
        return self.session(username, PASSWORD)

    def speak(self, language: str, by: Session | None = None) -> None:
        """Give the administrator's account a language, or somebody else's."""
        etag = self.api("/me", by=by).headers["ETag"]
        answer = self.api("/me", method="PATCH", body={"language": language}, by=by, **{"If-Match": etag})
        assert answer.status == 200, answer

    async def look(
        self,
        browser: Browser,
        *,
        width: int = 1440,
        height: int = 900,
        by: Session | None = None,
        **more: Any,
    ) -> BrowserContext:
        """Open a browser's window in which the administrator is signed in, or somebody else. `more`: of `new_context`."""
        context = await browser.new_context(
            viewport={"width": width, "height": height}, base_url=self.url, reduced_motion="reduce", **more
        )
        context.set_default_timeout(PATIENCE_MS)
        await context.add_cookies(
            [{"name": "hashyard", "value": by.cookie if by else self.cookie, "url": self.url}]
        )
        return context

    # What happens to it.

    def start_exporter(self) -> None:
        """Start the exporter again, after it was ended."""
        self.exporter = self._again(self.exporter, "/-/ready")

    def start_controller(self) -> None:
        """Start the controller again, after it was ended. Sessions outlive it."""
        self.controller = self._again(self.controller, "/-/ready")

    def start_prometheus(self) -> None:
        """Start Prometheus again, after it was ended."""
        assert self.prometheus is not None
        self.prometheus = self._again(self.prometheus, "/-/ready")

    def _again(self, ended: Program, ready: str) -> Program:
        program = self.stack.start_program(ended.name, ended.command, ended.url.removeprefix("http://"))
        program.wait_ready(ready)
        return program

    def spoil_inventory(self) -> None:
        """Write a mistake into the inventory, and wait until the controller has seen it."""
        self.stack.write_targets(self.fleet.replace("127.N.7.1-12", "127.N.7.1-12, port: 70000"))
        until(lambda: b"70000" in self.api("/status").body, "the controller has read the spoilt inventory")

    def mend_inventory(self) -> None:
        """Write the inventory as it was, and wait until the controller has taken it."""
        self.stack.write_targets(self.fleet)
        until(
            lambda: b"70000" not in self.api("/status").body, "the controller has read the mended inventory"
        )


@contextmanager
def yard(
    folder: Path,
    prometheus: Path | None,
    *,
    fleet: str = FLEET,
    unlisted: str = "",
    flags: tuple[str, ...] = (),
    simulate: tuple[str, ...] = (),
) -> Iterator[Yard]:
    """Run a yard; give it once all miners have been read.

    `prometheus`: the program, None to go without. `unlisted`: containers (items of YAML) that stand there without being in
    the inventory. `flags`, `simulate`: more flags of the controller and of the simulator.
    """
    with Stack(folder) as stack:
        targets = stack.write_targets(fleet)
        simulator = stack.start_simulator(
            stack.write_targets(fleet + unlisted, "simulated.yml") if unlisted else targets, *simulate
        )
        secrets = _write_secrets(folder)
        common = ("--data", str(folder / "data"), "--secrets-dir", str(secrets))
        exporter = stack.start_exporter(targets, *common)
        history = None if prometheus is None else stack.start_prometheus(prometheus, exporter)
        where = f"127.{stack.network}.255.2:8000"
        command = [*HASHYARD, "controller", "--env-file", "/dev/null", "--targets", str(targets)]
        command += [*common, "--listen", where, "--exporter", exporter.url]
        command += ["--restarts-a-day", "1000", "--cool-down", "1", *flags]
        if history is not None:
            command += ["--prometheus", history.url]
        controller = stack.start_program("controller", command, where)
        controller.wait_ready("/-/ready")
        found = Yard(stack, targets, fleet, simulator, exporter, history, controller)
        first = (folder / "data" / "initial-admin-password").read_text(encoding="utf-8").strip()
        found.sign_in(first)
        changed = found.api("/me/password", method="PUT", body={"current": first, "new": PASSWORD})
        assert changed.status == 204, changed
        found.sign_in(PASSWORD)
        until(lambda: _is_read(found), "every miner was asked")
        yield found


def _write_secrets(folder: Path) -> Path:
    secrets = folder / "secrets"
    secrets.mkdir(exist_ok=True)
    rack = secrets / "rack"
    rack.touch(mode=0o600)
    rack.write_text(f"root:{ORDERS}\n", encoding="utf-8")
    return secrets


def _is_read(found: Yard) -> bool:
    miners = found.api("/miners?limit=500").json()["items"]
    return all(one["taken_at"] is not None for one in miners)
