"""DiCube: a DICOM series as one lossless file, and back byte for byte.

>>> import dicube
>>> image = dicube.load_from_dicom_folder("ct_folder")  # doctest: +SKIP
>>> image.to_file("ct.dcbs")  # doctest: +SKIP
>>> dicube.load("ct.dcbs").to_dicom_folder("copy")  # doctest: +SKIP
"""

import logging

from dicube.api import (
    load,
    load_from_dicom_folder,
    load_from_nifti,
    load_meta,
    open,  # noqa: A004  # dicube.open, as h5py.File or zarr.open
    save,
    save_to_dicom_folder,
    save_to_nifti,
)
from dicube.codecs import get_num_threads, set_num_threads
from dicube.core import (
    Axis,
    Conversion,
    DicomCubeImage,
    LazyCube,
    PixelDataHeader,
    RegionOfInterest,
    RoiQuality,
    Verification,
    convert,
    verify_file,
)
from dicube.dicom import (
    CommonTags,
    DicomMeta,
    DicomStatus,
    Finding,
    SeriesSearch,
    SortMethod,
    VolumeSet,
    find_series,
    get_dicom_findings,
    get_dicom_status,
    read_dicom_dir,
)
from dicube.dicom.deidentify import DeidentifyKey, DeidentifyOptions, DeidentifyReport, Retain
from dicube.exceptions import (
    CodecError,
    DataConsistencyError,
    DicomCubeError,
    InvalidCubeFileError,
    MetaDataError,
    MissingDependencyError,
)
from dicube.interchange import nifti as _nifti  # noqa: F401  # registers NIfTI with the image
from dicube.interchange import npz as _npz  # noqa: F401
from dicube.interchange import seg as _seg  # noqa: F401  # and DICOM segmentations
from dicube.interchange import zarr as _zarr  # noqa: F401
from dicube.interchange.registered import (
    load_registered_dicom_series,
    save_registered_as_dicom_series,
)
from dicube.interchange.registration_data import load_registration_data, save_registration_data
from dicube.version import __version__

# A library leaves it to its callers whether skipped files show on the terminal.
logging.getLogger(__name__).addHandler(logging.NullHandler())

__all__ = [
    "Axis",
    "CodecError",
    "CommonTags",
    "Conversion",
    "DataConsistencyError",
    "DeidentifyKey",
    "DeidentifyOptions",
    "DeidentifyReport",
    "DicomCubeError",
    "DicomCubeImage",
    "DicomMeta",
    "DicomStatus",
    "Finding",
    "InvalidCubeFileError",
    "LazyCube",
    "MetaDataError",
    "MissingDependencyError",
    "PixelDataHeader",
    "RegionOfInterest",
    "Retain",
    "RoiQuality",
    "SeriesSearch",
    "SortMethod",
    "Verification",
    "VolumeSet",
    "__version__",
    "convert",
    "find_series",
    "get_dicom_findings",
    "get_dicom_status",
    "get_num_threads",
    "load",
    "load_from_dicom_folder",
    "load_from_nifti",
    "load_meta",
    "load_registered_dicom_series",
    "load_registration_data",
    "open",
    "read_dicom_dir",
    "save",
    "save_registered_as_dicom_series",
    "save_registration_data",
    "save_to_dicom_folder",
    "save_to_nifti",
    "set_num_threads",
    "verify_file",
]
