"""What the viewer has to know about a cube before it asks for values, as one JSON object."""

from typing import Any, Final

import numpy as np

from dicube.core.axes import axis_members, volume_shape
from dicube.core.cube_file import CubeDescription
from dicube.dicom.dicom_tags import CommonTags, TagLike
from dicube.dicom.series.axis import Axis
from dicube.web.viewing.planes import planes_of
from dicube.web.viewing.viewed_cubes import CubeView

# Centre and width in HU that reading rooms are used to.
_CT_WINDOWS: Final = (
    ("Soft tissue", 40.0, 400.0),
    ("Lung", -600.0, 1500.0),
    ("Bone", 400.0, 1800.0),
    ("Brain", 40.0, 80.0),
    ("Liver", 60.0, 160.0),
)
_MAX_ASPECT: Final = 8.0  # pixels further from square than this are a wrong header


def viewer_description(view: CubeView) -> dict[str, Any]:
    """Grid, planes, rescale, windows and geometry of a cube; no value of the patient's.

    Parameters
    ----------
    view : CubeView

    Returns
    -------
    dict
        Lengths in mm; `affine` goes from (z, y, x, 1) to patient coordinates (LPS).
    """
    about = view.about
    unit = _unit(about)
    return {
        "slices": view.slices,
        "volumes": view.volumes,
        "rows": view.frame_shape[0],
        "columns": view.frame_shape[1],
        "samples": view.frame_shape[2] if len(view.frame_shape) == 3 else 1,
        "dtype": view.wire_dtype.name,
        "storedDtype": view.dtype.name,
        "bits": _first(about, CommonTags.BitsStored) or view.dtype.itemsize * 8,
        "photometric": str(_first(about, CommonTags.PhotometricInterpretation) or ""),
        "modality": str(_first(about, CommonTags.Modality) or ""),
        "axes": [_axis(axis) for axis in about.axes[:-1]],
        "sliceAxis": _axis(about.axes[-1]) if about.axes else None,
        "planes": _planes(view),
        "affine": None if about.affine is None else about.affine.tolist(),
        "rescale": _rescale(about),
        "unit": unit,
        "windows": _windows(about, unit),
        "findings": [] if about.status.value == "consistent" else [about.status.value],
        "isLossy": about.quality is not None,
    }


def _axis(axis: Axis) -> dict[str, Any]:
    members = axis_members(axis)
    return {
        "name": members["Name"],
        "size": members["Size"],
        "unit": members["Unit"],
        "coordinates": members["Coordinates"],
    }


def _planes(view: CubeView) -> list[dict[str, Any]]:
    about = view.about
    shape = volume_shape(about.shape, about.axes)
    is_stack = shape[0] == view.slices
    planes = planes_of(shape, about.affine, _pixel_size(about))
    members = [plane._asdict() for plane in (planes if is_stack else planes[:1])]
    members[0]["slices"] = view.slices  # frames of a cine are browsed like slices
    return members


def _rescale(about: CubeDescription) -> dict[str, Any]:
    """Slope and intercept: one number each, or one for each frame in C order of the axes."""
    if about.rescale is None:
        return {"slope": about.header.RescaleSlope, "intercept": about.header.RescaleIntercept}
    return {
        "slopes": about.rescale.slopes.tolist(),
        "intercepts": about.rescale.intercepts.tolist(),
    }


def _unit(about: CubeDescription) -> str:
    """Of the output values: Rescale Type (PS3.3 C.11.1.1.2), or Units of PET (C.8.9.1.1.3)."""
    kind = str(_first(about, "RescaleType") or "")
    units = str(_first(about, "Units") or "")
    if kind and kind != "US":  # unspecified
        return kind
    if units:
        return units
    is_ct = _first(about, CommonTags.Modality) == "CT"
    is_localizer = "LOCALIZER" in (_first(about, "ImageType") or [])
    return "HU" if is_ct and not is_localizer else ""


def _windows(about: CubeDescription, unit: str) -> list[dict[str, Any]]:
    """The windows of the first slice (PS3.3 C.11.2.1.2), then those that a CT is read with."""
    centres, widths, names = (
        _listed(_first(about, tag))
        for tag in (
            CommonTags.WindowCenter,
            CommonTags.WindowWidth,
            "WindowCenterWidthExplanation",
        )
    )
    header = about.header
    if not centres and header.WindowCenter is not None:
        centres, widths = [header.WindowCenter], [header.WindowWidth]
    found: list[dict[str, Any]] = []
    seen = set()
    for number, (centre, width) in enumerate(zip(centres, widths, strict=False)):
        try:
            window = {"center": float(centre), "width": float(width)}
        except (TypeError, ValueError):
            continue
        values = (window["center"], window["width"])
        if np.isfinite(values).all() and window["width"] > 0 and values not in seen:
            seen.add(values)  # slices that are joined often repeat theirs
            name = str(names[number]) if number < len(names) else f"Window {number + 1}"
            found.append({"name": name, **window})
    if unit == "HU":
        found += [{"name": n, "center": c, "width": w} for n, c, w in _CT_WINDOWS]
    return found


def _pixel_size(about: CubeDescription) -> tuple[float, float]:
    """Height and width of a pixel where there is no affine; only their ratio matters."""
    for tag in (CommonTags.PixelSpacing, "ImagerPixelSpacing", "PixelAspectRatio"):
        try:
            height, width = (float(number) for number in _listed(_first(about, tag)))
        except (TypeError, ValueError):
            continue
        if height > 0 and width > 0 and 1 / _MAX_ASPECT <= height / width <= _MAX_ASPECT:
            return height, width
    return 1.0, 1.0


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _first(about: CubeDescription, tag: TagLike) -> Any:
    """The value of the first slice; None where it has none."""
    return None if about.meta is None else about.meta.value.get_values(tag)[0]
