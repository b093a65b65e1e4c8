"""What a de-identification did, without any value of the source."""

import csv
import io
import json
from dataclasses import asdict, dataclass
from typing import Final

_COLUMNS: Final = ("tag", "keyword", "action", "values", "instances")


@dataclass(frozen=True)
class ReportRow:
    """What was done to one element.

    Attributes
    ----------
    tag : str
        "GGGG,EEEE"; of an element of a sequence the tags of the sequences before it, with " > "
        between; of a private element "GGGG,xxEE".
    keyword : str
        Keyword of PS3.6; "" where there is none.
    action : str
        "removed", "emptied", "replaced", "mapped", "moved", "cleaned", or "kept" by an option.
    values : int
        Distinct values that it had.
    instances : int
        SOP instances that had one.
    """

    tag: str
    keyword: str
    action: str
    values: int
    instances: int


@dataclass(frozen=True)
class DeidentifyReport:
    """What was done, and what is left to look at.

    Attributes
    ----------
    profile : tuple of str
        Code meanings of PS3.16 CID 7050: the profile and its options.
    rows : tuple of ReportRow
        In tag order; elements without a row are as they were.
    dropped : tuple of str
        Parts of the image beside its metadata that were left out or changed.
    pixels : tuple of str
        What the pixels may still show. Nothing is said about them but what the metadata suggest;
        an empty list is no promise.
    """

    profile: tuple[str, ...]
    rows: tuple[ReportRow, ...]
    dropped: tuple[str, ...]
    pixels: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Number of elements for each action, the most frequent first."""
        actions = [row.action for row in self.rows]
        return {name: actions.count(name) for name in sorted(set(actions), key=actions.count)[::-1]}

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def to_csv(self) -> str:
        """The rows alone as comma-separated text, with a header line."""
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in self.rows)
        return text.getvalue()
