// What is learned once for all frames of a volume: how samples are mapped to numbers, the tree and
// the parameters of the weighted predictor. Every frame repeats it in its codestream.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.hpp"
#include "jxl/bit_writer.hpp"
#include "jxl/compiled_tree.hpp"
#include "jxl/plane_source.hpp"
#include "jxl/tree.hpp"

namespace dicube::jxl {

// Operating points, from fast to small.
enum class Effort { fast, standard, max };

struct ModelOptions {
    Effort effort = Effort::standard;
    int bits = 0;          // of a stored sample; 0 for the fewest that all samples fit
    int group_shift = -1;  // groups have a side of 128 << group_shift; -1: what suits
};

struct VolumeModel {
    std::int64_t rows = 0, columns = 0, samples = 0;
    SampleType type = SampleType::u16;
    int bits = 0;  // of a stored sample
    int group_shift = 0;
    SampleMapping mapping;
    WeightedParameters weighted;
    std::uint32_t leaves = 0;
    std::uint32_t palette_leaf = 0;
    std::vector<CompiledTree> channels;  // of the image
    BitWriter tree;                      // as it stands in every frame

    std::int64_t group_side() const noexcept { return std::int64_t{128} << group_shift; }
    bool is_single_group() const noexcept {
        return rows <= group_side() && columns <= group_side();
    }

    // Fault::bad_argument: samples do not fit the bits asked for, and need `bits`.
    Status learn(const ConstVolume& volume, const ModelOptions& options);
};

}  // namespace dicube::jxl
