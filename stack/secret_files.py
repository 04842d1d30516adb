"""First-run secrets: each is made once, known to nobody before, and stays as it is from then on."""

import secrets
from pathlib import Path

from stack.whole_files import FileFault, put_new

LEAST = 16
"""Characters of a secret that somebody else has put there, at least: what the exporter and the controller ask for."""

_LENGTH = 26
# Without those that are mistaken for one another: a person types the password of Grafana. 26 of 56 are 150 bits.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def make_secret(path: Path) -> bool:
    """Make a secret, or find the one that is there right; return whether one was made. Raises FileFault."""
    try:
        path.lstat()
    except FileNotFoundError:
        put_new(path, "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) + "\n")
        return True
    except OSError as error:
        raise FileFault(f"{path}: cannot be read: {error.strerror}") from error
    _check(path)
    return False


def _check(path: Path) -> None:
    """Raise FileFault, without a word of what is in it, if a file does not do as a secret."""
    try:
        if not path.is_file():
            raise FileFault(f"{path}: is no file; take it away, and a new secret is made")
        if path.stat().st_mode & 0o007:
            raise FileFault(
                f"{path}: everybody on this machine may read it: delete it, and a new secret is made, or, if nobody "
                f"has read it, chmod o-rwx {path}"
            )
        content = path.read_bytes()
    except OSError as error:
        raise FileFault(f"{path}: cannot be read: {error.strerror}") from error
    if not content.strip():
        raise FileFault(f"{path}: is empty; delete it, and a new secret is made")
    line = content.removesuffix(b"\n")
    if (
        len(line) < LEAST
        or not line.isascii()
        or not line.decode("ascii").isprintable()
        or line != line.strip()
    ):
        raise FileFault(
            f"{path}: must hold one line of at least {LEAST} ASCII characters without a space around it; delete it, and "
            "a new secret is made"
        )
