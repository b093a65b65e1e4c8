#!/usr/bin/env bash
# run.sh BUILD SECONDS SEEDS FINDINGS
#
# Runs the fuzz targets of BUILD for SECONDS each. They start from what is in BUILD/seeds, BUILD/jxl_seeds
# and BUILD/dicom_seeds, SEEDS and FINDINGS. An input that breaks a target is left in BUILD: move it to
# FINDINGS under a name that tells the fault, and the tests run it from then on.
set -euo pipefail
build=$1 seconds=$2 seeds=$3 findings=$4

# Small ones: a fuzzer gets nowhere with images that take milliseconds.
find "$seeds" "$findings" -name '*.j2c' -size -8k -exec cp {} "$build/seeds/" \; 2>/dev/null || true

# Frames of the decode target have 2^20 samples at most: an allocation of 1 GB is a header believed.
export ASAN_OPTIONS=max_allocation_size_mb=1024
run() {
    local target=$1
    shift
    mkdir -p "$build/corpus_$target"
    echo "== $target, $seconds s"
    "$build/$target" -max_total_time="$seconds" -timeout=20 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="$build/${target}_" "$build/corpus_$target" "$@"
}
cp "$findings"/*.dcm "$build/dicom_seeds/" 2>/dev/null || true
run fuzz_dicom_scan "$build/dicom_seeds"
run fuzz_jph_decode "$build/seeds"
mkdir -p "$build/recipes"
cp "$findings"/*.recipe "$build/recipes/" 2>/dev/null || true
run fuzz_jph_round_trip "$build/recipes"
cp "$findings"/*.jxl "$build/jxl_seeds/" 2>/dev/null || true
run fuzz_jxl_decode "$build/jxl_seeds"
run fuzz_jxl_round_trip "$build/recipes"
