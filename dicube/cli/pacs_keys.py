"""Options of `dicube pacs` that say what is looked for."""

from typing import Annotated

import typer

AccessionNumber = Annotated[str | None, typer.Option(metavar="SH", help="Wildcards * and ? work.")]
PatientId = Annotated[str | None, typer.Option(metavar="LO")]
PatientName = Annotated[str | None, typer.Option(metavar="PN", help="Family^Given.")]
StudyDate = Annotated[
    str | None, typer.Option(metavar="DATE", help="20240131 or 20240101-20241231.")
]
StudyUid = Annotated[str | None, typer.Option("--study-uid", metavar="UID")]
SeriesUid = Annotated[str | None, typer.Option("--series-uid", metavar="UID")]
Modality = Annotated[str | None, typer.Option(metavar="CS", help="Such as CT or MR.")]
Description = Annotated[
    str | None, typer.Option("--series-description", metavar="LO", help="Such as '*T1*'.")
]
