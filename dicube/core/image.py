"""DicomCubeImage: a series in memory."""

import math
import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from spacetransformer import Space

from dicube.codecs.base import Mask
from dicube.core.axes import (
    AxesRule,
    axis_coordinates,
    check_axes,
    default_axes,
    volume_axes,
    volume_shape,
)
from dicube.core.body_mask import body_mask
from dicube.core.contents import Array, CubeContents, packed_meta
from dicube.core.deidentified import ImageDeidentification
from dicube.core.derived import derived_contents
from dicube.core.image_exchange import ImageExchange
from dicube.core.image_files import ImageFiles
from dicube.core.image_place import ImagePlace
from dicube.core.new_meta import new_series_meta
from dicube.core.pixel_header import PixelDataHeader
from dicube.core.rescale import FrameRescale, apply_rescale
from dicube.core.roi import RegionOfInterest
from dicube.core.straightening import straightened_contents
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.findings import DicomStatus, Finding
from dicube.dicom.folder_scan import SkippedFile
from dicube.dicom.judgement import image_findings
from dicube.dicom.series.axis import Axis
from dicube.dicom.series.frame_meta import counts_for, frame_counts, frame_meta
from dicube.exceptions import DataConsistencyError, MetaDataError

PathLike = str | os.PathLike[str]


class DicomCubeImage(ImageFiles, ImageExchange, ImageDeidentification, ImagePlace):
    """A series of images as one array, with its metadata and its place in the patient.

    Parameters
    ----------
    raw_image : array
        Stored values: (z, y, x), (t, z, y, x), or either with samples (3 or 4) as last axis.
    pixel_header : PixelDataHeader
    dicom_meta : DicomMeta, optional
    space : Space, optional
        Geometry in (z, y, x) order; its shape must be that of the volume.
    dicom_status : DicomStatus
    axes : sequence of Axis, optional
        What the leading dimensions mean. By default a last dimension of 3 or 4 after three others
        is taken for colour, and otherwise four dimensions for (t, z, y, x).

    Raises
    ------
    DataConsistencyError
        The array has too few or too many dimensions, or does not fit the axes or the space.

    Examples
    --------
    >>> import numpy as np
    >>> header = PixelDataHeader(RescaleIntercept=-1024.0, OriginalPixelDtype="uint16")
    >>> image = DicomCubeImage(np.full((2, 4, 4), 1000, np.uint16), header)
    >>> image.shape, float(image.get_fdata().min())
    ((2, 4, 4), -24.0)
    """

    def __init__(
        self,
        raw_image: Array,
        pixel_header: PixelDataHeader,
        dicom_meta: DicomMeta | None = None,
        space: Space | None = None,
        dicom_status: DicomStatus = DicomStatus.CONSISTENT,
        *,
        axes: Sequence[Axis] | None = None,
    ) -> None:
        values = np.asarray(raw_image)
        known = default_axes(values) if axes is None else tuple(axes)
        check_axes(values, known)
        self._adopt(
            CubeContents(
                values=values,
                axes=known,
                header=pixel_header,
                meta=None if dicom_meta is None else packed_meta(value=dicom_meta),
                status=dicom_status,
            )
        )
        self.space = space

    # ---- other ways in and out ------------------------------------------------------------------

    @classmethod
    def from_array(
        cls,
        array: Array,
        like: "DicomCubeImage",
        *,
        series_description: str | None = None,
        derivation_description: str | None = None,
    ) -> Self:
        """An image computed from another one: its geometry and patient, a new series.

        The metadata are those of a derived series (PS3.3 C.7.6.1.1.2) in the same study: new UIDs,
        Series Number + 1000, each image naming the one it was computed from. What describes the old
        pixels or a single measurement is left behind: windows, rescale, private elements...

        Parameters
        ----------
        array : (z, y, x) or (t, z, y, x) array
            Output values on the grid of a volume of `like`. CT and MR files hold integers of up to
            16 bits; `to_dicom_folder` has layouts for others.
        like : DicomCubeImage
            Of three or four dimensions; where it has another number of volumes, each slice takes
            after the matching one of its first volume.
        series_description : str, optional
            Up to 64 characters; by default that of `like`.
        derivation_description : str, optional
            What was done, up to 1024 characters.

        Raises
        ------
        DataConsistencyError
            The array is not on the grid of `like`, or `like` is in colour.
        MetaDataError
            A description is too long.
        """
        return cls.from_contents(
            derived_contents(
                np.asarray(array),
                like._edits.with_current_meta(),
                like.affine,
                series_description=series_description,
                derivation_description=derivation_description,
            )
        )

    # ---- pixels ---------------------------------------------------------------------------------

    @property
    def raw_image(self) -> Array:
        """Stored values, dtype as in the source; (z, y, x) or as `axes` says, samples last."""
        return self._contents.values

    @raw_image.setter
    def raw_image(self, values: Array) -> None:
        values = np.asarray(values)
        contents = self._contents
        axes = contents.axes
        if values.ndim != contents.values.ndim:
            axes = default_axes(values)
        else:
            axes = tuple(
                axis if axis.size == size else Axis(axis.name, size, axis.unit)
                for axis, size in zip(axes, values.shape[: len(axes)], strict=True)
            )
        check_axes(values, axes)
        frames = math.prod(axis.size for axis in axes)
        if contents.rescale is not None and len(contents.rescale.slopes) != frames:
            raise DataConsistencyError(
                f"the image has a rescale for each of {len(contents.rescale.slopes)} frames, the"
                f" array has {frames} frames",
                hint="make a new image: DicomCubeImage(array, header), or from_array(..., like=)",
            )
        if volume_shape(values.shape, axes) != self._volume_shape:
            self._place(None, None)  # nobody says where the new voxels lie
        contents.values, contents.axes, contents.roi = values, axes, None
        self._forget_order()
        self._edits.accept_order()

    def get_fdata(self, dtype: npt.DTypeLike = "float32") -> Array:
        """Output values: stored value x slope + intercept of its frame, computed in `dtype`.

        Parameters
        ----------
        dtype : float16, float32 or float64

        Returns
        -------
        array of `dtype`, shape of `raw_image`

        Raises
        ------
        DataConsistencyError
            `dtype` is not a floating point type.
        """
        return apply_rescale(self.raw_image, *self._contents.slope_and_intercept, dtype)

    @property
    def frame_rescale(self) -> FrameRescale | None:
        """Slope and intercept of each frame, where frames differ in them; else None."""
        return self._contents.rescale

    @property
    def pixel_header(self) -> PixelDataHeader:
        """Rescale, dtypes and display window."""
        return self._contents.header

    @property
    def roi(self) -> RegionOfInterest | None:
        """Of an image from a .dcbr file: where it is exact, and what was lost elsewhere."""
        return self._contents.roi

    def find_body(self) -> Mask:
        """The body, told from the air around it: the region of `to_file(roi="body")`.

        Meant to err on the side of the body; docs/decisions/0010-region-of-interest.md says how it
        is found. Needs the extra "roi" (scipy).

        Returns
        -------
        bool array
            (z, y, x) or as the image, without samples. All False where everything is equal.

        Raises
        ------
        MissingDependencyError
            scipy is not installed.
        """
        return body_mask(self._contents).reshape(self.shape[: len(self.axes) + 2])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of `raw_image`."""
        return self.raw_image.shape

    @property
    def ndim(self) -> int:
        """Dimensions of `raw_image`."""
        return self.raw_image.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of `raw_image`."""
        return self.raw_image.dtype

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The dimensions before rows and columns."""
        return self._contents.axes

    @property
    def coords(self) -> dict[str, Array]:
        """Coordinates along the leading axes by name, units as `axes` says.

        Each is an array with one entry for each index: the coordinates of an axis under its name,
        and what else changes along it, such as "direction" along "diffusion", (n, 3). Axes whose
        coordinates follow from the geometry, or are not known, have none.
        """
        return axis_coordinates(self.axes)

    @property
    def axes_rule(self) -> AxesRule:
        """Which DICOM elements told the volumes apart, and what other rules would have said."""
        return AxesRule(self._contents.rule, self._contents.rivals)

    @property
    def n_timepoints(self) -> int:
        """Number of volumes: the product of all leading axes but the slices."""
        return math.prod(axis.size for axis in volume_axes(self.axes))

    def volume(self, t: int | tuple[int, ...]) -> Array:
        """Stored values of one volume, (z, y, x[, sample]); a view, not a copy.

        Parameters
        ----------
        t : int or tuple of int
            The number of the volume, counted in C order where there are several axes, or an index
            for each of them.

        Raises
        ------
        IndexError
            There is no such volume.
        """
        outer = tuple(axis.size for axis in volume_axes(self.axes))
        inner = (*self._volume_shape, *self.shape[len(self.axes) + 2 :])
        if not isinstance(t, tuple):
            volumes = self.raw_image.reshape(self.n_timepoints, *inner)
            volume: Array = volumes[t]
            return volume
        if len(t) != len(outer):
            raise IndexError(f"{len(t)} indices for {len(outer)} axes of volumes")
        indexed: Array = self.raw_image.reshape(*outer, *inner)[t]
        return indexed

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        """Stored values, so that numpy functions take the image itself."""
        return np.array(self.raw_image, dtype=dtype, copy=copy)

    # ---- metadata and geometry ------------------------------------------------------------------

    @property
    def dicom_meta(self) -> DicomMeta | None:
        """The metadata; None for an image that never had any."""
        return None if self._contents.meta is None else self._contents.meta.value

    @dicom_meta.setter
    def dicom_meta(self, meta: DicomMeta | None) -> None:
        self._contents.meta = None if meta is None else packed_meta(value=meta)
        self._contents.sources = None
        self._forget_order()
        self._edits.accept()

    @property
    def frame_meta(self) -> DicomMeta | None:
        """The metadata with one slice for each frame, in the order of the image; a copy.

        What functional groups of multi-frame objects say of a frame (PS3.3 C.7.6.16) is found under
        its own tag, such as `ImagePositionPatient`. None for an image without metadata.

        Raises
        ------
        MetaDataError
            The metadata describe other frames.
        """
        if self.dicom_meta is None:
            return None
        count = math.prod(axis.size for axis in self.axes)
        counts = counts_for(self.dicom_meta, count)
        if counts is None:
            raise MetaDataError(
                f"the metadata do not describe the {count} frames of the image",
                hint="give the image metadata with one slice for each frame",
            )
        order = self._contents.frame_order
        frames = frame_meta(self.dicom_meta, counts)
        return frames.taken(list(range(count)) if order is None else order.tolist())

    @property
    def dicom_status(self) -> DicomStatus:
        """The most important finding, or CONSISTENT."""
        return self._contents.status

    @dicom_status.setter
    def dicom_status(self, status: DicomStatus) -> None:
        self._contents.status = status

    @property
    def findings(self) -> list[Finding]:
        """Everything noticed about the series, most important first; empty without metadata."""
        if self.dicom_meta is None:
            return []
        return image_findings(self.dicom_meta, self.axes, self._contents.frame_order)

    @property
    def skipped_files(self) -> list[SkippedFile]:
        """Files of the folder that are no part of the image, each with the reason."""
        return list(self._contents.skipped)

    def resample_tilt(self, *, fill: float | None = None, num_threads: int | None = None) -> Self:
        """A new image of a sheared stack (gantry tilt), straightened into a right-angled grid.

        Each slice is shifted within its own plane, and the field of view grows so that none is cut.
        Values are interpolated linearly, integers rounded to the nearest, so that something is
        lost: no image is ever straightened unasked, and this one does not change. The new one has a
        `space` and the metadata of a derived series with UIDs of its own (PS3.3 C.7.6.1.1.2).
        docs/decisions/0013-gantry-tilt.md says why it is done like this.

        Parameters
        ----------
        fill : number, optional
            Stored value outside of the slices. By default the Pixel Padding Value of the metadata
            if there is one, else the smallest stored value.
        num_threads : int, optional

        Returns
        -------
        DicomCubeImage
            Same dtype and number of slices; rows and columns are at least as many.

        Raises
        ------
        DataConsistencyError
            The stack is not sheared, has no affine, or holds places in a palette; or `fill` is no
            stored value.
        """
        contents = self._edits.with_current_meta()
        return self.from_contents(
            straightened_contents(contents, fill=fill, num_threads=num_threads)
        )

    def init_meta(
        self,
        modality: str = "OT",
        patient_name: str = "ANONYMOUS^",
        patient_id: str = "0000000",
    ) -> DicomMeta:
        """Give an image without metadata what a DICOM file needs, with new UIDs.

        Parameters
        ----------
        modality : str
            Modality (0008,0060), such as "CT" or "MR".
        patient_name, patient_id : str

        Returns
        -------
        DicomMeta
            The metadata, which the image has from now on.
        """
        self.dicom_meta = new_series_meta(
            self._contents, self.affine, modality, patient_name, patient_id
        )
        assert self.dicom_meta is not None
        return self.dicom_meta

    def __repr__(self) -> str:
        spacing = "none" if self.space is None else " x ".join(f"{s:g}" for s in self.space.spacing)
        return (
            f"DicomCubeImage(shape={self.shape}, dtype={self.dtype}, spacing_mm={spacing},"
            f" status={self.dicom_status.value})"
        )

    # ---- inside ---------------------------------------------------------------------------------

    @property
    def is_edited(self) -> bool:
        """Whether metadata or pixels differ from the source files, or there never were any."""
        return self._edits.is_edited

    def _forget_order(self) -> None:
        """Frames are in the order of the metadata again, unless these still are multi-frame."""
        contents = self._contents
        frames = math.prod(axis.size for axis in self.axes)
        if contents.frame_order is not None and len(contents.frame_order) == frames:
            is_known = contents.meta is not None
            if not is_known and contents.sources is not None:
                return  # metadata that were not read, of files that are there
            if is_known and self._describes_multi_frame(frames):
                return
        self._contents.frame_order = None

    def _describes_multi_frame(self, frames: int) -> bool:
        meta = self._contents.meta
        assert meta is not None
        return meta.value.slice_count < frames == sum(frame_counts(meta.value))
