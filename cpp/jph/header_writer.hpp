// Headers of the codestreams this codec writes: one tile, one tile-part, one layer, reversible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jph/parameters.hpp"
#include "jph/volume.hpp"

namespace dicube::jph {

struct FrameFormat {
    std::int64_t rows = 0, columns = 0;
    int components = 1;
    int bits = 0;  // 1 to 32, the declared depth
    bool is_signed = false;
};

// Parameters with which every sample of `format` is coded without loss. EncodeOptions::bit_depth
// is not looked at, FrameFormat::bits counts. What cannot be written is Fault::bad_argument.
Status choose_parameters(const FrameFormat& format, const EncodeOptions& options,
                         MainHeader& header) noexcept;

// The bytes from SOC to SOD. They are the same for all frames of one format but for two lengths,
// so they are made once, copied in front of each frame and patched there. A frame is bytes(), the
// packets, kEndOfCodestream.
class FrameHeader {
  public:
    static constexpr std::uint8_t kEndOfCodestream[2] = {0xFF, 0xD9};

    Status build(const MainHeader& header, bool tlm) noexcept;

    span<const std::uint8_t> bytes() const noexcept { return {bytes_.data(), bytes_.size()}; }
    // Writes Psot, and Ptlm if there is one, into a copy of bytes() at `copy`.
    void set_packet_bytes(std::uint8_t* copy, std::size_t packet_bytes) const noexcept;

  private:
    std::vector<std::uint8_t> bytes_;
    std::size_t sot_ = 0;   // position of the SOT marker
    std::size_t ptlm_ = 0;  // position of Ptlm, 0 without TLM
};

}  // namespace dicube::jph
