"""The commands of docker-compose.yml as processes here, in its order: what it would start finds and believes each other.

Each container has a loopback address of its own for its network, and its paths lie below one folder. What only a Docker
engine could show (images, volumes' owners, limits, networks) is not shown.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.system.stack import HASHYARD, PLACEHOLDER, REPOSITORY, Answer, Program, Stack, ask, query, until
from tests.unit.stack import compose_file
from tests.unit.stack.compose_file import is_ours, mounts
from tests.unit.stack.test_compose_file import written_in_example

FLEET = f"""
defaults: {{interval: 2s, web_port: null}}
containers:
  - name: Контейнер 1
    miners: [{{name: "m{{n}}", addresses: {PLACEHOLDER}10.1-2, manufacturer: Whatsminer, model: M50}}]
  - name: Container 2
    miners: [{{name: "m{{n}}", addresses: {PLACEHOLDER}11.1-2, manufacturer: Whatsminer, model: M50}}]
  - name: Container 3
    miners: [{{name: "m{{n}}", addresses: {PLACEHOLDER}12.1-2, manufacturer: Whatsminer, model: M50}}]
"""
PLACES = {
    "simulator": 1,
    "exporter": 2,
    "exporter-2": 3,
    "controller": 4,
    "prometheus": 5,
    "alertmanager": 6,
    "grafana": 7,
    "victoria-metrics": 8,
}
ORDER = {
    "as it stands": ("exporter", "controller", "alertmanager", "prometheus"),
    "shards": ("exporter", "exporter-2", "controller", "alertmanager", "prometheus"),
    "simulated": ("simulator", "simulated-exporter", "simulated-controller", "alertmanager", "prometheus"),
}
AWAY = {"X-Forwarded-For": "203.0.113.9"}


class Compose:
    """The services of the file, moved to where they can run here."""

    def __init__(self, stack: Stack, profile: str, programs: dict[str, Path]) -> None:
        self.stack = stack
        self.root = stack.folder / "root"
        self.services = compose_file.services(written_in_example() if profile == "shards" else None)
        self.order = ORDER[profile]
        self.programs = programs
        self.running: dict[str, Program] = {}
        self.names = {name: name for name in PLACES}
        if profile == "simulated":
            # The simulator's network answers to these names in its stead.
            self.names |= dict.fromkeys(
                self.services["simulator"]["networks"]["inside"]["aliases"], "simulator"
            )
        self.fleet = stack.write_targets(FLEET)
        self._lay_out()

    def _lay_out(self) -> None:
        """Put every mounted file where the containers have it, made quicker where it says how often."""
        templates = self.stack.folder / "prometheus"
        shutil.copytree(REPOSITORY / "prometheus", templates)
        config = templates / "prometheus.yml"
        config.write_text(re.sub(r"\b(30|25)s\b", "1s", config.read_text(encoding="utf-8")), encoding="utf-8")
        changed = {"./prometheus": templates, "./targets.demo.yml": self.fleet}
        for name in ("prepare", *self.order):
            for source, path, _ in mounts(self.services[name]):
                here = self.root / path.removeprefix("/")
                here.parent.mkdir(parents=True, exist_ok=True)
                if here.exists():
                    continue
                if source == "./inventory":
                    here.mkdir()
                    shutil.copy(self.fleet, here / "targets.yml")
                elif source.startswith("./"):
                    here.symlink_to(changed.get(source, REPOSITORY / source))
                else:
                    here.mkdir()

    def address(self, name: str) -> str:
        """Return the address of a service: of the network that it is in."""
        shared = self.services[name].get("network_mode", "").removeprefix("service:")
        return f"127.{self.stack.network}.1.{PLACES[shared if shared in PLACES else name]}"

    def here(self, text: str, name: str) -> str:
        """Return a flag or a variable with addresses and paths as they are here."""
        # Nobody listens in `prepare`: what it calls 127.0.0.1 is Prometheus' own.
        own = self.address("prometheus" if name == "prepare" else name)
        text = re.sub(r"\b(?:0\.0\.0\.0|127\.0\.0\.1)(?=:\d)", own, text)
        for called, service in sorted(self.names.items(), key=lambda one: -len(one[0])):
            text = re.sub(rf"(?<![\w-]){called}(?=:\d)", self.address(service), text)
        return re.sub(r"(?<==)(?=/)", str(self.root), text)

    def command(self, name: str) -> list[str]:
        service = self.services[name]
        environment = [
            f"{key}={self.here(str(value), name)}" for key, value in service.get("environment", {}).items()
        ]
        program = HASHYARD if is_ours(service) else (str(self.programs[name]),)
        return ["env", *environment, *program, *(self.here(part, name) for part in service["command"])]

    def prepare(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("prepare"), cwd=REPOSITORY, capture_output=True, text=True, check=False
        )

    def up(self) -> None:
        """Start everything in its order, each once those that it waits for are healthy by their own check."""
        done = self.prepare()
        assert done.returncode == 0, done.stderr
        started = {"prepare"}
        for name in self.order:
            # What is not run here (a stranger's image that is not installed) is nothing to wait for.
            assert set(self.services[name].get("depends_on", ())) <= started, name
            check = [self.here(part, name) for part in self.services[name]["healthcheck"]["test"][1:]]
            where = check[-1].removeprefix("http://").partition("/")[0]
            program = self.stack.start_program(name, self.command(name), where)
            self.running[name] = program
            program.wait_ready(check[-1].removeprefix(program.url))
            if is_ours(self.services[name]):
                # As Docker does: a check that took too long on a busy machine is made again.
                until(partial(is_healthy, [*HASHYARD, *check[1:]]), f"{name} is healthy by its own check")
            started.add(name)

    def token(self, name: str) -> str:
        return (self.root / "etc" / "hashyard" / "tokens" / name).read_text().strip()

    def asked(self, name: str, path: str, token: str | None = None, **headers: str) -> Answer:
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        return ask(self.running[name].url + path, headers={**headers, **authorization})


@pytest.fixture(params=list(ORDER))
def compose(
    request: pytest.FixtureRequest, tmp_path: Path, prometheus: Path, alertmanager: Path
) -> Iterator[Compose]:
    with Stack(tmp_path) as stack:
        found = Compose(stack, request.param, {"prometheus": prometheus, "alertmanager": alertmanager})
        if "simulator" not in found.order:
            stack.start_simulator(found.fleet)
        found.up()
        yield found


def is_healthy(check: list[str]) -> bool:
    """Return whether a check finds its part healthy; an AssertionError says what it had to say otherwise."""
    asked = subprocess.run(check, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stderr) == (0, ""), asked
    return True


def ups(prometheus: Program) -> dict[tuple[str, str], float]:
    return {(one.labels["job"], one.labels["instance"]): one.value for one in query(prometheus, "up")}


def alertmanagers_of(prometheus: Program) -> list[str]:
    told = ask(f"{prometheus.url}/api/v1/alertmanagers").json()["data"]["activeAlertmanagers"]
    return [one["url"] for one in told]


def test_everything_is_up_and_believes_each_other(compose: Compose) -> None:
    prometheus = compose.running["prometheus"]
    containers = {("hashyard", name) for name in ("Контейнер 1", "Container 2", "Container 3")}

    def all_up() -> dict[tuple[str, str], float]:
        found = ups(prometheus)
        seen = {one for one, up in found.items() if up}
        wanted = containers | {
            ("hashyard-exporter", compose.here("exporter:9428", "prometheus")),
            ("hashyard-controller", compose.here("controller:8000", "prometheus")),
            ("prometheus", compose.here("127.0.0.1:9090", "prometheus")),
            ("alertmanager", compose.here("alertmanager:9093", "prometheus")),
        }
        if "exporter-2" in compose.order:
            wanted.add(("hashyard-exporter", compose.here("exporter-2:9428", "prometheus")))
        assert wanted <= seen, f"not up: {wanted - seen}"
        # It is asked too, as late as the others, and is not there.
        assert set(found) - seen == {("grafana", compose.here("grafana:3000", "prometheus"))}
        return found

    until(all_up, "all targets are up but Grafana")
    # Six of them, each by one exporter.
    until(lambda: [one.value for one in query(prometheus, "miner_up")] == [1.0] * 6, "the miners are read")
    rules = ask(f"{prometheus.url}/api/v1/rules").json()["data"]["groups"]
    assert {Path(group["file"]).parent.name for group in rules} == {"rules"}
    assert len(rules) >= 5
    until(
        lambda: alertmanagers_of(prometheus) == [f"{compose.running['alertmanager'].url}/api/v2/alerts"],
        "Prometheus knows whom to tell",
    )

    # Nobody else is told anything.
    exporter, controller = (
        next(name for name in compose.order if name.endswith(part)) for part in ("exporter", "controller")
    )
    assert compose.asked(exporter, "/metrics").status == 401
    assert compose.asked(exporter, "/metrics", compose.token("controller-metrics")).status == 401
    assert compose.asked(exporter, "/metrics", compose.token("exporter")).status == 200
    named = {**AWAY, "Host": "controller:8000"}
    assert compose.asked(controller, "/metrics", **AWAY).status == 401
    assert compose.asked(controller, "/metrics", compose.token("exporter"), **AWAY).status == 401
    assert compose.asked(controller, "/metrics", compose.token("controller-metrics"), **named).status == 200

    # A second `up` changes nothing that runs.
    before = {path: path.stat().st_mtime_ns for path in (compose.root / "etc").rglob("*") if path.is_file()}
    again = compose.prepare()
    assert again.returncode == 0
    assert "made" not in again.stdout
    assert before == {
        path: path.stat().st_mtime_ns for path in (compose.root / "etc").rglob("*") if path.is_file()
    }


def test_the_stack_comes_up_with_the_fleet_that_the_repository_has(tmp_path: Path) -> None:
    """Nobody is in it: the first `docker compose up` is all green, and waits for an inventory."""
    with Stack(tmp_path) as stack:
        compose = Compose(stack, "as it stands", {})
        compose.order = ("exporter", "controller")
        inventory = compose.root / "etc" / "hashyard" / "inventory"
        shutil.copy(REPOSITORY / "inventory" / "targets.yml", inventory / "targets.yml")
        compose.up()
        token = compose.token("exporter")
        assert compose.asked("exporter", "/sd", token).json() == []
        stack.start_simulator(compose.fleet)
        beside = inventory / "targets.new"
        shutil.copy(compose.fleet, beside)
        beside.replace(inventory / "targets.yml")  # as an editor does it, and git
        until(lambda: len(compose.asked("exporter", "/sd", token).json()) == 3, "the change is noticed")


def test_what_prepare_could_not_do_stops_the_rest(tmp_path: Path) -> None:
    """Compose goes no further: everybody waits for its exit code 0."""
    with Stack(tmp_path) as stack:
        compose = Compose(stack, "as it stands", {})
        compose.services["prepare"]["environment"]["HASHYARD_ALERT_TELEGRAM_CHAT_ID"] = "-100123"
        done = compose.prepare()
    assert done.returncode == 2
    assert (
        "HASHYARD_ALERT_TELEGRAM_CHAT_ID is set and HASHYARD_ALERT_TELEGRAM_TOKEN_FILE is not" in done.stderr
    )
    assert not list((compose.root / "etc").rglob("*.yml"))[1:]  # the inventory alone
    assert sys.executable not in done.stderr
