"""docker-compose.yml: right by the specification's schema, and nothing in it that is not there, published or unguarded."""

import importlib.resources
import json
import re
import shlex
import subprocess
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import hashyard
import hashyard_flags
from stack import grafana_sign_on, receivers
from tests.unit.stack import compose_file
from tests.unit.stack.compose_file import REPOSITORY, enabled, is_ours, mounts, services, variables

SERVICES = services()
PROFILES = {profile for service in SERVICES.values() for profile in service.get("profiles", ())}
EVERYONE = pytest.mark.parametrize("name", sorted(SERVICES))


@cache
def schema() -> jsonschema.Draft7Validator:
    folder = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    return jsonschema.Draft7Validator(json.loads((folder / "compose-spec.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("environment", [{}, dict.fromkeys(variables(), "1")], ids=["defaults", "all set"])
def test_the_specification_allows_it(environment: dict[str, str]) -> None:
    assert [error.message for error in schema().iter_errors(compose_file.load(environment))] == []


def test_the_schema_would_say_what_is_wrong() -> None:
    wrong = compose_file.load()
    wrong["services"]["grafana"]["ports"] = 3000
    wrong["services"]["exporter"]["cap_drop"] = "ALL"
    found = " ".join(error.message for error in schema().iter_errors(wrong))
    assert "3000 is not of type 'array'" in found
    assert "'ALL' is not of type 'array'" in found


@EVERYONE
def test_what_is_mounted_is_there_and_in_the_repository(name: str) -> None:
    for source, _, read_only in mounts(SERVICES[name]):
        if not source.startswith("./"):
            continue
        assert read_only, f"{source}: a container may change the checkout"
        assert (REPOSITORY / source).exists(), source
        tracked = subprocess.run(
            ["git", "ls-files", "--", source], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        # A checkout without git (an archive) has what it has.
        assert tracked.stdout or tracked.returncode, f"{source} is not in the repository"


def test_every_named_volume_is_declared_and_used() -> None:
    used = {
        source for one in SERVICES.values() for source, _, _ in mounts(one) if not source.startswith("./")
    }
    assert used == set(compose_file.load()["volumes"])


def test_a_volume_has_an_owner_who_may_write_it() -> None:
    """A new named volume takes the owner of the image's folder below it: of ours, or of the folder in the known image."""
    dockerfile = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    made = " ".join(re.findall(r"install -d (.*?)(?:&&|\n[A-Z])", dockerfile, re.DOTALL))
    theirs = {"/prometheus": "65534", "/alertmanager": "65534", "/var/lib/grafana": "472"}
    for name, service in SERVICES.items():
        user = service["user"].split(":")[0]
        for source, path, read_only in mounts(service):
            if source.startswith("./") or read_only:
                continue
            if path in theirs and not is_ours(service):
                assert theirs[path] == user, name
            else:
                assert path in made.split(), f"{name}: nobody makes {path} with an owner"


@EVERYONE
def test_it_runs_as_nobody_who_could_do_harm(name: str) -> None:
    service = SERVICES[name]
    user, _, group = service["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] > 0
    assert re.fullmatch(r"[0-9]+[mg]", service["mem_limit"])
    assert float(service["cpus"]) <= 2  # Docker refuses more than the machine has
    assert service["logging"]["options"]["max-size"] == "10m"
    assert service.get("network_mode") != "host"


@EVERYONE
def test_images_are_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    tag = image.rpartition(":")[2]
    assert re.fullmatch(r"v?[0-9]+\.[0-9]+\.[0-9]+", tag), image


@EVERYONE
def test_everything_that_runs_on_is_started_again_and_asked_how_it_is(name: str) -> None:
    service = SERVICES[name]
    if name == "prepare":
        assert service["restart"] == "no"
        assert service["healthcheck"] == {"disable": True}
        return
    assert service["restart"] == "unless-stopped"
    check = service["healthcheck"]
    kind, program, *rest = check["test"]
    assert kind == "CMD"
    assert program == ("hashyard" if is_ours(service) else "wget")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\S+", rest[-1])
    if is_ours(service):
        hashyard._parser().parse_args([*check["test"][2:]])
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


def test_only_the_controller_and_grafana_are_published_and_to_this_machine() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert published == {
        "controller": ["127.0.0.1:8000:8000"],
        "simulator": ["127.0.0.1:8000:8000"],  # in its namespace the simulated controller listens
        "grafana": ["127.0.0.1:3000:3000"],
    }
    moved = services(
        {"HASHYARD_BIND": "10.1.0.5", "HASHYARD_CONTROLLER_PORT": "80", "HASHYARD_GRAFANA_PORT": "81"}
    )
    assert moved["controller"]["ports"] == ["10.1.0.5:80:8000"]
    assert moved["grafana"]["ports"] == ["10.1.0.5:81:3000"]


def test_history_is_reached_from_inside_alone() -> None:
    networks = compose_file.load()["networks"]
    assert networks["inside"] == {"internal": True}
    assert [name for name in SERVICES if SERVICES[name].get("networks") == ["inside"]] == [
        "prometheus",
        "victoria-metrics",
    ]
    assert SERVICES["prepare"]["network_mode"] == "none"


@pytest.mark.parametrize("profile", [None, *sorted(PROFILES)])
def test_what_is_waited_for_is_there_and_comes_first(profile: str | None) -> None:
    on = frozenset({profile} if profile else ())
    running = {name: one for name, one in SERVICES.items() if enabled(one, on)}
    graph = {name: set(one.get("depends_on", ())) for name, one in running.items()}
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError
    for name, one in running.items():
        for other, how in one.get("depends_on", {}).items():
            assert other in running, f"{name} waits for {other}, which does not run"
            if how["condition"] == "service_healthy":
                assert "test" in running[other]["healthcheck"]
            else:
                assert how["condition"] == "service_completed_successfully"
                assert running[other]["restart"] == "no"
        mode = one.get("network_mode", "")
        if mode.startswith("service:"):
            assert mode.removeprefix("service:") in one["depends_on"]
            assert not {"ports", "networks"} & set(one)


def test_everybody_waits_for_what_prepare_makes() -> None:
    made = {source for source, _, read_only in mounts(SERVICES["prepare"]) if not read_only}
    for name, one in SERVICES.items():
        if name != "prepare" and made & {source for source, _, _ in mounts(one)}:
            assert one["depends_on"]["prepare"]["condition"] == "service_completed_successfully", name


def test_each_reads_only_its_own_secrets() -> None:
    def who(volume: str) -> set[str]:
        return {name for name, one in SERVICES.items() if volume in {source for source, _, _ in mounts(one)}}

    assert who("grafana-secrets") == {"prepare", "grafana", "controller", "simulated-controller"}
    assert who("alertmanager-config") == {"prepare", "alertmanager"}
    assert who("tokens") == {
        *("prepare", "exporter", "exporter-2", "controller", "prometheus"),
        *("simulated-exporter", "simulated-controller"),
    }
    for volume in ("grafana-secrets", "alertmanager-config", "prometheus-config", "tokens"):
        for name in who(volume) - {"prepare"}:
            assert (volume, True) in {(source, ro) for source, _, ro in mounts(SERVICES[name])}, name


def test_no_secret_is_written_here() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN(?!_URL)|SECRET|KEY(?!_RETRIEVAL)", key):
                assert key.endswith("_FILE"), f"{name}: {key}"
            assert "://" not in str(value) or "@" not in str(value), f"{name}: {key}"
    assert not re.search(r"(?i)(password|token|secret)\s*[:=]\s*[^\s/$&{]*\d", compose_file.text())


@pytest.mark.parametrize("name", sorted(name for name, one in SERVICES.items() if is_ours(one)))
@pytest.mark.parametrize("filled", [False, True], ids=["defaults", ".env.example"])
def test_every_command_of_ours_is_one_that_hashyard_takes(name: str, filled: bool, tmp_path: Path) -> None:
    service = services(written_in_example() if filled else None)[name]
    typed, unknown = hashyard._parser().parse_known_args(on_this_machine(service, tmp_path))
    assert unknown == []
    command: hashyard.Command = typed.command
    environment = {key: str(value) for key, value in service.get("environment", {}).items()}
    hashyard_flags.resolve(command.flags, typed, environment)  # raises for a value that does not do
    known = {flag.variable for flag in command.flags}
    if command.name == "prepare":
        known |= set(receivers.VARIABLES)
    assert set(environment) <= known


def test_prepare_is_given_every_variable_that_says_who_is_told() -> None:
    assert set(receivers.VARIABLES) <= set(SERVICES["prepare"]["environment"])


def test_the_containers_agree_on_names_and_paths() -> None:
    typed = hashyard._parser().parse_args(SERVICES["prepare"]["command"])
    environment = {key: str(value) for key, value in SERVICES["prepare"]["environment"].items()}
    prepare = next(one for one in hashyard.COMMANDS if one.name == "prepare")
    scrape = dict(
        hashyard_flags.resolve([f for f in prepare.flags if f.name == "--scrape"], typed, environment)[
            "scrape"
        ]
    )
    assert scrape == {
        "exporter": "http://exporter:9428",
        "controller": "http://controller:8000",
        "prometheus": "http://127.0.0.1:9090",
        "alertmanager": "http://alertmanager:9093",
        "grafana": "http://grafana:3000",
    }
    assert set(scrape) <= set(SERVICES)
    where = {source: path for source, path, _ in mounts(SERVICES["prepare"])}
    for name in ("prometheus", "alertmanager"):
        seen = {source: path for source, path, _ in mounts(SERVICES[name])}
        shared = set(where) & set(seen)
        assert len(shared) >= 2
        assert {source: seen[source] for source in shared} == {source: where[source] for source in shared}
    assert SERVICES["simulator"]["networks"]["inside"]["aliases"] == ["exporter", "controller"]


def test_grafana_signs_people_on_at_the_controller() -> None:
    """As the one table says, with the controller's addresses as browsers and as Grafana have them, and the same secret."""
    secret = "/etc/hashyard/grafana/client-secret"
    for given, browsers, server in (
        ({}, "http://localhost:8000", "http://controller:8000"),
        (
            {
                "HASHYARD_PUBLIC_URL": "https://yard.example",
                "HASHYARD_CONTROLLER_FROM_GRAFANA": "https://10.1.0.5",
                "HASHYARD_GRAFANA_AUTO_LOGIN": "true",
            },
            "https://yard.example",
            "https://10.1.0.5",
        ),
    ):
        found = services(given)
        wanted = grafana_sign_on.settings(browsers, server, secret, auto_login=bool(given))
        wanted["GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET__FILE"] = wanted.pop(
            "GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET"
        )
        environment = found["grafana"]["environment"]
        assert {name: environment.get(name) for name in wanted} == wanted
        assert not {name for name in environment if "OAUTH" in name} - set(wanted)
        for name in ("controller", "simulated-controller"):
            assert f"--grafana-client-secret-file={secret}" in found[name]["command"]
            assert found[name]["environment"]["HASHYARD_PUBLIC_URL"] == browsers
            assert found[name]["environment"]["HASHYARD_GRAFANA"] == environment["GF_SERVER_ROOT_URL"]


def test_grafana_begins_with_a_dashboard_that_is_there() -> None:
    environment = SERVICES["grafana"]["environment"]
    inside = {path: source for source, path, _ in mounts(SERVICES["grafana"])}
    dashboards = environment["HASHYARD_DASHBOARDS"]
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (REPOSITORY / inside[dashboards] / home.removeprefix(f"{dashboards}/")).is_file()
    provisioning = REPOSITORY / inside[environment["GF_PATHS_PROVISIONING"]]
    files = list(provisioning.glob("*/*.yml"))
    assert {file.parent.name for file in files} >= {"datasources", "dashboards"}
    for name in {
        found for file in files for found in re.findall(r"\$(HASHYARD_\w+)", file.read_text(encoding="utf-8"))
    }:
        assert name in environment


def written_in_example() -> dict[str, str]:
    """Return the variables of .env.example with what stands there, commented out or not."""
    lines = (REPOSITORY / ".env.example").read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"#?([A-Z0-9_]+)=(.*)", line) for line in lines]
    return {one[1]: one[2] for one in found if one}


def test_every_variable_is_explained_and_none_besides() -> None:
    written = written_in_example()
    assert set(written) == set(variables()) | {"COMPOSE_PROFILES"}
    for name, default in variables().items():
        if name not in (
            "HASHYARD_SHARD",
            "HASHYARD_EXPORTER",
            "HASHYARD_SCRAPE",
        ):  # they stand there for two exporters
            usual = {"HASHYARD_ALERT_EMAIL_REQUIRE_TLS": "yes"}.get(name, default or "")
            assert written[name] == usual, name
    lines = (REPOSITORY / ".env.example").read_text(encoding="utf-8").splitlines()
    assert all(line == "" or line.startswith("#") for line in lines)  # nothing has to be set
    told = "".join(
        (REPOSITORY / "docs" / file).read_text(encoding="utf-8") for file in ("install.md", "alerting.md")
    )
    assert [name for name in written if name not in told] == []
    spoken_of = set(
        re.findall(r"HASHYARD_[A-Z0-9_]+", (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8"))
    )
    assert {name for name in spoken_of if name not in written and not is_a_flag(name)} == set()


def is_a_flag(name: str) -> bool:
    flags = {flag.variable for command in hashyard.COMMANDS for flag in command.flags}
    return name in flags or name in receivers.VARIABLES or name in ("HASHYARD_MINER_", "HASHYARD_ALERT_")


def test_the_shards_part_the_containers_and_are_all_asked() -> None:
    found = services(written_in_example())
    assert found["exporter"]["environment"]["HASHYARD_SHARD"] == "1/2"
    assert found["exporter-2"]["environment"]["HASHYARD_SHARD"] == "2/2"
    both = ["http://exporter:9428", "http://exporter-2:9428"]
    assert found["controller"]["environment"]["HASHYARD_EXPORTER"].split(",") == both
    scrape = [part.split("=") for part in found["prepare"]["environment"]["HASHYARD_SCRAPE"].split(",")]
    assert [url for name, url in scrape if name == "exporter"] == both
    for name in ("exporter", "exporter-2"):
        assert found[name]["environment"]["HASHYARD_ADVERTISE"] == f"{name}:9428"


def test_what_is_typed_inside_is_a_command_of_the_service_and_of_its_ports() -> None:
    told = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
    typed = [shlex.split(line, comments=True) for line in re.findall(r"docker compose exec (.+)", told)]
    ours = 0
    for name, program, *rest in typed:
        assert name in SERVICES
        if program == "hashyard":
            assert is_ours(SERVICES[name])
            hashyard._parser().parse_args(rest)
            ours += 1
        for address in re.findall(r"127\.0\.0\.1:\d+", " ".join(rest)):
            assert address in " ".join(SERVICES[name]["healthcheck"]["test"])
    assert ours >= 2


def test_what_is_typed_for_the_simulated_fleet_starts_all_that_prometheus_is_told_of() -> None:
    told = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
    (typed,) = re.findall(r"--profile simulated up -d (.+)", told)
    waiting, started = typed.split(), set[str]()
    while waiting:
        name = waiting.pop()
        started.add(name)
        waiting += set(SERVICES[name].get("depends_on", ())) - started
    named = {
        part.partition("=")[0] for part in SERVICES["prepare"]["environment"]["HASHYARD_SCRAPE"].split(",")
    }
    assert named <= started | set(SERVICES["simulator"]["networks"]["inside"]["aliases"])
    assert not {"exporter", "exporter-2", "controller"} & started


def test_the_fleet_of_the_first_start_is_empty_and_right() -> None:
    assert yaml.safe_load((REPOSITORY / "inventory" / "targets.yml").read_text(encoding="utf-8")) == {
        "containers": []
    }
    assert hashyard.main(["check", str(REPOSITORY / "inventory" / "targets.yml")]) == 0


def on_this_machine(service: dict[str, Any], folder: Path) -> list[str]:
    """Return the command with paths of the container as they are here: mounted ones, or below the folder."""
    found = []
    for part in service["command"]:
        for source, path, _ in sorted(mounts(service), key=lambda one: -len(one[1])):
            here = REPOSITORY / source if source.startswith("./") else folder / source
            here.mkdir(exist_ok=True, parents=True) if not here.exists() else None
            part = part.replace(path, str(here))  # noqa: PLW2901  # path after path
        found.append(part)
    return found
