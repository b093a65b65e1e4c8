"""Query: what to look for on a DICOM server, the same for C-FIND and QIDO-RS."""

import re
from dataclasses import dataclass
from typing import Final

from dicube.exceptions import PacsError

# PS3.4 C.2.2.2.5: a date, or a range that may be open at one end; DA of PS3.5 6.2.
_DATES: Final = re.compile(r"(\d{8})?-(\d{8})?|\d{8}")
_TIMES: Final = re.compile(r"(\d{2,6}(\.\d{1,6})?)?-(\d{2,6}(\.\d{1,6})?)?|\d{2,6}(\.\d{1,6})?")
_UIDS: Final = re.compile(r"[0-9.]{1,64}(\\[0-9.]{1,64})*")


@dataclass(frozen=True)
class Query:
    r"""Matching keys; those that are None match everything.

    Texts may hold the wildcards * and ? (PS3.4 C.2.2.2.4); dates and times are one value or a range
    "20200101-20201231", open ranges included; UIDs may be several, joined with a backslash.

    Attributes
    ----------
    patient_id, patient_name, patient_birth_date, patient_sex : str, optional
    study_uid, accession_number, study_date, study_time, study_description : str, optional
    modality : str, optional
        Of a series; looking for studies, any of the modalities in them.
    series_uid, series_number, series_description, body_part : str, optional
    limit : int, optional
        Most answers that are wanted; a C-FIND is cancelled when they are there.

    Raises
    ------
    PacsError
        A date, a time or a UID is none.
    """

    patient_id: str | None = None
    patient_name: str | None = None
    patient_birth_date: str | None = None
    patient_sex: str | None = None
    study_uid: str | None = None
    accession_number: str | None = None
    study_date: str | None = None
    study_time: str | None = None
    study_description: str | None = None
    modality: str | None = None
    series_uid: str | None = None
    series_number: str | None = None
    series_description: str | None = None
    body_part: str | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse values that no server can match."""
        for names, form, example in (
            (("study_date", "patient_birth_date"), _DATES, "20200131 or 20200101-20201231"),
            (("study_time",), _TIMES, "0930 or 0800-1200"),
            (("study_uid", "series_uid"), _UIDS, "1.2.840.10008.1.2"),
        ):
            for name in names:
                value = getattr(self, name)
                if value and (form.fullmatch(value) is None or value == "-"):
                    # The value itself may identify somebody.
                    raise PacsError(f"{name} has another form than {example}", where="query")
        if self.limit is not None and self.limit < 1:
            raise PacsError(f"limit is {self.limit}, at least 1 is needed", where="query")

    @property
    def has_study_keys(self) -> bool:
        """Whether patients or studies are narrowed down other than by the UID of a study."""
        return any(
            (
                self.patient_id, self.patient_name, self.patient_birth_date, self.patient_sex,
                self.accession_number, self.study_date, self.study_time, self.study_description,
            )
        )  # fmt: skip
