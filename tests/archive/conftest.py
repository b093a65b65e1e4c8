"""Archives to be read: one made by hand, and one of a mixed tree."""

from pathlib import Path

import pytest

from dicube import DicomCubeImage
from tests.archive.archives import archived
from tests.archive.corpus import Corpus, make_corpus
from tests.archive.samples import Sample, sample_archive
from tests.series import DATA

# Of each kind one, and all that is broken; a few megabytes.
NAMES = [
    "broken_duplicate_file", "broken_junk", "broken_missing_pixeldata", "broken_mixed_series",
    "broken_mixed_shape", "broken_mixed_transfer_syntax", "broken_no_preamble",
    "broken_truncated_header", "broken_truncated_pixels", "ct_rtstruct", "derived_4d_interleaved",
    "derived_metadata_torture", "enh_emri_small_big_endian", "enh_emri_small_jpeg_ls_lossless",
    "mr_rle_series", "mr_t1_sts", "odd_JPEG2000_embedded_sequence_delimiter", "odd_image_dfl",
    "pet_pmod_slopes", "rgb_series_j2k", "seg_24x38x3", "sr_no_pixels", "ts_siemens_1",
    "us_8bit_jpegll",
]  # fmt: skip


@pytest.fixture
def sample(small_image: DicomCubeImage, tmp_path: Path) -> Sample:
    return sample_archive(small_image, tmp_path / "work")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Corpus:
    return make_corpus(DATA, tmp_path_factory.mktemp("corpus") / "src", 2, names=NAMES)


@pytest.fixture(scope="session")
def archive(corpus, tmp_path_factory) -> Path:
    """The corpus as .dcbs files; not to be changed."""
    folder = tmp_path_factory.mktemp("archive") / "dest"
    archived(corpus.folder, folder, "--format", "dcbs", "--workers", 2)
    return folder
