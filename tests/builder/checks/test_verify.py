"""Each check of `verify` finds a violation made on purpose, and names the row and the check."""

import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from builder.checks.card import CARD_PROMISE, SCRIPT_PROMISE
from builder.checks.loaded_row import PALETTE_PNG, WEBP
from builder.checks.rows import ROW_CHECKS
from builder.checks.splits import SPLIT_CHECKS
from builder.checks.verify import READABLE, SCHEMA, verify
from builder.dataset.directory import DatasetDirectory
from builder.dataset.inventory import inventory
from builder.dataset.manifest import Manifest, write_manifest
from builder.encoding.images import decode_image, decode_mask, encode_image, encode_mask
from builder.packing.pack import PackOptions, pack
from diffseg30k import CLASS_NAMES, features
from tests.plain_card import write_plain_card

EDITED_SHARDS = "data/train/edited"


@pytest.fixture(scope="module")
def good(run, tmp_path_factory):
    """A dataset with originals and a card that keeps every promise."""
    folder = tmp_path_factory.mktemp("good") / "diffseg30k"
    pack(run.url, str(folder), PackOptions(with_originals=True, progress=False))
    write_plain_card(str(folder), str(folder))
    return folder


@pytest.fixture
def folder(good, tmp_path):
    """A copy of it that a test may break."""
    shutil.copytree(good, tmp_path / "diffseg30k")
    return tmp_path / "diffseg30k"


@dataclass
class Broken:
    """What a test breaks: a row and where it lies."""

    path: Path
    rows: list[dict]
    row: dict

    def write(self, schema=None):
        schema = schema or features(with_originals=True).arrow_schema
        pq.write_table(pa.Table.from_pylist(self.rows, schema=schema), self.path)
        folder = self.path.parents[3]
        shards = inventory(DatasetDirectory(str(folder)), Manifest())
        write_manifest(str(folder), Manifest(shards=shards))


def open_row(folder, where=EDITED_SHARDS, edits=2):
    """The first row in a folder of shards that has so many edits, all of them spliced."""
    for path in sorted((folder / where).glob("*.parquet")):
        rows = pq.read_table(path).to_pylist()
        for row in rows:
            spliced = all(edit["compositing"] == "spliced" for edit in row["edits"])
            if len(row["edits"]) == edits and spliced:
                return Broken(path, rows, row)
    raise AssertionError(f"no row with {edits} edits in {where}")


def found(folder):
    return verify(str(folder), progress=False).violations


def test_a_packed_dataset_keeps_every_promise(good):
    verification = verify(str(good), progress=False)
    assert verification.violations == ()
    assert verification.rows == 41
    assert verification.shards == len(list(good.rglob("*.parquet")))


# ── What a row promises ───────────────────────────────────────────────────────────────────────────


def picture(array, kind, **options):
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)
    return {"bytes": out.getvalue(), "path": None}


def mask(array):
    return {"bytes": encode_mask(array), "path": None}


def lossy(row):
    row["image"] = picture(decode_image(row["image"]["bytes"]), "WEBP", quality=90)


def png(row):
    row["image"] = picture(decode_image(row["image"]["bytes"]), "PNG")


def no_image(row):
    row["image"] = None


def cut_image(row):
    row["image"]["bytes"] = row["image"]["bytes"][:-200]


def grey_mask(row):
    row["semantic_mask"] = picture(decode_mask(row["semantic_mask"]["bytes"]), "PNG")


def other_palette(row):
    image = Image.fromarray(decode_mask(row["binary_mask"]["bytes"]))
    image.putpalette([255, 255, 255, 0, 0, 0])
    out = io.BytesIO()
    image.save(out, "PNG")
    row["binary_mask"] = {"bytes": out.getvalue(), "path": None}


def binary_with_classes(row):
    row["binary_mask"] = row["semantic_mask"]


def small_mask(row):
    row["edits"][0]["mask"] = mask(np.ones((8, 8), bool))


def other_binary(row):
    binary = decode_mask(row["binary_mask"]["bytes"]).astype(bool)
    binary[0, 0] ^= True
    row["binary_mask"] = mask(binary)


def other_semantic(row):
    semantic = decode_mask(row["semantic_mask"]["bytes"]).copy()
    used = row["generators"]
    semantic[semantic == used[-1]] = used[0]
    row["semantic_mask"] = mask(semantic)


def stranger_in_semantic(row):
    stranger = next(value for value in range(1, len(CLASS_NAMES)) if value not in row["generators"])
    semantic = decode_mask(row["semantic_mask"]["bytes"]).copy()
    semantic[semantic > 0] = stranger
    row["semantic_mask"] = mask(semantic)


def real_label(row):
    row["label"] = 0


def other_count(row):
    row["num_edits"] = 3


def turns_swapped(row):
    row["edits"][0]["turn"], row["edits"][1]["turn"] = 2, 1


def other_generators(row):
    row["generators"] = row["generators"][::-1]


def other_area(row):
    row["edits"][0]["mask_area"] += 0.001


def change_outside(row):
    row["edits"][0]["outside_change"] = 0.25


def other_pixel(row):
    image = decode_image(row["image"]["bytes"]).copy()
    outside = np.argwhere(decode_mask(row["binary_mask"]["bytes"]) == 0)[0]
    image[tuple(outside)] ^= 1
    row["image"] = {"bytes": encode_image(image), "path": None}


def unknown_class(row):
    row["edits"][0]["edit_type"] = 7


def unknown_compositing(row):
    row["edits"][0]["compositing"] = "pasted"


def negative_change(row):
    row["edits"][1]["inside_change"] = -0.5


def score_above_five(row):
    row["quality_score"] = 5.5


CHECKS = {check.__name__: promise for promise, check in ROW_CHECKS.items()}
ROWS = [
    (lossy, WEBP, "lossy"),
    (png, WEBP, "image:"),
    (no_image, WEBP, "image is missing"),
    (cut_image, WEBP, "image:"),
    (grey_mask, PALETTE_PNG, "semantic_mask: it has mode L"),
    (other_palette, PALETTE_PNG, "binary_mask: its palette is another"),
    (binary_with_classes, PALETTE_PNG, "binary_mask: it holds the value"),
    (small_mask, CHECKS["masks_have_the_image_size"], "the mask of edit 1 is 8x8, the image 64x64"),
    (other_binary, CHECKS["binary_is_semantic_above_zero"], "they differ at 1 pixels"),
    (other_semantic, CHECKS["semantic_is_the_turns_painted"], "it differs at"),
    (stranger_in_semantic, CHECKS["semantic_holds_the_generators"], "which did not edit the image"),
    (real_label, CHECKS["label_is_edited_where_there_are_edits"], "the label is 0, and 2 generators"),
    (other_count, CHECKS["edits_agree"], "num_edits is 3, and there are 2"),
    (turns_swapped, CHECKS["edits_agree"], "the turns are [2, 1]"),
    (other_generators, CHECKS["edits_agree"], "not those of the row"),
    (other_area, CHECKS["mask_area_is_the_masks"], "mask_area of edit 1 is"),
    (change_outside, CHECKS["spliced_changes_nothing_outside"], "outside_change of edit 1 is 0.25"),
    (other_pixel, CHECKS["outside_the_masks_is_the_original"], "1 pixels outside the masks differ"),
    (unknown_class, CHECKS["values_are_known"], "edit_type is 7"),
    (unknown_compositing, CHECKS["values_are_known"], "compositing is 'pasted'"),
    (score_above_five, "quality scores lie between 0 and 5", "5.5"),
    (negative_change, CHECKS["measures_are_shares"], "inside_change of edit 2 is -0.5"),
]


@pytest.mark.parametrize(("damage", "promise", "detail"), ROWS, ids=[damage.__name__ for damage, _, _ in ROWS])
def test_a_broken_row_is_named_with_the_promise(folder, damage, promise, detail):
    broken = open_row(folder)
    damage(broken.row)
    broken.write()
    shard = str(broken.path.relative_to(folder))
    violations = [one for one in found(folder) if one.promise == promise]
    assert [(one.shard, one.row) for one in violations] == [(shard, broken.row["id"])]
    assert detail in violations[0].detail
    assert broken.row["id"] in str(violations[0])
    assert promise in str(violations[0])


def test_every_check_of_a_row_is_seen_to_fail():
    assert {promise for _, promise, _ in ROWS} >= set(ROW_CHECKS)


def test_an_unedited_photograph_has_an_empty_mask(folder):
    broken = open_row(folder, "data/train/unedited", edits=0)
    semantic = decode_mask(broken.row["semantic_mask"]["bytes"]).copy()
    semantic[3:5, 3:5] = 2
    broken.row["semantic_mask"] = mask(semantic)
    broken.row["binary_mask"] = mask(semantic > 0)
    broken.write()
    details = {one.detail for one in found(folder) if one.row == broken.row["id"]}
    assert "no generator edited the image, and its semantic_mask is not empty" in details


def test_rows_of_the_published_archives_may_lack_turns_and_base(folder):
    broken = open_row(folder)
    broken.row |= {"edits": None, "num_edits": None, "base": dict.fromkeys(broken.row["base"])}
    broken.row["generators"] = sorted(broken.row["generators"])
    broken.write()
    assert found(folder) == ()


# ── What the splits promise ───────────────────────────────────────────────────────────────────────

SPLITS = {check.__name__: promise for promise, check in SPLIT_CHECKS.items()}


def only(violations, promise):
    return [one for one in violations if one.promise == promise]


def test_an_id_that_comes_twice(folder):
    broken = open_row(folder)
    copy = broken.path.with_name("copy.parquet")
    Broken(copy, [broken.row], broken.row).write()
    [violation] = only(found(folder), SPLITS["ids_are_unique"])
    assert violation.row == broken.row["id"]
    assert {violation.shard, violation.detail.split()[3]} == {
        str(path.relative_to(folder)) for path in (broken.path, copy)
    }


def test_a_photograph_on_the_wrong_side(folder):
    broken = open_row(folder)
    shard = folder / "data/validation/edited/moved.parquet"
    broken.rows.remove(broken.row)
    broken.write()
    Broken(shard, [broken.row], broken.row).write()
    [violation] = only(found(folder), SPLITS["sides_follow_the_base_image"])
    assert (violation.row, violation.shard) == (broken.row["id"], "data/validation/edited/moved.parquet")


def test_a_row_in_another_group(folder):
    broken = open_row(folder, "data/train/only-sd2-sd3.5")
    broken.rows.remove(broken.row)
    broken.write()
    Broken(folder / EDITED_SHARDS / "moved.parquet", [broken.row], broken.row).write()
    [violation] = only(found(folder), SPLITS["groups_fit"])
    assert violation.row == broken.row["id"]
    assert violation.detail.endswith("belongs in only-sd2-sd3.5")


@pytest.mark.parametrize(("edits", "flag"), [(3, True), (2, False)])
def test_a_held_out_column_that_lies(folder, edits, flag):
    # With three edits `sd2` is one of several, and with two none is by `sd2` or `sd3.5`.
    broken = open_row(folder, "data/validation/edited", edits)
    assert broken.row["heldout_sd2_sd35"] is not flag
    broken.row["heldout_sd2_sd35"] = flag
    broken.write()
    [violation] = only(found(folder), SPLITS["flags_follow_the_generators"])
    assert (violation.row, violation.detail) == (broken.row["id"], f"heldout_sd2_sd35 is {flag}")


def test_a_photograph_that_trains_and_tests_a_held_out_config(folder):
    # The first rows of the run are crops of one photograph, of which `sd2` alone edited one and `sdxl` another.
    for path in sorted((folder / EDITED_SHARDS).glob("*.parquet")):
        rows = pq.read_table(path).to_pylist()
        for row in rows:
            if row["id"].endswith("crop0-row"):
                assert not row["heldout_sd2_sd35"]
                row["heldout_sd2_sd35"] = True
                Broken(path, rows, row).write()
                [violation] = only(found(folder), SPLITS["held_out_splits_share_no_base"])
                assert violation.row == row["id"]
                assert violation.detail.endswith("trains and tests heldout-sd2-sd3.5")


def test_too_many_unedited_photographs(monkeypatch, folder):
    monkeypatch.setattr("builder.checks.splits.UNEDITED_IN_TRAIN", 3)
    promise = SPLITS["unedited_are_capped"]
    [violation] = only(found(folder), promise)
    assert violation.shard.startswith("data/train/unedited/")
    assert violation.detail == "there are 5 of them"


# ── What shards and card promise ──────────────────────────────────────────────────────────────────


def test_a_cut_shard(folder):
    path = open_row(folder).path
    path.write_bytes(path.read_bytes()[:-50])
    [violation] = only(found(folder), READABLE)
    assert (violation.shard, violation.row) == (str(path.relative_to(folder)), None)


def test_a_damaged_page(folder):
    path = open_row(folder).path
    column = pq.read_metadata(path).row_group(0).column(1)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset : column.data_page_offset + 40] = bytes(40)
    path.write_bytes(data)
    assert [one.shard for one in only(found(folder), READABLE)] == [str(path.relative_to(folder))]


def test_a_missing_column(folder):
    broken = open_row(folder)
    schema = features(with_originals=True).arrow_schema
    broken.write(schema.remove(schema.get_field_index("quality_score")))
    [violation] = only(found(folder), SCHEMA)
    assert violation.detail == "the columns differ: quality_score"


def test_a_column_of_another_type(folder):
    broken = open_row(folder)
    schema = features(with_originals=True).arrow_schema
    index = schema.get_field_index("num_edits")
    broken.write(schema.set(index, pa.field("num_edits", pa.int32())))
    [violation] = only(found(folder), SCHEMA)
    assert violation.detail == "num_edits is of the type int32, not int8"


@pytest.mark.parametrize(
    ("metadata", "detail"),
    [(None, "it has no metadata"), ({"huggingface": json.dumps({"info": {"features": {}}})}, "other features")],
)
def test_metadata_that_says_something_else(folder, metadata, detail):
    broken = open_row(folder)
    broken.write(features(with_originals=True).arrow_schema.with_metadata(metadata))
    [violation] = only(found(folder), SCHEMA)
    assert detail in violation.detail


def test_shards_with_and_without_originals(folder):
    broken = open_row(folder)
    broken.write(features().arrow_schema)
    [violation] = only(found(folder), SCHEMA)
    assert "some have not" in violation.detail


def rewrite_card(folder, *replacements):
    card = folder / "README.md"
    text = card.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    card.write_text(text)


@pytest.mark.parametrize(
    ("replacement", "detail"),
    [
        (("config_name: binary\n", "config_name: binari\n"), "config binary is not listed"),
        (("num_examples: 29", "num_examples: 30"), "counts 30 rows in semantic/train, there are 29"),
        (("default: true", "default: false"), "config semantic is not the default"),
        (("  - semantic_mask\n", "  - binary_mask\n"), "config semantic lists the columns"),
        (("  - data/train/unedited/*.parquet\n", ""), "config semantic lists other folders"),
        (("- - heldout_flux_hunyuan", "- - heldout_sd2_sd35"), "lists the filters"),
        (("---\n", "---\n{"), "cannot be read"),
        (("dataset_info:", "dataset_information:"), "dataset_info has no config"),
    ],
)
def test_a_card_that_says_something_else(folder, replacement, detail):
    rewrite_card(folder, replacement)
    violations = found(folder)
    assert violations
    assert {(one.promise, one.shard, one.row) for one in violations} == {(CARD_PROMISE, None, None)}
    assert any(detail in one.detail for one in violations)


def test_no_card(folder):
    (folder / "README.md").unlink()
    [violation] = found(folder)
    assert (violation.promise, violation.detail) == (CARD_PROMISE, "there is no README.md")


def test_a_script_named_after_the_dataset(folder):
    (folder / "diffseg30k.py").write_text("")
    [violation] = found(folder)
    assert violation.promise == SCRIPT_PROMISE
    assert violation.detail.startswith("diffseg30k.py")


def test_a_folder_without_shards(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no shards"):
        verify(str(tmp_path))
