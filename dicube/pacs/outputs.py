"""What a pulled series is written as: cube files, NIfTI, NPZ or DICOM, and DICOM for the rest."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from dicube.core.conversion import convert
from dicube.core.image import DicomCubeImage
from dicube.core.value_comparison import has_same_values
from dicube.core.verify import verify_file
from dicube.dicom.find_series import SeriesSearch
from dicube.dicom.series.volume_set import VolumeSet
from dicube.exceptions import DataConsistencyError, DicomCubeError

OutputFormat = Literal["dcbs", "dcba", "dicom", "nifti", "npz"]
Transform = Callable[[DicomCubeImage], DicomCubeImage]

SUFFIXES: Final = {"dcbs": ".dcbs", "dcba": ".dcba", "nifti": ".nii.gz", "npz": ".npz", "dicom": ""}


def rest_name(stem: str, output_format: OutputFormat) -> str:
    """The folder for what cannot be written in a format."""
    return f"{stem}_{output_format}_rest"


class Written(NamedTuple):
    """What was written into a folder.

    Attributes
    ----------
    names : tuple of str
        Files, and folders of DICOM files.
    instances : int
        How many instances they hold.
    left : tuple of Path
        Files of instances that no output holds; only where there is a transform.
    findings : tuple of str
    """

    names: tuple[str, ...]
    instances: int
    left: tuple[Path, ...]
    findings: tuple[str, ...]


def write_series(
    search: SeriesSearch,
    others: Sequence[Path],
    folder: Path,
    stem: str,
    output_format: OutputFormat,
    transform: Transform | None,
) -> Written:
    """Write everything that was found in a series.

    Each volume set becomes an output of its own. What cannot be one, because it is no image, is
    damaged, or does not fit the format, is copied as DICOM beside it. Where there is a transform,
    such as one that removes names, nothing is copied past it.

    Parameters
    ----------
    search : SeriesSearch
        All volume sets of the series.
    others : sequence of Path
        Instances that are in no volume set.
    folder : Path
        Empty.
    stem : str
        What names begin with.
    output_format : "dcbs", "dcba", "dicom", "nifti" or "npz"
    transform : callable, optional

    Returns
    -------
    Written
    """
    names: list[str] = []
    findings: list[str] = []
    instances = 0
    rest = list(others)
    if output_format == "dicom" and transform is None:
        rest = [*(path for found in search for path in found.files), *others]
        _copy(rest, folder / stem)
        return Written((stem,), len(rest), (), ())
    for number, found in enumerate(search):
        name = stem + (f"_{number}" if len(search) > 1 else "") + SUFFIXES[output_format]
        try:
            _write(found, folder / name, output_format, transform)
        except DicomCubeError as error:
            # No path: the scratch folder is of no use to the reader.
            findings.append(f"{len(found.files)} instances are no {output_format}: {error.what}")
            rest += found.files
            _remove(folder / name)
            continue
        names.append(name)
        instances += len(found.files)
        findings += [f"{name}: {finding.message}" for finding in found.findings]
    if others:
        findings.append(f"{len(others)} instances are no images that can be read")
    if rest and transform is None:
        name = rest_name(stem, output_format)
        _copy(rest, folder / name)
        names.append(name)
        instances, rest = instances + len(rest), []
    return Written(tuple(names), instances, tuple(rest), tuple(findings))


def _write(
    found: VolumeSet, path: Path, output_format: OutputFormat, transform: Transform | None
) -> None:
    """Write one volume set, and read it again."""
    if output_format in ("dcbs", "dcba") and transform is None:
        convert(
            found.folder,
            path,
            series_uid=found.series_uid or None,
            group=found.group if found.groups > 1 else None,
            on_damaged="skip",
            check=False,  # verified below
        )
        _verify(path, against=found.folder)
        return
    image = DicomCubeImage.from_volume_set(found)
    if transform is not None:
        image = transform(image)
    if output_format == "dicom":
        image.to_dicom_folder(path)
    elif output_format == "nifti":
        image.to_nifti(path)
        _compare(image, DicomCubeImage.from_nifti(path), path)
    elif output_format == "npz":
        image.to_npz(path)
        _compare(image, DicomCubeImage.from_npz(path), path)
    else:
        image.to_file(path, check=False)
        _verify(path)


def _verify(path: Path, against: Path | None = None) -> None:
    result = verify_file(path, against=against)
    if not result.ok:
        raise DataConsistencyError(f"what was written is not what was read: {result.problems[0]}")


def _compare(image: DicomCubeImage, again: DicomCubeImage, path: Path) -> None:
    if not has_same_values(image, again):
        raise DataConsistencyError("what was written is not what was read", where=path.name)


def _copy(files: Iterable[Path], folder: Path) -> None:
    """Copies of files, each compared in length."""
    folder.mkdir()
    for path in files:
        copy = folder / path.name
        shutil.copyfile(path, copy)
        if copy.stat().st_size != path.stat().st_size:
            raise DataConsistencyError("the copy is not whole", where=str(copy))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
