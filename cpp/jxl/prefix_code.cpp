#include "jxl/prefix_code.hpp"

#include <algorithm>

namespace dicube::jxl {
namespace {

constexpr Status kBadCode{Fault::damaged, "a prefix code is not complete", Status::kNowhere};

// Lengths of the words for code lengths come in this order (RFC 7932, 3.5).
constexpr int kLengthSymbols = 18;
constexpr std::uint8_t kLengthOrder[kLengthSymbols] = {1, 2, 3, 4,  0,  5,  17, 6,  16,
                                                       7, 8, 9, 10, 11, 12, 13, 14, 15};
// Their own code, by the next four bits.
struct LengthWord {
    std::uint8_t length, bits;
};
constexpr LengthWord kLengthWords[16] = {{0, 2}, {4, 2}, {3, 2}, {2, 3}, {0, 2}, {4, 2},
                                         {3, 2}, {1, 4}, {0, 2}, {4, 2}, {3, 2}, {2, 3},
                                         {0, 2}, {4, 2}, {3, 2}, {5, 4}};
constexpr std::uint8_t kRepeatLast = 16, kRepeatZero = 17;

std::uint32_t reversed(std::uint32_t word, int length) noexcept {
    std::uint32_t result = 0;
    for (int i = 0; i < length; ++i) result |= (word >> i & 1) << (length - 1 - i);
    return result;
}

}  // namespace

Status PrefixCode::read(BitReader& bits, std::uint32_t alphabet_size) {
    if (alphabet_size <= 1) {
        build_single(0);
        return success();
    }
    const int skipped = static_cast<int>(bits.read(2));
    return skipped == 1 ? read_simple(bits, alphabet_size)
                        : read_complex(bits, alphabet_size, skipped);
}

Status PrefixCode::read_simple(BitReader& bits, std::uint32_t alphabet_size) {
    const std::uint32_t count = bits.read(2) + 1;
    const int width = ceil_log2(alphabet_size);
    std::uint32_t symbols[4];
    for (std::uint32_t i = 0; i < count; ++i) {
        symbols[i] = bits.read(width);
        if (symbols[i] >= alphabet_size) return damaged("a prefix code has a symbol too many");
        if (std::find(symbols, symbols + i, symbols[i]) != symbols + i)
            return damaged("a prefix code has a symbol twice");
    }
    if (count == 1) {
        build_single(symbols[0]);
        return success();
    }
    const bool is_deep = count == 4 && bits.flag();
    std::vector<std::uint8_t> lengths(alphabet_size, 0);
    constexpr std::uint8_t kByCount[][4] = {{1, 1}, {1, 2, 2}, {2, 2, 2, 2}, {1, 2, 3, 3}};
    const std::uint8_t* const chosen = kByCount[is_deep ? 3 : count - 2];
    for (std::uint32_t i = 0; i < count; ++i) lengths[symbols[i]] = chosen[i];
    build({lengths.data(), lengths.size()});
    return success();
}

Status PrefixCode::read_complex(BitReader& bits, std::uint32_t alphabet_size, int skipped) {
    std::uint8_t length_lengths[kLengthSymbols] = {};
    int space = 32, words = 0;
    for (int i = skipped; i < kLengthSymbols && space > 0; ++i) {
        const LengthWord word = kLengthWords[bits.peek() & 15];
        bits.skip(word.bits);
        length_lengths[kLengthOrder[i]] = word.length;
        if (word.length == 0) continue;
        space -= 32 >> word.length;
        ++words;
    }
    if (space != 0 && words != 1) return kBadCode;
    PrefixCode of_lengths;
    if (words == 1) {
        const auto* const only = std::find_if(length_lengths, length_lengths + kLengthSymbols,
                                              [](std::uint8_t length) { return length != 0; });
        of_lengths.build_single(static_cast<std::uint32_t>(only - length_lengths));
    } else {
        of_lengths.build({length_lengths, kLengthSymbols});
    }

    std::vector<std::uint8_t> lengths(alphabet_size, 0);
    std::uint32_t symbol = 0, repeat = 0;
    std::uint8_t last = 8, repeated = 0;
    int left = 1 << kMaxBits;
    while (symbol < alphabet_size && left > 0) {
        if (bits.is_beyond_end()) return damaged("a prefix code is cut short");
        const std::uint32_t length = of_lengths.decode(bits);
        if (length < kRepeatLast) {
            repeat = 0;
            lengths[symbol++] = static_cast<std::uint8_t>(length);
            if (length == 0) continue;
            last = static_cast<std::uint8_t>(length);
            left -= (1 << kMaxBits) >> length;
            continue;
        }
        const int extra = length == kRepeatLast ? 2 : 3;
        const std::uint8_t value = length == kRepeatZero ? std::uint8_t{0} : last;
        if (repeated != value) repeat = 0;
        repeated = value;
        const std::uint32_t before = repeat;
        if (repeat > 0) repeat = (repeat - 2) << extra;
        repeat += bits.read(extra) + 3;
        const std::uint32_t more = repeat - before;
        if (more > alphabet_size - symbol) return damaged("a prefix code has too many lengths");
        std::fill_n(lengths.begin() + symbol, more, value);
        symbol += more;
        if (value != 0) left -= static_cast<int>(more << (kMaxBits - value));
    }
    if (left != 0) return kBadCode;
    build({lengths.data(), lengths.size()});
    return success();
}

void PrefixCode::build_single(std::uint32_t symbol) {
    root_.assign(1, {static_cast<std::uint16_t>(symbol), 0});
}

void PrefixCode::build(span<const std::uint8_t> lengths) {
    std::fill(std::begin(counts_), std::end(counts_), std::uint16_t{0});
    for (const std::uint8_t length : lengths) ++counts_[length];
    counts_[0] = 0;
    std::uint16_t start = 0;
    for (int length = 1; length <= kMaxBits; ++length) {
        starts_[length] = start;
        start = static_cast<std::uint16_t>(start + counts_[length]);
    }
    symbols_.resize(start);
    std::uint16_t next[kMaxBits + 1];
    std::copy(std::begin(starts_), std::end(starts_), next);
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol)
        if (lengths[symbol] != 0)
            symbols_[next[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);

    root_.assign(std::size_t{1} << kRootBits, {0, kRootBits + 1});
    std::uint32_t word = 0;
    for (int length = 1; length <= kRootBits; ++length) {
        for (int i = 0; i < counts_[length]; ++i, ++word) {
            const Entry entry{symbols_[static_cast<std::size_t>(starts_[length] + i)],
                              static_cast<std::uint16_t>(length)};
            for (std::uint32_t at = reversed(word, length); at < root_.size(); at += 1u << length)
                root_[at] = entry;
        }
        word <<= 1;
    }
}

// Bit by bit: `word` less the first word of its length is the place among those of this length.
std::uint32_t PrefixCode::decode_long(BitReader& bits, std::uint64_t window) const noexcept {
    std::uint32_t word = 0, first = 0;
    for (int length = 1; length <= kMaxBits; ++length) {
        word = word << 1 | (window >> (length - 1) & 1);
        first <<= 1;
        if (word - first < counts_[length]) {
            bits.skip(static_cast<std::size_t>(length));
            return symbols_[starts_[length] + word - first];
        }
        first += counts_[length];
    }
    bits.skip(kMaxBits);
    return 0;  // not reached: the code is complete
}

}  // namespace dicube::jxl
