"""The example for training loaders in the documentation runs."""

import re
from pathlib import Path

import numpy as np
import pytest

from dicube import DicomCubeImage, PixelDataHeader

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "training.md"


def test_example_loads_patches(tmp_path):
    pytest.importorskip("torch", reason="the example needs torch, which the tests do not install")
    paths = []
    for number in range(3):
        values = np.full((4, 96, 80), number + 5, np.uint16)
        image = DicomCubeImage(values, PixelDataHeader(RescaleIntercept=-5.0))
        paths.append(image.to_file(tmp_path / f"{number}.dcbs"))
    code = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[0]
    # Classes of a text cannot be pickled: the workers are left out here.
    names: dict = {"paths": paths}
    exec(code.replace("num_workers=2", "num_workers=0"), names)
    batches = list(names["loader"])
    assert [tuple(batch.shape) for batch in batches] == [(8, 64, 64), (4, 64, 64)]
    assert {float(value) for batch in batches for value in batch.unique()} == {0.0, 1.0, 2.0}
