"""docker-compose.yml as compose reads it: anchors merged, variables put in."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[3]
FILE = REPOSITORY / "docker-compose.yml"
OUR_IMAGE = "hashyard:"

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)(?::-(?P<default>[^}]*))?\}")


def text() -> str:
    return FILE.read_text(encoding="utf-8")


def variables() -> dict[str, str | None]:
    """Return the variables that the file names, with their defaults."""
    return {found["name"]: found["default"] for found in _VARIABLE.finditer(text())}


def load(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the file with the variables put in; one that is empty counts as not set, as `:-` says."""
    given = environment or {}

    def put_in(value: Any) -> Any:
        if isinstance(value, str):
            return _VARIABLE.sub(lambda found: given.get(found["name"]) or found["default"] or "", value)
        if isinstance(value, dict):
            return {key: put_in(one) for key, one in value.items()}
        if isinstance(value, list):
            return [put_in(one) for one in value]
        return value

    found: dict[str, Any] = put_in(yaml.safe_load(text()))
    return found


def services(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = load(environment)["services"]
    return found


def is_ours(service: Mapping[str, Any]) -> bool:
    """Return whether a service runs the image that is built here."""
    return str(service["image"]).startswith(OUR_IMAGE)


def enabled(service: Mapping[str, Any], profiles: frozenset[str] = frozenset()) -> bool:
    """Return whether a service runs with these profiles."""
    return not service.get("profiles") or bool(profiles & set(service["profiles"]))


def mounts(service: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """Return (source, path in the container, whether read-only) of each mount; a bind's source begins with `./`."""
    found = []
    for volume in service.get("volumes", ()):
        source, path, *mode = volume.split(":")
        found.append((source, path, mode == ["ro"]))
    return found
