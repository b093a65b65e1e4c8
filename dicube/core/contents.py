"""What makes up an image, wherever it came from; `DicomCubeImage` is its face."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash
from spacetransformer import Space

from dicube.core.packed import Packed
from dicube.core.pixel_header import PixelDataHeader
from dicube.core.rescale import FrameRescale
from dicube.core.roi import RegionOfInterest
from dicube.core.segmentation import Segmentation
from dicube.core.segmentation_section import pack_segmentations, unpack_segmentations
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.findings import DicomStatus
from dicube.dicom.folder_scan import SkippedFile
from dicube.dicom.geometry import affine_of
from dicube.dicom.series.axis import Axis
from dicube.dicom.series.grid import Rival
from dicube.dicom.source_files import SourceFile, pack_source_files, unpack_source_files
from dicube.storage.compression import compress, decompress

Array = npt.NDArray[Any]
PackedData = bytes | Callable[[], bytes]


@dataclass
class CubeContents:
    """The parts of an image.

    Attributes
    ----------
    values : array
        Stored values: the leading axes, rows, columns, and samples for colour.
    axes : tuple of Axis
        The leading axes; empty for the single 2D frame of a file of the published tool.
    header : PixelDataHeader
    rescale : FrameRescale or None
        Where frames differ in it.
    meta : Packed[DicomMeta] or None
    space : Space or None
        Geometry in (z, y, x) order.
    affine : (4, 4) float64 or None
        Where the geometry is regular but no `Space` (a sheared stack).
    status : DicomStatus
    sources : Packed[list[SourceFile]] or None
    digest : str or None
        `values_digest` of the values that the source files belong to.
    skipped : list of SkippedFile
        Files of the folder that are no part of the image.
    roi : RegionOfInterest or None
        Of an image from a .dcbr file; its values are exact in there only.
    frame_order : (frames,) int array or None
        For each frame its number among those of the instances of the metadata, one instance after
        the other; None where that is the order of the image.
    rule : str
        Keywords of the elements that told the volumes apart; "" where nothing had to.
    rivals : tuple of Rival
        Other rules, and what came of them.
    segmentations : Packed[list[Segmentation]] or None
        On the grid of a volume; there are some only where that has an affine.
    """

    values: Array
    axes: tuple[Axis, ...]
    header: PixelDataHeader
    rescale: FrameRescale | None = None
    meta: Packed[DicomMeta] | None = None
    space: Space | None = None
    affine: npt.NDArray[np.float64] | None = None
    status: DicomStatus = DicomStatus.CONSISTENT
    sources: Packed[list[SourceFile]] | None = None
    digest: str | None = None
    skipped: list[SkippedFile] = field(default_factory=list)
    roi: RegionOfInterest | None = None
    frame_order: npt.NDArray[np.intp] | None = None
    rule: str = ""
    rivals: tuple[Rival, ...] = ()
    segmentations: Packed[list[Segmentation]] | None = None

    @property
    def frames(self) -> Array:
        """The values as (frames, rows, columns[, samples]), leading axes in C order."""
        return self.values.reshape(-1, *self.values.shape[len(self.axes) :])

    @property
    def slope_and_intercept(self) -> tuple[Any, Any]:
        """Two numbers; where frames differ, two arrays that broadcast to the values."""
        if self.rescale is None:
            return self.header.RescaleSlope, self.header.RescaleIntercept
        leading = self.values.shape[: len(self.axes)]
        shape = leading + (1,) * (self.values.ndim - len(leading))
        return self.rescale.slopes.reshape(shape), self.rescale.intercepts.reshape(shape)

    @property
    def voxel_affine(self) -> npt.NDArray[np.float64] | None:
        """(4, 4): from (z, y, x, 1) to patient coordinates, mm; of a sheared stack, too."""
        if self.space is not None:
            return affine_of(self.space)
        return None if self.affine is None else self.affine.copy()

    @property
    def file_order(self) -> npt.NDArray[np.intp] | None:
        """For each frame of the instances its number in the image; None where both are the same."""
        return None if self.frame_order is None else np.argsort(self.frame_order)


class ValuesDigest:
    """XXH3-128 of values, little endian in C order (docs/format.md, section 5), as they come."""

    def __init__(self) -> None:
        self._hash = xxhash.xxh3_128()

    def update(self, values: Array) -> None:
        """Add values behind those before."""
        little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
        self._hash.update(little.reshape(-1).view(np.uint8).data)

    def __str__(self) -> str:
        return "xxh3-128:" + self._hash.hexdigest()


def values_digest(values: Array) -> str:
    """The `ValuesDigest` of an array."""
    digest = ValuesDigest()
    digest.update(values)
    return str(digest)


def packed_meta(
    *, value: DicomMeta | None = None, data: PackedData | None = None, where: str = ""
) -> Packed[DicomMeta]:
    """Metadata as the zstd-compressed JSON of docs/format.md, section 7."""
    return Packed(
        lambda meta: compress(meta.to_json().encode()),
        lambda packed: DicomMeta.from_json(decompress(packed, where=where)),
        value=value,
        data=data,
    )


def packed_sources(
    *, value: Sequence[SourceFile] | None = None, data: PackedData | None = None, where: str = ""
) -> Packed[list[SourceFile]]:
    """Source files as the zstd-compressed section of docs/format.md, section 6."""
    return Packed(
        lambda files: compress(pack_source_files(files)),
        lambda packed: unpack_source_files(decompress(packed, where=where), where=where),
        value=None if value is None else list(value),
        data=data,
    )


def packed_segmentations(
    shape: Sequence[int],
    affine: npt.NDArray[np.float64],
    *,
    value: Sequence[Segmentation] | None = None,
    data: PackedData | None = None,
    where: str = "",
) -> Packed[list[Segmentation]]:
    """Segmentations on a (z, y, x) grid as the section of docs/format.md, section 12."""
    return Packed(
        pack_segmentations,
        lambda packed: unpack_segmentations(packed, shape, affine, where=where),
        value=None if value is None else list(value),
        data=data,
    )
