"""The body, told from the air around it."""

import numpy as np
import pytest

from dicube import DicomCubeImage, PixelDataHeader


def disc(shape: tuple[int, int], centre: tuple[int, int], radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


BODY = disc((128, 128), (64, 64), 40)
LUNGS = disc((128, 128), (64, 50), 10) | disc((128, 128), (64, 78), 10)


def phantom(air: float, body: float, lungs: float, noise: float, seed: int = 4) -> np.ndarray:
    """(3, 128, 128) float64: a body with lungs in air."""
    plain = np.where(LUNGS, lungs, np.where(BODY, body, air))
    return plain + np.random.default_rng(seed).normal(0, noise, (3, 128, 128))


def image_of(values: np.ndarray, modality: str, **rescale: float) -> DicomCubeImage:
    stored = values.round().astype(np.int16)
    image = DicomCubeImage(stored, PixelDataHeader(OriginalPixelDtype="int16", **rescale))
    image.init_meta(modality)
    return image


@pytest.mark.parametrize(
    ("modality", "values", "rescale"),
    [
        ("CT", phantom(-1000, 40, -800, 15), {}),
        ("CT", phantom(-1000, 40, -800, 15) + 1024, {"RescaleIntercept": -1024.0}),
        ("MR", phantom(8, 300, 60, 6).clip(0), {}),
        ("PT", phantom(0, 5000, 700, 30).clip(0), {}),
    ],
    ids=["CT", "CT with intercept", "MR", "PT"],
)
def test_body_is_found_with_its_holes_and_a_margin(modality, values, rescale):
    mask = image_of(values, modality, **rescale).find_body()
    assert mask.shape == (3, 128, 128)
    assert mask.dtype == bool
    assert mask[:, BODY].all()
    # A square that is widened by 4 and smoothed before reaches 4 + 2 pixels further at most.
    assert not mask[:, ~disc((128, 128), (64, 64), 40 + 6 * 2**0.5)].any()


def test_lung_that_the_field_of_view_cuts_belongs_to_the_body():
    values = phantom(-1000, 40, -800, 15)
    values[:, :, :50] = -2000  # padding up to the middle of a lung
    mask = image_of(values, "CT").find_body()
    assert mask[:, BODY & (np.arange(128) >= 50)].all()
    assert not mask[:, :, :40].any()


def test_small_things_in_the_air_are_left_out_and_limbs_are_not():
    values = phantom(-1000, 40, -800, 15)
    values[:, 5:12, 5:12] = 40
    limb = disc((128, 128), (110, 15), 12)
    values[:, limb] = 40
    mask = image_of(values, "CT").find_body()
    assert not mask[:, :16, :16].any()
    assert mask[:, limb].all()


def test_inverted_images_have_dark_bodies():
    image = image_of(1000 - phantom(8, 300, 60, 6).clip(0), "DX")
    assert image.dicom_meta is not None
    image.dicom_meta.set_shared_item("PhotometricInterpretation", "MONOCHROME1")
    mask = image.find_body()
    assert mask[:, BODY].all()
    assert mask.mean() < 0.5


def test_volumes_of_a_4d_image_are_treated_one_by_one():
    values = np.stack([phantom(8, 300, 60, 6), np.roll(phantom(8, 300, 60, 6), 20, axis=2)])
    mask = image_of(values.clip(0), "MR").find_body()
    assert mask.shape == (2, 3, 128, 128)
    assert mask[0, 1, 64, 26]
    assert not mask[1, 1, 64, 26]


def test_colour_counts_by_its_brightest_sample():
    values = np.zeros((1, 128, 128, 3))
    values[0, BODY, 2] = 200
    mask = image_of(values, "US").find_body()
    assert mask.shape == (1, 128, 128)
    assert mask[0, BODY].all()


def test_without_metadata_and_with_a_rescale_for_each_frame():
    image = image_of(phantom(8, 300, 60, 6).clip(0), "MR")
    bare = DicomCubeImage(image.raw_image, image.pixel_header)
    np.testing.assert_array_equal(bare.find_body(), image.find_body())


@pytest.mark.parametrize("value", [0, 7, -5])
def test_nothing_is_found_where_everything_is_equal(value):
    image = image_of(np.full((2, 40, 40), value), "MR")
    assert not image.find_body().any()


def test_tiny_frames_are_no_trouble():
    for shape in ((1, 1, 1), (2, 1, 9), (1, 3, 2)):
        values = np.arange(np.prod(shape)).reshape(shape) * 100
        assert image_of(values, "CT").find_body().shape == shape
        assert image_of(values, "MR").find_body().shape == shape
