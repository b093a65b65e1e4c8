"""Ledgers that are filled with SQL: what a test needs and no more."""

from pathlib import Path
from typing import Any

from dicube.archive.ledger.opened import open_ledger
from dicube.closing import Closing

TIME = "2024-05-01T10:00:00+00:00"


class LedgerBuilder(Closing):
    """A new ledger; each method adds a row and gives its number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = open_ledger(path, create=True)

    def insert(self, table: str, **values: Any) -> int:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        cursor = self.connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values())
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def run(self, **values: Any) -> int:
        given = {"started_at": TIME, "version": "1.0", "options": "{}"}
        return self.insert("run", **given | values)

    def root(self, url: str, label: str = "data") -> int:
        return self.insert("root", url=url, label=label)

    def place(self, root_id: int, path: str = "", **values: Any) -> int:
        return self.insert(
            "place", **{"root_id": root_id, "path": path, "state": "scanned"} | values
        )

    def series(self, uid: str, state: str = "done", **values: Any) -> int:
        given = {
            "content": "images", "series_uid": uid, "place_id": 0, "stem": f"p/{uid}",
            "state": state,
        }  # fmt: skip
        return self.insert("series", **given | values)

    def output(self, series_id: int, run_id: int, path: str, **values: Any) -> int:
        given = {
            "series_id": series_id, "run_id": run_id, "path": path, "content": "cube",
            "bytes": 1000, "digest": "00" * 16, "source_bytes": 3000, "files": 3, "findings": "[]",
            "made_at": TIME, "verified_at": TIME, "verified_by": "source",
        }  # fmt: skip
        return self.insert("output", **given | values)

    def file(self, place_id: int, name: str, state: str = "stored", **values: Any) -> int:
        given = {
            "place_id": place_id, "name": name, "bytes": 1000, "modified_ns": 1, "kind": "image",
            "state": state,
        }  # fmt: skip
        return self.insert("file", **given | values)

    def close(self) -> None:
        self.connection.close()


def small_ledger(path: Path) -> Path:
    """Two CTs, an MR of two cubes, a PET that failed, a zip file of others; copies and failures."""
    with LedgerBuilder(path) as ledger:
        run = ledger.run(ended_at="2024-05-01T10:01:30+00:00", outcome="failures",
                         options='{"format": "dcbs"}')  # fmt: skip
        place = ledger.place(ledger.root("/data"), "in")
        for number, rows in enumerate((512, 256), 1):
            series = ledger.series(f"1.{number}", run_id=run, seconds=1.5)
            output = ledger.output(
                series, run, f"p/1.{number}.dcbs", modality="CT", rows=rows, columns=rows,
                patient_id="Secret-1", study_description="=1+1", bytes=1000 * number,
                study_date="20240501", transfer_syntax="1.2.840.10008.1.2.1",
                findings='["gap_location: slices are missing (slices 3)"]' if number > 1 else "[]",
            )  # fmt: skip
            for position in range(3):
                ledger.file(
                    place, f"{number}-{position}.dcm", series_id=series, output_id=output,
                    position=position, sop_uid=f"1.{number}.{position}",
                    digest=f"{number}{position}",
                )  # fmt: skip
        mr = ledger.series("2.1")
        for number in (1, 2):
            output = ledger.output(mr, run, f"p/2.1_{number}.dcbs", modality="MR", rows=64)
            ledger.file(
                place, f"mr{number}.dcm", series_id=mr, output_id=output, position=0,
                sop_uid="2.1.0", digest=f"m{number}",
            )  # fmt: skip
        ledger.file(
            place, "copy.dcm", "duplicate", series_id=1, stored_as=1,
            sop_uid="1.1.0", digest="10", bytes=500,
        )  # fmt: skip
        failed = ledger.series("3.1", "failed", error="frame 7: Rows is 0", run_id=run)
        ledger.file(place, "pet.dcm", "found", series_id=failed, sop_uid="3.1.0")
        ledger.file(place, "short.dcm", "failed", kind="damaged", reason="ends after 120 bytes")
        ledger.file(place, "short2.dcm", "failed", kind="damaged", reason="ends after 77 bytes")
        ledger.file(place, "link.dcm", "left", kind="other", reason="a link", bytes=0)
        ledger.place(1, "bad.zip", container="zip", state="failed", problem="encrypted")
        others = ledger.series("", content="files", place_id=-1, stem="other-files/000001")
        output = ledger.output(
            others,
            run,
            "other-files/000001.zip",
            content="files",
            files=1,
            source_bytes=10,
            bytes=9,
        )
        ledger.file(
            place, "notes.txt", kind="other", reason="no DICOM", output_id=output, position=0,
            digest="aa", series_id=others,
        )  # fmt: skip
        ledger.insert("setting", name="layout", value="{PatientID}")
    return path
