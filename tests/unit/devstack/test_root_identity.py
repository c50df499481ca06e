import os
from pathlib import Path

import pytest

from devstack.servers import root
from devstack.servers.root import Identity


@pytest.fixture
def public_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "public"
    monkeypatch.setattr(root, "_PUBLIC_FOLDER", folder)
    return folder


OTHER = Identity(f"{os.geteuid()}:{os.getegid()}", os.geteuid(), os.getegid())
"""A user that is not us, as far as the rules go, but whose files we may make without being root."""


def private(path: Path) -> Path:
    path.mkdir(mode=0o700)
    return path


def test_data_of_another_user_moves_out_of_a_private_folder_and_is_found_again(
    tmp_path: Path, public_folder: Path
) -> None:
    data = private(tmp_path / "home") / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("18")
    moved = OTHER.reachable_folder(data)
    assert moved.is_relative_to(public_folder)
    assert (moved / "PG_VERSION").read_text() == "18"
    assert data.is_symlink()
    assert OTHER.reachable_folder(data) == moved


def test_our_own_data_stays_where_it_is(tmp_path: Path, public_folder: Path) -> None:
    data = private(tmp_path / "home") / "data"
    assert Identity("same").reachable_folder(data) == data
    assert Identity("namespace").reachable_folder(data) == data
    assert not public_folder.exists()


def test_programs_in_a_private_folder_are_copied_once(tmp_path: Path, public_folder: Path) -> None:
    programs = private(tmp_path / "home") / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (programs / "postgres").write_text("#!/bin/sh\n")
    copy = OTHER.reachable_program(programs)
    assert copy.is_relative_to(public_folder)
    assert (copy / "postgres").read_text() == "#!/bin/sh\n"
    inode = (copy / "postgres").stat().st_ino
    assert (OTHER.reachable_program(programs) / "postgres").stat().st_ino == inode
    assert Identity("namespace").reachable_program(programs) == programs
