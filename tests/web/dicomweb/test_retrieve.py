"""WADO-RS instances and frames: byte-identical files, stored codestreams, decoded values."""

import io
import re
from pathlib import Path

import httpx
import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.uid import UID

import dicube
from dicube.core.instances import CubeInstances
from tests.series import requires_data
from tests.web.dicomweb.conftest import Served
from tests.web.servers import HTTP

EXPLICIT = "1.2.840.10008.1.2.1"
HTJ2K = "1.2.840.10008.1.2.4.201"
DEFLATED = "1.2.840.10008.1.2.1.99"
RPCL = "1.2.840.10008.1.2.4.202"
STORED = (("application/dicom", "*"),)


def parts(answer: httpx.Response) -> list[tuple[str, str, bytes]]:
    """Type, location and body of the parts of an answer."""
    assert answer.status_code == 200, answer.text
    boundary = re.search(r"boundary=([\w-]+)", answer.headers["content-type"])
    assert boundary is not None
    pieces = answer.content.split(f"--{boundary.group(1)}".encode())
    assert (pieces[0], pieces[-1]) == (b"", b"--\r\n")
    found = []
    for piece in pieces[1:-1]:
        head, _, body = piece.partition(b"\r\n\r\n")
        fields = dict(re.findall(r"([\w-]+): ([^\r\n]+)", head.decode()))
        assert int(fields["Content-Length"]) == len(body) - 2
        found.append((fields["Content-Type"], fields["Content-Location"], body[:-2]))
    return found


def cube_path(served: Served, name: str) -> Path:
    return next(e.path for e in served.library.entries if Path(e.relative_path).stem == name)


def instance_url(served: Served, name: str, uid: str) -> str:
    study, series = served.uids(name)
    return f"{served.url}/studies/{study}/series/{series}/instances/{uid}"


def series_files(served: Served, name: str, syntax: str) -> dict[str, bytes]:
    study, series = served.uids(name)
    answer = HTTP.get(
        f"{served.url}/studies/{study}/series/{series}",
        headers={
            "Accept": f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
        },
    )
    files = [body for _, _, body in parts(answer)]
    return {str(pydicom.dcmread(io.BytesIO(data)).SOPInstanceUID): data for data in files}


def test_files_in_the_transfer_syntax_of_their_source_are_the_source_files(
    served: Served, name: str
):
    compared = 0
    with CubeInstances(cube_path(served, name)) as cube:
        syntaxes = {uid: cube.source_syntax(number) for number, uid in enumerate(cube.uids)}
    if len(set(syntaxes.values())) == 1 and None not in syntaxes.values():
        files = series_files(served, name, syntaxes.popitem()[1] or "")
        assert files == {uid: p.read_bytes() for uid, p in served.sources[name].items()}
        return
    for syntax in {syntax for syntax in syntaxes.values() if syntax}:
        for uid, own in syntaxes.items():
            if own != syntax:
                continue
            accept = f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
            answer = HTTP.get(instance_url(served, name, uid), headers={"Accept": accept})
            ((content_type, location, body),) = parts(answer)
            assert body == served.sources[name][uid].read_bytes()
            assert content_type == f"application/dicom; transfer-syntax={syntax}"
            assert location == instance_url(served, name, uid)
            compared += 1
    uncompressed = [
        path
        for path in served.sources[name].values()
        if not UID(_syntax(path)).is_encapsulated and _syntax(path) != DEFLATED
    ]
    assert compared == len(uncompressed)


def _syntax(path: Path) -> str:
    meta = pydicom.dcmread(path, stop_before_pixels=True, force=True).file_meta
    return str(meta.get("TransferSyntaxUID", EXPLICIT))


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("syntax", [EXPLICIT, RPCL, "*"])
def test_files_of_a_series_decode_to_the_stored_values(served: Served, name: str, syntax: str):
    image = dicube.load(cube_path(served, name))
    with CubeInstances(cube_path(served, name)) as cube:
        possible = set.intersection(*(set(cube.writable_syntaxes(n)) for n in range(len(cube))))
        if syntax not in (*possible, "*"):
            pytest.skip("such pixels have no place in this transfer syntax")
        uids, stored = cube.uids, [cube.stored_syntaxes(n) for n in range(len(cube))]
        values = {
            uid: cube.values(number, range(cube.frame_count(number)))
            for number, uid in enumerate(uids)
        }
    assert sum(len(v) for v in values.values()) == np.prod([a.size for a in image.axes])
    files = series_files(served, name, syntax)
    assert set(files) == set(uids)
    for uid, own in zip(uids, stored, strict=True):
        dataset = pydicom.dcmread(io.BytesIO(files[uid]))
        if own and syntax == "*":
            assert dataset.file_meta.TransferSyntaxUID == HTJ2K
        elif syntax != "*":
            assert dataset.file_meta.TransferSyntaxUID == syntax
        for number, expected in enumerate(values[uid]):
            np.testing.assert_array_equal(decoded(dataset, number), expected)


def decoded(dataset: pydicom.Dataset, number: int) -> np.ndarray:
    """The stored values of a frame: by imagecodecs from a codestream, else by pydicom."""
    if dataset.file_meta.TransferSyntaxUID in (HTJ2K, RPCL):
        frames = pydicom.encaps.generate_frames(
            dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames", 1))
        )
        codestream = next(frame for n, frame in enumerate(frames) if n == number)
        return np.asarray(imagecodecs.htj2k_decode(codestream, planar=False))
    frame = pydicom.pixels.pixel_array(dataset, index=number, raw=True)
    unused = dataset.get("BitsAllocated", 0) - dataset.get("HighBit", 0) - 1
    if not unused or frame.dtype.kind == "f" or dataset.BitsAllocated == 1:
        return frame
    return (frame << unused) >> (unused + dataset.HighBit + 1 - dataset.BitsStored)


def test_frames_are_given_as_they_are_stored(served: Served, name: str):
    with CubeInstances(cube_path(served, name)) as cube:
        stored, uid = cube.stored_syntaxes(0), cube.uids[0]
        frames = range(min(cube.frame_count(0), 20))
        codestreams = [bytes(stream) for stream in cube.codestreams(0, frames)]
        values = cube.values(0, frames)
    if not stored:
        pytest.skip("such pixels are no HTJ2K")
    listed = ",".join(str(number + 1) for number in frames)
    url = f"{instance_url(served, name, uid)}/frames/{listed}"
    for accept, content_type in (
        ('multipart/related; type="image/jphc"', f"image/jphc; transfer-syntax={HTJ2K}"),
        (
            'multipart/related; type="application/octet-stream"; transfer-syntax=*',
            f"application/octet-stream; transfer-syntax={HTJ2K}",
        ),
        (
            f"multipart/related; type=image/jphc; transfer-syntax={RPCL}",
            f"image/jphc; transfer-syntax={RPCL}",
        ),
    ):
        found = parts(HTTP.get(url, headers={"Accept": accept}))
        assert [body for _, _, body in found] == codestreams
        assert {kind for kind, _, _ in found} == {content_type}
    for codestream, expected in zip(codestreams, values, strict=True):
        np.testing.assert_array_equal(imagecodecs.htj2k_decode(codestream, planar=False), expected)


def test_frames_come_uncompressed_where_a_client_does_not_say(served: Served, name: str):
    client = served.client()
    study, series = served.uids(name)
    with CubeInstances(cube_path(served, name)) as cube:
        number = len(cube) - 1
        uid, count = cube.uids[number], min(cube.frame_count(number), 9)
        expected = [cube.native(number, [frame]) for frame in range(count)]
    numbers = list(range(1, count + 1))
    found = client.retrieve_instance_frames(study, series, uid, numbers)
    assert found == expected
    source = pydicom.dcmread(served.sources[name][uid], force=True)
    syntax = UID(_syntax(served.sources[name][uid]))
    if not syntax.is_compressed and syntax.is_little_endian and source.get("BitsStored") == 16:
        size = len(expected[0])
        assert found == [source.PixelData[n * size : (n + 1) * size] for n in range(count)]


def test_frames_are_listed_in_any_order(served: Served):
    client = served.client()
    study, series = served.uids("multi")
    uid = f"{series}.2"
    source = pydicom.dcmread(served.sources["multi"][uid])
    found = client.retrieve_instance_frames(study, series, uid, [5, 1])
    assert found == [source.PixelData[4 * 960 :], source.PixelData[:960]]


@pytest.mark.parametrize("media_type", ["image/jls", "image/jp2", "image/dicom-rle"])
def test_other_codecs_encode_on_demand(served: Served, media_type: str):
    _, series = served.uids("ct")
    uid = f"{series}.3"
    url = f"{instance_url(served, 'ct', uid)}/frames/1"
    answer = HTTP.get(url, headers={"Accept": f'multipart/related; type="{media_type}"'})
    ((content_type, _, body),) = parts(answer)
    syntax = content_type.partition("transfer-syntax=")[2]
    source = pydicom.dcmread(served.sources["ct"][uid])
    expected = source.pixel_array
    source.file_meta.TransferSyntaxUID = UID(syntax)
    source.PixelData = pydicom.encaps.encapsulate([body])
    source["PixelData"].VR = "OB"
    source["PixelData"].is_undefined_length = True
    np.testing.assert_array_equal(source.pixel_array, expected)


def test_one_frame_alone_is_no_multipart_where_its_type_is_asked_for(served: Served):
    _, series = served.uids("multi")
    url = f"{instance_url(served, 'multi', series + '.1')}/frames/2"
    answer = HTTP.get(url, headers={"Accept": "image/jphc"})
    assert answer.headers["content-type"] == f"image/jphc; transfer-syntax={HTJ2K}"
    assert int(answer.headers["content-length"]) == len(answer.content)
    source = pydicom.dcmread(served.sources["multi"][f"{series}.1"])
    np.testing.assert_array_equal(
        imagecodecs.htj2k_decode(answer.content, planar=False), source.pixel_array[1]
    )


def test_a_file_alone_is_no_multipart_where_its_type_is_asked_for(served: Served):
    _, series = served.uids("ct")
    url = instance_url(served, "ct", f"{series}.1")
    answer = HTTP.get(url, headers={"Accept": "application/dicom"})
    assert answer.headers["content-type"] == f"application/dicom; transfer-syntax={EXPLICIT}"
    assert answer.content == served.sources["ct"][f"{series}.1"].read_bytes()


def test_a_client_that_has_a_frame_is_told_so(served: Served):
    _, series = served.uids("ct")
    url = f"{instance_url(served, 'ct', series + '.1')}/frames/1"
    first = HTTP.get(url, headers={"Accept": "image/jphc"})
    tag = first.headers["etag"]
    again = HTTP.get(url, headers={"Accept": "image/jphc", "If-None-Match": f'"x", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    other = HTTP.get(url, headers={"Accept": "application/octet-stream", "If-None-Match": tag})
    assert other.status_code == 200
    assert first.headers["cache-control"] == "private, no-cache"


def test_a_study_is_given_whole(served: Served):
    study, _ = served.uids("ct")
    found = served.client().retrieve_study(study, media_types=STORED)
    expected = {*served.sources["ct"], *served.sources["multi"]}
    assert {str(dataset.SOPInstanceUID) for dataset in found} == expected


@pytest.mark.parametrize(
    "accept",
    [
        "multipart/related; type=image/gif",
        "image/jxl",  # of signed values there is none
        "multipart/related; type=application/octet-stream; transfer-syntax=1.2.3",
        "application/octet-stream;q=0",
    ],
)
def test_frames_in_no_form_that_there_is_are_refused_in_plain_words(served: Served, accept: str):
    _, series = served.uids("ct")
    url = f"{instance_url(served, 'ct', series + '.1')}/frames/1"
    answer = HTTP.get(url, headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.text == (
        "these frames can be had as application/octet-stream, image/jphc, image/jp2, image/jls,"
        " image/dicom-rle\n"
    )


@requires_data
@pytest.mark.parametrize("name", ["seg_24x38x3", "paramap_float32"])
def test_bits_and_floats_are_never_compressed(served: Served, name: str):
    (uid, *_) = served.sources[name]
    answer = HTTP.get(
        instance_url(served, name, uid),
        headers={"Accept": f"application/dicom; transfer-syntax={HTJ2K}"},
    )
    assert answer.status_code == 406
    assert EXPLICIT in answer.text
    answer = HTTP.get(instance_url(served, name, uid), headers={"Accept": "application/dicom"})
    assert answer.content == served.sources[name][uid].read_bytes()


def test_transfer_syntax_star_takes_what_needs_no_work(served: Served):
    dataset = served.client().retrieve_series(*served.uids("ct"), media_types=STORED)[0]
    assert dataset.file_meta.TransferSyntaxUID == HTJ2K
