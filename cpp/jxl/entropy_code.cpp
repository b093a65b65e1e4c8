#include "jxl/entropy_code.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace dicube::jxl {
namespace {

constexpr std::size_t kMaxClusters = 256;
constexpr int kPrefixLogAlphabet = 15;

// A number from 0 to 65535, mostly small.
std::uint32_t read_alphabet_size(BitReader& bits) noexcept {
    if (!bits.flag()) return 1;
    const int width = static_cast<int>(bits.read(4));
    return (1u << width) + bits.read(width) + 1;
}

void undo_move_to_front(std::vector<std::uint8_t>& indices) {
    std::uint8_t order[256];
    for (int i = 0; i < 256; ++i) order[i] = static_cast<std::uint8_t>(i);
    for (std::uint8_t& index : indices) {
        const std::uint8_t place = index;
        index = order[place];
        std::copy_backward(order, order + place, order + place + 1);
        order[0] = index;
    }
}

// Distances below 120 point to a pixel nearby: the nearest first, of two equally near ones the one
// with less to the side, and that to the right.
struct Offset {
    int dx, dy;
};
std::array<Offset, 120> make_near_offsets() {
    std::array<Offset, 120> offsets{};
    std::size_t count = 0;
    for (int dy = 0; dy <= 7; ++dy)
        for (int dx = -7; dx <= 8; ++dx)
            if ((dy > 0 || dx > 0) && count < offsets.size()) offsets[count++] = {dx, dy};
    std::sort(offsets.begin(), offsets.end(), [](const Offset& a, const Offset& b) {
        const auto key = [](const Offset& o) {
            return std::array<int, 3>{o.dx * o.dx + o.dy * o.dy, std::abs(o.dx), o.dx < 0 ? 1 : 0};
        };
        return key(a) < key(b);
    });
    return offsets;
}
const std::array<Offset, 120>& near_offsets() {
    static const std::array<Offset, 120> offsets = make_near_offsets();
    return offsets;
}

}  // namespace

Status HybridConfig::read(BitReader& bits, int log_alphabet) {
    msb = lsb = 0;
    split_exponent =
        static_cast<int>(bits.read(ceil_log2(static_cast<std::uint32_t>(log_alphabet) + 1)));
    if (split_exponent > log_alphabet) return damaged("a split is beyond its alphabet");
    if (split_exponent == log_alphabet) return success();
    msb = static_cast<int>(bits.read(ceil_log2(static_cast<std::uint32_t>(split_exponent) + 1)));
    if (msb > split_exponent) return damaged("a token has too many bits");
    lsb = static_cast<int>(
        bits.read(ceil_log2(static_cast<std::uint32_t>(split_exponent - msb) + 1)));
    if (msb + lsb > split_exponent) return damaged("a token has too many bits");
    return success();
}

Status EntropyCode::read(BitReader& bits, std::size_t contexts, bool allows_lz77) {
    has_lz77 = bits.flag();
    if (has_lz77) {
        if (!allows_lz77) return damaged("LZ77 in a context map of two");
        min_symbol = bits.u32(constant(224), constant(512), constant(4096), {15, 8});
        min_length = bits.u32(constant(3), constant(4), {2, 5}, {8, 9});
        if (Status status = length_config.read(bits, 8); !status.ok()) return status;
        ++contexts;
    }
    clusters.assign(contexts, 0);
    if (contexts > 1)
        if (Status status = read_clusters(bits); !status.ok()) return status;
    const std::size_t count = std::size_t{*std::max_element(clusters.begin(), clusters.end())} + 1;

    is_prefix = bits.flag();
    const int log_alphabet = is_prefix ? kPrefixLogAlphabet : 5 + static_cast<int>(bits.read(2));
    configs.assign(count, {});
    for (HybridConfig& config : configs)
        if (Status status = config.read(bits, log_alphabet); !status.ok()) return status;
    prefix_codes.clear();
    ans_tables.clear();
    if (is_prefix) {
        std::vector<std::uint32_t> sizes(count);
        for (std::uint32_t& size : sizes) {
            size = read_alphabet_size(bits);
            if (size > 1u << kPrefixLogAlphabet) return damaged("an alphabet is too large");
        }
        prefix_codes.resize(count);
        for (std::size_t i = 0; i < count; ++i)
            if (Status status = prefix_codes[i].read(bits, sizes[i]); !status.ok()) return status;
    } else {
        ans_tables.resize(count);
        for (AnsTable& table : ans_tables) {
            if (Status status = table.read(bits, log_alphabet); !status.ok()) return status;
            if (bits.is_beyond_end()) break;
        }
    }
    return bits.is_beyond_end() ? damaged("an entropy code is cut short", bits.byte_position())
                                : success();
}

Status EntropyCode::read_clusters(BitReader& bits) {
    if (bits.flag()) {
        const int width = static_cast<int>(bits.read(2));
        for (std::uint8_t& cluster : clusters)
            cluster = static_cast<std::uint8_t>(bits.read(width));
    } else {
        const bool moved_to_front = bits.flag();
        EntropyCode code;
        if (Status status = code.read(bits, 1, clusters.size() > 2); !status.ok()) return status;
        EntropyReader reader(code, bits, 0);
        for (std::uint8_t& cluster : clusters) {
            const std::uint32_t value = reader.read(0);
            if (value >= kMaxClusters || bits.is_beyond_end())
                return damaged("a context map has too many clusters");
            cluster = static_cast<std::uint8_t>(value);
        }
        if (Status status = reader.finish(); !status.ok()) return status;
        if (moved_to_front) undo_move_to_front(clusters);
    }
    std::array<bool, kMaxClusters> occurs{};
    for (const std::uint8_t cluster : clusters) occurs[cluster] = true;
    const auto gap = std::find(occurs.begin(), occurs.end(), false);
    if (std::find(gap, occurs.end(), true) != occurs.end())
        return damaged("a context map leaves out a cluster");
    return success();
}

EntropyReader::EntropyReader(const EntropyCode& code, BitReader& bits, std::uint32_t width)
    : code_(code), bits_(bits), width_(width) {
    if (!code.is_prefix) state_ = bits.read(32);
}

Status EntropyReader::finish() const noexcept {
    if (bits_.is_beyond_end()) return damaged("a stream is cut short", bits_.byte_position());
    if (is_damaged_ || (!code_.is_prefix && state_ != kAnsFinalState))
        return damaged("a stream does not end as it should", bits_.byte_position());
    return success();
}

std::uint32_t EntropyReader::read_with_copies(std::size_t context) {
    std::uint32_t value = 0;
    if (copies_ == 0) {
        const std::size_t cluster = code_.clusters[context];
        const std::uint32_t token = read_token(cluster);
        if (token >= code_.min_symbol) {
            copies_ = finish_number(code_.length_config, token - code_.min_symbol);
            if (copies_ > ~std::uint32_t{0} - code_.min_length) is_damaged_ = true;
            copies_ += code_.min_length;
            from_ = count_ - std::min(read_distance(), std::min(count_, kWindow));
        } else {
            value = finish_number(code_.configs[cluster], token);
        }
    }
    if (copies_ > 0) {
        --copies_;
        if (count_ > 0) value = window_[from_++ & (kWindow - 1)];
    }
    if (window_.size() < kWindow)
        window_.push_back(value);
    else
        window_[count_ & (kWindow - 1)] = value;
    ++count_;
    return value;
}

std::uint32_t EntropyReader::read_distance() noexcept {
    const std::uint32_t value = read_number(code_.clusters.back());
    if (width_ == 0) return value < ~std::uint32_t{0} ? value + 1 : value;
    const std::array<Offset, 120>& near = near_offsets();
    if (value >= near.size()) return value - static_cast<std::uint32_t>(near.size()) + 1;
    const std::int64_t distance =
        near[value].dx + static_cast<std::int64_t>(width_) * near[value].dy;
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(distance, 1, kWindow));
}

}  // namespace dicube::jxl
