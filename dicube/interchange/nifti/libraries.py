"""What NIfTI needs: nibabel for the format, isal for .nii.gz; both slow to import, and an extra."""

from typing import Any

from dicube.exceptions import MissingDependencyError

_HINT = "pip install 'dicube[nifti]'"


def nibabel() -> Any:
    """The module.

    Raises
    ------
    MissingDependencyError
        It is not installed.
    """
    try:
        import nibabel  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError("NIfTI needs nibabel", hint=_HINT) from error
    return nibabel


def igzip_threaded() -> Any:
    """Gzip files through ISA-L, several times as fast as zlib (docs/decisions/0016-nifti.md).

    Raises
    ------
    MissingDependencyError
        It is not installed.
    """
    try:
        from isal import igzip_threaded  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError(".nii.gz needs isal", hint=_HINT) from error
    return igzip_threaded


def is_gzip_name(name: str) -> bool:
    """Whether a file of this name is compressed."""
    return name.lower().endswith(".gz")
