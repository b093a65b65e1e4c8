"""Files with a region of interest beside lossless ones: `python benchmarks/roi_table.py`.

What a file promises is checked on the file itself, and is in the table beside its size.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from bench_data import find_series
from readme_table import show_table, table_parser

import dicube

Mask = npt.NDArray[np.bool_]

_ERRORS: Final = (1, 2, 5, 10)
_SERIES: Final = ("ct_uint16_thin", "ct_philips_private", "mr_t1_3d")


class Way(NamedTuple):
    """One way to write the image."""

    name: str
    write: Callable[[Path], Path]


class Checked(NamedTuple):
    """What a file holds, compared with the image it was made of."""

    length: int
    error_inside: int
    error_outside: int
    mask_is_exact: bool


def main() -> None:
    options = table_parser("Measure .dcbr files beside .dcba files.", rounds=5).parse_args()
    lines = [
        "| series, region | file | size | to .dcba | largest error inside, outside | mask | save "
        "| load |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        for series in find_series(Path(scratch), _SERIES):
            print(f"measuring {series.name} ...", flush=True)
            image = dicube.load_from_dicom_folder(series.folder)
            for name, region in _regions(image).items():
                title = f"{series.name}, {name} ({region.mean():.0%})"
                lines += _lines(title, image, region, Path(scratch), options.rounds)
    lines += [
        "",
        'Regions: the body as `roi="body"` finds it, and the inner half of rows and columns. '
        f"Errors are in stored values. Medians of {options.rounds} rounds, all files in turn in "
        f"each of them, {dicube.get_num_threads()} threads; the body was found before. `2.00x` "
        "took twice as long as .dcba.",
    ]
    table = "\n".join(lines)
    show_table("roi", table, options)


def _regions(image: dicube.DicomCubeImage) -> dict[str, Mask]:
    """The body; and what an organ may take: the inner half of rows and columns."""
    rows, columns = image.shape[1:3]
    middle = np.zeros(image.shape, bool)
    middle[:, rows // 4 : -rows // 4, columns // 4 : -columns // 4] = True
    return {"body": image.find_body(), "middle": middle}


def _lines(
    title: str, image: dicube.DicomCubeImage, region: Mask, scratch: Path, rounds: int
) -> list[str]:
    def with_error(error: int) -> Callable[[Path], Path]:
        return lambda path: image.to_file(path, roi=region, background_error=error)

    ways = [
        Way("x.dcba", image.to_file),
        *(Way(f"{error}.dcbr", with_error(error)) for error in _ERRORS),
    ]
    times: dict[str, list[tuple[float, float]]] = {way.name: [] for way in ways}
    checked: dict[str, Checked] = {}
    for _ in range(1 + rounds):
        for way in ways:
            path = scratch / way.name
            save, _ = _timed(lambda way=way, path=path: way.write(path))
            load, loaded = _timed(lambda path=path: dicube.load(path))
            times[way.name].append((save, load))
            checked.setdefault(way.name, _checked(path, loaded, image, region))
    medians = {
        name: [statistics.median(column) for column in zip(*pairs[1:], strict=True)]
        for name, pairs in times.items()
    }
    return [_line(title, way.name, checked, medians) for way in ways]


def _line(
    title: str, name: str, checked: dict[str, Checked], medians: dict[str, list[float]]
) -> str:
    facts, reference = checked[name], checked["x.dcba"]
    error = name.removesuffix(".dcbr")
    file = ".dcba, lossless" if name == "x.dcba" else f".dcbr, error {error}"
    rates = [
        f"{1000 * seconds:.0f} ms {seconds / base:.2f}x"
        for seconds, base in zip(medians[name], medians["x.dcba"], strict=True)
    ]
    return (
        f"| {title} | {file} | {facts.length / 1e6:.2f} MB | {facts.length / reference.length:.3f} "
        f"| {facts.error_inside}, {facts.error_outside} "
        f"| {'exact' if facts.mask_is_exact else 'WRONG'} | {rates[0]} | {rates[1]} |"
    )


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _checked(
    path: Path, loaded: dicube.DicomCubeImage, image: dicube.DicomCubeImage, region: Mask
) -> Checked:
    error = np.abs(loaded.raw_image.astype(np.int64) - image.raw_image)
    same = loaded.roi is None or np.array_equal(loaded.roi.mask, region)
    return Checked(
        path.stat().st_size, int(error[region].max()), int(error[~region].max(initial=0)), same
    )


if __name__ == "__main__":
    main()
