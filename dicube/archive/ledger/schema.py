"""The tables of the ledger, and the view that questions are asked of.

A ledger is one SQLite file in write-ahead mode. It says of every file of the sources what it is and
where it is stored, and of every file of the archive what it has to be. It holds Patient IDs and
descriptions as the DICOM files do, and is to be guarded like them.
"""

from typing import Final

VERSION: Final = 1

#: Columns of `output` that describe a cube; workers fill them (`Output.facts`).
FACTS: Final = (
    "study_uid",
    "patient_id",
    "modality",
    "study_date",
    "study_description",
    "series_number",
    "series_description",
    "body_part",
    "manufacturer",
    "model",
    "kind",
    "frames",
    "rows",
    "columns",
    "samples",
    "slices",
    "volumes",
    "dtype",
    "bits_stored",
    "pixel_spacing_mm",
    "slice_spacing_mm",
    "transfer_syntax",
    "status",
)

# Indexes by state hold all rows, although few are of interest: SQLite takes a partial index only
# where a question repeats its condition word by word. What `sqlite_stat1` holds is no measurement.
# It tells SQLite that a state or a modality is shared by many rows, so that a question that also
# names a series, a patient or an instance is answered by that.
TABLES: Final = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- A process that works, or worked, on the ledger.
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,              -- ISO 8601, UTC
    ended_at TEXT,
    outcome TEXT,                          -- done, failures, interrupted; NULL while it works
    version TEXT NOT NULL,                 -- of DiCube
    options TEXT NOT NULL                  -- JSON
);

-- What was asked to be archived.
CREATE TABLE root (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,              -- absolute path or URL
    label TEXT NOT NULL UNIQUE             -- its folder in restored trees
);

-- A folder, or a container (a zip or tar file) with files in it.
CREATE TABLE place (
    id INTEGER PRIMARY KEY,
    root_id INTEGER NOT NULL REFERENCES root,
    path TEXT NOT NULL,                    -- relative to the root, "" for the root
    container TEXT,                        -- zip, tar
    fingerprint TEXT NOT NULL DEFAULT '',  -- of its listing when it was scanned
    files INTEGER NOT NULL DEFAULT 0,      -- in its listing; 0: a container, nobody knows
    state TEXT NOT NULL,                   -- listed, scanned, failed
    run_id INTEGER REFERENCES run,         -- who scans it
    problem TEXT,
    UNIQUE (root_id, path)
);
CREATE INDEX place_state ON place (state);

-- What is stored together: the images of a series, or files that are kept as they are.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    content TEXT NOT NULL,                 -- images, files
    series_uid TEXT NOT NULL,              -- "" where images have none, and for files
    place_id INTEGER NOT NULL,             -- of images without UID; below 0 for files; else 0
    stem TEXT NOT NULL UNIQUE,             -- path of the outputs without number and suffix
    state TEXT NOT NULL,                   -- found, taken, done, failed
    run_id INTEGER REFERENCES run,         -- who converts it, or did last
    deaths INTEGER NOT NULL DEFAULT 0,     -- of workers over it
    error TEXT,
    seconds REAL NOT NULL DEFAULT 0,
    UNIQUE (series_uid, place_id)
);
CREATE INDEX series_state ON series (state);

-- A file of the sources.
CREATE TABLE file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never that of a row that is gone: workers report by it
    place_id INTEGER NOT NULL REFERENCES place,
    name TEXT NOT NULL,                    -- in its place
    bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,          -- since 1970
    kind TEXT NOT NULL,                    -- image, object, damaged, other
    state TEXT NOT NULL,    -- found, stored, duplicate, failed, left (no file), superseded
    reason TEXT,                           -- why it is no image, failed or was left
    sop_uid TEXT,
    series_id INTEGER REFERENCES series,   -- what it is stored with; NULL until that is known
    digest TEXT,                           -- XXH3-128, hexadecimal
    output_id INTEGER REFERENCES output,   -- where it is stored
    position INTEGER,                      -- its number in there
    stored_as INTEGER REFERENCES file,     -- of a duplicate: the file it is byte for byte
    removed_at TEXT                        -- when the source was removed
);
CREATE UNIQUE INDEX file_name ON file (place_id, name) WHERE state != 'superseded';
CREATE INDEX file_series ON file (series_id) WHERE series_id IS NOT NULL;
CREATE INDEX file_sop_uid ON file (sop_uid) WHERE sop_uid IS NOT NULL;
CREATE INDEX file_output ON file (output_id, position);
CREATE INDEX file_kept ON file (digest, bytes, state, series_id) WHERE kind != 'image';
CREATE INDEX file_state ON file (state, bytes);

-- A file of the archive: a cube, or a zip file with files that are kept as they are.
CREATE TABLE output (
    id INTEGER PRIMARY KEY,
    series_id INTEGER NOT NULL REFERENCES series,
    run_id INTEGER NOT NULL REFERENCES run,
    path TEXT NOT NULL UNIQUE,             -- relative to the destination
    content TEXT NOT NULL,                 -- cube, files
    bytes INTEGER NOT NULL,
    digest TEXT NOT NULL,                  -- XXH3-128 of the file, hexadecimal
    source_bytes INTEGER NOT NULL,
    files INTEGER NOT NULL,
    findings TEXT NOT NULL,                -- JSON: list of sentences
    made_at TEXT NOT NULL,
    verified_at TEXT NOT NULL,             -- when it was last found to be right
    verified_by TEXT NOT NULL,             -- source, checksum, decoding
    problem TEXT,                          -- what the last check found to be wrong
    study_uid TEXT, patient_id TEXT, modality TEXT, study_date TEXT, study_description TEXT,
    series_number INTEGER, series_description TEXT, body_part TEXT, manufacturer TEXT, model TEXT,
    kind TEXT, frames INTEGER, rows INTEGER, columns INTEGER, samples INTEGER, slices INTEGER,
    volumes INTEGER, dtype TEXT, bits_stored INTEGER, pixel_spacing_mm REAL, slice_spacing_mm REAL,
    transfer_syntax TEXT, status TEXT
);
CREATE INDEX output_series ON output (series_id);
CREATE INDEX output_modality ON output (modality, rows);
CREATE INDEX output_patient ON output (patient_id);
CREATE INDEX output_verified ON output (verified_at);

-- One row for each cube or zip file, and for each series that has none yet.
CREATE VIEW archive AS
SELECT series.series_uid AS series_uid, output.study_uid, output.patient_id,
    output.modality, output.study_date, output.study_description, output.series_number,
    output.series_description,
    output.body_part, output.manufacturer, output.model, output.kind, output.frames, output.rows,
    output.columns, output.samples, output.slices, output.volumes, output.dtype,
    output.bits_stored, output.pixel_spacing_mm, output.slice_spacing_mm, output.transfer_syntax,
    output.status, output.findings, series.state AS state, series.error AS error,
    output.content, output.path, output.files, output.source_bytes, output.bytes,
    CAST(output.source_bytes AS REAL) / output.bytes AS ratio, output.digest, output.made_at,
    output.verified_at, output.problem
FROM series LEFT JOIN output ON output.series_id = series.id;

ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('place', 'place_state', '1000000 10000'),
    ('series', 'series_state', '1000000 10000'),
    ('file', 'file_state', '1000000 10000 100'),
    ('output', 'output_modality', '1000000 10000 1000'),
    ('output', 'output_verified', '1000000 1000');
ANALYZE sqlite_schema;
"""
