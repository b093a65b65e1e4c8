"""An image on its way in and out: DICOM folders and cube files."""

import os
from pathlib import Path
from typing import Literal, Self

from dicube.core.contents import CubeContents
from dicube.core.cube_file import read_codestreams, read_cube, write_cube
from dicube.core.dicom_folder import read_contents, read_folder, unpack_mosaics, write_folder
from dicube.core.edits import EditWatch
from dicube.core.frame_writing import EncodeOptions
from dicube.core.layouts import Layout, derived_volumes, write_layout
from dicube.core.mask_source import RoiLike, roi_request
from dicube.dicom.dicom_io import SeriesOptions, series_of
from dicube.dicom.export import HTJ2K_UIDS, JXL_UID, transfer_syntax_uid
from dicube.dicom.folder_scan import OnDamaged, Progress, scan_files_of
from dicube.dicom.series.arrangement import Incomplete
from dicube.dicom.series.volume_set import VolumeSet
from dicube.dicom.slice_order import SortMethod
from dicube.dicom.stored_form import Precision
from dicube.exceptions import DataConsistencyError, InvalidCubeFileError
from dicube.storage.formats import DCBA, DCBS, FileFormat, format_of_name

PathLike = str | os.PathLike[str]
MosaicHandling = Literal["keep", "unpack"]


class ImageFiles:
    """What `DicomCubeImage` does with files; it holds the parts of an image and sees edits."""

    _contents: CubeContents
    _edits: EditWatch
    _origin: Path | None

    @classmethod
    def from_contents(cls, contents: CubeContents) -> Self:
        """An image of its parts; for whoever adds another format."""
        image = cls.__new__(cls)
        image._adopt(contents)
        return image

    def contents(self) -> CubeContents:
        """The parts of the image, for whoever adds another format; without edited source files.

        Raises
        ------
        DataConsistencyError
            The metadata were sorted after the pixels were read, so they are no longer theirs.
        """
        return self._edits.with_current_meta()

    def _adopt(self, contents: CubeContents) -> None:
        self._contents = contents
        self._edits = EditWatch(contents)
        self._origin = None

    @classmethod
    def from_dicom_folder(
        cls,
        folder: PathLike,
        sort_method: SortMethod = SortMethod.INSTANCE_NUMBER_ASC,
        *,
        series_uid: str | None = None,
        group: int | None = None,
        on_damaged: OnDamaged = "raise",
        incomplete: Incomplete = "keep",
        as_3d: bool = False,
        mosaic: MosaicHandling = "keep",
        num_threads: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Read the one series of images in a folder.

        Images that lie in one place become volumes of a 4D image: the axes are found in the
        metadata (`axes`, `coords`, `axes_rule`). Slices are ordered by their position.

        Parameters
        ----------
        folder : path
        sort_method : SortMethod
            Direction of the slices: that in which instance numbers ascend or descend, or with or
            against the normal of the image plane. Slices without positions are ordered by number.
        series_uid : str, optional
            Series Instance UID; needed where the folder holds several series.
        group : int, optional
            Which volume set of the series, as `dicube.find_series` counts them. By default all of
            them, as frames one after the other if there are several.
        on_damaged : "raise" or "skip"
            What to do about DICOM files that cannot be read; skipped files are listed in
            `skipped_files`. Files that are no DICOM images are always skipped and listed.
        incomplete : "keep", "pad" or "drop"
            What to do about volumes or slices that lack frames: keep all frames as they come, fill
            the empty places with Pixel Padding Value (or the smallest stored value), or leave
            incomplete volumes out; `skipped_files` lists what was left out.
        as_3d : bool
            Look for no volumes: all frames one after the other, as slices, by instance number.
        mosaic : "keep" or "unpack"
            Images of Siemens or United Imaging that hold the slices of a volume as tiles: keep them
            as they are, or make slices of the tiles. Unpacked, the image is not that of its files
            any more, which therefore do not come back byte for byte.
        num_threads : int, optional
            For decoding compressed sources.
        progress : callable, optional
            Called with (stage, done, total).

        Raises
        ------
        MetaDataError
            No folder, no image in it, or damaged files.
        DataConsistencyError
            Several series, or images that do not fit into one array. No such group, or nothing
            complete to keep.
        CodecError
            Compressed pixels cannot be decoded.
        """
        contents = read_folder(
            folder,
            SeriesOptions(sort_method, series_uid, group, on_damaged, incomplete, as_3d),
            num_threads=num_threads,
            progress=progress,
        )
        return cls.from_contents(unpack_mosaics(contents) if mosaic == "unpack" else contents)

    @classmethod
    def from_volume_set(
        cls,
        volume_set: VolumeSet,
        sort_method: SortMethod = SortMethod.INSTANCE_NUMBER_ASC,
        *,
        incomplete: Incomplete = "keep",
        as_3d: bool = False,
        mosaic: MosaicHandling = "keep",
        num_threads: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Read one of the volume sets that `dicube.find_series` found.

        Parameters
        ----------
        volume_set : VolumeSet
        sort_method, incomplete, as_3d, mosaic, num_threads, progress
            As for `from_dicom_folder`.

        Raises
        ------
        MetaDataError
            A file is gone, or damaged.
        DataConsistencyError, CodecError
            As for `from_dicom_folder`.
        """
        options = SeriesOptions(sort_method, incomplete=incomplete, as_3d=as_3d)
        series = series_of(volume_set.folder, scan_files_of(volume_set.files), options)
        contents = read_contents(series, num_threads=num_threads, progress=progress)
        return cls.from_contents(unpack_mosaics(contents) if mosaic == "unpack" else contents)

    @classmethod
    def from_file(
        cls, path: PathLike, *, skip_meta: bool = False, num_threads: int | None = None
    ) -> Self:
        """Read a .dcbs, .dcba or .dcbr file.

        The metadata are unpacked when they are asked for; with `skip_meta` not even kept. An image
        from a .dcbr file has a region of interest, `roi`, outside of which values are not exact.

        Raises
        ------
        InvalidCubeFileError
            No cube file, or a damaged one.
        CodecError
            A codestream cannot be decoded.
        """
        image = cls.from_contents(read_cube(path, skip_meta=skip_meta, num_threads=num_threads))
        image._origin = Path(path)
        return image

    def to_file(
        self,
        path: PathLike,
        *,
        file_format: str | None = None,
        keep_sources: bool = True,
        check: bool = True,
        num_threads: int | None = None,
        effort: str | None = None,
        roi: RoiLike | None = None,
        background_error: int | None = None,
        background_distance: float | None = None,
    ) -> Path:
        """Write the image as .dcbs (HTJ2K), .dcba or .dcbr (JPEG XL).

        .dcbs and .dcba are lossless. .dcbr is so inside a region of interest only: the file keeps
        no source files, and its metadata are those of a derived image with new SOP Instance UIDs
        (PS3.3 C.7.6.1.1.5). `image.roi` of the image that is read from it has the region.

        An existing file is replaced in one step; a crash leaves it, or nothing.

        Parameters
        ----------
        path : path
        file_format : "dcbs", "dcba" or "dcbr", optional
            By default what the suffix of the path says.
        keep_sources : bool
            Store the source files without their pixels, so that the DICOM files come back byte for
            byte. They are left out in any case once metadata or pixels were edited, because they
            would still hold what the edit removed.
        check : bool
            Decode what was encoded and compare it before the file appears.
        num_threads : int, optional
        effort : "fast", "default" or "max", optional
            How small a .dcba or .dcbr file has to be; .dcbs files have no efforts.
        roi : array, Segmentation, path or "body", optional
            Region of interest of a .dcbr file. An array of the shape of the image (without
            samples), of one volume or of one frame, not 0 inside; all segments of a DICOM
            segmentation (docs/segmentations.md); a .npy, NIfTI or DICOM SEG (.dcm) file; or "body",
            all but the air around the patient (extra "roi"; `dicube mask` shows it). An image that
            came from a .dcbr file keeps its own.
        background_error : int, optional
            For .dcbr: stored values outside of the region are off by no more than this. At least 1,
            which is the default.
        background_distance : float, optional
            For .dcbr, instead: Butteraugli distance for the lossy mode of libjxl, which bounds no
            single value.

        Returns
        -------
        Path
            `path`.

        Raises
        ------
        InvalidCubeFileError
            The format is unknown or not supported, or the file cannot be written.
        CodecError
            The samples cannot be stored, there is no such effort, or the check failed.
        DataConsistencyError
            A .dcbr file needs a region and there is none, it does not fit, or another format was
            given one.
        """
        target = Path(path)
        chosen: FileFormat = format_of_name(file_format or target.suffix, where=str(path))
        contents = self._edits.with_current_meta()
        request = roi_request(contents, chosen, roi, background_error, background_distance)
        if not keep_sources:
            contents.sources = None
        try:
            write_cube(contents, target, chosen, EncodeOptions(check, num_threads, effort), request)
        except OSError as error:
            raise InvalidCubeFileError(
                f"cannot be written: {error.strerror}", where=str(path)
            ) from error
        return target

    def to_dicom_folder(
        self,
        folder: PathLike,
        *,
        transfer_syntax: str | None = None,
        layout: Layout | None = None,
        precision: Precision = "exact",
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> list[Path]:
        """Write the image as DICOM files.

        Without `transfer_syntax` an unedited series comes back as its source files, byte for byte;
        files that were compressed come back with equal elements and values in explicit VR little
        endian. Edited and other images are written from their metadata.

        With `layout` the files are a new series derived from the image (docs/registered-series.md).

        Parameters
        ----------
        folder : path
            Made if need be. Other files in it are never touched.
        transfer_syntax : str, optional
            "explicit", "htj2k", "htj2k-rpcl", "jpeg2000", "jpegls", "jxl", "rle", or the UID of one
            of these. From a .dcbs file to HTJ2K, and from a .dcba file to JPEG XL, the codestreams
            are copied. Few DICOM readers know JPEG XL yet; it takes unsigned pixels only.
        layout : "classic", "per_timepoint" or "single_file", optional
            One file for each slice, volume_t000_z000.dcm...; one multi-frame file for each volume,
            volume_t000.dcm...; or one for all, volume.dcm.
        precision : "exact" or "int16"
            Of a layout: how output values that are no 16-bit integers are kept. "exact" finds a
            slope that gives them all back, or writes Parametric Maps of floats; "int16" rounds to
            16 bits, and logs the slope and the largest error.
        overwrite : bool
            Allow files of the same name to be replaced.
        progress : callable, optional
            Called with (stage, done, total).

        Returns
        -------
        list of Path
            The files, in frame order.

        Raises
        ------
        DataConsistencyError
            A file exists already, and nothing was written; or the layout cannot hold such pixels.
        MetaDataError
            The image has no metadata, or they lack what a DICOM file needs.
        CodecError
            The transfer syntax cannot hold such pixels.
        """
        uid = None if transfer_syntax is None else transfer_syntax_uid(transfer_syntax)
        contents = self._edits.current()
        if layout is not None:
            series = derived_volumes(contents, self._contents.voxel_affine, layout, precision)
            return write_layout(
                series, folder, layout, uid=uid, overwrite=overwrite, progress=progress
            )
        if precision != "exact":
            raise DataConsistencyError(
                "a precision is chosen for a layout only", hint="give layout= as well"
            )
        return write_folder(
            contents,
            folder,
            uid=uid,
            codestreams=self._stored_codestreams(contents, uid),
            overwrite=overwrite,
            progress=progress,
        )

    def _stored_codestreams(
        self, contents: CubeContents, uid: str | None
    ) -> list[memoryview] | None:
        """The codestreams of the file the image came from, if they still are its pixels.

        None where they are not what the transfer syntax asks for.
        """
        file_format = DCBS if uid in HTJ2K_UIDS else DCBA if uid == JXL_UID else None
        if file_format is None or self._origin is None or not self._origin.exists():
            return None
        return read_codestreams(self._origin, file_format, contents.digest)
