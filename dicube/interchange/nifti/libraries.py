"""What NIfTI needs: nibabel for the format, isal for .nii.gz."""

from typing import Any

from dicube.extras import extra_module


def nibabel() -> Any:
    """The module; MissingDependencyError where it is not installed."""
    return extra_module("nibabel", extra="nifti", purpose="NIfTI")


def igzip_threaded() -> Any:
    """Gzip files through ISA-L, several times as fast as zlib (docs/decisions/0016-nifti.md).

    MissingDependencyError where isal is not installed.
    """
    return extra_module("isal.igzip_threaded", extra="nifti", purpose=".nii.gz")


def is_gzip_name(name: str) -> bool:
    """Whether a file of this name is compressed."""
    return name.lower().endswith(".gz")
