"""The mixed trees that other tests and the benchmarks run on are what they are said to be."""

import io
import zipfile
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import UID

from tests.archive.corpus import Corpus, find_uids, make_corpus, tree_digest
from tests.series import DATA, requires_data

pytestmark = requires_data

# Two that are whole, big endian and implicit ones, a segmentation with its source, broken ones.
NAMES = (
    "broken_junk",
    "broken_mixed_series",
    "broken_mixed_transfer_syntax",
    "broken_truncated_pixels",
    "ct_rtstruct",
    "ct_sts_int16",
    "mr_rle_series",
    "odd_MR_small_bigendian",
    "seg_24x38x3",
    "seg_24x38x3_source",
    "voi_lut",
)
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(DATA, tmp_path_factory.mktemp("corpus") / "tree", 2, names=NAMES)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Nothing but two copies of the test data."""
    target = tmp_path_factory.mktemp("plain") / "tree"
    return make_corpus(DATA, target, 2, names=NAMES, junk=False, zips=False, duplicates=False)


def _instances(corpus: Corpus, name: str) -> list[list[pydicom.FileDataset]]:
    """The files of one folder of the test data, for each copy."""
    folders = [corpus.folder / path for path, of in corpus.series.items() if of == name]
    return [
        [pydicom.dcmread(path, force=True) for path in sorted(folder.iterdir())]
        for folder in folders
    ]


def test_the_tree_holds_what_the_corpus_says_byte_for_byte(corpus: Corpus) -> None:
    assert tree_digest(corpus.folder, members=True) == corpus.contents


def test_a_tree_digest_without_members_gives_containers_as_files(corpus: Corpus) -> None:
    packed = tree_digest(corpus.folder)
    path = corpus.containers[0]
    assert packed[path].length_bytes == (corpus.folder / path).stat().st_size
    assert not any(name.startswith(f"{path}/") for name in packed)


def test_a_changed_byte_changes_the_digest_of_its_file_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    before = tree_digest(tmp_path)
    (tmp_path / "b").write_bytes(b"twO")
    after = tree_digest(tmp_path)
    assert [name for name in before if before[name] != after[name]] == ["b"]


@pytest.mark.parametrize("seed", [0, 5])
def test_the_same_seed_makes_the_same_bytes(tmp_path: Path, seed: int) -> None:
    trees = [
        make_corpus(DATA, tmp_path / name, 1, seed=seed, names=NAMES[:5]) for name in ("a", "b")
    ]
    first, second = (tree_digest(tree.folder) for tree in trees)
    assert first == second


def test_another_seed_makes_other_uids(tmp_path: Path) -> None:
    first, second = (
        make_corpus(DATA, tmp_path / f"{seed}", 1, seed=seed, names=NAMES[5:7], junk=False)
        for seed in (0, 1)
    )
    texts = {
        first.contents[f"containers/nested.zip/{name}"] for name in ("readme.txt", "inner.zip")
    }
    broken = {first.contents[path] for path in first.broken_containers}
    assert set(first.contents.values()) & set(second.contents.values()) == texts | broken


@pytest.mark.parametrize(
    "name", ["ct_rtstruct", "ct_sts_int16", "mr_rle_series", "odd_MR_small_bigendian"]
)
def test_copies_have_uids_of_their_own_that_are_as_long(plain: Corpus, name: str) -> None:
    files = [path for path in sorted((DATA / name).iterdir()) if path.is_file()]
    source = [pydicom.dcmread(path) for path in files]
    copies = _instances(plain, name)
    assert len(copies) == 2
    assert all(len(copy) == len(source) for copy in copies)
    for original, *others in zip(source, *copies, strict=True):
        for keyword in _UIDS:
            if keyword in original:
                uids = [UID(data_set[keyword].value) for data_set in (original, *others)]
                assert len(set(uids)) == 3, keyword
                assert all(uid.is_valid and len(uid) == len(uids[0]) for uid in uids)
        for data_set in others:
            assert data_set.file_meta.MediaStorageSOPInstanceUID == data_set.SOPInstanceUID


def test_files_of_a_series_still_belong_together(plain: Corpus) -> None:
    for copy in _instances(plain, "ct_sts_int16"):
        assert len({data_set.SeriesInstanceUID for data_set in copy}) == 1
        assert len({data_set.SOPInstanceUID for data_set in copy}) == len(copy) == 48


def test_a_segmentation_refers_to_the_images_of_its_own_copy(plain: Corpus) -> None:
    references = []
    for (segmentation,), images in zip(
        _instances(plain, "seg_24x38x3"), _instances(plain, "seg_24x38x3_source"), strict=True
    ):
        assert {image.FrameOfReferenceUID for image in images} == {segmentation.FrameOfReferenceUID}
        (series,) = segmentation.ReferencedSeriesSequence
        assert {image.SeriesInstanceUID for image in images} == {series.SeriesInstanceUID}
        referred = {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence}
        assert {image.SOPInstanceUID for image in images} == referred
        references.append(referred)
    assert references[0].isdisjoint(references[1])


def test_nothing_but_uids_differs_from_the_test_data(plain: Corpus) -> None:
    for path, name in plain.series.items():
        for source in (path for path in (DATA / name).rglob("*") if path.is_file()):
            copy = plain.folder / path / source.relative_to(DATA / name)
            original, changed = bytearray(source.read_bytes()), copy.read_bytes()
            for offset, uid in find_uids(bytes(original)):
                original[offset : offset + len(uid)] = changed[offset : offset + len(uid)]
            assert original == changed, source


def test_a_deflated_file_stays_as_it_is_and_is_listed(plain: Corpus) -> None:
    assert "broken_mixed_transfer_syntax/IM003.dcm" in plain.same_in_all_copies
    data = (DATA / "broken_mixed_transfer_syntax/IM003.dcm").read_bytes()
    copies = [path for path in plain.folder.rglob("IM003.dcm") if path.read_bytes() == data]
    assert len(copies) == 2


def test_a_uid_before_an_element_of_group_0030_ends_where_its_length_says() -> None:
    uid = b"1.2.826.0.1.3680043.8.498.123456789012"
    element = b"\x20\x00\x0d\x00UI" + len(uid).to_bytes(2, "little") + uid
    (place,) = find_uids(element + b"\x30\x00\x10\x00")
    assert place == (8, uid)


def test_duplicates_are_counted_beside_those_of_the_test_data(
    corpus: Corpus, plain: Corpus
) -> None:
    own = [tree_digest(DATA / name) for name in NAMES]
    contents = [digest for files in own for digest in files.values()]
    twice = 2 * (len(contents) - len(set(contents)))
    same = len({own[NAMES.index(p.split("/")[0])][p.split("/", 1)[1]] for p in
                plain.same_in_all_copies})  # fmt: skip
    assert plain.files == 2 * len(contents)
    assert plain.duplicates == twice + same
    assert corpus.duplicates > plain.duplicates


def test_copied_files_are_the_bytes_of_another_under_another_name(corpus: Corpus) -> None:
    assert corpus.copied
    for again, original in corpus.copied.items():
        assert corpus.contents[again] == corpus.contents[original]
        assert Path(again).name != Path(original).name


def test_a_changed_file_has_the_same_uid_and_one_other_byte(tmp_path: Path) -> None:
    corpus = make_corpus(DATA, tmp_path / "tree", 1, zips=False, names=["broken_junk"])
    ((changed, original),) = corpus.changed.items()
    one, other = ((corpus.folder / path).read_bytes() for path in (changed, original))
    assert len(one) == len(other)
    assert sum(a != b for a, b in zip(one, other, strict=True)) == 1
    read = [pydicom.dcmread(io.BytesIO(data)) for data in (one, other)]
    assert read[0].SOPInstanceUID == read[1].SOPInstanceUID
    assert read[0].Manufacturer != read[1].Manufacturer


def test_containers_of_every_kind_are_there_and_broken_ones_cannot_be_read(
    corpus: Corpus,
) -> None:
    for suffix in (".stored.zip", ".deflated.zip", ".tar", ".tar.gz"):
        assert any(path.endswith(suffix) for path in corpus.containers), suffix
    with (
        zipfile.ZipFile(corpus.folder / "containers/encrypted.zip") as encrypted,
        pytest.raises(RuntimeError, match="encrypted"),
    ):
        encrypted.read("report.txt")
    with (
        zipfile.ZipFile(corpus.folder / "containers/damaged.zip") as damaged,
        pytest.raises((zipfile.BadZipFile, zipfile.zlib.error)),
    ):
        damaged.read("report.txt")
    assert "containers/nested.zip/inner.zip" in corpus.contents


def test_junk_is_in_the_tree_and_links_are_in_no_digest(corpus: Corpus) -> None:
    digests = tree_digest(corpus.folder)
    assert set(corpus.junk) <= set(digests)
    assert all((corpus.folder / link).is_symlink() for link in corpus.links)
    assert not set(corpus.links) & set(digests)
    directory = pydicom.dcmread(corpus.folder / "DICOMDIR")
    assert directory.file_meta.MediaStorageSOPClassUID.name == "Media Storage Directory Storage"
