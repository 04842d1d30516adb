"""The command line: `hashyard COMMAND`. It alone knows every room, and hands each what it needs.

Exit codes: 0 done, 1 could not, 2 wrong use or wrong configuration.
"""

import argparse
import importlib.metadata
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import msgspec
import uvloop

import hashyard_flags as flags
from hashyard_control import CONTROLLER_FLAGS, SET_FLAGS, TARGETS, run_controller, run_set
from hashyard_flags import Flag
from hashyard_grafana import GRAFANA_FLAGS, run_grafana
from hashyard_health import HEALTHCHECK_FLAGS, run_healthcheck
from hashyard_preparing import PREPARE_FLAGS, run_prepare
from hashyard_reading import READ_FLAGS, SCAN_FLAGS, run_read, run_scan
from hashyard_reporting import REPORT_FLAGS, run_report
from hashyard_terminal import configure_logs, configure_output
from miners.errors import ConfigurationError, HashyardError

DONE, COULD_NOT, WRONG_USE = 0, 1, 2

Values: TypeAlias = Mapping[str, Any]
Environment: TypeAlias = Mapping[str, str]


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One command: its flags, what it does, and which variables of older tools it should speak about when set."""

    name: str
    help: str
    run: Callable[[Values, Environment], int]
    flags: tuple[Flag, ...] = ()
    argument: tuple[str, str] | None = None
    argument_needed: bool = True
    examples: tuple[str, ...] = ()
    older: tuple[str, ...] = ()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code. Errors of ours become one line each on stderr."""
    configure_output()
    configure_logs()
    parser = _parser()
    typed, unknown = parser.parse_known_args(arguments)
    command: Command = typed.command
    if unknown:
        # By ourselves, so that the remedy named is the help of this command.
        told = f"{parser.prog} {command.name}"
        parser.exit(
            WRONG_USE,
            f"{told}: unrecognized arguments: {' '.join(unknown)}; `{told} --help` says what there is\n",
        )
    try:
        return _run(command, typed)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    except HashyardError as error:
        print(error, file=sys.stderr)
        return COULD_NOT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return COULD_NOT
    except BrokenPipeError:
        # The reader of our output (head, less) has gone: nothing is wrong, and nobody is there to be told.
        sys.stderr.close()
        return DONE


def _run(command: Command, typed: argparse.Namespace) -> int:
    environment = flags.read_environment(typed.env_file)
    replaced = flags.replaced_variables(command.flags, command.older, environment)
    if replaced:
        raise ConfigurationError("\n".join(replaced))
    values = flags.resolve(command.flags, typed, environment)
    if command.argument is not None:
        values["argument"] = typed.argument
    return command.run(values, environment)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and takes no flag by its first letters: `--no` is not `--no-auth`."""

    def __init__(self, **named: Any) -> None:
        super().__init__(allow_abbrev=False, **named)

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USE, f"{self.prog}: {message}; `{self.prog} --help` says what there is\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="hashyard",
        description="Monitoring and control for fleets of ASIC miners.",
        epilog="Each flag has an environment variable, named in its help; a .env file in this folder is read as well."
        "\n\nexamples:\n" + "\n".join(f"  {command.examples[0]}" for command in COMMANDS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"hashyard {importlib.metadata.version('hashyard')}"
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = subparsers.add_parser(
            command.name,
            help=command.help,
            description=command.help,
            epilog="examples:\n" + "\n".join(f"  {line}" for line in command.examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if command.argument is not None:
            sub.add_argument(
                "argument",
                metavar=command.argument[0],
                help=command.argument[1],
                nargs=None if command.argument_needed else "?",
            )
        flags.add_flags(sub, command.flags)
        sub.add_argument(
            "--env-file",
            type=Path,
            metavar="FILE",
            default=None,
            help=f"read variables from here, not from .env [{flags.ENV_FILE_VARIABLE}]",
        )
        sub.set_defaults(command=command)
    return parser


def _run_exporter(values: Values, environment: Environment) -> int:
    from exporter.main import Settings, run  # noqa: PLC0415  # each command loads its own room only

    host, port = values["listen"]
    settings = Settings(
        targets=(values["targets"],),
        data=values["data"],
        host=host,
        port=port,
        advertise=values["advertise"],
        shard=values["shard"] or (1, 1),
        token_file=values["token_file"],
        no_auth=values["no_auth"],
        max_polls=values["max_polls"],
        secrets_dir=values["secrets_dir"],
        environment=environment,
    )
    return uvloop.run(run(settings))


def _run_simulate(values: Values, _environment: Environment) -> int:
    from miners.inventory.load import load  # noqa: PLC0415  # each command loads its own room only
    from simulator.fleet import ContainerSpec, SimulatedFleet, SimulatorError, run  # noqa: PLC0415

    containers = [
        # by fields of the same names: the simulator knows no inventory
        msgspec.convert(container, ContainerSpec, from_attributes=True)
        for container in load([values["targets"]]).containers
    ]
    host, port = values["listen_metrics"]

    def on_ready(fleet: SimulatedFleet) -> None:
        print(f"{len(fleet.miners)} simulated miners; faults and the truth: {fleet.control_url}", flush=True)

    try:
        uvloop.run(
            run(
                containers,
                seed=values["seed"],
                control_host=host,
                control_port=port,
                speed=values["speed"],
                static=values["static"],
                just_up=values["just_up"],
                on_ready=on_ready,
            )
        )
    except SimulatorError as error:
        raise ConfigurationError("\n".join(error.mistakes)) from None
    return DONE


def _run_check(values: Values, _environment: Environment) -> int:
    from miners.inventory.check import check_report  # noqa: PLC0415  # each command loads its own room only

    text, code = check_report([Path(values["argument"])])
    print(text, file=sys.stderr if code else sys.stdout)
    return code


def _run_read(values: Values, _environment: Environment) -> int:
    return run_read(values)


def _run_scan(values: Values, _environment: Environment) -> int:
    return run_scan(values)


def _run_set(values: Values, _environment: Environment) -> int:
    return run_set(values)


def _run_report(values: Values, _environment: Environment) -> int:
    return run_report(values)


def _run_grafana(values: Values, _environment: Environment) -> int:
    return run_grafana(values)


_OLDER = ("DEFAULT_MINER_PORT", "CONNECTION_TIMEOUT", "POLLING_INTERVAL")
"""Names by which older tools were set up: whoever sets them here has to be told. Those of their servers (API_HOST,
API_PORT, SECRET_KEY, DATABASE_URL) are the controller's business; an exporter that shares its .env takes no notice."""

COMMANDS: tuple[Command, ...] = (
    Command(
        name="exporter",
        help="poll the fleet and serve its readings to Prometheus",
        run=_run_exporter,
        older=_OLDER,
        examples=(
            "hashyard exporter --targets targets.yml",
            "hashyard exporter --listen :9428 --token-file token --advertise 10.1.0.5:9428",
            "hashyard exporter --shard 1/4",
        ),
        flags=(
            TARGETS,
            Flag(
                name="--data",
                help="folder for what is remembered over a restart, and the managed inventory",
                convert=Path,
                metavar="DIR",
            ),
            Flag(
                name="--listen",
                help="where to serve (default 127.0.0.1:9428)",
                convert=flags.listen_address,
                default=("127.0.0.1", 9428),
                metavar="HOST:PORT",
            ),
            Flag(
                name="--advertise",
                help="the address that /sd gives to Prometheus",
                convert=flags.advertised_address,
                metavar="HOST:PORT",
            ),
            Flag(
                name="--shard",
                help="poll the i-th of n shares of the containers",
                convert=flags.shard,
                metavar="i/n",
            ),
            Flag(
                name="--token-file",
                help="file with the token that readers have to send",
                convert=Path,
                metavar="FILE",
            ),
            Flag(
                name="--no-auth",
                help="serve without a token on any address, deliberately",
                convert=None,
                default=False,
            ),
            Flag(
                name="--max-polls",
                help="miners asked at the same time (default 400)",
                convert=flags.whole(1, 20000),
                default=400,
                metavar="N",
                older=("MAX_WORKERS",),
            ),
            Flag(
                name="--secrets-dir",
                help="folder below which credential files stand",
                convert=flags.folder,
                metavar="DIR",
            ),
        ),
    ),
    Command(
        name="controller",
        help="run the power profiles that the clock asks for, and serve the HTTP API",
        run=run_controller,
        older=(*_OLDER, "SECRET_KEY"),
        examples=(
            "hashyard controller --targets targets.yml --data data --exporter http://127.0.0.1:9428",
            "hashyard controller --listen :8000 --tls-cert cert.pem --tls-key key.pem",
            "hashyard controller --data data --reset-admin",
        ),
        flags=CONTROLLER_FLAGS,
    ),
    Command(
        name="set",
        help="give a miner or a container a profile or a command, with proof that it was done",
        run=_run_set,
        argument=("CONTAINER/MINER", "the miner by its names or id; CONTAINER alone means all of it"),
        argument_needed=False,
        examples=(
            "hashyard set 'Container 7/a3-12' --profile curtail --until 18:00 --token-file token",
            "hashyard set 'Container 7' --profile normal --until next-change --token-file token",
            "hashyard set --direct 10.9.0.5 --sleep --credentials-file password",
        ),
        flags=SET_FLAGS,
    ),
    Command(
        name="report",
        help="print energy and money of some days, as the controller's books have them",
        run=_run_report,
        examples=(
            "hashyard report --from 2026-10-01 --to 2026-10-31 --token-file token",
            "hashyard report --from 2026-10-01 --to 2026-10-31 --by day --container konteiner-7 --token-file token",
        ),
        flags=REPORT_FLAGS,
    ),
    Command(
        name="grafana",
        help="bring Grafana's people, organisations and data sources in line, through the controller",
        run=_run_grafana,
        argument=("sync", "what to do: sync is all there is"),
        examples=("hashyard grafana sync --token-file token",),
        flags=GRAFANA_FLAGS,
    ),
    Command(
        name="simulate",
        help="start a simulated miner for each miner of the file, on loopback",
        run=_run_simulate,
        examples=("hashyard simulate --targets targets.demo.yml",),
        flags=(
            Flag(
                name="--targets",
                help="the inventory",
                convert=Path,
                default=Path("targets.demo.yml"),
                metavar="FILE",
            ),
            Flag(
                name="--listen-metrics",
                also=("--listen",),
                help="where faults are asked for and the truth is told (default 127.0.0.1:9429)",
                convert=flags.listen_address,
                default=("127.0.0.1", 9429),
                metavar="HOST:PORT",
            ),
            Flag(
                name="--speed",
                help="simulated seconds in a second (default 1)",
                convert=flags.factor,
                default=1.0,
                metavar="X",
            ),
            Flag(
                name="--static",
                help="miners whose readings stand still: cheap to answer, for measuring others",
                convert=None,
                default=False,
            ),
            Flag(
                name="--just-up",
                help="miners that came up just now, as after a power cut, and have not run for days",
                convert=None,
                default=False,
            ),
            Flag(
                name="--seed",
                help="the same seed gives the same run (default 1)",
                convert=flags.whole(0, 2**31),
                default=1,
                metavar="N",
            ),
        ),
    ),
    Command(
        name="check",
        help="say every mistake in an inventory with line and path, or what is in it",
        run=_run_check,
        argument=("FILE", "the inventory, such as targets.yml"),
        examples=("hashyard check targets.yml",),
    ),
    Command(
        name="read",
        help="read one miner now",
        run=_run_read,
        argument=("HOST[:PORT]", "the miner; with a port, nothing but it and --web-port is asked"),
        examples=(
            "hashyard read 10.1.7.16",
            "hashyard read 10.1.7.16 --json",
            "hashyard read 10.1.7.16:4433 --driver whatsminer_v3 --raw",
        ),
        flags=READ_FLAGS,
    ),
    Command(
        name="scan",
        help="find miners in a range of addresses",
        run=_run_scan,
        argument=("RANGE", "10.1.7.0/24, 10.1.7.10-200 or one address"),
        examples=(
            "hashyard scan 10.1.7.0/24",
            'hashyard scan 10.1.7.0/24 --yaml --container "Container 7" > targets.yml',
        ),
        flags=SCAN_FLAGS,
    ),
    Command(
        name="prepare",
        help="make first-run secrets, prometheus.yml and alertmanager.yml for where the stack runs",
        run=run_prepare,
        examples=(
            "hashyard prepare --folder /etc/hashyard --templates prometheus",
            "hashyard prepare --scrape exporter=http://10.1.0.5:9428 --scrape prometheus=http://127.0.0.1:9090",
        ),
        flags=PREPARE_FLAGS,
    ),
    Command(
        name="healthcheck",
        help="say whether a part answers, by the exit code",
        run=run_healthcheck,
        argument=("URL", "where it says that it is ready, such as http://127.0.0.1:9428/-/ready"),
        examples=("hashyard healthcheck http://127.0.0.1:9428/-/ready",),
        flags=HEALTHCHECK_FLAGS,
    ),
)

if __name__ == "__main__":
    sys.exit(main())
