"""What the documents point to is there: files, headings, and the pictures that a script makes."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from PIL import Image

import hashyard
from tools.screenshots import PICTURES

REPOSITORY = Path(__file__).parents[2]
LARGEST = 150_000
"""Bytes of a picture: the README is read over a telephone, too."""

_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"(?m)^#+ +(?P<text>.+)$")
_TYPED = re.compile(
    r"`hashyard (?P<span>[^`\n]+)`|(?m:^ *(?:docker compose exec \w+ |\.venv/bin/)?hashyard (?P<line>.+)$)"
)
_CODE = re.compile(r"(?ms)^```.*?^```|`[^`\n]*`")


def documents() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [REPOSITORY / name for name in listed.stdout.splitlines()]


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as they are made for a browser: small letters, `-` for blanks, no signs."""
    headings = _HEADING.findall(re.sub(r"(?ms)^```.*?^```", "", document.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in headings}


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    wrong = []
    for target in _LINK.findall(_CODE.sub("", document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        place = (document.parent / path).resolve() if path else document
        if not place.exists() or (anchor and place.suffix == ".md" and anchor.lower() not in anchors(place)):
            wrong.append(target)
    assert wrong == []


def commands(document: Path) -> Iterator[list[str]]:
    """Yield the arguments of each `hashyard …` that a document has a person type, placeholders and all."""
    for match in _TYPED.finditer(document.read_text(encoding="utf-8").replace("\\\n", " ")):
        line = (match["span"] or match["line"]).partition(" >")[
            0
        ]  # behind it a shell sends what comes out elsewhere
        if "…" not in line:
            yield shlex.split(line, comments=True)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_what_a_person_is_to_type_is_a_command_and_says_who_asks(document: Path) -> None:
    for typed in commands(document):
        if not typed[1:]:  # the name of a command is no line to type
            assert typed[0] in {command.name for command in hashyard.COMMANDS}
            continue
        wanted = hashyard._parser().parse_args(typed)
        if wanted.command.name in {"set", "report"} and not hasattr(wanted, "direct"):
            assert hasattr(wanted, "token_file"), typed
            if document.parent.name == "runbooks":
                # A single action is refused of a miner that is held to a profile, as each that alerts is.
                assert {"profile", "end", "reboot"} & vars(wanted).keys(), typed


def test_commands_are_found_in_documents() -> None:
    assert ["set", "CONTAINER", "--end", "--token-file", "token"] in [
        *commands(REPOSITORY / "docs" / "runbooks" / "ContainerPowerAboveLimit.md")
    ]
    assert len([*commands(REPOSITORY / "README.md")]) > 10
    assert len([*commands(REPOSITORY / "docs" / "install.md")]) > 2


def test_every_job_of_prometheus_is_told() -> None:
    config = yaml.safe_load((REPOSITORY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    told = re.findall(
        r"(?m)^\| `([\w-]+)` \|", (REPOSITORY / "docs" / "prometheus.md").read_text(encoding="utf-8")
    )
    assert told == [job["job_name"] for job in config["scrape_configs"]]


def test_every_file_of_the_command_line_is_told() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    files = {file.name for file in REPOSITORY.glob("hashyard*.py")}
    assert files == set(re.findall(r"`(hashyard\w*\.py)`", text))


def test_the_pictures_are_those_that_the_script_makes_and_the_readme_shows() -> None:
    folder = REPOSITORY / "docs" / "pictures"
    assert {one.name for one in folder.iterdir()} == {f"{one.name}.png" for one in PICTURES}
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for picture in PICTURES:
        file = folder / f"{picture.name}.png"
        assert f"(docs/pictures/{file.name})" in readme
        assert file.stat().st_size < LARGEST
        with Image.open(file) as image:
            assert image.size == (picture.width, picture.height)
