"""Reading zip archives where they lie, whole and truncated."""

import io
import zipfile

import numpy as np
import pytest

from builder.archives.zip_members import MemberError, open_archive

RNG = np.random.default_rng(0)
CONTENTS = {
    f"folder/{number}": RNG.integers(0, 20, int(RNG.integers(100_000)), dtype=np.uint8).tobytes()
    for number in range(12)
}


class Stream(io.RawIOBase):
    """A file that cannot be gone back in: zipfile then writes a member's sizes after it."""

    def __init__(self, path):
        self.file = path.open("wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)

    def close(self):
        self.file.close()


@pytest.fixture(params=[zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def archive(request, tmp_path):
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w", request.param) as out:
        for name, content in CONTENTS.items():
            out.writestr(name, content)
    return path


def contents(path):
    with open_archive(str(path)) as opened:
        return {member.filename: opened.read(member) for member in opened.members()}, opened.cut


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])
    return path


def test_a_whole_archive(archive):
    assert contents(archive) == (CONTENTS, None)


def test_an_archive_without_its_end_has_all_its_members(archive):
    cut(archive, -30)
    with open_archive(str(archive)) as opened:
        assert opened.directory_error
        assert opened.count is None
    assert contents(archive) == (CONTENTS, None)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_an_archive_cut_anywhere_has_the_members_before_the_cut(archive, share):
    found, half = contents(cut(archive, int(archive.stat().st_size * share)))
    assert list(found.items()) == list(CONTENTS.items())[: len(found)]
    assert half == list(CONTENTS)[len(found)]


def test_a_cut_archive_whose_sizes_follow_its_members(tmp_path):
    path = tmp_path / "streamed.zip"
    with Stream(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in CONTENTS.items():
            out.writestr(name, content)
    found, half = contents(cut(path, path.stat().st_size * 2 // 3))
    assert len(found) > 5
    assert list(found.items()) == list(CONTENTS.items())[: len(found)]
    assert half == list(CONTENTS)[len(found)]


def test_a_damaged_member_is_refused_and_the_others_are_read(archive):
    with zipfile.ZipFile(archive) as opened:
        info = opened.infolist()[4]
    data = bytearray(archive.read_bytes())
    data[info.header_offset + 200] ^= 0xFF
    archive.write_bytes(data)
    with open_archive(str(archive)) as opened:
        members = list(opened.members())
        with pytest.raises(MemberError):
            opened.read(members[4])
        assert opened.read(members[5]) == CONTENTS[members[5].filename]


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out,
        out.open("bomb", "w", force_zip64=True) as member,
    ):
        for _ in range(200):
            member.write(bytes(10**6))
    with open_archive(str(path)) as opened, pytest.raises(MemberError, match="200,000,000 bytes"):
        opened.read(next(opened.members()))


def test_a_bomb_that_lies_about_its_size_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("bomb", bytes(10**8))
    size = (10**8).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (1000).to_bytes(4, "little")))
    with open_archive(str(path)) as opened, pytest.raises(MemberError):
        opened.read(next(opened.members()))


def test_what_is_no_archive_is_named(tmp_path):
    (tmp_path / "train.zip").write_bytes(b"<html>not found</html>")
    with (
        pytest.raises(ValueError, match=r"train\.zip is not a zip archive"),
        open_archive(str(tmp_path / "train.zip")),
    ):
        pass
    with pytest.raises(FileNotFoundError, match="there is no archive"), open_archive(str(tmp_path / "none.zip")):
        pass
