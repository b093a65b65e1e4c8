"""Metadata of images that were compressed with loss: PS3.3 C.7.6.1.1.5."""

import pydicom
import pytest

from dicube import DicomMeta
from dicube.dicom.derivation import lossy_derivative, mark_lossy, source_uids
from dicube.dicom.dicom_meta import Presence
from dicube.dicom.dicom_tags import tag_key


def series(**elements: tuple[str, list]) -> DicomMeta:
    """Three slices; each element by keyword, as VR and one value a slice."""
    named = {
        "SOPClassUID": ("UI", ["1.2.840.10008.5.1.4.1.1.2"] * 3),
        "SOPInstanceUID": ("UI", ["1.2.1", "1.2.2", "1.2.3"]),
        "SeriesInstanceUID": ("UI", ["1.2"] * 3),
        **elements,
    }
    meta = DicomMeta({}, slice_count=3)
    for keyword, (vr, values) in named.items():
        entry = {"vr": vr, "shared": False, "Value": values}
        meta = DicomMeta({**dict(meta.items()), tag_key(keyword): entry}, slice_count=3)
    return meta


def derived(meta: DicomMeta, **changes) -> DicomMeta:
    options = {"ratio": 12.5, "description": "values are off by up to 5", "result": "abc"}
    return lossy_derivative(meta, **{**options, **changes})


def test_uids_are_new_valid_and_made_from_the_old_ones():
    before = series()
    after = derived(before)
    uids = after.get_values("SOPInstanceUID")
    assert len(set(uids)) == 3
    assert all(pydicom.uid.UID(uid).is_valid for uid in uids)
    assert not set(uids) & set(before.get_values("SOPInstanceUID"))
    assert derived(series()).get_values("SOPInstanceUID") == uids
    assert not set(derived(before, result="abd").get_values("SOPInstanceUID")) & set(uids)
    assert after.get("SeriesInstanceUID") == ["1.2"] * 3


def test_metadata_before_stay_as_they_are():
    before = series(ImageType=("CS", [["ORIGINAL", "PRIMARY", "AXIAL"]] * 3))
    text = before.to_json()
    derived(before)
    assert before.to_json() == text


def test_source_and_derivation_are_named():
    after = derived(series())
    assert source_uids(after) == ["1.2.1", "1.2.2", "1.2.3"]
    for index, items in enumerate(after.get_values("SourceImageSequence")):
        (item,) = items
        assert item[tag_key("ReferencedSOPInstanceUID")]["Value"] == [f"1.2.{index + 1}"]
        (purpose,) = item[tag_key("PurposeOfReferenceCodeSequence")]["Value"]
        assert purpose[tag_key("CodeValue")]["Value"] == ["121320"]
    (code,) = after.get_values("DerivationCodeSequence")[0]
    assert code[tag_key("CodeValue")]["Value"] == ["113040"]
    assert code[tag_key("CodingSchemeDesignator")]["Value"] == ["DCM"]
    assert after.get("DerivationDescription") == "values are off by up to 5"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["ORIGINAL", "PRIMARY", "AXIAL"], ["DERIVED", "PRIMARY", "AXIAL"]),
        (["DERIVED", "SECONDARY"], ["DERIVED", "SECONDARY"]),
        ("ORIGINAL", ["DERIVED", "PRIMARY"]),
        (None, ["DERIVED", "PRIMARY"]),
    ],
)
def test_image_type_becomes_derived(before, after):
    meta = derived(series(ImageType=("CS", [before] * 3)))
    assert meta.get_values("ImageType") == [after] * 3
    assert meta.is_shared("ImageType")


def test_image_types_that_differ_keep_what_differs():
    types = [["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"], ["DERIVED", "SECONDARY"]]
    meta = derived(series(ImageType=("CS", types)))
    assert [kind[1:] for kind in meta.get_values("ImageType")] == [kind[1:] for kind in types]
    assert {kind[0] for kind in meta.get_values("ImageType")} == {"DERIVED"}


def test_loss_goes_behind_older_loss():
    meta = series(
        LossyImageCompression=("CS", ["01", "01", "00"]),
        LossyImageCompressionRatio=("DS", [8.0, [8.0, 2.0], None]),
        LossyImageCompressionMethod=("CS", ["ISO_10918_1", ["ISO_10918_1", "ISO_14495_1"], None]),
    )
    mark_lossy(meta, 3.25)
    assert meta.get("LossyImageCompression") == "01"
    assert meta.get_values("LossyImageCompressionRatio") == [[8.0, 3.25], [8.0, 2.0, 3.25], 3.25]
    assert meta.get_values("LossyImageCompressionMethod") == [
        ["ISO_10918_1", "ISO_18181_1"],
        ["ISO_10918_1", "ISO_14495_1", "ISO_18181_1"],
        "ISO_18181_1",
    ]


def test_older_description_and_sources_are_kept():
    before = series(DerivationDescription=("ST", ["resampled", "resampled", None]))
    twice = derived(derived(before), description="again", result="x")
    texts = twice.get_values("DerivationDescription")
    assert texts[0] == "again; values are off by up to 5; resampled"
    assert texts[2] == "again; values are off by up to 5"
    assert [len(items) for items in twice.get_values("SourceImageSequence")] == [2, 2, 2]
    assert source_uids(twice) == derived(before).get_values("SOPInstanceUID")


def test_sequence_that_some_slices_lack_gets_its_item_in_all():
    meta = series()
    entry = {
        "vr": "SQ",
        "shared": None,
        "Value": [{"00081155": {"vr": "UI", "shared": False, "Value": ["9.1", None, None]}}],
        "ItemCounts": [1, None, 0],
    }
    meta = DicomMeta({**dict(meta.items()), tag_key("SourceImageSequence"): entry}, slice_count=3)
    assert meta.presence("SourceImageSequence")[1] is Presence.ABSENT
    after = derived(meta)
    assert [len(items) for items in after.get_values("SourceImageSequence")] == [2, 1, 1]
    assert source_uids(after) == ["1.2.1", "1.2.2", "1.2.3"]
    DicomMeta.from_json(after.to_json())  # is of the structure that files have


def test_description_that_would_be_too_long_leaves_the_old_one():
    before = series(DerivationDescription=("ST", ["x" * 1020] * 3))
    assert derived(before).get_values("DerivationDescription") == ["x" * 1020] * 3


def test_frame_types_of_functional_groups_become_derived():
    frame_type = {"vr": "CS", "shared": False, "Value": [["ORIGINAL", "PRIMARY"], None, "ORIGINAL"],
                  "Raw": ["T1JJR0lOQUw=", None, None]}  # fmt: skip
    group = {"vr": "SQ", "shared": None, "Value": [{"00089007": frame_type}]}
    groups = {"vr": "SQ", "shared": None, "Value": [{"00189329": group}]}
    meta = DicomMeta({**dict(series().items()), "52009230": groups}, slice_count=3)
    after = dict(derived(meta).items())["52009230"]["Value"][0]["00189329"]["Value"][0]["00089007"]
    assert after["Value"] == [["DERIVED", "PRIMARY"], None, ["DERIVED", "PRIMARY"]]
    assert "Raw" not in after
