// What may follow the cleanup pass of a code-block in streams of other encoders: SigProp and MagRef
// passes, and bit planes that were left out (T.814 7.4 and 7.5). Rare, so written plainly.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/span.hpp"
#include "jph/kernels/cleanup_job.hpp"

namespace dicube::jph {

struct RefinementJob {
    span<const std::uint8_t> segment;
    int passes = 0;  // 0, 1: SigProp, 2: MagRef as well
    bool vertically_causal = false;
    int width = 0, height = 0;
};

// `samples` come as signed magnitudes of the cleanup pass, in units of its bit plane, and go in
// units of a quarter of that, in the middle of what the decoded bits leave open (T.800 E.1.1.2): 4
// m + 2 without refinement, 4 m + 1 or 4 m + 3 with a bit of MagRef, 3 where SigProp found a new
// sample.
BlockOutcome refine(const RefinementJob& job, std::int64_t* samples,
                    std::ptrdiff_t stride) noexcept;

}  // namespace dicube::jph
