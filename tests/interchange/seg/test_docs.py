"""The examples of docs/segmentations.md run as they are written."""

import json
import re
from pathlib import Path

import numpy as np

import dicube
from dicube import DicomCubeImage, load
from tests.interchange.seg.conftest import METAINFO

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "segmentations.md"


def test_examples_run(source, labels, tmp_path, monkeypatch):
    text = DOCUMENT.read_text()
    writing, reading, inside, region, pacs = re.findall(
        r"^```python\n(.*?)^```", text, re.DOTALL | re.M
    )
    assert "DICOMwebClient" in pacs  # which needs a server
    monkeypatch.chdir(tmp_path)
    source.rename("ct_folder")
    Path("metainfo.json").write_text(json.dumps(METAINFO))
    names = {
        "dicube": dicube,
        "labels": labels,
        "image": DicomCubeImage.from_dicom_folder("ct_folder"),
    }
    for example in (writing, reading, inside, region):
        exec(compile(example, DOCUMENT.name, "exec"), names)
    np.testing.assert_array_equal(names["segmentation"].mask(2), labels == 3)
    np.testing.assert_array_equal(load("ct.dcbr").roi.mask, labels != 0)
