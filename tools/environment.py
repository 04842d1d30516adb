"""Makes the virtual environment .venv and installs the project into it, once: a second call takes a tenth of a second.

It is done again when something it hangs on has changed (what pyproject.toml says of the project, the Python, the place
of the checkout, the extras asked for), and begun afresh when it was interrupted. Works where Debian's python3-venv is not installed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from typing import Any

from tools import packages

ENVIRONMENT = packages.REPOSITORY / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
_INSTALLED = ENVIRONMENT / "installed"
_UNFINISHED = ENVIRONMENT / "unfinished"
_PIP = (str(PYTHON), "-m", "pip", "--require-virtualenv")

# Without pyvenv.cfg the same program is the Python behind it, into which pip would install. Who installed it is written behind all
# that pip consists of: interrupted before, it may import and not be whole.
_WHOLE = """\
import sys
from importlib import metadata
if sys.prefix == sys.base_prefix or not metadata.distribution("pip").read_text("INSTALLER"):
    sys.exit(1)
print(sys.version)
"""


class EnvironmentFailed(Exception):
    """The environment could not be made; the message is one line that says why and what helps."""


def install(extras: list[str]) -> None:
    """Bring .venv to hold the project and these extras of pyproject.toml; raise EnvironmentFailed."""
    with (packages.REPOSITORY / "pyproject.toml").open("rb") as project:
        fcntl.flock(project, fcntl.LOCK_EX)  # two makes at once: the second waits, and then finds it done
        state = fingerprint(tomllib.load(project))
        before = _INSTALLED.read_text().split() if _INSTALLED.exists() else []
        known = before[1:]
        if before[:1] == [state] and set(extras) <= set(known) and not _UNFINISHED.exists():
            return
        together = sorted({*extras, *known})
        print(
            f"Installing Hashyard into .venv ({', '.join(together)}): a minute or two, the first time only."
        )
        if _UNFINISHED.exists() or not _usable():
            _put_away()
            _make()
        _UNFINISHED.touch()
        _call([*_PIP, "install", "--quiet", "--editable", f".[{','.join(together)}]"])
        _INSTALLED.write_text(" ".join([state, *together]))
        _UNFINISHED.unlink()


def fingerprint(project: dict[str, Any]) -> str:
    """Return what an environment hangs on, as one word: the project's own tables, the Python, and the place."""
    tables = {name: project.get(name) for name in ("build-system", "project")}
    tables["setuptools"] = project.get("tool", {}).get("setuptools")
    parts = (json.dumps(tables, sort_keys=True), sys.version, str(packages.REPOSITORY))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _usable() -> bool:
    """Tell whether .venv is whole and of the Python that runs this."""
    if not PYTHON.exists():
        return False
    asked = subprocess.run(  # noqa: S603  # fixed command
        [str(PYTHON), "-c", _WHOLE],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.returncode == 0 and asked.stdout.strip() == sys.version.strip()


def _put_away() -> None:
    """Take an old .venv away at once and whole: interrupted while it is deleted, what is left of it might look usable."""
    packages.TOOLS.mkdir(exist_ok=True)
    old = packages.TOOLS / "old-environment"
    for place in (old, ENVIRONMENT):
        if place.is_symlink():
            place.unlink()
        elif place.exists():
            place.rename(old)
            shutil.rmtree(old)


def _make() -> None:
    if importlib.util.find_spec("ensurepip"):
        _call([sys.executable, "-m", "venv", str(ENVIRONMENT)])
    else:
        _make_with_unpacked_pip()


def _make_with_unpacked_pip() -> None:
    """Make the environment with pip from the system's package of wheels: Debian parts ensurepip from Python."""
    wheels = packages.TOOLS / "pip"
    try:
        if not wheels.exists():
            packages.unpack("python3-pip-whl", wheels)
    except packages.PackagesError as error:
        raise EnvironmentFailed(
            f"this Python has no ensurepip ({error}): install python3-venv, as in `sudo apt-get install python3-venv`"
        ) from error
    wheel = next(wheels.glob("usr/share/python-wheels/pip-*.whl"))
    _call([sys.executable, "-m", "venv", "--without-pip", str(ENVIRONMENT)])
    _call([str(PYTHON), f"{wheel}/pip", "install", "--quiet", "--no-index", str(wheel)])


def _call(command: list[str]) -> None:
    # In a group of its own: an interruption at the terminal is said once, by this program, and not by each that it started.
    running = subprocess.Popen(command, cwd=packages.REPOSITORY, stdin=subprocess.DEVNULL, process_group=0)  # noqa: S603  # fixed commands
    try:
        code = running.wait()
    except BaseException:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        raise
    if code:
        shown = " ".join(os.path.relpath(part) if os.path.isabs(part) else part for part in command)  # noqa: PTH117  # parts are words, not all of them paths
        raise EnvironmentFailed(f"`{shown}` failed ({code}): what it said stands above")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Install the extras named on the command line; exit 1 with one line when that fails."""
    parser = argparse.ArgumentParser(prog="tools.environment", description=main.__doc__)
    parser.add_argument(
        "extras", nargs="+", help="extras of pyproject.toml: dashboards, demo, pictures, test, bench"
    )
    extras = parser.parse_args().extras
    for ending in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: what was started ends with this
        signal.signal(ending, _interrupt)
    try:
        install(extras)
    except EnvironmentFailed as error:
        print(f"Cannot install: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # a full disk, a checkout that is somebody else's
        print(f"Cannot install: {error.filename or ENVIRONMENT}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the next start takes it up again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
