"""The first look at the files of a place: what each is, told from its header."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydicom.datadict import tag_for_keyword

from dicube.archive.destination import digest_of
from dicube.archive.sources.errors import ContainerError
from dicube.archive.sources.listing import ListedFile, tree_of
from dicube.archive.sources.local_tree import LocalTree
from dicube.archive.sources.staging import Staging
from dicube.archive.work import Failure, FileFacts, FileKind, FileRef, Place, ScannedPlace
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.folder_scan import NO_IMAGE, FolderScan, add_files, series_uid_of, uid_of
from dicube.dicom.instance import Instance
from dicube.exceptions import DicomCubeError, UnreachableError


def scan_place(place: Place, staging: Staging, keywords: Sequence[str]) -> ScannedPlace:
    """Take every file of a place apart; pixels are not read.

    A container that cannot be read to its end counts as one file; one that is gone holds nothing.

    Raises
    ------
    UnreachableError
        A server does not answer. All other errors are in the result.
    """
    scanned = ScannedPlace(place.place_id)
    try:
        if _is_gone(place):
            return scanned
        for batch in staging.batches(place):
            _add_batch(scanned, batch, keywords)
        scanned.failures.extend(staging.failures)
    except ContainerError as error:
        return _as_file(place, staging, error.what)
    except UnreachableError:
        raise
    except DicomCubeError as error:
        return ScannedPlace(place.place_id, problem=staging.true_names(str(error)))
    return scanned


def _is_gone(place: Place) -> bool:
    """Whether a container vanished since it was listed; a root that did raises SourceError."""
    if place.container is None:
        return False
    tree = tree_of(place.root)
    return isinstance(tree, LocalTree) and not os.path.lexists(tree.base / place.path)


def _add_batch(
    scanned: ScannedPlace, batch: Sequence[tuple[ListedFile, Path]], keywords: Sequence[str]
) -> None:
    listed = {path: file for file, path in batch}
    scan = FolderScan(Path())
    add_files(scan, list(listed))
    for image in scan.images:
        file, uid = listed[image.path], series_uid_of(image)
        if uid not in scanned.values:
            scanned.values[uid] = _values(image, keywords)
        sop_uid = uid_of(image, CommonTags.SOPInstanceUID)
        scanned.files.append(FileFacts(*file, "image", sop_uid=sop_uid, series_uid=uid))
    for path, reason in scan.skipped:
        _add_other(scanned, listed[path], path, "object" if reason == NO_IMAGE else "other", reason)
    for path, reason in scan.damaged:
        _add_other(scanned, listed[path], path, "damaged", reason)


def _add_other(
    scanned: ScannedPlace, file: ListedFile, path: Path, kind: FileKind, reason: str
) -> None:
    try:
        digest = digest_of(path)[1]
    except DicomCubeError as error:
        scanned.failures.append(Failure(file.name, error.what))
        return
    scanned.files.append(FileFacts(*file, kind, reason, digest=digest))


def _as_file(place: Place, staging: Staging, reason: str) -> ScannedPlace:
    """A container as one file, which has no name in there."""
    try:
        file, length = tree_of(place.root).open(place.path)
        file.close()
        ref = FileRef(0, place.root, "", place.path, "", place.container, length)
        brought = staging.bring([ref])
        for _, failure in brought.failures:
            return ScannedPlace(place.place_id, problem=failure)
        (path,) = brought.paths
        assert path is not None
        facts = FileFacts("", length, 0, "other", reason, digest=digest_of(path)[1])
    except UnreachableError:
        raise
    except DicomCubeError as error:
        return ScannedPlace(place.place_id, problem=staging.true_names(str(error)))
    finally:
        staging.release()
    return ScannedPlace(place.place_id, [facts])


def _values(image: Instance, keywords: Sequence[str]) -> Mapping[str, str]:
    """What an image says for keywords, as text."""
    meta = DicomMeta.from_instances([image])
    found = {}
    for keyword in keywords:
        tag = tag_for_keyword(keyword)
        assert tag is not None  # the layout was checked
        value = meta.get_values(tag)[0]
        parts = value if isinstance(value, list) else [value]
        found[keyword] = "_".join(str(part) for part in parts if part is not None)
    return found
