"""The picture of a report for docs/ledger.md, of a made-up archive: see `main`."""

import sys
import tempfile
from pathlib import Path

from dicube.archive.report import write_report
from tests.archive.ledgers import LedgerBuilder
from tests.web.chromium import browsing, chromium

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "archive-report.png"
_KINDS = (
    ("CT", 420, 160_000_000, 2.4), ("MR", 700, 22_000_000, 3.1), ("PT", 60, 30_000_000, 4.6),
    ("MG", 90, 95_000_000, 2.9), ("DX", 160, 14_000_000, 2.2), ("US", 45, 60_000_000, 1.3),
)  # fmt: skip
_FAILED = (
    ("ends after {} bytes, its pixels need 524288", 17), ("frame {} cannot be decoded", 6),
    ("Rows is {}", 2),
)  # fmt: skip
_FINDINGS = (("gap_location: slices are missing", 23), ("non_uniform_spacing: steps differ", 41))


def made_up_archive(path: Path) -> Path:
    """A ledger of 1,476 outputs, with some of everything that a report speaks of."""
    with LedgerBuilder(path) as ledger:
        run = ledger.run(
            ended_at="2024-05-01T12:41:07+00:00", outcome="failures", version="1.0.0",
            options='{"format": "dcbs", "layout": "{PatientID}/{StudyInstanceUID}", "workers": 8}',
        )  # fmt: skip
        place = ledger.place(ledger.root("/data/incoming", "incoming"), "2024")
        number = 0
        for modality, count, size, ratio in _KINDS:
            for _ in range(count):
                number += 1
                source = size * (1 + number * 7919 % 90) // 60
                series = ledger.series(f"1.2.{number}", run_id=run, seconds=0.9)
                ledger.output(
                    series, run, f"p/1.2.{number}.dcbs", modality=modality, source_bytes=source,
                    bytes=int(source / (ratio * (0.6 + number * 104729 % 80 / 100))), files=100,
                    findings="[]",
                )  # fmt: skip
        for finding, count in _FINDINGS:
            ledger.connection.execute(
                "UPDATE output SET findings = json_array(?) WHERE id IN"
                " (SELECT id FROM output WHERE findings = '[]' LIMIT ?)",
                (finding, count),
            )
        for reason, count in _FAILED:
            for _ in range(count):
                number += 1
                ledger.file(place, f"{number}.dcm", "failed", reason=reason.format(number))
        series = ledger.series("", content="files", place_id=-1, stem="other-files/000001")
        zipped = ledger.output(
            series, run, "other-files/000001.zip", content="files", files=312, bytes=2_100_000,
            source_bytes=5_400_000,
        )  # fmt: skip
        for kind, reason, count in (
            ("other", "no DICOM", 240), ("object", "has no pixels", 58), ("damaged", "no end", 14),
        ):  # fmt: skip
            for _ in range(count):
                number += 1
                ledger.file(
                    place, f"{number}.dat", kind=kind, reason=reason, output_id=zipped,
                    bytes=17_000,
                )  # fmt: skip
        for _ in range(400):
            number += 1
            ledger.file(place, f"{number}.dcm", "duplicate", bytes=526_000, stored_as=1)
        for digest in ("aa", "bb"):
            ledger.file(place, f"{digest}.dcm", sop_uid="1.2.3", digest=digest, output_id=7)
        ledger.insert("setting", name="format", value="dcbs")
    return path


def main(picture: Path = PICTURE) -> None:
    """Write the picture: python -m tests.archive.report_picture [FILE]."""
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        folder = Path(scratch)
        ledger = made_up_archive(folder / "archive.sqlite")
        write_report(ledger, 1, folder / "report.json", folder / "report.html")
        scheme = "dark" if "dark" in picture.stem else "light"
        options = {"color_scheme": scheme, "viewport": {"width": 1080, "height": 890}}
        with browsing(browser, "http://127.0.0.1", **options) as (page, watch):
            page.goto((folder / "report.html").as_uri())
            is_whole = "whole" in picture.stem
            if is_whole:
                page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            page.screenshot(path=picture, full_page=is_whole)
            watch.hosts.discard("")  # a file has no host


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
