"""What there was before `dicube archive`: a loop over the folders of a tree with dicube 0.3.0.

    .venv-published/bin/python benchmarks/archive_published.py TREE OUT

Prints, as JSON, for each folder how many frames came in, or why none did. It uses no module of
this project, because the published package has the same import name.
"""

import contextlib
import io
import json
import os
import sys
import warnings
from pathlib import Path

import dicube


def main() -> None:
    if not Path(dicube.__file__).is_relative_to(sys.prefix):
        raise SystemExit(f"{dicube.__file__} is not the published package")
    warnings.simplefilter("ignore")
    tree, out = Path(sys.argv[1]), Path(sys.argv[2])
    kept, failed = {}, {}
    folders = sorted(Path(folder) for folder, _, names in os.walk(tree) if names)
    for number, folder in enumerate(folders):
        name = folder.relative_to(tree).as_posix()
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints what it thinks of a series
                image = dicube.load_from_dicom_folder(str(folder))
                dicube.save(image, str(out / f"{number:06d}.dcbs"))
            kept[name] = len(image.raw_image)
        # Such a loop goes on after whatever a series raises.
        except Exception as error:  # noqa: BLE001
            failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    json.dump({"kept": kept, "failed": failed}, sys.stdout)


if __name__ == "__main__":
    main()
