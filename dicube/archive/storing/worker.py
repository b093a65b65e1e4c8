"""What one worker process does with a task, whoever sent it."""

import logging
import warnings

from dicube.archive.destination import open_destination
from dicube.archive.settings import StoreSettings
from dicube.archive.sources.staging import Staging
from dicube.archive.storing.scanning import scan_place
from dicube.archive.storing.series import store_series
from dicube.archive.work import Result, ScanTask, Task
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
        with open_destination(settings.destination, settings.scratch) as destination:
            return [store_series(work, staging, destination, settings) for work in task.series]
