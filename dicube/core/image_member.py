"""The PixelDataHeader in the file: the members of the published tool, and one more, "Image".

"Image" holds what the published tool has no word for: shape, axes, rescale of each frame, digest,
sheared affine (docs/format.md, section 4). Old readers keep it among their extras.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.core.axes import AxesRule, axis_members, parse_axes, volume_shape
from dicube.core.contents import CubeContents
from dicube.core.frame_writing import FramesWritten
from dicube.core.pixel_header import PixelDataHeader
from dicube.core.rescale import FrameRescale
from dicube.core.roi import RoiQuality
from dicube.core.space_members import space_members
from dicube.dicom.series.axis import Axis
from dicube.dicom.series.grid import Rival
from dicube.exceptions import InvalidCubeFileError, MetaDataError
from dicube.storage.directory import DIRECTORY_KEY
from dicube.storage.pixel_utils import SampleEncoding, parse_encoding

IMAGE_KEY: Final = "Image"
# Stand for a slope that is no number, so that a reader that knows one slope for all frames fails
# instead of showing wrong values.
_PER_FRAME: Final = "per frame"
_BIT_PATTERNS: Final = "bit patterns"
_DAMAGED: Final = "the file is damaged; restore it from a copy"


@dataclass(frozen=True)
class ImageMember:
    """The parsed member.

    Attributes
    ----------
    shape : tuple of int
        Of the stored values; fits the axes and the number of frames.
    axes : tuple of Axis
    encoding : SampleEncoding
    slope, intercept : float
        Of all frames; NaN where they differ.
    frame_rescale : FrameRescale or None
    affine : (4, 4) float64 or None
        Of a sheared stack.
    digest : str or None
    quality : RoiQuality or None
        What was lost outside of the region of interest; there is one in .dcbr files only.
    frame_order : (frames,) int or None
    axes_rule : AxesRule
    space
        Members of the space of a series of volumes, not yet parsed; None where there is none.
    """

    shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    encoding: SampleEncoding
    slope: float
    intercept: float
    frame_rescale: FrameRescale | None
    affine: npt.NDArray[np.float64] | None
    digest: str | None
    quality: RoiQuality | None
    frame_order: npt.NDArray[np.intp] | None
    axes_rule: AxesRule
    space: Any

    @property
    def volume_shape(self) -> tuple[int, ...]:
        """(z, y, x) of one volume."""
        return volume_shape(self.shape, self.axes)


def header_members(
    contents: CubeContents, encoding: SampleEncoding, written: FramesWritten
) -> dict[str, Any]:
    """The PixelDataHeader as it is written, "Image" included."""
    header = contents.header.to_dict()
    image: dict[str, Any] = {
        "Shape": list(contents.values.shape),
        "Axes": [axis_members(axis) for axis in contents.axes],
        "ValuesDigest": written.digest,
        "Rescale": [_json_number(header["RescaleSlope"]), _json_number(header["RescaleIntercept"])],
        "SampleOffset": written.sample_offset,
    }
    header["OriginalPixelDtype"] = encoding.dtype
    header["PixelDtype"] = encoding.codec_dtype
    if contents.rescale is not None:
        image["FrameRescale"] = {
            "Slope": contents.rescale.slopes.tolist(),
            "Intercept": contents.rescale.intercepts.tolist(),
        }
        header["RescaleSlope"] = header["RescaleIntercept"] = _PER_FRAME
    if not encoding.is_plain:
        header["RescaleSlope"] = header["RescaleIntercept"] = _BIT_PATTERNS
    if contents.space is not None and len(contents.axes) > 1:
        image["Space"] = space_members(contents.space)
    if contents.affine is not None:
        image["Affine"] = contents.affine.tolist()
    if contents.frame_order is not None:
        image["FrameOrder"] = contents.frame_order.tolist()
    if contents.rule:
        rivals = [{"Rule": rival.rule, "Outcome": rival.outcome} for rival in contents.rivals]
        image["AxesRule"] = {"Rule": contents.rule, "Rivals": rivals}
    if written.quality is not None:
        image["Region"] = written.quality.to_json()
    return {**header, IMAGE_KEY: image}


def parse_image_member(
    members: dict[str, Any], *, frames: int | None, where: str
) -> ImageMember | None:
    """The "Image" member of a PixelDataHeader; None in files of the published tool.

    Parameters
    ----------
    members : dict
        The PixelDataHeader.
    frames : int or None
        Frames that the file has; None where they lie elsewhere, and the member alone says.
    where : str
        For messages.

    Raises
    ------
    InvalidCubeFileError
        It is malformed, or does not fit the number of frames.
    """
    image = members.get(IMAGE_KEY)
    if image is None:
        return None
    if not isinstance(image, dict):
        raise InvalidCubeFileError("the Image member is no object", where=where, hint=_DAMAGED)
    axes = parse_axes(image.get("Axes"), where=where)
    if frames is None:
        frames = math.prod(axis.size for axis in axes)
    dtypes = members.get("OriginalPixelDtype"), members.get("PixelDtype")
    try:
        slope, intercept = map(_number, image["Rescale"])
        rescale = _frame_rescale(image.get("FrameRescale"), frames)
        affine = _affine(image.get("Affine"))
        shape = _shape(image["Shape"], axes, frames)
        quality = RoiQuality.parse(image["Region"]) if "Region" in image else None
        order = _frame_order(image.get("FrameOrder"), frames)
        rule = _axes_rule(image.get("AxesRule"))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InvalidCubeFileError(
            f"the Image member is malformed: {error}",
            where=where,
            hint=_DAMAGED,
        ) from error
    return ImageMember(
        shape=shape,
        axes=axes,
        encoding=parse_encoding(*dtypes, where=where),
        slope=slope,
        intercept=intercept,
        frame_rescale=rescale,
        affine=affine,
        digest=image.get("ValuesDigest"),
        quality=quality,
        frame_order=order,
        axes_rule=rule,
        space=image.get("Space"),
    )


def parse_pixel_header(
    members: dict[str, Any], image: ImageMember | None, *, where: str
) -> PixelDataHeader:
    """The PixelDataHeader in memory: a number for every slope, and the caller's own extras.

    Raises
    ------
    InvalidCubeFileError
        A number is no number.
    """
    own = {name: v for name, v in members.items() if name not in (DIRECTORY_KEY, IMAGE_KEY)}
    if image is not None:
        own |= {"RescaleSlope": image.slope, "RescaleIntercept": image.intercept}
        own["PixelDtype"] = image.encoding.codec_dtype
    try:
        return PixelDataHeader.from_dict(own)
    except MetaDataError as error:
        raise InvalidCubeFileError(error.what, where=where, hint=_DAMAGED) from error


def _number(value: Any) -> float:
    if value is not None and not isinstance(value, (int, float)):
        raise TypeError("a slope or intercept is no number")
    return float("nan") if value is None else float(value)


def _json_number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else value


def _shape(shape: Any, axes: tuple[Axis, ...], frames: int) -> tuple[int, ...]:
    """The recorded shape, if it fits the axes and the number of frames."""
    sizes = [axis.size for axis in axes]
    fits = (
        isinstance(shape, list)
        and all(type(size) is int and 0 < size < 1 << 31 for size in shape)
        and len(shape) - len(axes) in (2, 3)
        and shape[: len(axes)] == sizes
        and math.prod(sizes) == frames
    )
    if not fits:
        raise ValueError("shape, axes and frames do not fit each other")
    return tuple(shape)


def _frame_rescale(members: Any, frames: int) -> FrameRescale | None:
    if members is None:
        return None
    slopes = np.array(members["Slope"], dtype=np.float64)
    intercepts = np.array(members["Intercept"], dtype=np.float64)
    if not slopes.shape == intercepts.shape == (frames,):
        raise ValueError("there is not one rescale for each frame")
    return FrameRescale(slopes, intercepts)


def _frame_order(numbers: Any, frames: int) -> npt.NDArray[np.intp] | None:
    if numbers is None:
        return None
    is_list = isinstance(numbers, list) and len(numbers) == frames
    if not is_list or sorted(numbers) != list(range(frames)):
        raise ValueError("the order of the frames is none")
    return np.array(numbers, dtype=np.intp)


def _axes_rule(members: Any) -> AxesRule:
    if members is None:
        return AxesRule("")
    rivals = tuple(Rival(str(each["Rule"]), str(each["Outcome"])) for each in members["Rivals"])
    return AxesRule(str(members["Rule"]), rivals)


def _affine(rows: Any) -> npt.NDArray[np.float64] | None:
    if rows is None:
        return None
    affine = np.array(rows, dtype=np.float64)
    if affine.shape != (4, 4):
        raise ValueError("the affine is not 4 x 4")
    return affine
