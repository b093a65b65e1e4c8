#include "jxl/table_of_contents.hpp"

#include <algorithm>
#include <numeric>

#include "jxl/entropy_code.hpp"

namespace dicube::jxl {
namespace {

// The order of sections in the file, as a Lehmer code.
Status read_permutation(BitReader& bits, std::size_t count, std::vector<std::uint32_t>& order) {
    constexpr std::size_t kContexts = 8;
    EntropyCode code;
    if (Status status = code.read(bits, kContexts); !status.ok()) return status;
    EntropyReader reader(code, bits, 0);
    const auto context = [](std::uint32_t value) {
        const auto length = static_cast<std::size_t>(bit_length(value));  // ceil(log2(value + 1))
        return std::min(length, kContexts - 1);
    };
    const std::uint32_t length = reader.read(context(static_cast<std::uint32_t>(count)));
    if (length > count) return damaged("a permutation is too long", bits.byte_position());
    constexpr std::size_t kMost = 1 << 15;  // the list below takes time with its square
    if (length > kMost) return unsupported("a permutation of many sections");
    std::vector<std::uint32_t> left(count);
    std::iota(left.begin(), left.end(), 0u);
    order.clear();
    std::uint32_t last = 0;
    for (std::uint32_t i = 0; i < length; ++i) {
        last = reader.read(context(last));
        if (last >= left.size() || bits.is_beyond_end())
            return damaged("a permutation leaves its range", bits.byte_position());
        order.push_back(left[last]);
        left.erase(left.begin() + last);
    }
    order.insert(order.end(), left.begin(), left.end());
    return reader.finish();
}

}  // namespace

Status read_table_of_contents(BitReader& bits, std::size_t count, std::size_t size,
                              std::vector<Section>& sections) {
    std::vector<std::uint32_t> order;
    if (bits.flag())
        if (Status status = read_permutation(bits, count, order); !status.ok()) return status;
    if (!bits.align()) return damaged("padding is not zero", bits.byte_position());
    std::vector<Section> in_file(count);
    for (Section& section : in_file) {
        section.length = bits.u32({10, 0}, {14, 1024}, {22, 17408}, {30, 4211712});
        if (bits.is_beyond_end()) break;
    }
    if (!bits.align()) return damaged("padding is not zero", bits.byte_position());
    std::size_t offset = bits.byte_position();
    for (Section& section : in_file) {
        if (offset > size || section.length > size - offset)
            return damaged("a section reaches beyond the end", offset);
        section.offset = offset;
        offset += section.length;
    }
    sections = in_file;
    for (std::size_t i = 0; i < order.size(); ++i) sections[i] = in_file[order[i]];
    return success();
}

}  // namespace dicube::jxl
