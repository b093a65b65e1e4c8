"""The public names: all there, all documented, and those of the published package among them."""

import inspect
from types import ModuleType

import pytest

import dicube
import dicube.archive

PUBLISHED = {
    "CommonTags", "DicomCubeImage", "DicomMeta", "DicomStatus", "SortMethod", "get_dicom_status",
    "get_num_threads", "load", "load_from_dicom_folder", "load_from_nifti", "load_meta", "save",
    "save_to_dicom_folder", "save_to_nifti", "set_num_threads",
}  # fmt: skip
SEED = {"read_dicom_dir", "DicomCubeError", "InvalidCubeFileError", "CodecError", "MetaDataError",
        "DataConsistencyError", "save_registered_as_dicom_series", "load_registered_dicom_series",
        "save_registration_data", "load_registration_data"}  # fmt: skip


PACKAGES = (dicube, dicube.archive)
NAMES = [
    (package, name) for package in PACKAGES for name in package.__all__ if name != "__version__"
]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_all_lists_every_public_name_and_no_other(package: ModuleType) -> None:
    public = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == set(package.__all__) - {"__version__"}
    assert len(package.__all__) == len(set(package.__all__))


def test_names_of_the_published_package_and_of_the_seed_exist() -> None:
    assert set(dicube.__all__) >= PUBLISHED | SEED


@pytest.mark.parametrize(("package", "name"), NAMES, ids=[name for _, name in NAMES])
def test_public_names_are_documented(package: ModuleType, name: str) -> None:
    thing = getattr(package, name)
    assert inspect.getdoc(thing)
    if inspect.isclass(thing):
        for member, value in vars(thing).items():
            documented = inspect.isfunction(value) or isinstance(value, (property, classmethod))
            if documented and not member.startswith("_"):
                assert inspect.getdoc(getattr(thing, member)), f"{name}.{member}"


@pytest.mark.parametrize(
    "error", ["InvalidCubeFileError", "CodecError", "MetaDataError", "DataConsistencyError",
              "MissingDependencyError"],
)  # fmt: skip
def test_errors_share_one_base_and_survive_pickling(error: str) -> None:
    import pickle

    caught = getattr(dicube, error)("what", where="where", hint="hint")
    assert isinstance(caught, dicube.DicomCubeError)
    again = pickle.loads(pickle.dumps(caught))
    assert type(again) is type(caught)
    assert str(again) == str(caught) == "where: what (hint)"
