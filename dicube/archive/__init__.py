"""Archives: trees of DICOM into cube files with a ledger, checked, and back.

The names below are those for programs that archive; `docs/archive.md` has an example.
"""

from dicube.archive.checking import CheckSummary, verify_ledger
from dicube.archive.counters import Counters
from dicube.archive.file_lists import differences, duplicates, failures
from dicube.archive.job import ArchiveOptions, Summary, run_archive
from dicube.archive.layout import Layout
from dicube.archive.ledger.opened import read_ledger
from dicube.archive.query import Answer, QueryError, count, query
from dicube.archive.report import write_report
from dicube.archive.restore import RestoreSummary, restore_cubes, restore_ledger
from dicube.archive.settings import StoreSettings
from dicube.archive.storing.worker import work_on
from dicube.archive.workers.dask import DaskWorkers
from dicube.archive.workers.local import LocalWorkers

__all__ = [
    # into an archive
    "ArchiveOptions", "Counters", "DaskWorkers", "Layout", "LocalWorkers", "StoreSettings",
    "Summary", "run_archive", "work_on", "write_report",
    # back
    "RestoreSummary", "restore_cubes", "restore_ledger",
    # what is in it, and whether it is whole
    "Answer", "CheckSummary", "QueryError", "count", "differences", "duplicates", "failures",
    "query", "read_ledger", "verify_ledger",
]  # fmt: skip
