"""The lock on the data folder, between processes and within one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from controller.lock import LOCK_FILE, DataLock
from miners.errors import ConfigurationError

HOLDER = (
    "import sys, time; from pathlib import Path; from controller.lock import DataLock; "
    "lock = DataLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
)


def test_the_second_is_refused_with_the_first_ones_number(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(ConfigurationError, match=rf"process {first.pid}\) works with {tmp_path}"):
            DataLock(tmp_path)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert first.stdout is not None
        first.stdout.close()
    with DataLock(tmp_path):  # what was killed holds nothing
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"


def test_also_within_one_process_and_only_until_it_is_closed(tmp_path: Path) -> None:
    lock = DataLock(tmp_path)
    with pytest.raises(ConfigurationError, match=f"process {os.getpid()}"):
        DataLock(tmp_path)
    lock.close()
    lock.close()
    DataLock(tmp_path).close()


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "data"
    DataLock(folder).close()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    DataLock(folder).close()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / LOCK_FILE).stat().st_mode & 0o777 == 0o600


def test_what_is_no_folder_is_said(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("")
    with pytest.raises(ConfigurationError, match="is not a folder"):
        DataLock(file)
    with pytest.raises(ConfigurationError, match="cannot be made"):
        DataLock(file / "below")


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        DataLock(tmp_path)
    assert not (tmp_path / "elsewhere").exists()
