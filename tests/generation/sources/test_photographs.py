"""Photographs come in as they are: every one is used, or named with the reason why it is not."""

import gzip
import io
import json
import random
import shutil
import struct
import zlib
from pathlib import Path

import fsspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from generation.sources.image_files import TURNS, UnusablePicture, decode_square, read_header
from generation.sources.image_names import base_id, image_names
from generation.sources.licenses import forbids_derivatives
from generation.sources.photographs import FORBIDDEN, SourceOptions, base_image, read_coco
from tests.coco_factory import BY, CocoFolder, encoded, square

ASTRONAUT = Image.fromarray(data.astronaut())


@pytest.fixture
def coco(tmp_path):
    return CocoFolder(tmp_path)


def reasons(sources) -> dict[str, str]:
    return {skip.name: skip.reason for skip in sources.skipped}


def names(sources) -> list[str]:
    return [photograph.image for photograph in sources.photographs]


def picture() -> bytes:
    return encoded(ASTRONAUT.resize((64, 64)))


# ── What a COCO file says of a photograph ─────────────────────────────────────────────────────────


def test_a_photograph_carries_its_licence_its_address_and_its_objects(coco):
    image = coco.add(
        "one.png", picture(), (64, 64), license=1, flickr_url="http://flickr.example/one", coco_url="x"
    )
    coco.outline(image, square(5, 5, 30), "person", area=900.0)
    coco.outline(image, {"size": [64, 64], "counts": [4096]}, "cat", iscrowd=1)

    (found,) = read_coco(*coco.write()).photographs

    assert (found.image, found.base_id, found.license) == ("one", "one", BY["url"])
    assert (found.url, found.width, found.height) == ("http://flickr.example/one", 64, 64)
    person, crowd = found.annotations
    assert (person.category, person.supercategory, person.is_crowd, person.area) == (
        "person",
        "person",
        False,
        900.0,
    )
    assert crowd.is_crowd


def test_photographs_whose_licence_forbids_derivatives_are_left_out_unless_asked_for(coco):
    coco.add("may.png", picture(), (64, 64), license=1)
    coco.add("may-not.png", picture(), (64, 64), license=2)
    coco.add("says-nothing.png", picture(), (64, 64))
    coco.add("names-it.png", picture(), (64, 64), license="CC BY-ND 4.0")
    sources = coco.write()

    found = read_coco(*sources)
    assert names(found) == ["may", "says-nothing"]
    assert reasons(found) == {"may-not.png": FORBIDDEN, "names-it.png": FORBIDDEN}
    assert found.photographs[1].license is None

    assert len(read_coco(*sources, any_license=True).photographs) == 4


@pytest.mark.parametrize(
    ("license", "forbidden"),
    [
        ("http://creativecommons.org/licenses/by-nc-nd/2.0/", True),
        ("https://creativecommons.org/licenses/by-nd/4.0/deed.de", True),
        ("Attribution-NoDerivs License", True),
        ("CC-BY-NC-ND-4.0", True),
        ("No Derivatives", True),
        ("http://creativecommons.org/licenses/by-nc-sa/2.0/", False),
        ("http://creativecommons.org/licenses/by/2.0/", False),
        ("http://www.usa.gov/copyright.shtml", False),
        ("No known copyright restrictions", False),
        ("CC BY 4.0, photographed in Rand, ND", False),
    ],
)
def test_which_licences_forbid_derivatives(license, forbidden):
    assert forbids_derivatives(license) is forbidden


def test_images_cut_from_one_photograph_share_its_id(coco):
    for number in range(2):
        coco.add(f"crop-{number}.png", picture(), (64, 64), photograph="astronaut")
    found = read_coco(*coco.write()).photographs
    assert [(one.image, one.base_id) for one in found] == [("crop-0", "astronaut"), ("crop-1", "astronaut")]


def test_names_are_unique_and_safe_and_ids_depend_on_the_file_alone():
    files = [
        "000000000009.jpg",
        "a/1.jpg",
        "b/1.jpg",
        "Ünï çode.png",
        "X.png",
        "x.png",
        "..png",
        "y" * 300 + ".png",
    ]
    found = image_names(files)
    assert found[0] == "000000000009"
    assert len({name.casefold() for name in found}) == len(files)
    assert all(name.isascii() and 0 < len(name) <= 100 and not set(name) & set(" /\\:") for name in found)
    assert image_names(list(reversed(files))) == list(reversed(found))
    assert [base_id(file) for file in files[:3]] == found[:3]


def test_any_fsspec_url_will_do(coco):
    image = coco.add("one.png", picture(), (64, 64))
    coco.outline(image, square(5, 5, 30))
    _, file = coco.write()
    memory = fsspec.filesystem("memory")
    memory.pipe(
        {"/far/pictures/one.png": picture(), "/far/instances.json.gz": gzip.compress(Path(file).read_bytes())}
    )

    (found,) = read_coco("memory://far/pictures/", "memory://far/instances.json.gz").photographs
    assert base_image(found, 32).shape == (32, 32, 3)


def test_photographs_may_lie_in_an_archive(coco):
    coco.add("one.png", picture(), (64, 64))
    _, file = coco.write()
    archive = shutil.make_archive(f"{coco.folder}/archive", "zip", coco.folder, "pictures")
    (found,) = read_coco(f"zip://pictures::{archive}", file).photographs
    assert np.array_equal(base_image(found, 32), decode_square(picture(), 32))


# ── What is wrong with a COCO file ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not JSON"),
        ("{'images'", "is not JSON"),
        ("[1, 2]", "no list of images and of annotations and of categories"),
        (json.dumps({"images": [], "annotations": [{"caption": "a cat"}]}), "no list of categories"),
        (json.dumps({"images": {}, "annotations": [], "categories": []}), "no list of images"),
        (
            json.dumps(
                {
                    "images": [],
                    "annotations": [],
                    "categories": [{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}],
                }
            ),
            "category id 1 is both 'cat' and 'dog'",
        ),
    ],
)
def test_a_file_that_is_not_coco_is_named_with_what_is_wrong(coco, content, said):
    images, file = coco.write()
    coco.file.write_text(content)
    with pytest.raises(ValueError, match=said) as error:
        read_coco(images, file)
    assert file in str(error.value)


def test_files_that_are_not_there_are_named(coco):
    images, file = coco.write()
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json is not there"):
        read_coco(images, f"{coco.folder}/nowhere.json")
    with pytest.raises(FileNotFoundError, match="nowhere, is not there or holds no file"):
        read_coco(f"{coco.folder}/nowhere", file)


def test_entries_that_cannot_be_used_are_skipped_with_their_reasons(coco):
    good = coco.add("good.png", picture(), (64, 64))
    coco.add("missing.png", None, (64, 64))
    coco.add("../instances.json", None, (64, 64))
    coco.add("/etc/passwd", None, (64, 64))
    coco.add("C:\\photo.png", None, (64, 64))
    coco.add("good.png", None, (64, 64))
    coco.add("sizeless.png", picture(), (0, 64))
    for name in ("twin-a.png", "twin-b.png"):
        coco.add(name, picture(), (64, 64), id=77)
    coco.images.append({"id": 99, "width": 1, "height": 1})
    coco.outline(good, square(5, 5, 30))
    coco.outline(1234, square(5, 5, 30))
    coco.outline(good, square(5, 5, 30), category_id=55)
    coco.outline(good, [])

    found = read_coco(*coco.write())

    assert names(found) == ["good"]
    assert len(found.photographs[0].annotations) == 1
    outside = "its file_name points outside the folder of the photographs"
    twin = "several image entries have its id, so its annotations are ambiguous"
    assert reasons(found) == {
        "missing.png": "the file is not in the folder of the photographs",
        "../instances.json": outside,
        "/etc/passwd": outside,
        "C:\\photo.png": outside,
        "good.png": "an earlier image entry has the same file_name",
        "sizeless.png": "the image entry has no width and height",
        "twin-a.png": twin,
        "twin-b.png": twin,
        "image 99": "the image entry has no file_name",
        "annotation 2": "the annotation's image_id is not among the images that can be used",
        "annotation 3": "the annotation's category_id is not among the categories",
        "annotation 4": "the annotation has no segmentation",
    }


# ── Pictures ──────────────────────────────────────────────────────────────────────────────────────


def test_the_shorter_side_is_resized_and_the_middle_cut_out():
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200] = (200, 100, 50)
    assert (decode_square(encoded(Image.fromarray(wide)), 40)[:, 4:-4] == (200, 100, 50)).all()
    tall = np.ascontiguousarray(wide.transpose(1, 0, 2))
    assert (decode_square(encoded(Image.fromarray(tall)), 150)[6:-6] == (200, 100, 50)).all()


def test_a_square_of_the_right_size_is_not_changed():
    assert np.array_equal(decode_square(encoded(ASTRONAUT), 512), data.astronaut())


def test_a_large_jpeg_decoded_in_part_looks_like_one_decoded_whole():
    jpeg = encoded(ASTRONAUT.resize((2048, 2048)), "JPEG", quality=95)
    whole = Image.open(io.BytesIO(jpeg)).convert("RGB").resize((64, 64), Image.Resampling.LANCZOS)
    difference = np.abs(decode_square(jpeg, 64).astype(int) - np.asarray(whole)).mean()
    assert difference < 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_is_honoured(orientation, format):
    upright = ASTRONAUT.crop((0, 0, 512, 384))
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    turn = back.get(orientation, TURNS.get(orientation))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright if turn is None else upright.transpose(turn)
    data = encoded(stored, format, exif=exif, **({"quality": 95} if format in ("JPEG", "WEBP") else {}))

    assert read_header(data).upright_size == (512, 384)
    expected = decode_square(encoded(upright), 96).astype(int)
    assert np.abs(decode_square(data, 96) - expected).mean() < 3


def test_colours_of_every_kind_become_rgb():
    red = np.asarray(Image.new("RGB", (32, 32), (255, 0, 0)))
    cmyk = decode_square(encoded(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", quality=95), 32)
    assert np.abs(cmyk.astype(int) - red).max() < 8

    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    deep = decode_square(encoded(Image.fromarray(ramp)), 64)
    assert np.array_equal(deep[..., 0], np.round(ramp / 257).astype(np.uint8))

    grey = decode_square(encoded(ASTRONAUT.convert("L")), 64)
    assert grey.shape == (64, 64, 3)
    assert (grey.max(axis=2) == grey.min(axis=2)).all()

    bit = decode_square(encoded(ASTRONAUT.convert("1")), 512)
    assert set(np.unique(bit)) == {0, 255}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels_are_laid_over_white(mode):
    clear = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    clear.paste((10, 10, 10, 255), (0, 0, 16, 32))
    converted = clear if mode == "RGBA" else clear.convert("LA") if mode == "LA" else clear.quantize(4)
    pixels = decode_square(encoded(converted), 32)
    assert (pixels[:, 20:] == 255).all()
    assert (pixels[:, :12] < 20).all()


def png_of(width: int, height: int) -> bytes:
    """The first bytes of a PNG of any size."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"\0" * 99))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    )


JPEG = encoded(ASTRONAUT, "JPEG", quality=90)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "the file is empty"),
        (b"Hello, I am a text.", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (JPEG[: len(JPEG) // 2], "truncated or damaged"),
        (encoded(ASTRONAUT)[:5000], "truncated or damaged"),
        (encoded(ASTRONAUT, "WEBP")[:5000], "truncated or damaged|not an image"),
        (png_of(20_000, 20_000), "more than 178 million pixels"),
        (encoded(Image.new("F", (32, 32)), "TIFF"), "floating-point"),
    ],
)
def test_what_is_not_a_picture_is_refused_with_the_reason(file, reason):
    with pytest.raises(UnusablePicture, match=reason):
        decode_square(file, 32)


@settings(max_examples=150)
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"]), st.integers(0, 2**32))
def test_whatever_bytes_are_damaged_a_picture_comes_out_or_is_refused(format, seed):
    rng = random.Random(seed)
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encoded(ASTRONAUT.resize((48, 40)), format, **({} if format in ("GIF", "BMP") else {"exif": exif}))
    damaged = bytearray(whole)
    for _ in range(rng.randint(1, 12)):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    try:
        assert decode_square(bytes(damaged[: rng.randint(1, len(damaged))]), 16).shape == (16, 16, 3)
    except UnusablePicture:
        return


def test_what_can_be_seen_of_the_files_without_reading_them_is_checked(coco, tmp_path):
    coco.outline(coco.add("one.png", picture(), (64, 64)), square(5, 5, 30))
    images, annotations = coco.write()
    SourceOptions(images, annotations).check()
    packed = tmp_path / "instances.json.gz"
    packed.write_bytes(gzip.compress(Path(annotations).read_bytes()))
    SourceOptions(images, str(packed)).check()
    SourceOptions("memory://photographs", "https://host.example/instances.json").check()
    with pytest.raises(FileNotFoundError, match=r"--images .*nowhere: there is no such folder"):
        SourceOptions(str(tmp_path / "nowhere"), annotations).check()
    with pytest.raises(ValueError, match="is not JSON"):
        SourceOptions(images, str(Path(images) / "one.png")).check()


def test_a_file_that_the_annotations_do_not_name_is_named(coco):
    coco.outline(coco.add("one.png", picture(), (64, 64)), square(5, 5, 30))
    images, annotations = coco.write()
    (Path(images) / "new.png").write_bytes(picture())
    assert reasons(read_coco(images, annotations)) == {"new.png": "the annotation file does not name it"}
