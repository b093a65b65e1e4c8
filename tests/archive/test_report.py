"""The report: right numbers, nothing of patients, nothing that a browser would run or fetch."""

import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dicube.archive.ledger.opened import open_ledger
from dicube.archive.report import kind_of, report, write_report
from dicube.exceptions import DataConsistencyError, MetaDataError, MissingDependencyError
from tests.archive.ledgers import LedgerBuilder, small_ledger
from tests.archive.report_picture import made_up_archive
from tests.web.chromium import browsing, chromium, requires_chromium

pytest.importorskip("jinja2", reason="Jinja2 is not installed (extra archive)")
HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\"'{{ 7 * 7 }}"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "ledger.md"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return small_ledger(tmp_path / "archive.sqlite")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Every text that the report shows tries to be more than text."""
    with LedgerBuilder(tmp_path / "hostile.sqlite") as ledger:
        run = ledger.run(
            version=HOSTILE, options=json.dumps({HOSTILE: HOSTILE, "src": ["https://me:pw@host/x"]})
        )
        place = ledger.place(ledger.root("https://user:secret@host/data", HOSTILE), HOSTILE)
        series = ledger.series("1.1")
        output = ledger.output(
            series, run, HOSTILE, modality=HOSTILE, problem=HOSTILE, verified_by=HOSTILE,
            findings=json.dumps([HOSTILE]),
        )  # fmt: skip
        ledger.output(series, run, "a.zip", content="files")
        ledger.file(place, HOSTILE, output_id=2, kind=HOSTILE, reason=HOSTILE)
        for digest in "ab":
            ledger.file(place, f"{HOSTILE}{digest}", output_id=output, sop_uid="1", digest=digest)
        ledger.file(place, f"{HOSTILE}f", "failed", reason=HOSTILE)
        ledger.file(place, f"{HOSTILE}d", "duplicate", stored_as=1)
        ledger.insert("setting", name=HOSTILE, value=HOSTILE)
    return ledger.path


class Tags(HTMLParser):
    """Names of the elements of a page, and of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


def written(ledger: Path, run_id: int = 1) -> tuple[str, str]:
    """The JSON file and the page."""
    targets = ledger.with_suffix(".json"), ledger.with_suffix(".html")
    write_report(ledger, run_id, *targets)
    text, page = (target.read_text(encoding="utf-8") for target in targets)
    return text, page


class TestNumbers:
    def test_totals_and_modalities(self, ledger):
        found = report(ledger, 1)
        total = found["totals"]["total"]
        assert (total["outputs"], total["source_bytes"], total["ratio"]) == (5, 12010, 2.398)
        assert [(each["modality"], each["ratio"]) for each in found["modalities"]] == [
            ("MR", 3.0), ("CT", 2.0), ("files", 1.111),
        ]  # fmt: skip
        assert found["totals"]["series"] == {"done": 4, "failed": 1}

    def test_the_run_itself(self, ledger):
        run = report(ledger, 1)["run"]
        assert (run["outcome"], run["seconds"], run["worker_seconds"]) == ("failures", 90.0, 3.0)
        assert (run["series"], run["outputs"], run["bytes"]) == (2, 5, 5009)
        assert run["options"] == {"format": "dcbs"}

    def test_histograms_count_each_cube_once(self, ledger):
        found = report(ledger, 1)
        bars = {(each["from"], each["below"]): each["cubes"] for each in found["ratios"]}
        assert bars[(1.5, 2)] == 1
        assert bars[(3, 4)] == 3
        assert sum(bars.values()) == 4
        assert found["sizes"][0] == {"from": 0, "below": 100_000, "cubes": 4}

    def test_failures_are_gathered_by_kind_with_their_paths(self, ledger):
        failures = report(ledger, 1)["failures"]
        assert failures["count"] == 4
        assert failures["kinds"][0]["kind"] == "ends after \u2026 bytes"
        assert [each["file"] for each in failures["kinds"][0]["listed"]] == [
            "/data/in/short.dcm", "/data/in/short2.dcm",
        ]  # fmt: skip
        assert {each["kind"] for each in failures["kinds"][1:]} == {
            "encrypted", "frame \u2026: Rows is \u2026",
        }  # fmt: skip

    def test_what_is_no_file_is_left_and_is_no_failure(self, ledger):
        left = report(ledger, 1)["left"]
        assert left["count"] == 1
        assert left["kinds"][0]["listed"] == [
            {"file": "/data/in/link.dcm", "what": "left", "reason": "a link"}
        ]
        assert "Left where they are" in written(ledger)[1]

    def test_kept_files_copies_differences_and_findings(self, ledger):
        found = report(ledger, 1)
        assert found["kept"] == [{"kind": "other", "reason": "no DICOM", "files": 1, "bytes": 1000}]
        assert (found["duplicates"]["files"], found["duplicates"]["bytes"]) == (1, 500)
        assert found["duplicates"]["listed"][0]["same_as"] == "/data/in/1-0.dcm"
        assert found["differences"]["count"] == 1
        assert [each["output"] for each in found["differences"]["listed"][0]] == [
            "p/2.1_1.dcbs", "p/2.1_2.dcbs",
        ]  # fmt: skip
        assert found["findings"] == [{"kind": "gap_location", "outputs": 1}]
        assert found["checks"] == {"verified_by": {"source": 5}, "wrong": []}

    def test_long_lists_are_cut_and_counted(self, tmp_path, monkeypatch):
        monkeypatch.setattr("dicube.archive.report.LISTED", 5)
        monkeypatch.setattr("dicube.archive.report._KINDS", 3)
        with LedgerBuilder(tmp_path / "a.sqlite") as builder:
            builder.run()
            place = builder.place(builder.root("/data"))
            for number in range(40):
                reason = f"{'abcdefgh'[number % 8]} is wrong"
                builder.file(place, f"{number}.dcm", "failed", reason=reason)
        failures = report(tmp_path / "a.sqlite", 1)["failures"]
        assert failures["count"] == 40
        assert [(each["kind"], each["count"]) for each in failures["kinds"]] == [
            ("other reasons", 25), ("a is wrong", 5), ("b is wrong", 5), ("c is wrong", 5),
        ]  # fmt: skip
        assert [len(each["listed"]) for each in failures["kinds"]] == [5, 5, 5, 5]
        assert "35 more" not in written(tmp_path / "a.sqlite")[1]
        assert "20 more" in written(tmp_path / "a.sqlite")[1]

    def test_kinds_leave_out_numbers_and_quoted_names(self):
        assert kind_of("ends after 1,024 bytes") == kind_of("ends after 7 bytes")
        assert kind_of("there is no 'a.dcm'") == kind_of("there is no 'b.dcm'")
        assert kind_of("") == "no reason given"


class TestFiles:
    def test_json_holds_what_the_report_says(self, ledger):
        text, page = written(ledger)
        assert json.loads(text) == report(ledger, 1)
        assert "done, with failures" in page
        assert "1 min 30 s" in page

    def test_nothing_of_patients_is_told_but_paths(self, ledger):
        for text in written(ledger):
            for secret in ("Secret-1", "=1+1", "20240501", "1.1.0", "2.1.0"):
                assert secret not in text

    def test_users_and_passwords_of_urls_are_left_out(self, hostile):
        for text in written(hostile):
            assert "://host/data" in text
            assert "https://host/x" in text
            for secret in ("secret@", "user:", "me:pw"):
                assert secret not in text

    def test_texts_stay_texts(self, hostile):
        _, page = written(hostile)
        tags = Tags(page)
        assert not tags.tags & {"script", "img", "link", "iframe", "object", "form", "svg"}
        assert "onerror" not in tags.attributes
        assert not tags.attributes & {"src", "href", "onclick", "action"}
        assert page.count("&lt;script&gt;") >= 10
        assert "{{ 7 * 7 }}" in page

    def test_page_fetches_nothing(self, ledger):
        _, page = written(ledger)
        assert "default-src 'none'" in page
        assert "http:" not in page
        assert "https:" not in page
        assert "url(" not in page

    def test_run_that_goes_on_in_an_empty_ledger_has_a_report(self, tmp_path):
        with LedgerBuilder(tmp_path / "a.sqlite") as builder:
            builder.run()
        text, page = written(tmp_path / "a.sqlite")
        assert json.loads(text)["run"]["seconds"] is None
        assert "still at work" in page
        assert "Nothing is stored yet" in page

    def test_files_are_replaced(self, ledger, tmp_path):
        (tmp_path / "archive.html").write_text("old")
        assert "old" not in written(ledger)[1][:10]
        assert not list(tmp_path.glob(".*part*"))

    def test_report_can_be_written_while_others_write(self, ledger):
        connection = open_ledger(ledger)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE output SET bytes = 1")
        assert json.loads(written(ledger)[0])["totals"]["total"]["bytes"] == 5009
        connection.execute("ROLLBACK")
        connection.close()


class TestRefusals:
    def test_unknown_run(self, ledger):
        with pytest.raises(MetaDataError, match="no run 7"):
            report(ledger, 7)

    def test_folder_that_is_not_there(self, ledger, tmp_path):
        with pytest.raises(DataConsistencyError, match="cannot be written"):
            write_report(ledger, 1, tmp_path / "none" / "a.json", tmp_path / "a.html")

    def test_missing_jinja_names_the_extra(self, ledger, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "jinja2", None)
        with pytest.raises(MissingDependencyError, match=r"dicube\[archive\]"):
            write_report(ledger, 1, tmp_path / "a.json", tmp_path / "a.html")


def test_document_describes_every_key_of_the_report(ledger: Path) -> None:
    of_data = {"settings", "versions", "options", "verified_by", "series", "places"}

    def keys(value: object) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(keys, value))
        if not isinstance(value, dict):
            return set()
        return set(value).union(*(keys(each) for key, each in value.items() if key not in of_data))

    found = report(ledger, 1)
    for state in ("stored", "duplicate", "failed", "found"):
        del found["totals"]["files"][state]
    text = DOCUMENT.read_text(encoding="utf-8")
    assert len(keys(found)) > 40
    assert not {key for key in keys(found) if f"`{key}`" not in text}


@requires_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_opens_in_a_browser_without_a_fault(hostile, tmp_path, scheme) -> None:
    pages = [made_up_archive(tmp_path / "large.sqlite"), hostile]
    with chromium() as browser:
        options = {"color_scheme": scheme, "viewport": {"width": 420, "height": 800}}
        with browsing(browser, "http://127.0.0.1", **options) as (page, watch):
            for ledger in pages:
                written(ledger)
                page.goto(ledger.with_suffix(".html").as_uri())
                assert page.locator("h1").inner_text() == "Archive report"
                # Bars have a length although styles come from nowhere else.
                assert page.locator(".bar i").first.bounding_box()["width"] > 5
                # Tables scroll by themselves; the page does not, on a telephone.
                assert page.evaluate(
                    "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
                )
            watch.hosts.discard("")  # a file has no host
