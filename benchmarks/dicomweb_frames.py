"""How fast a served library gives its frames: as they are stored, decoded, and encoded anew.

    python benchmarks/dicomweb_frames.py ct.dcbs

One client asks for one frame after the other over loopback, so most of the time of small frames is
that of HTTP. Rounds are interleaved; the table has the best of each.
"""

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import imagecodecs
import numpy as np

from dicube.core.instances import CubeInstances
from dicube.library import CubeLibrary
from dicube.web.dicomweb import dicomweb_app
from dicube.web.security import SecuritySettings
from dicube.web.server import listening_socket, web_server

ROUNDS = 5
MOST_FRAMES = 100


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    settings = SecuritySettings("127.0.0.1", 0)
    with listening_socket(settings) as listening:
        server = web_server(dicomweb_app(CubeLibrary(folder), settings), settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/dicomweb"
        finally:
            server.should_exit = True
            thread.join()


def check(cube: CubeInstances) -> None:
    """A wrong answer has no speed."""
    stream = bytes(cube.codestreams(0, [0])[0])
    decoded = imagecodecs.htj2k_decode(stream, planar=False)
    np.testing.assert_array_equal(decoded, cube.values(0, [0])[0])


def main(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # A library follows no link that leads out of it, so the file itself is put there.
        (Path(folder) / path.name).write_bytes(path.read_bytes())
        (entry,) = CubeLibrary(Path(folder)).entries
        with (
            CubeInstances(entry.path) as cube,
            serving(Path(folder)) as url,
            httpx.Client() as http,
        ):
            places = [
                (number, frame)
                for number in range(len(cube))
                for frame in range(cube.frame_count(number))
            ][:MOST_FRAMES]
            base = f"{url}/studies/{entry.study_uid}/series/{entry.series_uid}/instances"

            def over_http(accept: str) -> Callable[[], None]:
                def run() -> None:
                    for number, frame in places:
                        address = f"{base}/{cube.uids[number]}/frames/{frame + 1}"
                        http.get(address, headers={"Accept": accept}).raise_for_status()

                return run

            def in_process(make: Callable[[int, int], object]) -> Callable[[], None]:
                def run() -> None:
                    for number, frame in places:
                        make(number, frame)

                return run

            def recode(number: int, frame: int) -> None:
                imagecodecs.htj2k_encode(cube.values(number, [frame])[0])

            check(cube)
            jobs = {
                "HTTP, as stored (image/jphc)": over_http("image/jphc"),
                "HTTP, decoded (octet-stream)": over_http("application/octet-stream"),
                "HTTP, encoded as JPEG-LS": over_http("image/jls"),
                "in the process, as stored": in_process(lambda n, f: cube.codestreams(n, [f])),
                "in the process, decoded and encoded as HTJ2K": in_process(recode),
            }
            times: dict[str, list[float]] = {name: [] for name in jobs}
            for _ in range(ROUNDS):
                for name, job in jobs.items():
                    start = time.perf_counter()
                    job()
                    times[name].append(time.perf_counter() - start)
    print(f"{path.name}: {len(places)} frames, {entry.shape}, {entry.dtype}")
    for name, found in times.items():
        best, middle = len(places) / min(found), len(places) / statistics.median(found)
        print(f"{name:<46}{best:>9.0f} frames/s (median {middle:.0f})")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
