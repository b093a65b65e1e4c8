#include "jph/kernels/vlc_tables.hpp"

namespace dicube::jph {
namespace {

struct VlcRow {
    std::uint8_t table, context, rho, u_off, e_k, e_1, codeword, length;
};
constexpr VlcRow kRows[] = {
#include "jph/kernels/tables/vlc_rows.inc"
};

// A bit string under construction, first bit least significant.
struct Word {
    std::uint32_t bits = 0;
    int length = 0;

    constexpr void append(std::uint32_t more, int count) noexcept {
        bits |= more << length;
        length += count;
    }
};

// What a quad adds to the context of the next one (T.814 7.3.5). In the first row: bit 0 from
// samples 0 and 1, bit 1 from 2, bit 2 from 3. In other rows: bit 1 from 2 or 3, the others come
// from above.
constexpr std::uint32_t context_for_next(int table, unsigned rho) noexcept {
    const unsigned left_column = (rho & 3) != 0, top_right = rho >> 2 & 1,
                   bottom_right = rho >> 3 & 1;
    return table == 0 ? left_column | top_right << 1 | bottom_right << 2
                      : (top_right | bottom_right) << 1;
}

// The u values that the bits of a pair of words begin with.
struct UPair {
    int length = 0, first = 0, second = 0;
};

int read_prefix(std::uint32_t& bits, int& length) noexcept {
    constexpr int kPrefixes[] = {5, 1, 2, 1, 3, 1, 2, 1};
    constexpr int kLengths[] = {3, 1, 2, 1, 3, 1, 2, 1};
    const std::uint32_t window = bits & 7;
    bits >>= kLengths[window];
    length += kLengths[window];
    return kPrefixes[window];
}

int read_suffix(std::uint32_t& bits, int& length, int prefix) noexcept {
    const int count = prefix < 3 ? 0 : prefix == 3 ? 1 : 5;
    const int suffix = static_cast<int>(bits & ((1u << count) - 1));
    bits >>= count;
    length += count;
    return suffix;
}

UPair read_pair(std::uint32_t bits, bool has_first, bool has_second) noexcept {
    UPair pair;
    if (has_first) pair.first = read_prefix(bits, pair.length);
    if (has_second) pair.second = read_prefix(bits, pair.length);
    pair.first += read_suffix(bits, pair.length, pair.first);
    pair.second += read_suffix(bits, pair.length, pair.second);
    return pair;
}

VlcDecodeTables make_decode_tables() noexcept {
    VlcDecodeTables tables{};
    for (const VlcRow& row : kRows) {
        const VlcEntry entry = row.length | static_cast<VlcEntry>(row.u_off) << 6 |
                               context_for_next(row.table, row.rho) << kVlcWindow |
                               static_cast<VlcEntry>(row.rho) << 12 |
                               static_cast<VlcEntry>(row.e_k) << 16 |
                               static_cast<VlcEntry>(row.e_1) << 20;
        for (unsigned window = row.codeword; window < 1u << kVlcWindow; window += 1u << row.length)
            tables.quads[row.table][static_cast<unsigned>(row.context) << kVlcWindow | window] =
                entry;
    }
    for (unsigned index = 0; index < tables.u_pairs.size(); ++index) {
        const UPair pair = read_pair(index & 0xFF, (index & 0x100) != 0, (index & 0x200) != 0);
        // Suffixes from 28 on ask for an extension.
        const bool fits = pair.length <= 8 && pair.first < 28 && pair.second < 28;
        tables.u_pairs[index] =
            fits ? static_cast<std::uint32_t>(pair.length | pair.first << 8 | pair.second << 16)
                 : kLongUPair;
    }
    return tables;
}

int popcount4(unsigned bits) noexcept {
    return static_cast<int>((bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1) + (bits >> 3 & 1));
}

// Of the rows that fit an exponent pattern the one that costs least: length of the word, less the
// MagSgn bits that its e_k saves.
VlcWord best_word(int table, unsigned context, unsigned rho, unsigned eps) noexcept {
    const VlcRow* best = nullptr;
    const auto cost = [](const VlcRow& row) { return row.length - popcount4(row.e_k); };
    for (const VlcRow& row : kRows) {
        const bool fits = row.table == table && row.context == context && row.rho == rho &&
                          row.u_off == (eps != 0) && (eps & row.e_k) == row.e_1;
        if (fits && (best == nullptr || cost(row) < cost(*best))) best = &row;
    }
    if (best == nullptr) return 0;  // a quad without significant samples in context 0 has no word
    return best->length | static_cast<VlcWord>(best->codeword) << kWordShift |
           static_cast<VlcWord>(rho | best->e_k << 4) << 16;
}

std::uint32_t u_pair_word(bool first_row, int first, int second) noexcept {
    Word word;
    const auto prefix = [&](const UCode& code) { word.append(code.prefix, code.prefix_length); };
    const auto suffix = [&](const UCode& code) { word.append(code.suffix, code.suffix_length); };
    const bool both = first > 0 && second > 0;
    if (first_row && both && first > 2 && second <= 2) {
        prefix(u_code(first));
        word.append(static_cast<std::uint32_t>(second - 1), 1);
        suffix(u_code(first));
    } else {
        const int known = first_row && both && first > 2 ? 2 : 0;  // MEL has said that both are > 2
        const UCode a = u_code(first - known), b = u_code(second - known);
        prefix(a);
        prefix(b);
        suffix(a);
        suffix(b);
    }
    return static_cast<std::uint32_t>(word.length) | word.bits << kWordShift;
}

VlcEncodeTables make_encode_tables() noexcept {
    VlcEncodeTables tables{};
    for (int table = 0; table < 2; ++table) {
        for (unsigned index = 0; index < tables.quads[0].size(); ++index) {
            const unsigned rho = index >> 4 & 15, eps = index & 15;
            if ((eps & ~rho) == 0)
                tables.quads[table][index] = best_word(table, index >> 8, rho, eps);
        }
        for (int index = 0; index < 32 << 5; ++index)
            tables.u_pairs[table][index] = u_pair_word(table == 0, index >> 5, index & 31);
    }
    return tables;
}

}  // namespace

UCode u_code(int u) noexcept {
    if (u <= 0) return {0, 0, 0, 0, 0, 0};
    if (u <= 2) return {static_cast<std::uint8_t>(u), static_cast<std::uint8_t>(u), 0, 0, 0, 0};
    if (u <= 4) return {4, 3, static_cast<std::uint8_t>(u - 3), 1, 0, 0};
    if (u < 33) return {0, 3, static_cast<std::uint8_t>(u - 5), 5, 0, 0};
    const int rest = u - 33;  // 33 = 5 + 28: suffixes 28 to 31 call for an extension
    return {
        0, 3, static_cast<std::uint8_t>(28 + (rest & 3)), 5, static_cast<std::uint8_t>(rest >> 2),
        4};
}

const VlcDecodeTables& vlc_decode_tables() noexcept {
    static const VlcDecodeTables tables = make_decode_tables();
    return tables;
}

const VlcEncodeTables& vlc_encode_tables() noexcept {
    static const VlcEncodeTables tables = make_encode_tables();
    return tables;
}

}  // namespace dicube::jph
