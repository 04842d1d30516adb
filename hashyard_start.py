"""Where `hashyard` begins when a person types it: it loads the command line, and may be interrupted meanwhile.

Loading takes some tenths of a second, in which Ctrl-C would show a traceback of imports.
"""

import sys


def main() -> int:
    """Run the command line as `hashyard.main` does; what is interrupted while it loads ends in the same line and code."""
    try:
        import hashyard  # noqa: PLC0415  # loading it is what is watched here

        return hashyard.main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 1
