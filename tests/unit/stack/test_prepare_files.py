"""What `hashyard prepare` writes is whole or not there, is not for everybody, and a secret is made once."""

import os
from pathlib import Path

import pytest

from stack.secret_files import LEAST, make_secret
from stack.whole_files import FileFault, held, make_folder, put, put_new


def test_a_secret_is_made_once_and_then_kept(tmp_path: Path) -> None:
    path = tmp_path / "token"
    assert make_secret(path)
    made = path.read_text()
    assert len(made.strip()) > LEAST
    assert made.endswith("\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert not make_secret(path)
    assert path.read_text() == made
    other = tmp_path / "other"
    make_secret(other)
    assert other.read_text() != made


def test_rights_do_not_hang_on_the_umask(tmp_path: Path) -> None:
    for umask in (0o000, 0o077):
        before = os.umask(umask)
        try:
            make_secret(tmp_path / f"token{umask}")
        finally:
            os.umask(before)
        assert (tmp_path / f"token{umask}").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("too-short\n", "at least 16 ASCII characters"),
        ("0123456789abcdef\nsecond-line\n", "at least 16 ASCII characters"),
        ("0123456789abcdef \n", "without a space around it"),
        ("0123456789abcdé\n", "at least 16 ASCII characters"),
    ],
)
def test_a_secret_that_does_not_do_is_refused_and_kept(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(FileFault, match=said) as raised:
        make_secret(path)
    assert str(path) in str(raised.value)
    assert "delete it" in str(raised.value)
    assert content.strip() == "" or content.strip() not in str(raised.value)
    assert path.read_text() == content


def test_a_secret_of_ones_own_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text("0123456789abcdef")
    assert not make_secret(path)
    assert path.read_text() == "0123456789abcdef"


def test_a_secret_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    make_secret(path)
    path.chmod(0o644)
    with pytest.raises(FileFault, match=r"everybody on this machine may read it.*chmod o-rwx"):
        make_secret(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for name in ("folder", "nowhere"):
        with pytest.raises(FileFault, match="is no file"):
            make_secret(tmp_path / name)
    with pytest.raises(FileFault, match="cannot be written: No such file or directory"):
        make_secret(tmp_path / "absent" / "token")
    with pytest.raises(FileFault, match="cannot be read: Not a directory"):
        make_secret(Path("/dev/null/token"))


def test_what_an_interruption_left_is_no_secret_and_in_nobodys_way(tmp_path: Path) -> None:
    half = tmp_path / ".token.new"
    half.write_text("ha")
    assert make_secret(tmp_path / "token")
    assert (tmp_path / "token").read_text() != "ha"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["token"]


def test_new_is_new(tmp_path: Path) -> None:
    path = tmp_path / "file"
    put_new(path, "one")
    with pytest.raises(FileFault, match="File exists"):
        put_new(path, "two")
    assert path.read_text() == "one"


def test_a_file_changes_only_if_it_would(tmp_path: Path) -> None:
    path = tmp_path / "config"
    assert put(path, "Контейнер\n")
    before = path.stat()
    assert not put(path, "Контейнер\n")
    assert path.stat().st_ino == before.st_ino
    assert put(path, "other\n")
    assert path.read_text() == "other\n"
    path.chmod(0o666)
    assert put(path, "other\n")
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_old_file_stays_if_the_new_one_cannot_be_put_there(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.mkdir()
    (path / "something").touch()
    with pytest.raises(FileFault, match=r"config: cannot be written"):
        put(path, "text")
    assert (path / "something").exists()


def test_two_do_not_work_in_one_folder(tmp_path: Path) -> None:
    with held(tmp_path / "folder"), pytest.raises(FileFault, match="another `hashyard prepare`"):  # noqa: SIM117
        with held(tmp_path / "folder"):
            pytest.fail("both were let in")
    with held(tmp_path / "folder"):
        pass


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FileFault, match="cannot be made"):
            make_folder(folder)
