// Which numbers the samples of a volume are coded as: their depth, a palette, a colour transform.
#pragma once

#include "base/status.hpp"
#include "jxl/plane_source.hpp"

namespace dicube::jxl {

// `bits`: of a stored sample, the fewest that all samples fit, or `wanted_bits` if that is not 0.
// Fault::bad_argument if they do not fit those.
Status choose_mapping(const ConstVolume& volume, int wanted_bits, int& bits,
                      SampleMapping& mapping);

}  // namespace dicube::jxl
