"""The image: hadolint's rules, what is copied into it, and a lock file that holds all that pyproject.toml asks for."""

import fnmatch
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.unit.stack import compose_file

REPOSITORY = Path(__file__).parents[3]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
FINAL = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
_LOCKED = re.compile(r"(?m)^([a-z0-9][a-z0-9.-]*)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$")


def locked(name: str) -> dict[str, Version]:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    return {found[1]: Version(found[2]) for found in _LOCKED.finditer(text)}


@pytest.fixture(scope="module")
def hadolint() -> Path:
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("missing tool: hadolint, which comes as a package for Linux on x86-64 only")
    return program


def lint(hadolint: Path, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [hadolint, "--no-color", "--failure-threshold", "info", file],
        capture_output=True,
        text=True,
        check=False,
    )


def test_hadolint_finds_nothing(hadolint: Path) -> None:
    done = lint(hadolint, REPOSITORY / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_find_something(hadolint: Path, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUN cd /tmp && sudo pip install x\n")
    done = lint(hadolint, tmp_path / "Dockerfile")
    assert done.returncode == 1
    assert "DL3007" in done.stdout  # a tag that says nothing


def test_no_rule_is_switched_off() -> None:
    assert "hadolint ignore" not in DOCKERFILE
    assert not list(REPOSITORY.glob(".hadolint*"))


def test_both_stages_are_of_one_python_that_will_do() -> None:
    images = re.findall(r"(?m)^FROM (\S+)", DOCKERFILE)
    assert len(images) == 2
    assert len(set(images)) == 1
    found = re.fullmatch(r"python:(\d+\.\d+\.\d+)-slim-bookworm", images[0])
    assert found
    assert Requirement(f"python{PROJECT['project']['requires-python']}").specifier.contains(found[1])


def test_it_runs_as_the_user_that_the_compose_file_names() -> None:
    user = re.findall(r"(?m)^USER (\S+)", FINAL)
    assert user == ["10001:10001"]
    for service in compose_file.services().values():
        if compose_file.is_ours(service):
            assert service["user"] == user[0]
        elif "group_add" in service:
            assert service["group_add"] == [user[0].partition(":")[2]]
    assert FINAL.index("USER ") > FINAL.rindex("\nRUN ")


def test_it_starts_hashyard_and_says_how_it_is() -> None:
    assert 'ENTRYPOINT ["hashyard"]' in FINAL
    assert re.search(
        r'HEALTHCHECK [^\n]*\\\n +CMD \["hashyard", "healthcheck", "http://127.0.0.1:9428/-/ready"\]', FINAL
    )


def test_one_version_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert f'org.opencontainers.image.version="{version}"' in FINAL
    assert compose_file.variables()["HASHYARD_IMAGE"] == f"hashyard:{version}"


def copied() -> list[str]:
    lines = re.findall(r"(?m)^COPY (?!--from)(.+)", DOCKERFILE)
    return [source for line in lines for source in line.split()[:-1]]


def test_what_is_copied_is_there_and_let_in() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"  # everything stays out but what is named
    let_in = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    for source in copied():
        names = [str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob(source)]
        assert names, source
        assert all(any(fnmatch.fnmatch(name, rule) for rule in let_in) for name in names), source
    assert sorted(let_in) == sorted(copied())  # and nothing more gets in


def test_every_room_is_in_it() -> None:
    rooms = {package.partition(".")[0] for package in PROJECT["tool"]["setuptools"]["packages"]}
    assert rooms <= set(copied())


def test_the_wheel_holds_what_runs() -> None:
    """Setuptools is told every package, module and file by name, so that one is easily forgotten."""
    told = PROJECT["tool"]["setuptools"]
    tracked = subprocess.run(
        ["git", "ls-files", "--", *copied()], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    files = [Path(name) for name in tracked if (REPOSITORY / name).exists()]
    python = [file for file in files if file.suffix == ".py"]
    assert {file.stem for file in python if len(file.parts) == 1} == set(told["py-modules"])
    rooms = {".".join(file.parent.parts) for file in python if len(file.parts) > 1}
    assert rooms == set(told["packages"])
    # What sentences are translated in is compiled, and goes along as that.
    data = [file for file in files if file.suffix not in {".py", ".po", ".pot"} and len(file.parts) > 1]
    assert [str(file) for file in data if not (is_told(file, told) or is_mounted(file))] == []


def is_told(file: Path, told: dict[str, Any]) -> bool:
    """Return whether a file goes into the wheel: with its package, or with one above it, or beside them."""
    package_data, beside = told["package-data"], told["data-files"].values()
    return any(fnmatch.fnmatch(str(file), pattern) for patterns in beside for pattern in patterns) or any(
        fnmatch.fnmatch(str(file.relative_to(parent)), pattern)
        for parent in file.parents
        for pattern in package_data.get(".".join(parent.parts), ())
    )


def is_mounted(file: Path) -> bool:
    """Return whether a file is for another program, which finds it in the checkout."""
    sources = {
        source for one in compose_file.services().values() for source, _, _ in compose_file.mounts(one)
    }
    return any(f"./{parent}" in sources for parent in file.parents)


def unmet(names: list[str], lock: dict[str, Version]) -> list[str]:
    """Return what of these requirements the lock does not hold."""
    found = []
    for text in names:
        requirement = Requirement(text)
        version = lock.get(canonicalize_name(requirement.name))
        if version is None or version not in requirement.specifier:
            found.append(text)
    return found


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    remedy = "make it anew: its second line says how"
    assert unmet(PROJECT["project"]["dependencies"], locked("requirements.lock")) == [], remedy
    assert unmet(PROJECT["build-system"]["requires"], locked("requirements-build.lock")) == [], remedy


def test_a_dependency_that_is_not_in_the_lock_is_noticed() -> None:
    lock = locked("requirements.lock")
    assert unmet(["aiohttp~=2.0", "nowhere>=1", "aiohttp>=3"], lock) == ["aiohttp~=2.0", "nowhere>=1"]


def test_the_lock_holds_what_those_ask_for_in_turn() -> None:
    """By what the installed packages say of themselves, where they are the locked ones or others of that name."""
    lock = locked("requirements.lock")
    extras = {
        canonicalize_name(one.name): one.extras
        for one in map(Requirement, PROJECT["project"]["dependencies"])
    }
    missing = set()
    for name in lock:
        try:
            wanted = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            pytest.fail(f"{name} is in the lock, and nothing here needs it")
        for requirement in map(Requirement, wanted):
            needed = any(
                requirement.marker is None or requirement.marker.evaluate({"extra": extra})
                for extra in ("", *extras.get(name, ()))
            )
            if needed and canonicalize_name(requirement.name) not in lock:
                missing.add(f"{name} -> {requirement}")
    assert missing == set()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock"])
def test_every_line_of_a_lock_is_a_package_with_hashes_and_names_no_registry(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    rest = _LOCKED.sub("", text)
    assert [line for line in rest.splitlines() if line and not line.startswith("#")] == []
    assert "://" not in text
    assert "index" not in text
    assert len(locked(name)) >= 1
