// A frame while it is decoded: what comes before its groups, and the channels it is made of.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jxl/channel.hpp"
#include "jxl/frame_header.hpp"
#include "jxl/modular.hpp"
#include "jxl/table_of_contents.hpp"

namespace dicube::jxl {

class Frame {
  public:
    Frame() = default;
    Frame(const Frame&) = delete;  // parts point to others
    Frame& operator=(const Frame&) = delete;

    // Reads headers, sections and the tree, and decodes palettes. A frame with more samples than
    // `most_samples` is Fault::bad_argument.
    Status open(span<const std::uint8_t> codestream, std::size_t most_samples);
    // Decodes all the rest.
    Status decode();
    // Undoes transforms once the channels are decoded, by decode() or elsewhere, and checks that
    // samples are what the depth allows.
    Status finish();

    span<const std::uint8_t> codestream() const noexcept { return codestream_; }
    const FrameHeader& header() const noexcept { return header_; }
    bool is_single_section() const noexcept { return header_.groups() == 1; }
    bool has_transforms() const noexcept { return !global_.transforms.empty(); }
    // Palettes, and the image as it is coded; after finish() the image itself.
    ChannelList& list() noexcept { return list_; }
    const ChannelList& list() const noexcept { return list_; }
    const TreeCode* global_tree() const noexcept { return has_tree_ ? &tree_ : nullptr; }
    const StreamHeader& global_header() const noexcept { return global_; }
    // The stream of the first section, and where it goes on after open().
    const StreamDecoder& global_stream() const noexcept { return stream_; }
    const BitReader& reader() const noexcept { return reader_; }

    // Where a group that is no low-frequency one is in the codestream, and its number as a stream.
    span<const std::uint8_t> group_section(std::uint32_t group) const noexcept {
        const Section& at = sections_[1 + header_.lf_groups() + 1 + group];
        return codestream_.subspan(at.offset, at.length);
    }
    std::uint32_t group_stream(std::uint32_t group) const noexcept {
        // Quantisation tables, which Modular frames have none of, have numbers, too.
        constexpr std::uint32_t kTables = 17;
        return 1 + 3 * header_.lf_groups() + kTables + group;
    }

  private:
    Status open_global();
    Status decode_group(BitReader& bits, std::uint32_t group, bool is_lf);

    span<const std::uint8_t> codestream_;
    FrameHeader header_;
    std::vector<Section> sections_;
    bool has_tree_ = false;
    TreeCode tree_;
    StreamHeader global_;
    ChannelList list_;
    BitReader reader_;  // of the section that is decoded
    StreamDecoder stream_;
};

}  // namespace dicube::jxl
