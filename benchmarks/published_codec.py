"""The process in which `htj2k_peers` asks the codec of dicube 0.3.0.

A request is a line [operation, threads]; the reply a line with a number, that of encoded bytes.
Frames come from frames.npy in the current folder and go to decoded.npy.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dicube.codecs.jph import JphCodec


def main() -> None:
    codec = JphCodec()
    frames = decoded = np.empty(0)
    encoded: list[bytes] = []
    for line in sys.stdin:
        operation, threads = json.loads(line)
        mapped = map if threads == 1 else ThreadPoolExecutor(threads).map
        if operation == "load":
            frames = np.load("frames.npy")
        elif operation == "encode":
            encoded = list(mapped(codec.encode, frames))
        elif operation == "decode":
            decoded = np.empty_like(frames)
            # As its own loader does: each frame comes in an array of its own and is copied.
            for place, frame in zip(decoded, mapped(codec.decode, encoded), strict=True):
                place[...] = frame
        elif operation == "save":
            np.save("decoded.npy", decoded)
        print(sum(map(len, encoded)), flush=True)


if __name__ == "__main__":
    main()
