"""Which faults an Avalon's module reports: its state, the error words of boards and module, supply and fans.

Facts: Canaan's cgminer sources (the names of the bits).
"""

from miners.draft import Draft
from miners.drivers.avalon_text import BOARDS_A_MODULE, Module, figure_at
from miners.model import Fault
from miners.units import count, number, text

_IDLE_BIT = 1
_ERROR_BITS = (
    (2, "controller checksum failed"),
    (4, "no fan"),
    (8, "locked"),
    (16, "command queue overflowed"),
    (32, "ring buffer overflowed"),
    (64, "too hot"),
    (128, "was too hot before"),
    (256, "loop failed"),
    (512, "core test failed"),
    (1024, "power management unit invalid"),
    (2048, "power not good"),
    (4096, "temperature sensor failed"),
    (8192, "voltage wrong"),
    (16384, "core voltage wrong"),
    (32768, "power management unit checksum failed"),
    (65536, "clock setting invalid"),
    (131072, "hash unit failed"),
)
"""What the bits of ECHU and ECMM mean, by the names that Canaan gave them. Bit 0 is idle, which is no fault."""

_MAX_CODE = 2**32
"""Error codes are words of 32 bits; what is larger is a broken reply, and would make a label of its own each time."""


def read_faults(draft: Draft, module: Module) -> None:
    """Add to the draft what the module reports, with its number before the code where there are several."""
    place = f"M{module.number}:" if module.number else ""
    if "fault" in module.work:
        draft.faults.append(Fault(f"{place}WORK:FAULT", text(module.keys.get("SYSTEMSTATU"))))
    if module.keys.get("ECHU", "").strip(" 0"):
        for board, figure in enumerate(module.list_of("ECHU")[:BOARDS_A_MODULE]):
            _add_errors(draft, f"{place}ECHU{board}", figure)
    if module.keys.get("ECMM", "0") != "0":
        _add_errors(draft, f"{place}ECMM", number(module.keys["ECMM"]))
    for name, figure, words in (
        ("PS", figure_at(module.supply, 0), "power supply reports an error"),
        ("FANERR", number(module.keys.get("FanErr")), "fan reports an error"),
    ):
        if figure and abs(figure) <= _MAX_CODE:
            draft.faults.append(Fault(f"{place}{name}:{figure:.0f}", words))


def _add_errors(draft: Draft, place: str, figure: float | None) -> None:
    bits = count(figure)
    if bits is None or bits & ~_IDLE_BIT == 0 or bits > _MAX_CODE:
        return
    words = ", ".join(name for bit, name in _ERROR_BITS if bits & bit)
    draft.faults.append(Fault(f"{place}:{bits}", words or None))
