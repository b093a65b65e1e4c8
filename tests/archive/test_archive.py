"""The whole way of an archive: a mixed tree in, and every file back."""

from pathlib import Path

import pytest

from dicube.archive.restore import restore_ledger
from tests.archive.archives import (
    CUBES,
    LEDGER,
    archived,
    assert_consistent,
    assert_restored,
    rows,
    stored_outputs,
)
from tests.series import requires_data


@requires_data
class TestMixedTree:
    def test_every_file_comes_back(self, corpus, archive, tmp_path):
        assert_consistent(archive)
        summary = restore_ledger(archive / LEDGER, tmp_path / "out")
        assert not summary.problems
        assert summary.identical + summary.equal == corpus.files
        assert_restored(corpus, tmp_path / "out" / "src", tmp_path / "scratch")

    def test_same_bytes_are_stored_once(self, corpus, archive):
        stored, duplicates = (
            rows(archive / LEDGER, f"SELECT * FROM file WHERE state = '{state}'")
            for state in ("stored", "duplicate")
        )
        assert len(duplicates) == corpus.duplicates
        by_id = {row["id"]: row for row in stored}
        for row in duplicates:
            same = by_id[row["stored_as"]]
            assert (same["digest"], same["bytes"]) == (row["digest"], row["bytes"])
        assert len({row["digest"] for row in stored}) == len(stored)

    def test_instance_with_other_bytes_is_stored_too(self, corpus, archive):
        differing = rows(
            archive / LEDGER,
            "SELECT COUNT(*) AS copies, GROUP_CONCAT(name) AS names FROM file"
            " WHERE state = 'stored' AND sop_uid IS NOT NULL GROUP BY sop_uid HAVING copies > 1",
        )
        changed = [Path(path).name for path in corpus.changed]
        assert changed
        assert all(any(name in row["names"].split(",") for row in differing) for name in changed)

    def test_links_are_said_to_be_left(self, corpus, archive):
        left = rows(archive / LEDGER, "SELECT name, reason FROM file WHERE state = 'left'")
        assert {row["name"] for row in left} == {Path(link).name for link in corpus.links}
        assert all("link" in row["reason"] for row in left)

    def test_second_run_does_nothing(self, corpus, archive):
        before = stored_outputs(archive)
        out = archived(corpus.folder, archive, "--format", "dcbs")
        assert "0 series stored" in out
        assert stored_outputs(archive) == before

    def test_archive_of_jpeg_xl_comes_back_too(self, corpus, tmp_path):
        archived(corpus.folder, tmp_path / "dest", "--format", "dcba", "--effort", "fast")
        assert_consistent(tmp_path / "dest")
        restore_ledger(tmp_path / "dest" / LEDGER, tmp_path / "out")
        assert_restored(corpus, tmp_path / "out" / "src", tmp_path / "scratch")

    def test_dask_stores_the_same(self, corpus, archive, tmp_path):
        pytest.importorskip("distributed")
        archived(corpus.folder, tmp_path, "--format", "dcbs", "--dask", "--workers", 2)
        assert_consistent(tmp_path)
        assert [*map(tuple, rows(tmp_path / LEDGER, CUBES))] == [
            *map(tuple, rows(archive / LEDGER, CUBES))
        ]
