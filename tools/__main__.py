"""`python -m tools NAME …`: runs the program of that name in this folder, and lets it be interrupted from its first moment.

Loading what a program needs takes a second, in which Ctrl-C would end it with a traceback before it could say anything.
"""

import runpy
import sys
from pathlib import Path


def main() -> int:
    """Run the program as `python -m tools.NAME` would; exit 130 when it is interrupted and says nothing of that itself.

    Exit 2 where no program has that name.
    """
    name = "".join(sys.argv[1:2])
    programs = {file.stem for file in Path(__file__).parent.glob("[!_]*.py")}
    if name not in programs:
        print(
            f"tools: there is no program {name!r}; say one, such as `python -m tools demo`", file=sys.stderr
        )
        return 2
    del sys.argv[1]
    try:
        runpy.run_module(f"tools.{name}", run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
