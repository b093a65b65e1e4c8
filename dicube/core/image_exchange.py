"""An image on its way into other formats and back; each is implemented in the layer above."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from dicube.core.exchange import exchange_of

if TYPE_CHECKING:
    from dicube.core.image import DicomCubeImage

PathLike = str | os.PathLike[str]


class ImageExchange:
    """What `DicomCubeImage` does with the formats of other ecosystems."""

    @classmethod
    def from_nifti(cls, path: PathLike) -> "DicomCubeImage":
        """Read a NIfTI file of 3 or 4 dimensions; needs the extra "nifti".

        A file that `to_nifti(embed=True)` wrote is the whole series again, DICOM files included,
        unless voxels or their place were changed since.

        Raises
        ------
        MissingDependencyError
            nibabel, or isal for .nii.gz, is not installed.
        DataConsistencyError
            The file cannot be read, or has other dimensions.
        InvalidCubeFileError
            What is embedded is damaged.
        """
        return exchange_of("nifti").read(path)

    def to_nifti(
        self,
        path: PathLike,
        *,
        embed: bool = False,
        sidecar: bool = False,
        num_threads: int | None = None,
    ) -> None:
        """Write a NIfTI file (.nii, .nii.gz); needs the extra "nifti".

        Stored integers stay integers, with slope and intercept in the header, which rounds both to
        single precision (6e-8 of themselves). Where frames differ in their rescale, output values
        are written as float64. Axes of volumes become one, in C
        order. RGB of 8 bits becomes RGB24.

        Parameters
        ----------
        path : path
        embed : bool
            Keep the DICOM metadata, and the source files without their pixels, in an extension of
            the header, which other tools skip: `from_nifti` then gives back the very series. It
            identifies the patient as the DICOM files do.
        sidecar : bool
            Write a .json as in BIDS beside the file and, of diffusion weighted images, .bval and
            .bvec as FSL takes them. No element in them identifies the patient; descriptions are as
            somebody typed them.
        num_threads : int, optional
            For .nii.gz.

        Raises
        ------
        MissingDependencyError
            nibabel, or isal for .nii.gz, is not installed.
        DataConsistencyError
            NIfTI cannot hold the image, what is embedded would not bring the stored values back, or
            the file cannot be written.
        CodecError
            What is embedded cannot describe values of such a dtype.
        """
        exchange_of("nifti").write(
            self, path, embed=embed, sidecar=sidecar, num_threads=num_threads
        )

    @classmethod
    def from_npz(cls, path: PathLike) -> "DicomCubeImage":
        """Read a NumPy archive (.npz) with an array `data`, (z, y, x) or (t, z, y, x).

        What `to_npz` wrote is the image again, stored values and axes included, unless `data` was
        changed since; of other archives the array, with its place if there is an `affine`.

        Raises
        ------
        DataConsistencyError
            The file cannot be read, or has no such array.
        InvalidCubeFileError
            What `to_npz` put beside the array is damaged.
        """
        return exchange_of("npz").read(path)

    def to_npz(self, path: PathLike, *, embed: bool = False) -> None:
        """Write a compressed NumPy archive (.npz) for training.

        Entries: `data`, float32 output values (z, y, x), or (t, z, y, x) with all volumes in C
        order, samples last. Slices go from head to foot, rows from front to back, columns from the
        patient's right to the left: `data[z]` is the usual axial view. Axes are only exchanged and
        reversed; of oblique volumes those that come nearest. `affine` leads from (z, y, x, 1) of
        `data` to patient coordinates (LPS), mm; it is missing without regular positions. `meta` is
        JSON: how the image was acquired, as members of BIDS. `companion`, and `stored` where
        float32 is too short for the stored values, are what `from_npz` needs.

        Parameters
        ----------
        path : path
        embed : bool
            Keep the DICOM metadata and the source files without their pixels, so that the series
            comes back byte for byte. They identify the patient as the DICOM files do.

        Raises
        ------
        DataConsistencyError
            The file cannot be written.
        CodecError
            The image has a dtype that `companion` cannot describe.
        """
        exchange_of("npz").write(self, path, embed=embed)

    @classmethod
    def from_zarr(cls, store: Any) -> "DicomCubeImage":
        """Read a Zarr group that `to_zarr` wrote; needs the extra "zarr".

        Parameters
        ----------
        store : path, URL, or store of zarr-python

        Raises
        ------
        MissingDependencyError
            zarr-python is not installed.
        DataConsistencyError
            There is no such group, its write was interrupted, or the values are not those that
            were written.
        InvalidCubeFileError
            What describes the image is damaged.
        """
        return exchange_of("zarr").read(store)

    def to_zarr(
        self,
        store: Any,
        *,
        chunks: Literal["slices", "training"] | Sequence[int] = "slices",
        shards: bool | Sequence[int] = True,
        codec: Literal["blosc", "htj2k"] = "blosc",
        embed: bool = True,
    ) -> None:
        """Write a Zarr v3 group; needs the extra "zarr".

        The array `0` has the stored values, (z, y, x) or as `axes` says, colour before z. The
        attribute `ome` is that of OME-Zarr 0.5, where the axes allow it; `dicube` has affine,
        rescale and acquisition; the array `companion` the rest of the image (docs/interchange.md).

        A group whose write was interrupted is known as such, and the same call goes on where it
        stopped. Anything else that is there is left alone.

        Parameters
        ----------
        store : path, URL, or store of zarr-python
        chunks : "slices", "training", or sequence of int
            What is read at once: a slice, a cube of 32 voxels for random patches, or this shape.
        shards : bool or sequence of int
            Keep chunks in files of up to 32 MiB, each in a file of its own, or in this shape.
        codec : "blosc" or "htj2k"
            Blosc (zstd level 1, bitshuffle), which all of Zarr reads; or HTJ2K, which is smaller
            and needs DiCube to be installed where it is read.
        embed : bool
            Keep the DICOM metadata and the source files without their pixels, so that `from_zarr`
            gives the very series. They identify the patient as the DICOM files do.

        Raises
        ------
        MissingDependencyError
            zarr-python is not installed.
        DataConsistencyError
            Something else is there, shapes do not fit, or the group cannot be written.
        CodecError
            The image has a dtype that the companion or HTJ2K cannot hold.
        """
        exchange_of("zarr").write(
            self, store, chunks=chunks, shards=shards, codec=codec, embed=embed
        )
