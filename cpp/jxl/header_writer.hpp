// Headers of the codestreams that this encoder writes (ISO/IEC 18181-1, Annexes D, F and H).
#pragma once

#include <vector>

#include "jxl/bit_writer.hpp"
#include "jxl/volume_model.hpp"

namespace dicube::jxl {

// From the signature up to the table of contents.
void write_headers(const VolumeModel& model, BitWriter& bits);

// Lengths of the sections, in bytes.
void write_table_of_contents(const std::vector<std::size_t>& lengths, BitWriter& bits);

// The header of the first stream, with the transforms of the whole frame; or of a group.
void write_stream_header(const VolumeModel& model, bool is_global, BitWriter& bits);

}  // namespace dicube::jxl
