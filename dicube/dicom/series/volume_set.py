"""VolumeSet: images of one series that can share a grid, described without their pixels."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dicube.dicom.findings import DicomStatus, Finding
from dicube.dicom.series.axis import Axis
from dicube.dicom.series.grid import Rival


@dataclass(frozen=True)
class VolumeSet:
    """Images that form one volume, or volumes on common axes; or frames that form none.

    Attributes
    ----------
    folder : Path
        That all files are in or below.
    files : tuple of Path
        In the order in which an image of them needs their frames first.
    series_uid, study_uid, modality : str
        "" where the files do not say.
    group : int
        Number of the set within the series in this folder.
    groups : int
        Number of sets of the series.
    kind : str
        What tells the set from others of the series, as far as Image Type does: "magnitude",
        "phase", "ADC"...
    shape : tuple of int
        Axes, rows, columns, and samples for colour.
    axes : tuple of Axis
        The leading axes; the last is z, unless the frames are no regular stack.
    affine : (4, 4) float64 or None
        From (z, y, x, 1) to patient coordinates, mm; that of the first volume.
    rule : str
        Keywords of the elements that tell volumes apart; "" where there is one volume.
    rivals : tuple of Rival
        Other rules, and what each makes of the frames.
    transfer_syntaxes : tuple of str
        UIDs, the most frequent first.
    length_bytes : int
        Of all files.
    findings : tuple of Finding
        Most important first; slices are counted in the order of the frames.
    """

    folder: Path
    files: tuple[Path, ...]
    series_uid: str
    study_uid: str
    modality: str
    group: int
    groups: int
    kind: str
    shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    affine: npt.NDArray[np.float64] | None
    rule: str
    rivals: tuple[Rival, ...]
    transfer_syntaxes: tuple[str, ...]
    length_bytes: int
    findings: tuple[Finding, ...]

    @property
    def status(self) -> DicomStatus:
        """That of the most important finding, or CONSISTENT."""
        return self.findings[0].status if self.findings else DicomStatus.CONSISTENT

    @property
    def n_timepoints(self) -> int:
        """Number of volumes."""
        volumes = 1
        for axis in self.axes if self.axes[-1].name == "t" else self.axes[:-1]:
            volumes *= axis.size
        return volumes

    @property
    def names(self) -> tuple[str, ...]:
        """Paths of the files relative to the folder."""
        return tuple(Path(os.path.relpath(path, self.folder)).as_posix() for path in self.files)
