// A Modular stream: channels, each pixel a prediction and a residual (ISO/IEC 18181-1, Annex H).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/status.hpp"
#include "jxl/bit_reader.hpp"
#include "jxl/channel.hpp"
#include "jxl/entropy_code.hpp"
#include "jxl/transform.hpp"
#include "jxl/tree.hpp"
#include "jxl/weighted_predictor.hpp"

namespace dicube::jxl {

struct StreamHeader {
    bool uses_global_tree = false;
    WeightedParameters weighted;
    std::vector<Transform> transforms;

    Status read(BitReader& bits);
    // All transforms, in their order; and back, in the opposite one.
    Status prepare(ChannelList& list);
    Status undo(ChannelList& list, int bits) const;
};

// What a stream is decoded with, besides its own header.
struct StreamContext {
    const TreeCode* global_tree = nullptr;
    std::uint32_t stream = 0;          // its number, a property
    std::uint32_t largest_side = ~0u;  // from the first larger channel on, others have them
};

// Goes through a stream, channel by channel.
class StreamDecoder {
  public:
    // Reads what comes before the first pixel. The transforms of `list` are prepared; all arguments
    // are used until the end.
    Status open(BitReader& bits, const StreamHeader& header, const StreamContext& context,
                ChannelList& list);
    // The first channel that belongs to other streams.
    std::size_t end() const noexcept { return end_; }
    bool is_empty() const noexcept { return code_ == nullptr; }
    // Channels before `end` that were not decoded yet.
    void decode_to(std::size_t end);
    Status finish();

    // For those who go on by other means, of a stream that is not empty.
    const TreeCode& code() const noexcept { return *code_; }
    std::uint32_t state() const noexcept { return reader_->state(); }

  private:
    const StreamHeader* header_ = nullptr;
    StreamContext context_;
    ChannelList* list_ = nullptr;
    const BitReader* bits_ = nullptr;
    TreeCode local_;
    const TreeCode* code_ = nullptr;  // the local or the global one
    std::optional<EntropyReader> reader_;
    std::size_t next_ = 0, end_ = 0;
};

}  // namespace dicube::jxl
