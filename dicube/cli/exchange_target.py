"""Targets of `dicube convert` that are formats of other ecosystems."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from dicube.cli.paths import Kind, check_target, read_exchanged
from dicube.core.contents import values_digest
from dicube.core.image import DicomCubeImage
from dicube.core.verify import Verification
from dicube.exceptions import DataConsistencyError
from dicube.interchange.zarr.chunking import Access
from dicube.interchange.zarr.writing import Codec


@dataclass(frozen=True)
class ExchangeOptions:
    """What was asked for; None is the default of the format."""

    embed: bool | None = None
    sidecar: bool = False
    chunks: Access | None = None
    codec: Codec | None = None

    def check(self, kind: Kind | None, *, overwrite: bool) -> None:
        """Refuse options that would have no effect.

        Raises
        ------
        typer.BadParameter
            An option is for another format.
        """
        is_zarr = kind is Kind.ZARR_GROUP
        wrong = {
            "--embed": self.embed is not None and kind is None,
            "--sidecar": self.sidecar and kind is not Kind.NIFTI_FILE,
            "--chunks": self.chunks is not None and not is_zarr,
            "--codec": self.codec is not None and not is_zarr,
        }
        for option, formats in (
            ("--embed", "NIfTI, NPZ and Zarr"), ("--sidecar", "NIfTI"),
            ("--chunks", "Zarr"), ("--codec", "Zarr"),
        ):  # fmt: skip
            if wrong[option]:
                raise typer.BadParameter(f"only for {formats}", param_hint=option)
        if is_zarr and overwrite:
            raise typer.BadParameter(
                "a Zarr group is never replaced; remove it first", param_hint="--overwrite"
            )


def check_exchange_target(path: Path, kind: Kind, *, overwrite: bool) -> None:
    """Refuse a target that must not or cannot be written, before any work is done.

    Raises
    ------
    DataConsistencyError
        As `check_target`; what is there already of a Zarr group is looked at when it is written,
        because an interrupted write goes on.
    """
    if kind is not Kind.ZARR_GROUP:
        check_target(path, overwrite=overwrite)
    elif not path.parent.is_dir():
        raise DataConsistencyError(
            "the folder of the target does not exist", where=str(path), hint="make it first"
        )


def write_exchange(image: DicomCubeImage, path: Path, kind: Kind, options: ExchangeOptions) -> None:
    """Write an image in the format of the target."""
    embed: dict[str, Any] = {} if options.embed is None else {"embed": options.embed}
    if kind is Kind.NIFTI_FILE:
        image.to_nifti(path, sidecar=options.sidecar, **embed)
    elif kind is Kind.NPZ_FILE:
        image.to_npz(path, **embed)
    else:
        chunks, codec = options.chunks or "slices", options.codec or "blosc"
        image.to_zarr(path, chunks=chunks, codec=codec, **embed)


def verify_exchange(
    image: DicomCubeImage, path: Path, kind: Kind, options: ExchangeOptions
) -> Verification | None:
    """Read the target again; None where the format does not promise stored values."""
    if kind is Kind.NIFTI_FILE and not options.embed:
        return None
    found = read_exchanged(path, kind)
    is_same = values_digest(found.raw_image) == values_digest(image.raw_image)
    problems = () if is_same else ("the stored values that are read again are others",)
    sources = found.contents().sources
    whole = 0 if found.is_edited or sources is None else len(sources.value)
    return Verification(problems, identical_files=whole)
