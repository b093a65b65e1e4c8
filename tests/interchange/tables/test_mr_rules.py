"""Rules for MR on what the test data have no example of; each header is one that scanners write."""

from typing import Any

import pytest

from tests.interchange.tables.mr_rows import cleaned, features, instance

pytest.importorskip("pandas", reason="pandas is not installed (extra tables)")

SE = {"ScanningSequence": "SE", "SequenceVariant": "SK", "EchoTrainLength": 15}
GRE = {"ScanningSequence": "GR", "SequenceVariant": "SP", "MRAcquisitionType": "3D"}


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("t1_tse_tra", "T1"), ("T1W_TSE", "T1"), ("Ax T1 FSE", "T1"), ("t1_mprage_sag_p2", "T1"),
        ("T2_TSE_COR", "T2"), ("t2_haste_cor_mbh", "T2"), ("HASTE cor", "T2"),
        ("pd_tse_fs_sag", "PD"), ("PDW_SPAIR", "PD"), ("Sag PD FS", "PD"),
        ("Ax T2 FLAIR", "FLAIR"), ("t2_tirm_tra_dark-fluid", "FLAIR"), ("T1 FLAIR Sag", "T1"),
        ("STIR cor", "STIR"), ("t2_tirm_cor", "STIR"), ("Sag STIR", "STIR"),
        ("ep2d_diff_3scan_trace_p2", "DWI"), ("DWI b=1000", "DWI"), ("dADC (10^-6 mm2/s)", "ADC"),
        ("ep2d_diff_ADC", "ADC"), ("DTI FA map", "DTI_MAP"), ("Fractional Aniso.", "DTI_MAP"),
        ("SWI_Images", "SWI"), ("Ax SWAN", "SWI"), ("t2*_gre_tra", "T2STAR"),
        ("Ax T2* GRE", "T2STAR"),
        ("t2_fl2d_tra_hemo", "T2STAR"), ("TOF_3D_multi-slab", "MRA"), ("3D PC venography", "MRA"),
        ("CE-MRA carotids", "MRA"), ("MRCP 3D", "MRCP"), ("localizer", "LOCALIZER"),
        ("3-plane Loc", "LOCALIZER"), ("Survey", "LOCALIZER"), ("rsfMRI_bold", "BOLD"),
        ("task-nback_bold", "BOLD"), ("ep2d_perf_DSC", "PERFUSION"), ("3D ASL", "PERFUSION"),
        ("gre_field_mapping", "FIELD_MAP"), ("B0 map", "FIELD_MAP"),
        ("T1 mapping MOLLI", "RELAXATION_MAP"),
        ("T2 Map", "RELAXATION_MAP"), ("svs_se_30", "SPECTROSCOPY"), ("cine sax", "CINE"),
        ("PSIR late enh", "LGE"), ("Calibration Scan", "CALIBRATION"),
        # Chinese, also without blanks
        ("轴位T1加权", "T1"), ("矢状位T2压脂", "T2"), ("冠状位质子压脂", "PD"),
        ("弥散加权成像", "DWI"),
        ("液体衰减反转恢复", "FLAIR"), ("磁敏感加权", "SWI"), ("定位像", "LOCALIZER"),
        ("灌注成像", "PERFUSION"),
        ("头颅血管成像", "MRA"), ("胰胆管水成像", "MRCP"), ("T2水抑制", "FLAIR"),
        # German
        ("Übersicht", "LOCALIZER"), ("T2 gewichtet sagittal", "T2"), ("Protonendichte FS", "PD"),
        ("T1 tra nach KM", "T1"), ("Feldkarte", "FIELD_MAP"), ("T2 Stern", "T2STAR"),
        ("Gallenwege 3D", "MRCP"), ("Phasenkontrast Angio", "MRA"),
        # Full-width letters
        ("\uff34\uff12\uff34\uff33\uff25", "T2"),
        # Nothing that tells
        ("Series 5", "unknown"), ("brain routine", "unknown"), ("", "unknown"),
    ],
)  # fmt: skip
def test_names_tell_the_class(description: str, expected: str) -> None:
    row = features(SeriesDescription=description or None)
    assert (row["sequenceClass"], bool(row["sequenceClassRule"])) == (
        expected,
        expected != "unknown",
    )


def test_the_protocol_is_asked_where_the_description_is_silent() -> None:
    row = features(SeriesDescription="<MIP Range>", ProtocolName="TOF_3D")
    assert (row["sequenceClass"], row["sequenceSubtype"]) == ("MRA", "TOF")
    row = features(SeriesDescription="t2_tse", ProtocolName="t1_tse")
    assert row["sequenceClass"] == "T2"


@pytest.mark.parametrize(
    ("tesla", "tr", "te", "ti", "expected"),
    [
        (1.5, 500, 12, None, "T1"), (3, 700, 10, None, "T1"), (0.35, 450, 18, None, "T1"),
        (7, 1200, 10, None, "T1"), (1.5, 1200, 12, None, "unknown"), (3, 1000, 12, None, "T1"),
        (1.5, 4000, 100, None, "T2"), (3, 5000, 85, None, "T2"), (0.35, 3500, 117, None, "T2"),
        (7, 6000, 55, None, "T2"), (1.5, 3000, 30, None, "PD"), (3, 3000, 35, None, "PD"),
        (1.5, 4000, 50, 160, "STIR"), (3, 5000, 40, 220, "STIR"), (0.35, 3000, 30, 100, "STIR"),
        (7, 6000, 30, 300, "STIR"), (1.5, 9000, 110, 2500, "FLAIR"), (3, 9000, 90, 2500, "FLAIR"),
        (0.35, 7000, 110, 1800, "FLAIR"), (3, 2000, 10, 860, "T1"),
        (None, 500, 12, None, "T1"), (None, 1500, 12, None, "unknown"),
        (None, 4000, 100, None, "T2"), (1.5, None, 100, None, "unknown"),
    ],
)  # fmt: skip
def test_spin_echoes_are_told_by_timing_at_their_field_strength(
    tesla: float, tr: float, te: float, ti: float, expected: str
) -> None:
    row = features(
        **SE, MagneticFieldStrength=tesla, RepetitionTime=tr, EchoTime=te, InversionTime=ti
    )
    assert row["sequenceClass"] == expected
    assert row["sequenceFamily"] == "TSE"


@pytest.mark.parametrize(
    ("tesla", "values", "expected"),
    [
        (1.5, {"RepetitionTime": 4.2, "EchoTime": 2.0, "FlipAngle": 12}, "T1"),
        (3, {"RepetitionTime": 2300, "EchoTime": 2.9, "InversionTime": 900, "FlipAngle": 9}, "T1"),
        (1.5, {"RepetitionTime": 700, "EchoTime": 25, "FlipAngle": 20}, "T2STAR"),
        (3, {"RepetitionTime": 650, "EchoTime": 20, "FlipAngle": 20}, "T2STAR"),
        (1.5, {"RepetitionTime": 600, "EchoTime": 10, "FlipAngle": 3}, "unknown"),
    ],
)
def test_gradient_echoes_are_told_by_timing(
    tesla: float, values: dict[str, float], expected: str
) -> None:
    row = features(**GRE, MagneticFieldStrength=tesla, **values)
    assert (row["sequenceClass"], row["sequenceFamily"]) == (expected, "GRE")


@pytest.mark.parametrize(
    ("strength", "expected", "tesla"),
    [(0.35, "low", 0.35), (0.2, "low", 0.2), (1.0, "1.5T", 1.0), (1.494, "1.5T", 1.494),
     (15000, "1.5T", 1.5), (2.89, "3T", 2.89), (30000, "3T", 3.0), (6.98, "7T", 6.98),
     (0, "unknown", None), (None, "unknown", None)],
)  # fmt: skip
def test_field_strength_is_in_tesla_or_in_gauss(
    strength: float | None, expected: str, tesla: float | None
) -> None:
    row = features(MagneticFieldStrength=strength)
    assert row["fieldStrengthClass"] == expected
    if tesla is not None:
        assert row["fieldStrength"] == pytest.approx(tesla)


def test_the_frequency_of_protons_tells_the_field_strength_and_that_of_others_does_not() -> None:
    proton = features(MagneticFieldStrength=None, ImagingFrequency=123.2, ImagedNucleus="1H")
    phosphorus = features(MagneticFieldStrength=None, ImagingFrequency=49.9, ImagedNucleus="31P")
    assert proton["fieldStrengthClass"] == "3T"
    assert "mhz_per_tesla" in proton["fieldStrengthClassRule"]
    assert phosphorus["fieldStrengthClass"] == "unknown"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"ScanOptions": "FS"}, "yes"), ({"ScanOptions": "PFP\\FS"}, "yes"),
        ({"SeriesDescription": "t2_tse_fs_tra"}, "yes"), ({"SeriesDescription": "PDW SPAIR"},
        "yes"),
        ({"SeriesDescription": "轴位T2压脂"}, "yes"), ({"SeriesDescription": "T1 fettgesättigt"},
        "yes"),
        ({"SeriesDescription": "STIR sag"}, "yes"), ({"SeriesDescription": "T2不压脂"}, "no"),
        ({"SeriesDescription": "T1 ohne FS"}, "no"), ({"SeriesDescription": "t1 non-fs"}, "no"),
        ({"SpectrallySelectedSuppression": "FAT"}, "yes"),
        ({"SpectrallySelectedSuppression": "NONE"}, "no"),
        ({"SpectrallySelectedExcitation": "WATER"}, "yes"), ({"PhilipsSPIR": "Y"}, "yes"),
        ({"Manufacturer": "SIEMENS", "ScanOptions": "PFP"}, "no"),
        ({"Manufacturer": "SIEMENS", "SequenceName": "*tse2d1_15"}, "no"),
        ({"Manufacturer": "Philips", "ScanOptions": "PFP"}, "unknown"),
        ({"SeriesDescription": "t1_vibe_dixon_tra_W"}, "yes"),
        ({"SeriesDescription": "t1_vibe_dixon_tra_in"}, "no"), ({}, "unknown"),
    ],
)  # fmt: skip
def test_fat_suppression(values: dict[str, Any], expected: str) -> None:
    assert features(**values)["isFatSuppressed"] == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"SeriesDescription": "t1_vibe_dixon_tra_W"}, "water"),
        ({"SeriesDescription": "t1_vibe_dixon_tra_F"}, "fat"),
        ({"SeriesDescription": "t1_vibe_dixon_cor_bh_in"}, "in-phase"),
        ({"SeriesDescription": "t1_vibe_dixon_cor_bh_opp"}, "opposed-phase"),
        ({"SeriesDescription": "WATER: Ax LAVA-Flex"}, "water"),
        ({"SeriesDescription": "FAT: Ax LAVA-Flex"}, "fat"),
        ({"SeriesDescription": "InPhase: Ax LAVA-Flex"}, "in-phase"),
        ({"SeriesDescription": "OutPhase: Ax LAVA-Flex"}, "opposed-phase"),
        ({"SeriesDescription": "同相位"}, "in-phase"), ({"SeriesDescription": "反相位"},
        "opposed-phase"),
        ({"ImageType": "DERIVED\\PRIMARY\\W\\W\\DERIVED"}, "water"),
        ({"ImageType": "DERIVED\\PRIMARY\\DIXON\\WATER"}, "water"),
        ({"SeriesDescription": "t2 fat sat"}, "none"), ({"SeriesDescription": "t1 tse"}, "none"),
    ],
)  # fmt: skip
def test_dixon_components(values: dict[str, str], expected: str) -> None:
    assert features(**values)["dixonComponent"] == expected


@pytest.mark.parametrize(
    ("cosines", "standard", "plane", "angle"),
    [
        ("1\\0\\0\\0\\1\\0", "axial", "axial", 0), ("0\\1\\0\\0\\0\\-1", "sagittal", "sagittal", 0),
        ("1\\0\\0\\0\\0\\-1", "coronal", "coronal", 0),
        ("1\\0\\0\\0\\0.9063\\-0.4226", "axial", "axial", 25.0),
        ("1\\0\\0\\0\\0.766\\-0.6428", "oblique", "axial", 40.0),
        ("1\\0\\0\\0\\0.6428\\-0.766", "oblique", "coronal", 40.0),
        ("1\\0\\0\\0\\0\\0", "unknown", "unknown", None), ("1\\0\\0", "unknown", "unknown", None),
        ("1\\0\\0\\0\\x\\0", "unknown", "unknown", None), (None, "unknown", "unknown", None),
    ],
)  # fmt: skip
def test_orientation(cosines: str | None, standard: str, plane: str, angle: float | None) -> None:
    row = features(ImageOrientationPatient=cosines)
    assert (row["standardOrientation"], row["plane"]) == (standard, plane)
    if angle is not None:
        assert row["obliqueAngle"] == pytest.approx(angle, abs=0.05)


@pytest.mark.parametrize(
    ("values", "phase", "enhanced"),
    [
        ({"SeriesDescription": "t1_vibe_fs_tra_pre"}, "pre", "no"),
        ({"SeriesDescription": "T1 nativ"}, "pre", "no"), ({"SeriesDescription": "T1平扫"},
        "pre", "no"),
        ({"SeriesDescription": "T1 ohne KM"}, "pre", "no"),
        ({"SeriesDescription": "T1 arterial"}, "arterial", "yes"),
        ({"SeriesDescription": "T1 arteriell"}, "arterial", "yes"),
        ({"SeriesDescription": "动脉期T1"}, "arterial", "yes"),
        ({"SeriesDescription": "LAVA portal venous"}, "portal venous", "yes"),
        ({"SeriesDescription": "T1 portalvenös"}, "portal venous", "yes"),
        ({"SeriesDescription": "门脉期T1"}, "portal venous", "yes"),
        ({"SeriesDescription": "T1 delayed 5min"}, "delayed", "yes"),
        ({"SeriesDescription": "T1延迟期"}, "delayed", "yes"),
        ({"SeriesDescription": "t1_vibe_20min"}, "hepatobiliary", "yes"),
        ({"SeriesDescription": "T1肝胆期"}, "hepatobiliary", "yes"),
        ({"SeriesDescription": "Ax T1 +C"}, "post", "yes"), ({"SeriesDescription": "T1 C+"},
        "post", "yes"),
        ({"SeriesDescription": "T1 tra nach KM"}, "post", "yes"),
        ({"SeriesDescription": "T1增强"}, "post", "yes"),
        ({"SeriesDescription": "T1 tse", "ContrastBolusAgent": "Gadovist"}, "post", "yes"),
        ({"SeriesDescription": "T1 pre", "ContrastBolusAgent": "Gadovist"}, "pre", "no"),
        ({"SeriesDescription": "T1", "ContrastBolusAgent": "Gd", "ContrastBolusStartTime": "100000",
          "AcquisitionTime": "095950"}, "pre", "no"),
        ({"SeriesDescription": "T1", "ContrastBolusAgent": "Gd", "ContrastBolusStartTime": "100000",
          "AcquisitionTime": "100025.5"}, "arterial", "yes"),
        ({"SeriesDescription": "T1", "ContrastBolusAgent": "Gd", "ContrastBolusStartTime": "100000",
          "AcquisitionTime": "100110"}, "portal venous", "yes"),
        ({"SeriesDescription": "T1", "ContrastBolusAgent": "Gd", "ContrastBolusStartTime": "100000",
          "AcquisitionTime": "100400"}, "delayed", "yes"),
        ({"SeriesDescription": "t1 tse"}, "unknown", "unknown"),
        ({"SeriesDescription": "dwi post"}, "unknown", "unknown"),
    ],
)  # fmt: skip
def test_contrast(values: dict[str, str], phase: str, enhanced: str) -> None:
    row = features(**values)
    assert (row["contrastPhase"], row["isContrastEnhanced"]) == (phase, enhanced)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"ImageType": "ORIGINAL\\PRIMARY\\P\\ND"}, "phase"),
        ({"ImageType": "ORIGINAL\\PRIMARY\\PHASE MAP"}, "phase"),
        ({"ImageType": "ORIGINAL\\PRIMARY\\OTHER", "GERawDataType": 1}, "phase"),
        ({"ImageType": "ORIGINAL\\PRIMARY\\OTHER", "GERawDataType": 2}, "real"),
        ({"ImageType": "ORIGINAL\\PRIMARY\\OTHER"}, "unknown"),
        ({"ImageType": "ORIGINAL\\PRIMARY\\I", "ComplexImageComponent": None}, "imaginary"),
        ({"ComplexImageComponent": "MAGNITUDE | PHASE"}, "mixed"),
    ],
)  # fmt: skip
def test_parts_of_the_signal(values: dict[str, Any], expected: str) -> None:
    assert features(**values)["imageComponent"] == expected


def test_b_values_of_all_makers_are_diffusion() -> None:
    for column, value in (
        ("DiffusionBValue", 800.0), ("SiemensBValue", 1000), ("PhilipsBValue", 600.0),
        ("GEBValue", "1000000800\\0\\0\\0"), ("UnitedImagingBValue", 50.0),
    ):  # fmt: skip
        row = features(**{column: value})
        assert (row["isDiffusion"], row["sequenceClass"]) == ("yes", "DWI"), column
        assert row["maxBValue"] == (800 if column == "GEBValue" else value)
    # What GE writes for EPI without diffusion is a flag, wherever it stands.
    for flags in ("0\\268435456\\0\\0", "268435456\\0\\0\\0"):
        assert features(GEBValue=flags, SeriesDescription="t2")["isDiffusion"] == "no"
    assert features(DiffusionBValue=0.0, SeriesDescription="t2")["isDiffusion"] == "no"


def test_echoes_of_one_acquisition_are_told_from_two_acquisitions() -> None:
    two = [instance(number=i, EchoTime=te, RepetitionTime=600) for i, te in enumerate((5, 10))]
    other = [
        instance(number=i, EchoTime=te, RepetitionTime=te * 50) for i, te in enumerate((5, 10))
    ]
    assert cleaned(*two)[0]["isMultiEcho"] == "yes"
    assert cleaned(*other)[0]["isMultiEcho"] == "no"
    assert cleaned(*two)[0]["timepoints"] == 1
