"""The models that can be simulated: the figures their physics starts from and the device that speaks for them.

Nominal figures are those of the makers (per unit, at the wall); clock and voltage are of the usual order for the model.
A row is what a miner of that kind is when it leaves the factory: everything else is weather, orders and faults.
"""

import re
from typing import Literal, TypeAlias

import msgspec

Cooling: TypeAlias = Literal["air", "hydro", "immersion"]

SHA256_HASHES_PER_SHARE = 2.0**32  # hashes behind one share of difficulty 1
SCRYPT_HASHES_PER_SHARE = 2.0**16


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One model. Hash rate in H/s, power in W, clock in MHz, fans at full duty in rpm.

    `reported` is how the device names itself; `first_board` the number it gives its first board. An Avalon 7xx or 8xx
    is a controller with four modules of four boards: the figures are of all of them together, a fan is a module's.
    """

    name: str
    manufacturer: str
    reported: str
    device: str
    hashrate_hs: float
    power_w: float
    boards: int
    chips_per_board: int
    fans: int = 4
    frequency_mhz: float
    board_voltage_v: float
    fan_rpm: float = 6000.0
    cooling: Cooling = "air"
    first_board: int = 1
    standby_w: float = 30.0
    scrypt: bool = False

    @property
    def hashes_per_share(self) -> float:
        """Hashes behind one share of difficulty 1."""
        return SCRYPT_HASHES_PER_SHARE if self.scrypt else SHA256_HASHES_PER_SHARE


def _antminer(
    name: str,
    tera: float,
    power: float,
    chips: int,
    mhz: float,
    *,
    volts: float = 13.2,
    boards: int = 3,
    fans: int = 4,
    cooling: Cooling = "air",
    device: str = "antminer_new",
    first_board: int = 1,
    rpm: float = 6200.0,
) -> Figures:
    return Figures(
        name=name,
        manufacturer="AntMiner",
        reported=f"Antminer {name}",
        device=device,
        hashrate_hs=tera * 1e12,
        power_w=power,
        boards=boards,
        chips_per_board=chips,
        fans=fans,
        frequency_mhz=mhz,
        board_voltage_v=volts,
        fan_rpm=rpm,
        cooling=cooling,
        first_board=first_board,
        standby_w=25.0,
        scrypt=name.startswith("L"),
    )


def _whatsminer(
    name: str,
    revision: str,
    tera: float,
    power: float,
    chips: int,
    mhz: float,
    *,
    boards: int = 3,
    cooling: Cooling = "air",
    device: str = "whatsminer_v2",
) -> Figures:
    return Figures(
        name=name,
        manufacturer="Whatsminer",
        reported=f"{name}_{revision}",
        device=device,
        hashrate_hs=tera * 1e12,
        power_w=power,
        boards=boards,
        chips_per_board=chips,
        fans=2 if cooling == "air" else 0,
        frequency_mhz=mhz,
        board_voltage_v=12.2,
        fan_rpm=6900.0,
        cooling=cooling,
        first_board=0,
        standby_w=40.0,
    )


def _avalon(
    name: str,
    reported: str,
    tera: float,
    power: float,
    chips: int,
    mhz: float,
    *,
    boards: int = 3,
    fans: int = 4,
    volts: float = 13.2,
    device: str = "avalon",
) -> Figures:
    return Figures(
        name=name,
        manufacturer="Avalon",
        reported=reported,
        device=device,
        hashrate_hs=tera * 1e12,
        power_w=power,
        boards=boards,
        chips_per_board=chips,
        fans=fans,
        frequency_mhz=mhz,
        board_voltage_v=volts,
        fan_rpm=6500.0,
        first_board=0,
        standby_w=60.0,
    )


def _elphapex(name: str, giga: float, power: float, boards: int, chips: int, rpm: float) -> Figures:
    return Figures(
        name=name,
        manufacturer="Elphapex",
        reported=name,
        device="elphapex",
        hashrate_hs=giga * 1e9,
        power_w=power,
        boards=boards,
        chips_per_board=chips,
        frequency_mhz=1850.0,
        board_voltage_v=14.7,
        fan_rpm=rpm,
        standby_w=25.0,
        scrypt=True,
    )


CATALOGUE: tuple[Figures, ...] = (
    _antminer("S9", 13.5, 1323, 63, 650, volts=9.4, fans=2, device="antminer_old", first_board=6, rpm=6100),
    _antminer("T9", 11.5, 1450, 54, 600, volts=9.1, fans=2, device="antminer_old", first_board=6),
    _antminer("S17", 56, 2520, 48, 620, volts=17.0, device="antminer_old"),
    _antminer("S19", 95, 3250, 76, 675),
    _antminer("S19 Pro", 110, 3250, 114, 525),
    _antminer("S19j Pro", 104, 3068, 126, 545),
    _antminer("S19k Pro", 120, 2760, 77, 590),
    _antminer("S19 XP", 140, 3010, 110, 530),
    _antminer("T19", 84, 3150, 76, 600),
    _antminer("S21", 200, 3500, 108, 490),
    _antminer("T21", 190, 3610, 108, 520),
    _antminer("S21 Hyd", 335, 5360, 216, 500, fans=0, cooling="hydro"),
    _antminer("S19 Pro Hyd", 177, 5221, 180, 580, boards=4, fans=0, cooling="hydro"),
    _antminer("L3+", 504e-6, 800, 72, 384, volts=9.8, boards=4, fans=2, device="antminer_old", rpm=5200),
    _antminer("L7", 9.5e-3, 3425, 120, 1100, rpm=5900),
    _antminer("L9", 16e-3, 3360, 110, 1262, rpm=5900),
    _whatsminer("M20S", "V10", 68, 3360, 105, 650),
    _whatsminer("M30S", "VE10", 86, 3268, 105, 640),
    _whatsminer("M30S+", "VE40", 100, 3400, 156, 640),
    _whatsminer("M31S", "V20", 74, 3404, 111, 630),
    _whatsminer("M50", "VH20", 114, 3306, 111, 620),
    _whatsminer("M53", "VH30", 230, 6670, 128, 640, boards=4, cooling="hydro"),
    _whatsminer("M60S", "VK40", 186, 3441, 225, 625, device="whatsminer_v3"),
    _whatsminer("M63S", "VK30", 390, 7215, 370, 610, boards=4, cooling="hydro", device="whatsminer_v3"),
    _avalon("741", "741", 4 * 7.3, 4 * 1150, 22, 650, boards=16, fans=4, volts=12.0),
    _avalon("841", "841", 4 * 13.6, 4 * 1290, 26, 625, boards=16, fans=4, volts=12.0),
    _avalon("1066", "1066-50", 50, 3250, 114, 540),
    _avalon("1166 Pro", "1166Pro-81", 81, 3400, 120, 500),
    _avalon("1246", "1246-90", 90, 3420, 120, 530),
    _avalon("1346", "1346-110", 110, 3300, 120, 520),
    _avalon("1466", "1466-150", 150, 3230, 176, 480, fans=2),
    _avalon("1566", "1566-185", 185, 3420, 160, 460, fans=2),
    _avalon("Q", "Q", 90, 1674, 160, 420, boards=1),
    _elphapex("DG1+", 14, 3920, 4, 204, 6000),
    _elphapex("DG1", 11, 3420, 4, 144, 6000),
    _elphapex("DG-Home1", 2.1, 630, 1, 120, 3400),
)

_MAKER = re.compile(
    r"\b(?:ant ?miner|bitmain|what'?s?miner|microbt|avalon ?miner|avalon|canaan|elp?hapex)\b", re.IGNORECASE
)
_BIN = re.compile(r"(?:-\d+|\s\d+(?:\.\d+)?\s*[TGM](?:H/s)?)$", re.IGNORECASE)
_REVISION = re.compile(r"[_ ]V[A-Z]?\w\d+$", re.IGNORECASE)


def _plain(name: str) -> str:
    """Return the name without maker, bin, revision, case and spacing: `Antminer S19 Pro 110T` is `s19pro`."""
    bare = _BIN.sub("", _MAKER.sub("", name).strip())
    return re.sub(r"^A(?=\d)|[\s_-]+", "", _REVISION.sub("", bare)).casefold()


_BY_NAME = {_plain(figures.name): figures for figures in CATALOGUE}


def figures_of(model: str) -> Figures | None:
    """Return the figures of a model as people and devices write it, or None where there are none."""
    return _BY_NAME.get(_plain(model))


def known_models() -> str:
    """Return the names of the models that can be simulated, for a message."""
    return ", ".join(figures.name for figures in CATALOGUE)
