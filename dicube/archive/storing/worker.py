"""What one worker process does with a task, whoever sent it."""

import logging
import warnings
from contextlib import suppress

from dicube.archive.destination import open_destination
from dicube.archive.settings import StoreSettings
from dicube.archive.sources.errors import SourceError
from dicube.archive.sources.staging import Staging
from dicube.archive.storing.scanning import scan_place
from dicube.archive.storing.series import store_series
from dicube.archive.work import ConvertTask, Result, ScanTask, Task, container_of
from dicube.codecs import set_num_threads


def work_on(settings: StoreSettings, task: Task) -> Result:
    """Scan places or store series."""
    set_num_threads(settings.threads)
    # Messages of libraries may quote values of the patient's data.
    logging.getLogger("dicube").addHandler(logging.NullHandler())
    logging.getLogger("pydicom").addHandler(logging.NullHandler())
    warnings.filterwarnings("ignore", module="pydicom")
    with Staging(settings.memory_bytes, scratch=settings.scratch) as staging:
        if isinstance(task, ScanTask):
            return [scan_place(place, staging, settings.keywords) for place in task.places]
        _bring_together(task, staging)
        with open_destination(settings.destination, settings.scratch) as destination:
            return [store_series(work, staging, destination, settings) for work in task.series]


def _bring_together(task: ConvertTask, staging: Staging) -> None:
    """Read a tar file once for all series of a task, if they lie in one: it is read to its end."""
    containers = {container_of(work) for work in task.series}
    if len(task.series) > 1 and len(containers) == 1 and None not in containers:
        # What is wrong is said of each series; or there is room for them one by one.
        with suppress(SourceError):
            staging.bring([ref for work in task.series for ref in work.files])
