"""JPEG XL codecs beside each other, rounds in turn: `python benchmarks/jxl_table.py`.

The yardstick is libjxl at effort 3; efforts 7 and 9 are slow and measured once, in the same run.
"""

import argparse
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from bench_data import data_folder, generated_frames
from codec_peer import Times, measure
from codec_volumes import Frames
from jxl_peers import peers
from readme_table import show_table, table_parser

import dicube

_REFERENCE = "libjxl, effort 3"


class Row(NamedTuple):
    """A volume of the table."""

    title: str
    frames: Callable[[], Frames]
    with_effort_9: bool = False


def _stored(series: str) -> Frames:
    values = dicube.load_from_dicom_folder(data_folder() / series).raw_image
    return np.ascontiguousarray(values.reshape(-1, *values.shape[-2:]))


def _colour(series: str) -> Frames:
    values = dicube.load_from_dicom_folder(data_folder() / series).raw_image
    return np.ascontiguousarray(values.reshape(-1, *values.shape[-3:]))


def _masked() -> Frames:
    values = _stored("mr_t1_3d")
    return np.where(values > 25, values, 0).astype(values.dtype)


_ROWS: Final = (
    Row("CT", lambda: _stored("ct_uint16_thin"), with_effort_9=True),
    Row("CT, another", lambda: _stored("ct_philips_private"), with_effort_9=True),
    Row("MR", lambda: _stored("mr_t1_3d"), with_effort_9=True),
    Row("one CT slice", lambda: _stored("ct_uint16_thin")[25:26]),
    Row("MR, masked", _masked),
    Row("fMRI", lambda: _stored("mr_fmri_ge_4d")),
    Row("MR, diffusion", lambda: _stored("mr_dwi_philips_classic")),
    Row("MR, perfusion", lambda: _stored("mr_asl_slopes")),
    Row("PET", lambda: _stored("pet_slopes")),
    Row("CR", lambda: _stored("cr_j2k_10bit")),
    Row("DX", lambda: _stored("dx_8bit_mono1")),
    Row("MG", lambda: _stored("mg_12bit")),
    Row("US", lambda: _stored("us_8bit_jpegll")),
    Row("US, colour", lambda: _colour("wg04_US1_J2KI")),
)
_MADE_UP: Final = (Row("made up CT", lambda: generated_frames(24), with_effort_9=True),)


def main() -> None:
    options = _options()
    rows = _ROWS if data_folder().is_dir() else _MADE_UP
    lines = [
        "| frames | codec | ratio | encode | decode |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for row in rows:
        if options.volumes and row.title not in options.volumes:
            continue
        frames = row.frames()
        print(f"measuring {row.title} ...", flush=True)
        lines += _lines(row, frames, options.rounds)
    lines += [
        "",
        f"One thread. Medians of {options.rounds} rounds, all codecs in turn in each of them; "
        "efforts 7 and 9 of libjxl once. `2.00x` was twice as fast as effort 3 of libjxl. "
        "Ratio: bytes of the samples to bytes of the codestreams. US: from effort 5 on libjxl "
        "finds repeated letters and stores them once, as another frame of the codestream. CR: one "
        "large picture, which only the properties of max suit.",
    ]
    table = "\n".join(lines)
    show_table("jxl", table, options)


def _options() -> argparse.Namespace:
    parser = table_parser("Measure JPEG XL codecs beside each other.", rounds=5)
    parser.add_argument("--volumes", nargs="+", choices=[row.title for row in _ROWS], default=[])
    return parser.parse_args()


def _lines(row: Row, frames: Frames, rounds: int) -> list[str]:
    unsigned_gray = frames.dtype.kind == "u" and frames.ndim == 3
    codecs = peers(with_effort_9=row.with_effort_9, with_jpegls=unsigned_gray)
    results = measure(codecs, frames, 1, rounds)
    reference = next(times for peer, times in results.items() if peer.name == _REFERENCE)
    size = " x ".join(map(str, frames.shape))
    megabytes = frames.nbytes / 1e6

    def rate(seconds: float, reference_seconds: float) -> str:
        return f"{megabytes / seconds:.0f} MB/s {reference_seconds / seconds:.2f}x"

    def line(name: str, times: Times) -> str:
        return (
            f"| {row.title} {size}, {frames.dtype} | {name} | {frames.nbytes / times.length:.3f} "
            f"| {rate(times.encode, reference.encode)} | {rate(times.decode, reference.decode)} |"
        )

    return [line(peer.name, times) for peer, times in results.items()]


if __name__ == "__main__":
    main()
