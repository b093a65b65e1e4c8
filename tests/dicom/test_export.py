"""Files from metadata, made in several threads."""

import numpy as np

from dicube.dicom.export import files_from_meta
from tests.dicom.made import meta_of


def test_metadata_is_converted_before_files_are_made_of_it_in_threads() -> None:
    # Two threads that convert one entry at the same time would take it from each other.
    meta = meta_of(
        [
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": f"1.2.{i}", "KVP": 120}
            for i in range(2)
        ]
    )
    assert meta._entries._unconverted
    make = next(files_from_meta(meta, np.zeros((2, 4, 4), np.uint16), None, None))
    assert not meta._entries._unconverted
    assert b"DICM" in make()
