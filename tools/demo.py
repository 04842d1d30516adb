"""The demo: a simulated fleet, the exporter, the controller and what stands around them, on this machine, until Ctrl-C.

Chooses where it runs, starts the parts with the command lines that people would type, says when each is ready, and then
what there is to look at. When a part dies, it says which and ends the others.
"""

import argparse
import os
import select
import signal
import subprocess
import sys
import threading
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console

from miners.errors import HashyardError
from miners.inventory.store import MANAGED_FILE
from tools import around, demo_people, history, packages, place, welcome
from tools.compressed import write_schedule
from tools.parts import Death, Part, PartsFailed, run_parts
from tools.ready import PATIENCE_S, get, wait_until_ready

REPOSITORY = packages.REPOSITORY

# The parts see nothing else of the surroundings: a setting meant for a real exporter (HASHYARD_…, a .env file) has no
# business in a demo.
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")

_console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def choose(
    targets: Path, programs: around.Programs, hold: place.Folder, *, past: bool = False
) -> welcome.Demo:
    """Return what will run where. Raises NoPlace, and what a wrong inventory raises."""
    fleet = welcome.read_fleet(targets)
    network = place.network_of(fleet.endpoints)
    if network is not None:
        free = place.free_network(network, fleet.endpoints)
        if free != network:
            _say(f"Addresses 127.{network}.0.0/16 are busy: this fleet takes 127.{free}.0.0/16.")
            text = targets.read_text(encoding="utf-8")
            targets = hold.path / "targets.yml"
            targets.write_text(place.moved(text, network, free), encoding="utf-8")
            fleet = welcome.read_fleet(targets)
    taken: set[int] = set()
    ports = [
        place.take_port(wanted, who, taken, _say)
        for wanted, who in ((9429, "the simulator"), (9428, "the exporter"), (8000, "the controller"))
    ]

    def around_at(wanted: int, who: str, program: object) -> str | None:
        if program is None:
            return None
        return f"{place.LOOPBACK}:{place.take_port(wanted, who, taken, _say)}"

    return welcome.Demo(
        folder=hold.path,
        targets=_short(targets),
        fleet=fleet,
        simulator=f"{place.LOOPBACK}:{ports[0]}",
        exporter=f"{place.LOOPBACK}:{ports[1]}",
        controller=f"{place.LOOPBACK}:{ports[2]}",
        history=around_at(9090, "Prometheus", programs.prometheus),
        alerts=around_at(9093, "Alertmanager", programs.alertmanager),
        grafana=around_at(3000, "Grafana", programs.grafana),
        past=past and programs.prometheus is not None,
        again=(hold.path / "prometheus").is_dir(),
    )


def parts_of(demo: welcome.Demo, programs: around.Programs) -> list[Part]:
    """Return the parts, in the order in which they get ready."""
    hashyard = (sys.executable, "-m", "hashyard")
    surroundings = ("--targets", str(demo.targets), "--env-file", os.devnull)
    # One folder for both: what is created through the controller's API, the exporter reads there.
    data = ("--data", str(demo.data))
    simulator = Part(
        "simulator",
        (
            *hashyard,
            "simulate",
            *surroundings,
            "--listen",
            demo.simulator,
            # What ran before has counted up to somewhere: to begin anew behind days of work would count those days again.
            *(("--just-up",) if demo.again else ()),
        ),
        f"http://{demo.simulator}/fleet",
    )
    exporter = Part(
        "exporter",
        (
            *hashyard,
            "exporter",
            *surroundings,
            "--listen",
            demo.exporter,
            *data,
        ),
        f"http://{demo.exporter}/-/ready",
        after=simulator.ready_url,
    )
    write_schedule(demo.data / MANAGED_FILE)
    known: list[str] = []
    if demo.history is not None:
        known += ["--prometheus", f"http://{demo.history}"]
    if demo.grafana is not None:
        known += around.controller_flags(demo, demo.grafana)
    controller = Part(
        "controller",
        (
            *hashyard,
            "controller",
            *surroundings,
            *data,
            *("--listen", demo.controller, "--exporter", f"http://{demo.exporter}", *known),
            # Profiles change by the minute here, which no real miner should be asked to follow.
            *("--restarts-a-day", "1000", "--cool-down", "5"),
        ),
        f"http://{demo.controller}/-/ready",
        after=exporter.ready_url,
    )
    return [simulator, exporter, *around.parts(demo, programs, exporter.ready_url), controller]


def main() -> int:
    """Run the demo; exit 0 when it was ended, 1 when it could not start or a part died, 2 for a wrong inventory."""
    parser = argparse.ArgumentParser(prog="tools.demo", description=__doc__)
    parser.add_argument("--targets", type=Path, default=REPOSITORY / "targets.demo.yml", help="the fleet")
    parser.add_argument(
        "--folder", type=Path, default=REPOSITORY / ".demo", help="where it keeps what it makes"
    )
    parser.add_argument(
        "--no-past", action="store_true", help="show what happens from now on, and no week made up before it"
    )
    asked = parser.parse_args()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # a terminal that cannot show Cyrillic is no reason to end
    targets, folder = asked.targets.resolve(), asked.folder.resolve()
    os.chdir(REPOSITORY)  # so that paths are short to read
    try:
        return _run(targets, folder, past=not asked.no_past)
    except (place.NoPlace, PartsFailed) as error:
        _say(f"The demo cannot run: {error}.")
        return 1
    except OSError as error:  # a full disk, a folder that is somebody else's
        _say(f"The demo cannot run: {error.filename or _short(folder)}: {error.strerror}.")
        return 1
    except HashyardError as error:
        _say(str(error))
        return 2
    except KeyboardInterrupt:
        _say("Interrupted before anything was started.")
        return 130


def _run(targets: Path, folder: Path, *, past: bool) -> int:
    # Asked now: a terminal that is gone is none any more.
    terminal = os.dup(sys.stdout.fileno()) if sys.stdout.isatty() else None
    programs = around.find_programs(_say)
    turn = place.Turn(_say)
    hold = place.take_folder(_short(folder), _say)
    demo = choose(targets, programs, hold, past=past)
    parts = parts_of(demo, programs)
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    late: list[Part] = []

    def watch() -> None:
        if not _await(parts, late):
            return
        turn.give_back()
        _tell(demo)
        # Threads of their own: what they start ends with the thread that started it.
        if demo.past and demo.history:
            threading.Thread(target=_make_past, args=(demo, demo.history, environment), daemon=True).start()
            threading.Thread(target=_make_books, args=(demo, environment), daemon=True).start()
        _end_with(terminal)

    death = run_parts(parts, demo.logs, environment, watch)
    for part in late:
        _say(
            f"The {part.name} did not get ready within {PATIENCE_S:.0f} s; its log is {demo.logs / part.name}.log"
        )
    if death:
        _report(death, demo)
    elif not late:
        _say("\nThe demo has ended, and everything that it started. Its history is kept for the next start.")
    return 1 if death or late else 0


def _short(path: Path) -> Path:
    return path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path


def _await(parts: list[Part], late: list[Part]) -> bool:
    """Tell as each part gets ready; a part that does not is noted, ends the demo, and gives False."""
    for part in parts:
        if not wait_until_ready(part.ready_url):
            late.append(part)
            os.kill(os.getpid(), signal.SIGTERM)
            return False
        _say(f"  {part.name} is ready")
    return True


def _tell(demo: welcome.Demo) -> None:
    """Make the people, and tell what there is."""
    try:
        broken = welcome.broken_now(get(f"http://{demo.simulator}/fleet"))
    except OSError as error:
        _say(f"What is broken on purpose cannot be told, the simulator does not answer: {error}")
        broken = []
    try:
        demo_people.make_people(demo.controller, demo.data, demo.people)
    except demo_people.PeopleFailed as error:
        _say(f"There is nobody but the administrator: {error}")
    for line in welcome.lines(demo, broken):
        _say(line)


def _make_books(demo: welcome.Demo, environment: dict[str, str]) -> None:
    """Have the books of the past made beside the running demo, and say what came of it."""
    try:
        made = subprocess.run(  # noqa: S603  # a fixed command, no shell
            [
                *(sys.executable, "-m", "tools.past_books"),
                *("--targets", str(demo.targets), "--data", str(demo.data)),
            ],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            check=False,
        )
        said = made.stdout.strip().splitlines()
    except OSError as error:
        said = [f"The books of the past could not be made up: {error.strerror}"]
    if said:
        _say(said[-1])


def _make_past(demo: welcome.Demo, prometheus: str, environment: dict[str, str]) -> None:
    """Have the past made beside the running demo, and say what came of it."""
    log = demo.logs / "history.log"
    try:
        made = history.start(
            demo.targets,
            demo.folder / "prometheus",
            f"http://{prometheus}",
            log,
            environment,
            controller=demo.controller,
        )
        made.wait()
        said = log.read_text(encoding="utf-8").strip().splitlines()
    except OSError as error:
        said = [f"The demo's past could not be made: {error.filename or log}: {error.strerror}"]
    _say(said[-1] if said else f"The demo's past could not be made; {log} may say why.")


def _end_with(terminal: int | None) -> None:
    """End the demo when the terminal goes away.

    Where make itself was its first process (`ssh -t HOST make demo`), the hang-up signal reaches make alone, which waits
    for this process.
    """
    if terminal is not None:
        hang_up = select.poll()
        hang_up.register(terminal, 0)  # no event asked for: what is left is the hang-up
        hang_up.poll()
        os.kill(os.getpid(), signal.SIGTERM)


def _report(death: Death, demo: welcome.Demo) -> None:
    how = f"with exit code {death.code}" if death.code >= 0 else f"by {signal.Signals(-death.code).name}"
    _say(
        f"\nThe {death.name} ended {how}, so the rest was ended too. The last lines of {demo.logs / death.name}.log:"
    )
    for line in death.lines:
        _say(f"  {line}")


def _say(line: str) -> None:
    try:
        _console.print(line)
    except OSError:
        # The terminal is gone; what is said to nobody must not keep the parts from being ended, nor spoil the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
