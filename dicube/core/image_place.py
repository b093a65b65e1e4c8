"""Where an image lies in the patient, and what is segmented there."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from spacetransformer import Space

from dicube.core.axes import volume_shape
from dicube.core.contents import CubeContents, packed_segmentations
from dicube.core.grid_turn import STACK_TOLERANCE
from dicube.core.segmentation import Segmentation
from dicube.dicom.geometry import RAS_FROM_LPS, space_of
from dicube.exceptions import DataConsistencyError


class ImagePlace:
    """The place of a `DicomCubeImage`: its space or affine, and segmentations, which follow it."""

    _contents: CubeContents

    @property
    def space(self) -> Space | None:
        """Geometry in (z, y, x) order, patient coordinates in mm.

        None where the slices are no regular stack, or are sheared by a gantry tilt; `findings` says
        which.
        """
        return self._contents.space

    @space.setter
    def space(self, space: Space | None) -> None:
        if space is not None:
            if tuple(space.shape) != self._volume_shape:
                raise DataConsistencyError(
                    f"the space is of shape {tuple(space.shape)}, the volume {self._volume_shape}",
                    hint="give the space in (z, y, x) order",
                )
        self._place(space, None)

    @property
    def affine(self) -> npt.NDArray[np.float64] | None:
        """(4, 4) float64: from voxel index (z, y, x, 1) to patient coordinates (LPS), mm.

        Also right where a gantry tilt shears the stack; None without regular positions.
        """
        return self._contents.voxel_affine

    @affine.setter
    def affine(self, affine: npt.NDArray[np.float64]) -> None:
        space = space_of(affine, self._volume_shape)
        self._place(space, np.array(affine, dtype=np.float64) if space is None else None)

    @property
    def affine_ras(self) -> npt.NDArray[np.float64] | None:
        """(4, 4) float64: as `affine`, but to RAS coordinates, as NIfTI and its tools use them.

        Indices are (z, y, x, 1) here, too; the columns in reverse order are those of a NIfTI sform.
        """
        affine = self.affine
        return None if affine is None else RAS_FROM_LPS @ affine

    @property
    def segmentations(self) -> tuple[Segmentation, ...]:
        """Segmentations on the grid of a volume; a cube file keeps them, each mask on its own.

        Assign others to change them: `image.segmentations = [*image.segmentations, seg]`. Those on
        a grid of the same voxels that is turned, or a part of this one, are put in place, never
        resampled. They follow the image when it gets another `affine`, and are gone with its place.

        Raises
        ------
        DataConsistencyError
            When they are assigned: the image has no regular geometry, or one lies on another grid.
        InvalidCubeFileError
            Those of the file that the image came from are damaged.
        """
        packed = self._contents.segmentations
        return () if packed is None else tuple(packed.value)

    @segmentations.setter
    def segmentations(self, segmentations: Sequence[Segmentation]) -> None:
        affine, shape = self.affine, self._volume_shape
        if not segmentations:
            self._contents.segmentations = None
            return
        if affine is None:
            raise DataConsistencyError(
                "an image without regular geometry keeps no segmentations",
                hint="give it an affine or a space",
            )
        placed = [each.turned(affine, shape, STACK_TOLERANCE) for each in segmentations]
        found = [each for each in placed if each is not None]
        if len(found) < len(placed):
            number = placed.index(None)
            raise DataConsistencyError(
                f"segmentation {number} of shape {segmentations[number].shape} lies on another grid"
                f" than the volume {shape}",
                hint="resample it to the grid of the image, by nearest neighbour",
            )
        self._contents.segmentations = packed_segmentations(shape, affine, value=found)

    @property
    def _volume_shape(self) -> tuple[int, ...]:
        """(z, y, x) of one volume."""
        return volume_shape(self._contents.values.shape, self._contents.axes)

    def _place(self, space: Space | None, sheared: npt.NDArray[np.float64] | None) -> None:
        """Put the volume somewhere else, or nowhere; what is segmented follows."""
        contents = self._contents
        segmentations = self.segmentations
        contents.space, contents.affine = space, sheared
        affine = contents.voxel_affine
        contents.segmentations = None
        if segmentations and affine is not None:
            contents.segmentations = packed_segmentations(
                self._volume_shape, affine, value=[each.moved(affine) for each in segmentations]
            )
