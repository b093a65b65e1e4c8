"""What a server answers to a query, as plain values: one class a level (PS3.4 C.6)."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class PatientMatch:
    """A patient; None where the server does not say.

    Attributes
    ----------
    patient_id, patient_name, patient_birth_date, patient_sex : str, optional
        Dates are YYYYMMDD; names are as in DICOM, "Family^Given".
    study_count : int, optional
    """

    patient_id: str | None = None
    patient_name: str | None = None
    patient_birth_date: str | None = None
    patient_sex: str | None = None
    study_count: int | None = None


@dataclass(frozen=True)
class StudyMatch:
    """A study and its patient; None where the server does not say.

    Attributes
    ----------
    study_uid : str
    study_date, study_time : str, optional
        YYYYMMDD and HHMMSS.
    accession_number, study_description : str, optional
    modalities : tuple of str
        In the study; empty where the server does not say.
    series_count, instance_count : int, optional
    patient_id, patient_name, patient_birth_date, patient_sex : str, optional
    """

    study_uid: str
    study_date: str | None = None
    study_time: str | None = None
    accession_number: str | None = None
    study_description: str | None = None
    modalities: tuple[str, ...] = ()
    series_count: int | None = None
    instance_count: int | None = None
    patient_id: str | None = None
    patient_name: str | None = None
    patient_birth_date: str | None = None
    patient_sex: str | None = None


@dataclass(frozen=True)
class SeriesMatch:
    """A series, its study and its patient; None where the server does not say.

    Attributes
    ----------
    study_uid, series_uid : str
        All that is needed to pull it.
    modality, series_description, body_part : str, optional
    series_number, instance_count : int, optional
    study_date, study_time, accession_number, study_description : str, optional
    patient_id, patient_name, patient_birth_date, patient_sex : str, optional
    """

    study_uid: str
    series_uid: str
    modality: str | None = None
    series_number: int | None = None
    series_description: str | None = None
    body_part: str | None = None
    instance_count: int | None = None
    study_date: str | None = None
    study_time: str | None = None
    accession_number: str | None = None
    study_description: str | None = None
    patient_id: str | None = None
    patient_name: str | None = None
    patient_birth_date: str | None = None
    patient_sex: str | None = None

    def of_study(self, study: StudyMatch) -> "SeriesMatch":
        """The same, with what only the study tells."""
        known = {name: getattr(self, name) or getattr(study, name) for name in _OF_STUDY}
        return replace(self, **known)


# What servers answer at the level of studies, and often at no other.
_OF_STUDY = (
    "study_date", "study_time", "accession_number", "study_description",
    "patient_id", "patient_name", "patient_birth_date", "patient_sex",
)  # fmt: skip


@dataclass(frozen=True)
class InstanceMatch:
    """An instance of a series: what must arrive.

    Attributes
    ----------
    sop_class_uid : str, optional
    sop_instance_uid : str
    instance_number : int, optional
    """

    sop_instance_uid: str
    sop_class_uid: str | None = None
    instance_number: int | None = None
