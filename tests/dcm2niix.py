"""The volumes of a folder beside those that dcm2niix makes of it."""

import itertools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt

from dicube import DicomCubeError, DicomCubeImage, VolumeSet, find_series
from tests.peers import PEERS

Array = npt.NDArray[Any]

_RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_REVERSED = np.eye(4)[[2, 1, 0, 3]]  # (z, y, x) indices to (x, y, z) and back
# What dcm2niix writes beside the volumes: resampled to equal distances, without tilt, overlays.
_EXTRAS = ("_Eq", "_Tilt", "_ROI")
_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.203")
_FLOAT32 = 2e-5  # dcm2niix rescales in single precision
_PLACE = 0.02  # of a voxel: what positions written with few digits differ by


@dataclass
class Theirs:
    """One NIfTI file of dcm2niix; `volumes` are (x, y, z[, sample])."""

    name: str
    shape: tuple[int, ...]
    affine: Array
    volumes: list[Array]


@dataclass
class Ours:
    """One volume set; `volumes` are (z, y, x[, sample]) output values."""

    found: VolumeSet
    affine: Array | None
    volumes: list[Array]
    tolerance: float


@dataclass(frozen=True)
class Comparison:
    """What both make of a folder, and whether it is the same.

    `outcome` is "the same", "split" (the same volumes in the same order, in more files), "another
    order", "differs", "only DiCube", "only dcm2niix" or "no image"; `by_standard_slopes` is whether
    dcm2niix had to be told to use them.
    """

    folder: str
    ours: str
    theirs: str
    outcome: str
    by_standard_slopes: bool = False


def compare(folder: Path, scratch: Path) -> Comparison:
    """Let both convert a folder and compare shapes, order, values and places of all volumes."""
    ours = list(ours_of(folder))
    # By default dcm2niix rescales images of Philips by private slopes; -p n makes it take those of
    # the standard, but then it also takes the slope of one slice for all.
    for precise in ("y", "n"):
        theirs = list(theirs_of(folder, scratch / precise, precise))
        outcome = _outcome(ours, theirs)
        if outcome != "differs":
            break
    return Comparison(
        folder.name,
        "; ".join(_set_text(each.found) for each in ours) or "no image",
        "; ".join(" x ".join(map(str, each.shape)) for each in theirs) or "nothing",
        outcome,
        precise == "n" and outcome != "differs",
    )


def ours_of(folder: Path) -> Iterator[Ours]:
    for found in find_series(folder):
        mosaic = any("is a mosaic" in finding.message for finding in found.findings)
        try:
            image = DicomCubeImage.from_volume_set(found, mosaic="unpack" if mosaic else "keep")
        except DicomCubeError:
            continue  # refused with a reason, which test_round_trip.py has
        values = image.get_fdata("float64")
        frame = values.shape[len(image.axes) :]
        count = image.n_timepoints if image.axes[-1].name != "t" else 1
        volumes = list(values.reshape(count, -1, *frame))
        lossy = any(syntax in _LOSSY for syntax in found.transfer_syntaxes)
        yield Ours(found, image.affine, volumes, 1.0 if lossy else 0.0)


def theirs_of(folder: Path, scratch: Path, precise: str) -> Iterator[Theirs]:
    scratch.mkdir()
    command = [PEERS / "dcm2niix", "-f", "%s_%e_%q", "-z", "n", "-b", "n", "-p", precise]
    subprocess.run(
        [*map(str, command), "-o", str(scratch), str(folder)],
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    for path in sorted(scratch.glob("*.nii")):
        if any(extra in path.stem for extra in _EXTRAS):
            continue
        image = nibabel.load(path)
        values = np.asanyarray(image.dataobj)
        shape = values.shape
        if values.dtype.names:
            values = np.stack([values[name] for name in values.dtype.names], axis=-1)
        volumes = [values] if len(shape) == 3 else list(np.moveaxis(values, 3, 0))
        yield Theirs(path.stem, shape, image.affine, volumes)


def _outcome(ours: list[Ours], theirs: list[Theirs]) -> str:
    if not ours or not theirs:
        return "no image" if ours == theirs else "only DiCube" if ours else "only dcm2niix"
    all_ours = [(i, k) for i, each in enumerate(ours) for k in range(len(each.volumes))]
    matched = []
    for each in theirs:
        order = [_place_of(volume, each.affine, ours) for volume in each.volumes]
        if None in order:
            return "differs"
        matched.append(order)
    flat = [place for order in matched for place in order if place is not None]
    if sorted(flat) != all_ours:
        return "differs"
    runs = [[place for place in all_ours if place[0] == i] for i in range(len(ours))]
    if sorted(matched, key=lambda order: order[0] or (0, 0)) == runs:
        return "the same"
    ordered = all(order == sorted(p for p in order if p) for order in matched)
    return "split" if len(matched) > len(runs) and ordered else "another order"


def _place_of(volume: Array, affine: Array, ours: list[Ours]) -> tuple[int, int] | None:
    """Set and number of our volume that has these values in these places."""
    for i, each in enumerate(ours):
        for k, own in enumerate(each.volumes):
            for turned in _in_their_order(own, each.affine, affine):
                if turned.shape == volume.shape and np.allclose(
                    turned, volume, rtol=_FLOAT32, atol=each.tolerance + _FLOAT32
                ):
                    return i, k
    return None


def _in_their_order(own: Array, own_affine: Array | None, affine: Array) -> Iterator[Array]:
    """Our volume with its axes as theirs, as the affines say; without one, with rows both ways."""
    volume = np.swapaxes(own, 0, 2)
    if own_affine is None:
        yield from (volume, volume[:, ::-1])
        return
    mapping = np.linalg.inv(_RAS_FROM_LPS @ own_affine @ _REVERSED) @ affine
    signs = np.round(mapping[:3, :3])
    axes = np.abs(signs).argmax(axis=0)
    if len(set(axes.tolist())) < 3:
        return
    turned = np.transpose(volume, (*axes, *range(3, volume.ndim)))
    for axis in range(3):
        if signs[axes[axis], axis] < 0:
            turned = np.flip(turned, axis)
    corners = np.array([*itertools.product(*([0, size - 1] for size in turned.shape[:3]))])
    places = corners @ mapping[:3, :3].T + mapping[:3, 3]
    sizes = np.array(volume.shape[:3])
    inside = (np.round(places) >= 0).all() and (np.round(places) < sizes).all()
    if inside and np.abs(places - np.round(places)).max() <= _PLACE:
        yield turned


def _set_text(found: VolumeSet) -> str:
    return " x ".join([f"{axis.name} {axis.size}" for axis in found.axes])
