// The VLC and u codes of the cleanup pass (T.814 7.3.5, 7.3.6 and Annex C) as look-up tables, laid
// out for how the coders walk through a quad row.
//
// A quad is 2 x 2 samples, n = 0 top left, 1 bottom left, 2 top right, 3 bottom right; bit n of
// rho, e_k and e_1 belongs to sample n. Words are integers whose least significant bit is read
// first.
#pragma once

#include <array>
#include <cstdint>

namespace dicube::jph {

// What a quad of the VLC stream stands for, packed so that the decoder needs few operations on the
// way from one word to the next:
//   bits 0..5    length of the word (0 for the quad that MEL alone describes)
//   bit  6       u_off
//   bits 7..9    what the quad adds to the context of its right neighbour, in place for the index
//   bits 12..15  rho, 16..19 e_k, 20..23 e_1: the "quad facts", after a shift by kQuadFactsShift
using VlcEntry = std::uint32_t;
constexpr int kVlcWindow = 7;  // bits of the longest word
constexpr std::uint32_t kVlcContextMask = 7u << kVlcWindow;
constexpr int kQuadFactsShift = 12;

struct VlcDecodeTables {
    // [0: first quad row, 1: others][context << 7 | next 7 bits]
    std::array<std::array<VlcEntry, 8 << kVlcWindow>, 2> quads;

    // u of a pair of quads outside the first row, for words of at most 8 bits in all:
    // [u_off of the second << 9 | u_off of the first << 8 | next 8 bits], with bits 0..5 length,
    // 8..15 u of the first, 16..23 u of the second; kLongUPair where more bits are needed.
    std::array<std::uint32_t, 4 << 8> u_pairs;
};
constexpr std::uint32_t kLongUPair = 0xFFFFFFFF;

// What the encoder writes for a quad: bits 0..5 the length of the word, 8..14 the word,
// 16..23 rho | e_k << 4. Lengths lie lowest, where they can be added and shifted by as they are.
using VlcWord = std::uint32_t;
constexpr std::uint32_t kWordLength = 0x3F;
constexpr int kWordShift = 8;

struct VlcEncodeTables {
    // [0: first quad row, 1: others][context << 8 | rho << 4 | eps]
    // eps: bit n says that the exponent of sample n equals U (all 0 when u_off is 0).
    std::array<std::array<VlcWord, 8 << 8>, 2> quads;

    // Words for the u values of a pair of quads, u < 32 (0: no word): [u of the first << 5 | u of
    // the second], bits 0..5 length, 8..23 word. First index: 0 for the first quad row, 1 for
    // others. In the first row a pair with both u > 0 takes a MEL symbol too; it is 1 if both are
    // > 2.
    std::array<std::array<std::uint32_t, 32 << 5>, 2> u_pairs;
};

const VlcDecodeTables& vlc_decode_tables() noexcept;
const VlcEncodeTables& vlc_encode_tables() noexcept;

// The code of a single u (T.814 table 3): prefix, then suffix, then extension, each least
// significant bit first. u from 1 to 92.
struct UCode {
    std::uint8_t prefix, prefix_length, suffix, suffix_length, extension, extension_length;
};
UCode u_code(int u) noexcept;

}  // namespace dicube::jph
