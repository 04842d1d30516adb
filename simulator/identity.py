"""Who a simulated miner is: serials and addresses that are its own and the same in every run with the same seed."""

from random import Random

import msgspec

from simulator.catalogue import Figures

_LETTERS = "ABCDEFGHJKLMNPRSTVWXYZ"


class Identity(msgspec.Struct, frozen=True):
    """`mac` with colons, locally administered (it begins with 02): it can be nobody's real one."""

    container: str
    name: str
    mac: str
    serial: str
    board_serials: tuple[str, ...]
    psu_serial: str
    hostname: str
    dna: str
    quirk: int  # 0 to 5: miners of one model come with one of several firmwares


def identity_of(key: str, container: str, name: str, figures: Figures) -> Identity:
    """Return the identity that belongs to a key (seed, container, name)."""
    chance = Random(f"{key}/identity")  # noqa: S311  # a reproducible run, no secret
    octets = [chance.randrange(256) for _ in range(5)]

    def serial(prefix: str) -> str:
        batch = "".join(chance.choice(_LETTERS) for _ in range(4))
        return f"{prefix}{batch}{chance.randrange(10**8):08}"

    return Identity(
        container,
        name,
        ":".join(f"{octet:02x}" for octet in (2, *octets)),
        serial("SIM"),
        tuple(serial("HB") for _ in range(figures.boards)),
        serial("PSU"),
        f"{figures.manufacturer}-{octets[4]:02x}{octets[3]:02x}",
        f"0201{chance.getrandbits(48):012x}",
        chance.randrange(6),
    )
