"""Series of nobody: ellipsoids with noise that look enough like a chest and a head to be read."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.core.image import DicomCubeImage
from dicube.core.pixel_header import PixelDataHeader

Array = npt.NDArray[Any]

_ROOT: Final = "2.25.3291584063812739482710"  # UIDs of no registered organisation (PS3.5 B.2)


class _Ellipsoid(NamedTuple):
    """In parts of the half width of the volume: centre and radii, each as (z, y, x)."""

    value: float
    centre: tuple[float, float, float]
    radii: tuple[float, float, float]


# Hounsfield units; what comes later covers what was there.
_CHEST: Final = (
    _Ellipsoid(-80, (0.0, 0.0, 0.0), (9.0, 0.66, 0.92)),  # fat below the skin
    _Ellipsoid(45, (0.0, 0.0, 0.0), (9.0, 0.58, 0.84)),  # muscle
    _Ellipsoid(-860, (-0.1, -0.04, -0.43), (1.05, 0.43, 0.32)),  # lungs
    _Ellipsoid(-850, (-0.1, -0.04, 0.43), (1.05, 0.43, 0.32)),
    _Ellipsoid(38, (0.25, -0.16, 0.12), (0.52, 0.26, 0.27)),  # heart
    _Ellipsoid(180, (0.2, -0.14, 0.16), (0.34, 0.15, 0.15)),  # with contrast in it
    _Ellipsoid(165, (-0.1, 0.16, 0.12), (9.0, 0.075, 0.075)),  # aorta
    _Ellipsoid(320, (0.0, 0.34, 0.0), (9.0, 0.13, 0.13)),  # spine
    _Ellipsoid(25, (0.0, 0.335, 0.0), (9.0, 0.045, 0.05)),
    _Ellipsoid(400, (0.0, -0.5, 0.0), (0.7, 0.03, 0.1)),  # breastbone
    _Ellipsoid(62, (0.95, -0.05, -0.32), (0.42, 0.42, 0.46)),  # liver
    _Ellipsoid(45, (-0.25, 0.05, -0.5), (0.07, 0.06, 0.06)),  # a nodule, to look for
)
_HEAD: Final = (
    _Ellipsoid(420, (0.05, 0.0, 0.0), (0.9, 0.86, 0.7)),  # scalp
    _Ellipsoid(60, (0.05, 0.0, 0.0), (0.85, 0.81, 0.65)),  # bone
    _Ellipsoid(150, (0.05, 0.0, 0.0), (0.79, 0.75, 0.59)),  # fluid
    _Ellipsoid(520, (0.05, 0.0, -0.29), (0.74, 0.72, 0.28)),  # grey matter
    _Ellipsoid(520, (0.05, 0.0, 0.29), (0.74, 0.72, 0.28)),
    _Ellipsoid(680, (0.05, 0.0, -0.26), (0.6, 0.6, 0.2)),  # white matter
    _Ellipsoid(680, (0.05, 0.0, 0.26), (0.6, 0.6, 0.2)),
    _Ellipsoid(140, (0.0, -0.05, -0.1), (0.16, 0.34, 0.07)),  # ventricles
    _Ellipsoid(140, (0.0, -0.05, 0.1), (0.16, 0.34, 0.07)),
    _Ellipsoid(600, (0.62, 0.42, 0.0), (0.26, 0.28, 0.38)),  # cerebellum
)
# Rows of (z, y, x) steps as directions in LPS: axial slices from the head down, sagittal ones.
_AXIAL: Final = ((0, 0, -1), (0, 1, 0), (1, 0, 0))
_SAGITTAL: Final = ((1, 0, 0), (0, 0, -1), (0, 1, 0))


def write_demo_series(folder: Path) -> list[Path]:
    """Write the series as DICOM files, a folder each; the folders.

    Two of one CT study, and two of one MR study, one of them with a time axis.
    """
    chest = _painted(_CHEST, (96, 256, 256), -1000.0)
    head = _painted(_HEAD, (144, 160, 128), 0.0)
    made = {
        "chest-thin": _ct(_noisy(chest, 18), (2.5, 1.4, 1.4), "Chest 2.5 mm", 2),
        "chest-thick": _ct(_noisy(chest[::4], 8), (10.0, 1.4, 1.4), "Chest 10 mm", 3),
        "head-t1": _t1(_noisy(head, 14)),
        "head-perfusion": _perfusion(head[12:132:12, ::2, ::2]),
    }
    for name, image in made.items():
        image.to_dicom_folder(folder / name)
    return [folder / name for name in made]


def _painted(shapes: Iterable[_Ellipsoid], size: Sequence[int], background: float) -> Array:
    """(z, y, x) float32; z from the head down."""
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in size]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    volume = np.full(tuple(size), background, np.float32)
    for value, (cz, cy, cx), (rz, ry, rx) in shapes:
        inside = ((z - cz) / rz) ** 2 + ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1
        volume[inside] = value
    return volume


def _noisy(volume: Array, deviation: float) -> Array:
    noise = np.random.default_rng(20).standard_normal(volume.shape, dtype=np.float32)
    noisy: Array = volume + noise * np.float32(deviation)
    return noisy


def _ct(values: Array, spacing: Sequence[float], description: str, number: int) -> DicomCubeImage:
    stored = np.clip(values + 1024, 0, 4095).round().astype(np.uint16)
    header = PixelDataHeader(
        RescaleIntercept=-1024.0, OriginalPixelDtype="uint16", WindowCenter=40, WindowWidth=400
    )
    image = DicomCubeImage(stored, header)
    image.affine = _affine(_AXIAL, spacing, values.shape)
    return _described(image, "CT", _PATIENTS[0], description, number)


def _t1(values: Array) -> DicomCubeImage:
    # Painted as axial slices; stored as sagittal ones, as such sequences are acquired.
    sagittal = np.ascontiguousarray(values.transpose(2, 0, 1))
    header = PixelDataHeader(OriginalPixelDtype="uint16", WindowCenter=400, WindowWidth=800)
    image = DicomCubeImage(np.clip(sagittal, 0, None).round().astype(np.uint16), header)
    image.affine = _affine(_SAGITTAL, (1.4, 1.1, 1.1), sagittal.shape)
    return _described(image, "MR", _PATIENTS[1], "T1 sagittal", 2)


def _perfusion(volume: Array) -> DicomCubeImage:
    """A bolus passes: grey and white matter lose signal for a while."""
    times = np.arange(12)
    dip = np.exp(-(((times - 5) / 1.8) ** 2))
    loss = np.where(volume > 500, 0.55, 0.05) * volume
    series = np.stack([_noisy(volume - loss * d, 12) for d in dip])
    header = PixelDataHeader(OriginalPixelDtype="uint16", WindowCenter=350, WindowWidth=800)
    image = DicomCubeImage(np.clip(series, 0, None).round().astype(np.uint16), header)
    image.affine = _affine(_AXIAL, (13.2, 2.2, 2.8), volume.shape)
    return _described(image, "MR", _PATIENTS[1], "Perfusion", 5)


def _affine(directions: Array | Any, spacing: Sequence[float], shape: Sequence[int]) -> Array:
    """The middle of the volume at the origin of the patient."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(directions, dtype=np.float64).T * np.array(spacing)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


_PATIENTS: Final = (
    {
        "PatientName": "Demo^Chest",
        "PatientID": "DEMO-1",
        "PatientBirthDate": "19600229",
        "PatientSex": "F",
        "StudyInstanceUID": f"{_ROOT}.1",
        "StudyDate": "20240115",
        "StudyTime": "093000",
        "AccessionNumber": "A1001",
        "StudyDescription": "CT chest with contrast",
        "BodyPartExamined": "CHEST",
    },
    {
        "PatientName": "Demo^Head",
        "PatientID": "DEMO-2",
        "PatientBirthDate": "19851130",
        "PatientSex": "M",
        "StudyInstanceUID": f"{_ROOT}.2",
        "StudyDate": "20240302",
        "StudyTime": "141500",
        "AccessionNumber": "A1002",
        "StudyDescription": "MR head, stroke",
        "BodyPartExamined": "HEAD",
    },
)


def _described(
    image: DicomCubeImage, modality: str, patient: dict[str, str], description: str, number: int
) -> DicomCubeImage:
    image.init_meta(modality)
    meta = image.dicom_meta
    assert meta is not None
    for keyword, value in patient.items():
        meta.set_shared_item(keyword, value)
    meta.set_shared_item("SeriesInstanceUID", f"{patient['StudyInstanceUID']}.{number}")
    meta.set_shared_item("SeriesDescription", description)
    meta.set_shared_item("SeriesNumber", number)
    if modality == "CT":
        meta.set_shared_item("RescaleType", "HU")
    return image
