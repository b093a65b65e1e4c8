"""Write small codestreams and files of every kind, for the fuzz targets to start from.

python make_seeds.py FOLDER JXL_FOLDER DICOM_FOLDER
"""

import itertools
import sys
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom.data import get_testdata_files

from dicube.codecs.jph import JphCodec
from dicube.codecs.jxl import JxlCodec

_MOST_BYTES = 50_000  # a fuzzer gets nowhere with large files
_DTYPES = ("uint8", "int16", "uint16", "int32")
_PROGRESSIONS = ("LRCP", "RPCL", "CPRL")


def write_jph(folder: Path) -> None:
    """Smooth images with some noise: code-blocks of few bytes, and every pass in use."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    for dtype, progression, samples, levels in itertools.product(
        _DTYPES, _PROGRESSIONS, (1, 3), (0, 2, 5)
    ):
        rows, columns = random.integers(1, 40, 2)
        slopes = np.add.outer(3 * np.arange(rows), np.arange(columns))[..., np.newaxis]
        frame = (slopes + random.integers(0, 6, (rows, columns, samples))).astype(dtype)
        streams = JphCodec().encode_frames(
            frame[np.newaxis],
            levels=levels,
            progression=progression,
            block_size=(8, 16) if levels else (64, 64),
            colour_transform=samples == 3 and levels == 2,
        )
        name = f"own_{dtype}_{progression}_{samples}_{levels}.j2c"
        (folder / name).write_bytes(streams[0])


_OWN_EFFORTS = {1: "fast", 2: "default", 3: "max"}


def write_jxl(folder: Path) -> None:
    """What two encoders make of slopes, few colours and noise: each effort takes other means."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(2)
    for effort, samples, kind in itertools.product((1, 2, 3, 5, 7, 9), (1, 3), range(3)):
        rows, columns = random.integers(3, 24, 2)
        slopes = np.add.outer(5 * np.arange(rows), np.arange(columns))[..., np.newaxis]
        noise = random.integers(0, 6, (rows, columns, samples))
        frame = (slopes + noise, 700 * (noise % 3), 600 * noise)[kind].astype(np.uint16)
        stream = imagecodecs.jpegxl_encode(
            frame if samples > 1 else frame[..., 0],
            effort=effort,
            lossless=True,
            bitspersample=12,
            usecontainer=False,
        )
        (folder / f"libjxl_{effort}_{samples}_{kind}.jxl").write_bytes(stream)
        if effort in _OWN_EFFORTS:
            frames = (frame if samples > 1 else frame[..., 0])[np.newaxis]
            own = JxlCodec().encode_frames(frames, effort=_OWN_EFFORTS[effort])[0]
            (folder / f"own_{effort}_{samples}_{kind}.jxl").write_bytes(own)


def write_dicom(folder: Path) -> None:
    """The small files that come with pydicom: both VRs and byte orders, fragments, odd ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in map(Path, get_testdata_files()):
        if path.is_file() and path.stat().st_size < _MOST_BYTES:
            (folder / path.name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    write_jph(Path(sys.argv[1]))
    write_jxl(Path(sys.argv[2]))
    write_dicom(Path(sys.argv[3]))
