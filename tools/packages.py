"""Gets programs from the system's packages without installing them: downloaded with apt-get, unpacked below .tools/.

Nothing else on the machine changes: no service starts, no root is needed, and `make clean` takes it all away
again. A program that is already on the PATH is used as it is.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
TOOLS = REPOSITORY / ".tools"

# What a package needs beside itself to run from a folder; the rest of what it depends on is for installing it as a service.
_COMPANIONS = {
    # The pages of Debian's Prometheus load these from their own packages; since Debian 13 promtool has one of its own.
    "prometheus": re.compile(r"libjs-|fonts-|promtool$"),
    # The server's package bears its version, and a bare machine lacks its libraries; the C library is always there and must
    # stay the system's, and what only compiles queries (LLVM) or serves administration (Perl) is large and not needed.
    "postgresql": re.compile(r"postgresql-\d+$|zlib1g$|lib(?!c6$|c-|llvm|z3-|perl|.*-perl$)"),
    # Chromium without a display, its libraries, and one family of fonts; what only draws by a graphics card stays away.
    "chromium-headless-shell": re.compile(
        r"chromium-common$|fonts-dejavu-core$|fontconfig-config$|zlib1g$|lib(?!c6$|c-|llvm|z3-|perl|.*-perl$|gl1-mesa|gtk)"
    ),
}
# Without a network, apt-get would try for minutes.
_PATIENCE = (
    "-o",
    "Acquire::Retries=1",
    "-o",
    "Acquire::http::Timeout=20",
    "-o",
    "Acquire::https::Timeout=20",
)


class PackagesError(Exception):
    """A package could not be had; the message is one line that says why."""


def find_program(name: str) -> Path | None:
    """Return where a program stands: on the PATH first, then below .tools/; None where it is not."""
    unpacked = os.pathsep.join(
        str(_programs_of(package)) for package in ("prometheus", "alertmanager", "victoria-metrics")
    )
    found = shutil.which(name) or shutil.which(name, path=unpacked)
    return Path(found) if found else None


def programs_folder() -> Path:
    """Return the folder of Prometheus' programs unpacked from the system's packages (it may not exist)."""
    return _programs_of("prometheus")


def _programs_of(package: str) -> Path:
    return TOOLS / package / "usr" / "bin"


def get_prometheus() -> None:
    """See that `prometheus` and `promtool` are there; raise PackagesError where that cannot be."""
    if not (find_program("prometheus") and find_program("promtool")):
        unpack("prometheus", TOOLS / "prometheus")


def get_alertmanager() -> None:
    """See that `prometheus-alertmanager` (Debian's name for it) and `amtool` are there; raise PackagesError where that cannot be."""
    if not (find_program("prometheus-alertmanager") and find_program("amtool")):
        unpack("prometheus-alertmanager", TOOLS / "alertmanager")


def get_victoria_metrics() -> None:
    """See that `victoria-metrics` is there; raise PackagesError where that cannot be."""
    if not find_program("victoria-metrics"):
        unpack("victoria-metrics", TOOLS / "victoria-metrics")


def find_postgresql() -> Path | None:
    """Return the folder of a PostgreSQL server's programs (`postgres`, `initdb`): installed, or below .tools/; or None.

    Debian keeps them off the PATH, in a folder for each version; the newest is taken.
    """
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for root in (Path("/"), TOOLS / "postgresql"):
        versions = root.glob("usr/lib/postgresql/*/bin")
        folders += sorted(versions, key=_version, reverse=True)
    return next((one for one in folders if (one / "postgres").exists() and (one / "initdb").exists()), None)


def _version(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder.parent.name)]


def postgresql_libraries(programs: Path) -> list[Path]:
    """Return the folders of libraries that an unpacked PostgreSQL needs to be told of; none for an installed one."""
    tree = TOOLS / "postgresql"
    if not programs.is_relative_to(tree):
        return []
    return sorted([*tree.glob("lib/*-linux-*"), *tree.glob("usr/lib/*-linux-*")])


def get_postgresql() -> None:
    """See that the programs of a PostgreSQL server are there; raise PackagesError where that cannot be."""
    if not find_postgresql():
        unpack("postgresql", TOOLS / "postgresql")


BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""Names under which systems install Chromium."""

BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""For a machine without a display; it asks nothing of the world."""

_BROWSER = "chromium-headless-shell"


def find_browser() -> Path | None:
    """Return where Chromium stands: on the PATH, or below .tools/; None where it is not."""
    on_path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if on_path:
        return Path(on_path)
    unpacked = TOOLS / _BROWSER / "usr" / "lib" / "chromium" / _BROWSER
    return unpacked if unpacked.exists() else None


def browser_environment(program: Path) -> dict[str, str]:
    """Return the variables that a browser is to be started with: an unpacked one is told of its libraries and fonts."""
    tree = TOOLS / _BROWSER
    if not program.is_relative_to(tree):
        return dict(os.environ)
    # Sound is compiled in, and its library keeps a part of itself in a folder of its own.
    patterns = ("lib/*-linux-*", "usr/lib/*-linux-*", "usr/lib/*-linux-*/pulseaudio")
    libraries = sorted(folder for pattern in patterns for folder in tree.glob(pattern))
    fonts = tree / "fonts.conf"
    if not fonts.exists():
        fonts.write_text(
            '<?xml version="1.0"?>\n<fontconfig>\n'
            f"<dir>{tree / 'usr' / 'share' / 'fonts'}</dir>\n<dir>/usr/share/fonts</dir>\n"
            f"<cachedir>{tree / 'font-cache'}</cachedir>\n</fontconfig>\n",
            encoding="utf-8",
        )
    return {
        **os.environ,
        "LD_LIBRARY_PATH": os.pathsep.join(str(one) for one in libraries),
        "FONTCONFIG_FILE": str(fonts),
    }


def browser_launch() -> dict[str, Any]:
    """Return how Playwright is to launch the Chromium that is there. Raises PackagesError where there is none."""
    program = find_browser()
    if program is None:
        raise PackagesError("no Chromium is installed; `make prometheus` gets it")
    return {"executable_path": program, "args": list(BROWSER_FLAGS), "env": browser_environment(program)}


def get_browser() -> None:
    """See that a Chromium is there; raise PackagesError where that cannot be."""
    if not find_browser():
        unpack(_BROWSER, TOOLS / _BROWSER)


def page_flags(program: Path) -> list[str]:
    """Return what an unpacked Prometheus needs to be told to find its pages, which Debian keeps outside of it."""
    if program.parent != programs_folder():
        return []
    return [f"--web.local-assets={TOOLS / 'prometheus' / 'usr' / 'share' / 'prometheus' / 'web'}/"]


def unpack(package: str, folder: Path) -> None:
    """Download a package, with its companions, and unpack it into the folder, which then appears whole or not.

    Uses the machine's own package lists; where these are missing or out of date it fetches a private copy of
    them. Raises PackagesError.
    """
    missing = [name for name in ("apt-get", "dpkg-deb") if not shutil.which(name)]
    if missing:
        raise PackagesError(
            f"{package} is not installed, and this system has no {' or '.join(missing)} to get it with"
        )
    try:
        with _one_at_a_time(), tempfile.TemporaryDirectory(dir=TOOLS, prefix="unpacking-") as scratch:
            if folder.exists():
                return  # another make got it while this one waited
            archives, tree = Path(scratch, "archives"), Path(scratch, "tree")
            archives.mkdir()
            tree.mkdir()
            try:
                _download(package, archives, _PATIENCE)
            except PackagesError:
                lists = (*_private_lists(Path(scratch)), *_PATIENCE)
                _run(["apt-get", "-q", *lists, "update"], archives)
                _download(package, archives, lists)
            for archive in sorted(archives.glob("*.deb")):
                _run(["dpkg-deb", "-x", str(archive), str(tree)], archives)
            tree.chmod(0o755)
            tree.rename(folder)
    except OSError as error:  # a full disk, a folder that is somebody else's
        raise PackagesError(f"{error.filename or TOOLS}: {error.strerror}") from error


def companions(package: str, uris: str) -> list[str]:
    """Return the names of the packages to take along, from what `apt-get install --print-uris` printed for one.

    A line of it reads `'http://…/x_1_all.deb' x_1_all.deb 1234 SHA256:…`.
    """
    archives = [line.split()[1] for line in uris.splitlines() if line.startswith("'")]
    wanted = _COMPANIONS.get(package)
    names = (archive.partition("_")[0] for archive in archives)
    return [name for name in names if wanted and name != package and wanted.match(name)]


def _download(package: str, archives: Path, options: tuple[str, ...]) -> None:
    # An empty record of what is installed: else a library that this machine has would be left out, and the
    # unpacked pages would look for it in vain.
    closure = ["install", "-qq", "-y", "--no-install-recommends", "--print-uris", package]
    uris = _run(["apt-get", "-o", "Dir::State::Status=/dev/null", *options, *closure], archives)
    _run(["apt-get", "-q", *options, "download", package, *companions(package, uris)], archives)


def _private_lists(scratch: Path) -> tuple[str, ...]:
    for folder in ("lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    return ("-o", f"Dir::State::Lists={scratch / 'lists'}", "-o", f"Dir::Cache={scratch / 'cache'}")


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(  # noqa: S603  # fixed commands, no shell
        command,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = [
            line for line in done.stderr.splitlines() if line.startswith("E:")
        ] or done.stderr.splitlines()
        raise PackagesError(
            f"{command[0]} failed ({done.returncode}): {said[0] if said else 'it did not say why'}"
        )
    return done.stdout


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Get what the tests need: exit 0 when it is there, 1 with a line for each that cannot be had, 130 when interrupted."""
    failed = 0
    for name, get in (
        ("Prometheus", get_prometheus),
        ("Alertmanager", get_alertmanager),
        ("PostgreSQL", get_postgresql),
        ("VictoriaMetrics", get_victoria_metrics),
        ("Chromium", get_browser),
    ):
        try:
            get()
        except PackagesError as error:
            print(f"{name} cannot be had: {error}", file=sys.stderr)
            failed = 1
        except KeyboardInterrupt:
            print(f"Interrupted while getting {name}; the next start takes it up again.", file=sys.stderr)
            return 130
    return failed


if __name__ == "__main__":
    sys.exit(main())
