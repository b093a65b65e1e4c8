// What a caller has to know of a frame before it can make room for it.
#include <algorithm>

#include "jph/header_reader.hpp"
#include "jph/volume.hpp"

namespace dicube::jph {

Status read_frame_info(span<const std::uint8_t> codestream, FrameInfo& info) noexcept {
    MainHeader header;
    Status status = parse_main_header(codestream, header);
    if (!status.ok()) return status;
    info.rows = header.size.image.height();
    info.columns = header.size.image.width();
    info.samples = header.size.components;
    info.bits = header.size.bits;
    info.is_signed = header.size.is_signed;
    info.levels = kMaxLevels;
    info.reversible = true;
    for (std::size_t i = 0; i < static_cast<std::size_t>(header.size.components); ++i) {
        info.levels = std::min<int>(info.levels, header.coding.components[i].levels);
        info.reversible = info.reversible && header.coding.components[i].reversible;
    }
    return success();
}

}  // namespace dicube::jph
