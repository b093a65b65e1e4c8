"""The public names: all there, all documented, and those of the published package among them."""

import inspect

import pytest

import dicube

PUBLISHED = {
    "CommonTags", "DicomCubeImage", "DicomMeta", "DicomStatus", "SortMethod", "get_dicom_status",
    "get_num_threads", "load", "load_from_dicom_folder", "load_from_nifti", "load_meta", "save",
    "save_to_dicom_folder", "save_to_nifti", "set_num_threads",
}  # fmt: skip
SEED = {"read_dicom_dir", "DicomCubeError", "InvalidCubeFileError", "CodecError", "MetaDataError",
        "DataConsistencyError", "save_registered_as_dicom_series", "load_registered_dicom_series",
        "save_registration_data", "load_registration_data"}  # fmt: skip


def test_all_lists_every_public_name_and_no_other() -> None:
    public = {
        name
        for name, value in vars(dicube).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public | {"__version__"} == set(dicube.__all__)
    assert len(dicube.__all__) == len(set(dicube.__all__))


def test_names_of_the_published_package_and_of_the_seed_exist() -> None:
    assert set(dicube.__all__) >= PUBLISHED | SEED


@pytest.mark.parametrize("name", [name for name in dicube.__all__ if name != "__version__"])
def test_public_names_are_documented(name: str) -> None:
    thing = getattr(dicube, name)
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
