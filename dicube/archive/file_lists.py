"""Lists of source files that a ledger gives: copies, failures, and what differs under one UID."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dicube.archive.ledger.opened import read_ledger
from dicube.archive.query import Answer, translating

_PLACE: Final = "rtrim(root.url, '/') || iif(place.path = '', '', '/' || place.path)"


def _path_of(table: str) -> str:
    """The whole path of a file; a container that is kept as it is has no name in its place."""
    return f"{_PLACE} || iif({table}.name = '', '', '/' || {table}.name)"


_FILE: Final = _path_of("file")

DUPLICATES: Final = f"""
SELECT {_FILE}, file.bytes, (
    SELECT {_path_of("same")} FROM file AS same JOIN place ON place.id = same.place_id
        JOIN root ON root.id = place.root_id WHERE same.id = file.stored_as
), output.path, stored.position
FROM file JOIN place ON place.id = file.place_id JOIN root ON root.id = place.root_id
    LEFT JOIN file AS stored ON stored.id = file.stored_as
    LEFT JOIN output ON output.id = stored.output_id
WHERE file.state = 'duplicate'
"""  # noqa: S608

# Files by themselves, those of series that failed as a whole, and places that cannot be listed.
# CROSS JOIN takes the failed series first, of which there are few, and then their files.
FAILURES: Final = f"""
SELECT {_FILE}, iif(file.state = 'left', 'left', 'file'), file.bytes, file.reason
FROM file JOIN place ON place.id = file.place_id JOIN root ON root.id = place.root_id
WHERE file.state IN ('failed', 'left')
UNION ALL
SELECT {_FILE}, 'series', file.bytes, series.error
FROM series CROSS JOIN file ON file.series_id = series.id AND file.state = 'found'
    JOIN place ON place.id = file.place_id JOIN root ON root.id = place.root_id
WHERE series.state = 'failed'
UNION ALL
SELECT {_PLACE}, 'place', NULL, place.problem
FROM place JOIN root ON root.id = place.root_id WHERE place.state = 'failed'
"""  # noqa: S608

DIFFERENCES: Final = f"""
SELECT file.sop_uid, file.digest, {_FILE}, file.bytes, output.path, file.position
FROM file JOIN place ON place.id = file.place_id JOIN root ON root.id = place.root_id
    LEFT JOIN output ON output.id = file.output_id
WHERE file.state = 'stored' AND file.sop_uid IN (
    SELECT sop_uid FROM file WHERE state = 'stored' AND sop_uid IN (
        -- From the index alone: few UIDs are there twice.
        SELECT sop_uid FROM file WHERE sop_uid > '' GROUP BY sop_uid HAVING COUNT(*) > 1
    ) GROUP BY sop_uid HAVING MIN(digest) != MAX(digest)
)
ORDER BY file.sop_uid, file.digest, file.id
"""  # noqa: S608


def duplicates(ledger: Path) -> Answer:
    """Files that are byte for byte another one, which is stored in their place.

    Columns are `file`, `bytes`, `same_as` (the file that is stored), `output` (where, relative to
    the destination), `position` (its number in there).
    """
    columns = {"file": str, "bytes": int, "same_as": str, "output": str, "position": int}
    return _answer(ledger, DUPLICATES, columns)


def failures(ledger: Path) -> Answer:
    """What is not in the archive, and why.

    Columns are `file`, `what` ("file"; "left": no regular file, such as a link; "series": all of
    its series failed; "place": a folder or container that cannot be read, named by `file`),
    `bytes`, `reason`.
    """
    return _answer(ledger, FAILURES, {"file": str, "what": str, "bytes": int, "reason": str})


def differences(ledger: Path) -> Answer:
    """Stored files that share a SOP Instance UID although their bytes differ.

    Columns are `sop_uid`, `digest`, `file`, `bytes`, `output`, `position`; files of one UID follow
    each other.
    """
    columns = {
        "sop_uid": str, "digest": str, "file": str, "bytes": int, "output": str, "position": int,
    }  # fmt: skip
    return _answer(ledger, DIFFERENCES, columns)


def _answer(ledger: Path, statement: str, columns: Mapping[str, type]) -> Answer:
    connection = read_ledger(Path(ledger))
    try:
        with translating():
            return Answer(connection, statement, columns)
    except BaseException:
        connection.close()
        raise
