import subprocess
import sys
from pathlib import Path

import pytest

from devstack.data_folder import DataFolder, DataFolderError


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with DataFolder(path):
        script = "import pathlib, sys, devstack.data_folder as d; d.DataFolder(pathlib.Path(sys.argv[1])).__enter__()"
        second = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
        assert second.returncode != 0
        assert "already running" in second.stderr
    with DataFolder(path):
        pass


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("months of work")
    with pytest.raises(DataFolderError, match="not a data folder"), DataFolder(tmp_path):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_and_a_used_one_are_fine(tmp_path: Path) -> None:
    for _ in range(2):
        with DataFolder(tmp_path) as folder:
            assert folder.exists


def test_wiping_takes_the_data_behind_a_link_too(tmp_path: Path) -> None:
    elsewhere = tmp_path / "var" / "data"
    elsewhere.mkdir(parents=True)
    (elsewhere / "PG_VERSION").write_text("18")
    with DataFolder(tmp_path / "data") as folder:
        folder.postgres.mkdir()
        (folder.postgres / "data").symlink_to(elsewhere)
        folder.wipe()
    assert not folder.path.exists()
    assert not elsewhere.parent.exists()
