"""The table of devices: which class speaks under which name."""

from collections.abc import Mapping

from simulator.devices.antminer import AntminerNew, AntminerOld
from simulator.devices.avalon import Avalon
from simulator.devices.cgminer import Cgminer
from simulator.devices.device import Device
from simulator.devices.elphapex import Elphapex
from simulator.devices.luxos import Luxos
from simulator.devices.vnish import Vnish
from simulator.devices.whatsminer_v2 import WhatsminerV2
from simulator.devices.whatsminer_v3 import WhatsminerV3

DEVICES: Mapping[str, type[Device]] = {
    "antminer_old": AntminerOld,
    "antminer_new": AntminerNew,
    "vnish": Vnish,
    "luxos": Luxos,
    "cgminer": Cgminer,
    "whatsminer_v2": WhatsminerV2,
    "whatsminer_v3": WhatsminerV3,
    "avalon": Avalon,
    "elphapex": Elphapex,
}

MANUFACTURERS: Mapping[str, frozenset[str]] = {
    "AntMiner": frozenset({"antminer_old", "antminer_new", "vnish", "luxos", "cgminer"}),
    "Whatsminer": frozenset({"whatsminer_v2", "whatsminer_v3"}),
    "Avalon": frozenset({"avalon"}),
    "Elphapex": frozenset({"elphapex"}),
}
