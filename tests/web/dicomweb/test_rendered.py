"""Rendered frames: pictures with the shades that the window says."""

import io

import numpy as np
import pydicom
import pytest

from tests.web.dicomweb.conftest import Served
from tests.web.servers import HTTP

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: extra preview")


def picture(served: Served, name: str, query: str = "", accept: str = "image/png", frame: int = 0):
    study, series = served.uids(name)
    uid = f"{series}.1"
    frames = f"/frames/{frame}" if frame else ""
    url = f"{served.url}/studies/{study}/series/{series}/instances/{uid}{frames}/rendered{query}"
    return HTTP.get(url, headers={"Accept": accept})


def test_a_window_makes_the_shades(served: Served):
    answer = picture(served, "ct", "?window=0,1000,linear-exact")
    shades = np.asarray(Image.open(io.BytesIO(answer.content)))
    source = pydicom.dcmread(served.sources["ct"]["1.2.3.9.1.1"])
    values = source.pixel_array.astype(float) - 24
    expected = ((values + 500) / 1000 * 255).clip(0, 255).round()
    np.testing.assert_array_equal(shades, expected)


def test_a_frame_of_many_is_rendered_by_its_number(served: Served):
    pictures = {picture(served, "multi", frame=n).content for n in (1, 2, 5)}
    assert len(pictures) == 3
    assert picture(served, "multi").content == picture(served, "multi", frame=1).content


def test_colours_are_shown_as_they_are(served: Served):
    shades = np.asarray(Image.open(io.BytesIO(picture(served, "colour").content)))
    source = pydicom.dcmread(served.sources["colour"]["1.2.3.9.4.1"])
    np.testing.assert_array_equal(shades, source.pixel_array)


def test_a_viewport_makes_it_smaller(served: Served):
    answer = picture(served, "ct", "?viewport=10,10", accept="image/jpeg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(answer.content)).size) == 10


@pytest.mark.parametrize(
    "query", ["?window=1", "?window=a,b", "?window=1,0", "?window=nan,1", "?viewport=0,5",
              "?viewport=99999999,5", "?quality=0", "?quality=x"]
)  # fmt: skip
def test_wishes_that_make_no_sense_are_refused(served: Served, query: str):
    assert picture(served, "ct", query).status_code == 400


def test_a_picture_of_another_kind_is_refused(served: Served):
    answer = picture(served, "ct", accept="image/gif")
    assert (answer.status_code, answer.text) == (
        406, "pictures can be had as image/jpeg and image/png\n",
    )  # fmt: skip
