"""Element values of real files: the same JSON as pydicom's.

pydicom is the reference for reading, except where it raises or loses something; those cases are
listed in `_PYDICOM_CANNOT` and have tests of their own.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataelem import DataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException

from dicube.dicom.values import is_binary, is_exact, python_encodings, to_json_value
from tests.dicom.vrs import DEFAULT
from tests.series import DATA, requires_data


@requires_data
class TestRealFiles:
    @pytest.fixture(autouse=True)
    def _quiet(self, quiet_pydicom: None) -> None: ...

    def test_values_equal_those_of_pydicom_in_every_readable_file(self) -> None:
        compared: Counter[str] = Counter()
        justified: Counter[str] = Counter()
        differences: list[str] = []
        known: dict[tuple[str, bytes, tuple[str, ...]], str] = {}
        for path in sorted(path for path in DATA.rglob("*") if path.is_file()):
            for element, raw, encodings in _raw_elements(path):
                # Neighbouring slices repeat most values; each distinct one is compared once.
                key = (element.VR, raw, encodings)
                if key not in known:
                    known[key] = _difference_from_pydicom(element, raw, encodings)
                if known[key] == "":
                    compared[element.VR] += 1
                elif known[key] in _PYDICOM_CANNOT:
                    justified[known[key]] += 1
                else:
                    differences.append(f"{path.name} {element.tag} {element.VR}: {known[key]}")
        assert not differences[:20]
        assert compared.total() > 50_000
        assert justified.total() < compared.total() / 1000, justified
        # Text and numbers both came by.
        assert {"CS", "DS", "IS", "LO", "PN", "UI", "US", "FD", "OB", "AT"} <= compared.keys()

    def test_most_values_of_real_files_regenerate_their_bytes(self) -> None:
        exact = total = 0
        for path in sorted((DATA / "ct_philips_private").iterdir())[:5]:
            for element, raw, encodings in _raw_elements(path):
                total += 1
                value = to_json_value(raw, element.VR, encodings)
                exact += is_exact(raw, element.VR, value, encodings)
        assert total > 500
        assert exact / total > 0.8


# Reasons for a value that is not pydicom's.
_PYDICOM_CANNOT = {
    "pydicom raises: text that is no number": "we keep the text",
    "pydicom raises: empty component": "None, the null of PS3.18 F.2.5",
    "pydicom gives NaN or infinity": "JSON has no word for them",
}


# pydicom's conversion takes most of the time, and neighbouring slices repeat most elements.
_CONVERTED: dict[tuple[object, ...], DataElement] = {}


def _raw_elements(path: Path) -> Iterator[tuple[DataElement, bytes, tuple[str, ...]]]:
    """Elements as pydicom converts them, with their bytes; little endian, without sequences."""
    try:
        dataset = pydicom.dcmread(path, force=True)
        yield from _raw_elements_of(dataset, DEFAULT)
    except Exception as error:  # whatever pydicom raises
        # Files that pydicom cannot read are the business of the reader's tests, not of this one.
        if not path.parent.name.startswith(("broken", "odd")):
            raise AssertionError(f"{path}: {error}") from error


def _raw_elements_of(
    dataset: Dataset, inherited: tuple[str, ...]
) -> Iterator[tuple[DataElement, bytes, tuple[str, ...]]]:
    charset = dataset.get("SpecificCharacterSet")
    values = [charset] if isinstance(charset, str) else list(charset or [])
    encodings = python_encodings(values) if values else inherited
    for tag in dataset.keys():  # noqa: SIM118  iterating a Dataset converts its elements
        raw = dataset.get_item(tag)
        if isinstance(raw, DataElement):
            if raw.VR == "SQ":
                for item in raw.value:
                    yield from _raw_elements_of(item, encodings)
            continue
        key = (tag, raw.VR, raw.value, encodings)
        element = _CONVERTED.get(key)
        if element is None:
            try:
                element = convert_raw_data_element(raw, encoding=list(encodings), ds=dataset)
            except BytesLengthException:
                continue  # has a test of its own, in test_values.py
            if raw.length < 1000 and element.VR != "SQ":
                _CONVERTED[key] = element
        if element.VR == "SQ":
            for item in element.value:
                yield from _raw_elements_of(item, encodings)
        elif raw.is_little_endian and " or " not in element.VR and raw.value is not None:
            yield element, raw.value, encodings


def _difference_from_pydicom(element: DataElement, raw: bytes, encodings: tuple[str, ...]) -> str:
    """Empty if equal, a key of `_PYDICOM_CANNOT`, or what differs."""
    vr = str(element.VR)
    ours = to_json_value(raw, vr, encodings)
    json.dumps(ours, allow_nan=False).encode("utf-8")
    try:
        entry = element.to_json_dict(None, 10**9)
    except (ValueError, IndexError, TypeError):
        if isinstance(ours, list) and None in ours:
            return "pydicom raises: empty component"
        if vr in ("DS", "IS") and any(isinstance(item, str) for item in ours):
            return "pydicom raises: text that is no number"
        return f"pydicom raises, ours is {ours!r}"
    theirs = entry.get("InlineBinary", "") if is_binary(vr) else list(entry.get("Value", []))
    if ours == theirs and _types(ours) == _types(theirs):
        return ""
    if any(isinstance(item, float) and not math.isfinite(item) for item in theirs):
        return "pydicom gives NaN or infinity"
    return f"ours {ours!r}, theirs {theirs!r}"


def _types(value: Any) -> list[type]:
    """JSON types; pydicom's UID is a str, its IS and DS went through int() and float()."""
    return [str if isinstance(item, str) else type(item) for item in value]
