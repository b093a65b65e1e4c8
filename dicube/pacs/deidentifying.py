"""A pulled series without what identifies its patient: the images, their names, and a report."""

import json
from pathlib import Path
from typing import Any, Final

from dicube.core.deidentified import deidentified
from dicube.core.image import DicomCubeImage
from dicube.dicom.deidentify import DeidentifyOptions, Retain
from dicube.exceptions import DataConsistencyError
from dicube.pacs.outputs import Transform

REPORT: Final = "_deidentified.json"


class SeriesDeidentifier:
    """De-identifies the images of one series, and keeps what was done; a `Transform`.

    Parameters
    ----------
    options : DeidentifyOptions
        With a key: names of outputs are made with it, and the next pull has to find them.
    then : callable, optional
        What else is done to each image afterwards.

    Raises
    ------
    DataConsistencyError
        The options have no key.
    """

    def __init__(self, options: DeidentifyOptions, then: Transform | None = None) -> None:
        if options.key is None:
            raise DataConsistencyError(
                "a pull is de-identified with a key that is kept",
                hint="give one, DeidentifyKey.kept_in(file): with a random one no later pull would"
                " know what is there already",
            )
        self._key, self._options, self._then = options.key, options, then
        self._reports: list[dict[str, Any]] = []

    def uid(self, uid: str) -> str:
        """What a UID of the series is in the outputs."""
        return uid if Retain.UIDS in self._options.retain else self._key.uid(uid)

    def __call__(self, image: DicomCubeImage) -> DicomCubeImage:
        """The image to write."""
        new, report = deidentified(image, self._options)
        self._reports.append(json.loads(report.to_json()))
        return new if self._then is None else self._then(new)

    def notices(self) -> list[str]:
        """What pixels may still show, each said once."""
        return list(dict.fromkeys(text for report in self._reports for text in report["pixels"]))

    def write_report(self, path: Path) -> None:
        """Write what was done to each image of the series; no values are in it."""
        path.write_text(json.dumps(self._reports, indent=1), encoding="utf-8")
