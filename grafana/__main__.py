"""`python -m grafana` writes the dashboards' JSON, `python -m grafana --check` says which is not what the code makes."""

import argparse
import sys
from pathlib import Path

try:
    from grafana.catalogue import DASHBOARDS, ROOM, path_of, rendered
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "grafana_foundation_sdk":
        raise
    raise SystemExit(
        "Making dashboards wants the extra `dashboards`: .venv/bin/pip install -e '.[dashboards]', "
        "then .venv/bin/python -m grafana. To have the committed ones back: git checkout grafana/json"
    ) from None


def main(arguments: list[str] | None = None) -> int:
    """0 if all is as it should be, 1 if `--check` found a file stale, missing or stray."""
    parser = argparse.ArgumentParser(prog="python -m grafana", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; say what is stale, and end with 1"
    )
    parser.add_argument("--room", type=Path, default=ROOM, help="where the JSON lies (default: grafana/json)")
    flags = parser.parse_args(arguments)
    room: Path = flags.room
    return check(room) if flags.check else write(room)


def write(room: Path) -> int:
    """Write what differs and take away what no dashboard of the table makes."""
    for uid in DASHBOARDS:
        path = room / path_of(uid)
        text = rendered(uid)
        if _found(path) != text.encode():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            sys.stdout.write(f"{path}: written\n")
    for path in strays(room):
        path.unlink()
        sys.stdout.write(f"{path}: taken away, for no dashboard is called so\n")
    return 0


def check(room: Path) -> int:
    """Say of each file that is not what the code makes, what is wrong with it."""
    wrong = []
    for uid in DASHBOARDS:
        path = room / path_of(uid)
        found = _found(path)
        if found is None:
            wrong.append(f"{path}: is missing")
        elif found != rendered(uid).encode():
            wrong.append(f"{path}: is not what the code makes (edited by hand, or the code changed)")
    wrong += [f"{path}: no dashboard of grafana/catalogue.py is called so" for path in strays(room)]
    for line in wrong:
        sys.stderr.write(line + "\n")
    if wrong:
        sys.stderr.write(
            "Run: python -m grafana. Changes belong in grafana/dashboards/, never in the JSON.\n"
        )
    return 1 if wrong else 0


def strays(room: Path) -> list[Path]:
    """Files in the room that are called like a dashboard of ours and are none, or lie where none of that name belongs."""
    ours = {room / path_of(uid) for uid in DASHBOARDS}
    alike = {*room.glob("hashyard-*.json"), *room.glob("*/hashyard-*.json")}
    return sorted(alike - ours)


def _found(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
