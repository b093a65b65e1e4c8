// Signed coefficients to a cleanup segment (T.814 7.3, read in the direction of the encoder).
//
// All that a quad writes depends on coefficients alone, so a quad row goes through plain loops over
// its quads: exponents and significance (Lanes), contexts and bounds, VLC words, MagSgn bits. The
// three streams are collected densely; stuffing comes last (byte_stuffing.hpp).
#pragma once

#include <algorithm>
#include <type_traits>

#include "jph/kernels/byte_stuffing.hpp"
#include "jph/kernels/cleanup_job.hpp"
#include "jph/kernels/vlc_tables.hpp"

namespace dicube::jph::DICUBE_SIMD {

// Adaptive run-length encoder (T.814 7.3.3). Writes stuffed bytes.
class MelEncoder {
  public:
    // 4096 samples have 1024 quads and 256 pairs in a first row; a symbol costs 6 bits at most.
    static constexpr std::size_t kMaxBytes = 1200;

    [[gnu::noinline]] void encode(bool symbol) noexcept {
        if (!symbol) {
            if (++run_ < 1 << kExponents[state_]) return;
            put(1, 1);
            run_ = 0;
            if (state_ < kStates - 1) ++state_;
        } else {
            const int exponent = kExponents[state_];
            put(static_cast<unsigned>(run_), exponent + 1);  // a zero, then the run
            run_ = 0;
            if (state_ > 0) --state_;
        }
    }

    // Closes an open run and pads the last byte with zeros. `used` are its bits that count.
    void finish() noexcept {
        if (run_ > 0) put(1, 1);
        used = 0xFF;
        if (filled_ > 0) {
            used = static_cast<std::uint8_t>(low_bits(filled_) << (room_ - filled_));
            bytes[length++] = static_cast<std::uint8_t>(pending_ << (room_ - filled_));
        } else if (room_ == 7) {
            bytes[length++] = 0;  // the stream must not end in 0xFF
            used = 0x80;
        }
    }

    std::uint8_t bytes[kMaxBytes];
    std::size_t length = 0;
    std::uint8_t used = 0;

  private:
    static constexpr int kStates = 13;
    static constexpr std::uint8_t kExponents[kStates] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5};

    void put(unsigned bits, int count) noexcept {
        while (count-- > 0) {
            pending_ = pending_ << 1 | (bits >> count & 1);
            if (++filled_ < room_) continue;
            bytes[length++] = static_cast<std::uint8_t>(pending_);
            room_ = pending_ == 0xFF ? 7 : 8;
            pending_ = 0;
            filled_ = 0;
        }
    }

    unsigned pending_ = 0;
    int filled_ = 0, room_ = 8;
    int state_ = 0, run_ = 0;
};

// A quad row on its way to bits. Entries -1 and quads_wide are zero, as the contexts need them.
struct EncoderRow {
    static constexpr int kEntries = kMaxBlockSide / 2 + 48;

    alignas(64) std::uint16_t rho_memory[2][kEntries];  // this row and the one above, in turn
    alignas(64) std::uint16_t eps[kEntries];            // bit n: sample n has the highest exponent
    alignas(64) std::uint16_t exponent[kEntries];       // the highest of the quad
    alignas(64) std::uint16_t kappa[kEntries];  // of a quad with several significant samples
    alignas(64) std::uint16_t index[kEntries];  // into VlcEncodeTables::quads
    alignas(64) std::uint16_t u[kEntries];
    alignas(64) std::uint16_t facts[kEntries];  // rho | e_k << 4
    alignas(64) std::uint8_t bounds[kEntries];  // U
    int highest;                                // greatest U of the row
    bool has_runs;                              // some quad may have context 0, which MEL codes

    std::uint16_t* rho(int row) noexcept { return rho_memory[row & 1] + 16; }

    void start(int quads_wide) noexcept {
        const std::size_t entries = static_cast<std::size_t>(quads_wide) + 48;
        std::memset(rho_memory[0], 0, entries * sizeof rho_memory[0][0]);
        std::memset(rho_memory[1], 0, entries * sizeof rho_memory[1][0]);
        std::memset(kappa, 0, entries * sizeof kappa[0]);
    }
};

// Bounds U, u and indices of the VLC words of a row.
inline void describe_row(EncoderRow& row, int y, int quads_wide) noexcept {
    const std::uint16_t* const rho = row.rho(y);
    const std::uint16_t* const above = row.rho(y + 1);  // the other one of two
    unsigned highest = 0;
    row.has_runs = false;
    for (int q = 0; q < quads_wide; ++q) {
        const unsigned several = (rho[q] & (rho[q] - 1u)) != 0;
        const unsigned kappa = several && row.kappa[q] > 1 ? row.kappa[q] : 1u;
        const unsigned bound = row.exponent[q] > kappa ? row.exponent[q] : kappa;
        const unsigned u = bound - kappa;
        const unsigned left = rho[q - 1];
        const unsigned context = y == 0
                                     ? ((left & 3) != 0 ? 1u : 0u) | (left >> 1 & 6)
                                     : (((above[q - 1] & 8u) | (above[q] & 2u)) != 0 ? 1u : 0u) |
                                           ((left & 12) != 0 ? 2u : 0u) |
                                           (((above[q] & 8u) | (above[q + 1] & 2u)) != 0 ? 4u : 0u);
        row.index[q] =
            static_cast<std::uint16_t>(context << 8 | rho[q] << 4 | (u != 0 ? row.eps[q] : 0u));
        row.has_runs |= context == 0;
        row.u[q] = static_cast<std::uint16_t>(u);
        row.bounds[q] = static_cast<std::uint8_t>(bound);
        highest = highest > bound ? highest : bound;
    }
    row.highest = static_cast<int>(highest);
}

// u codes beyond the table: only 32-bit samples get there.
[[gnu::noinline]] inline void write_long_u_pair(BitCollector& vlc, bool first_row, int first,
                                                int second) noexcept {
    const bool both = first_row && first > 0 && second > 0;
    const auto prefix = [&](const UCode& code) { vlc.append(code.prefix, code.prefix_length); };
    const auto rest = [&](const UCode& code) { vlc.append(code.suffix, code.suffix_length); };
    const auto extension = [&](const UCode& code) {
        vlc.append(code.extension, code.extension_length);
    };
    if (both && first > 2 && second <= 2) {
        const UCode code = u_code(first);
        prefix(code);
        vlc.append(static_cast<std::uint64_t>(second - 1), 1);
        rest(code);
        extension(code);
        return;
    }
    const int known = both && first > 2 ? 2 : 0;
    const UCode a = u_code(first - known), b = u_code(second - known);
    prefix(a);
    prefix(b);
    rest(a);
    rest(b);
    extension(a);
    extension(b);
}

// VLC words and MEL symbols of a row; leaves rho and e_k of the words in row.facts. HasRuns: there
// may be quads of context 0. HasLongU: there may be values u that the table does not have.
template <bool FirstRow, bool HasRuns, bool HasLongU>
inline void write_words(EncoderRow& row, int quads_wide, MelEncoder& mel,
                        BitCollector& collector) noexcept {
    const VlcEncodeTables& tables = vlc_encode_tables();
    const VlcWord* const words = tables.quads[FirstRow ? 0 : 1].data();
    const std::uint32_t* const u_words = tables.u_pairs[FirstRow ? 0 : 1].data();
    BitCollector vlc = collector;  // a copy that can stay in registers
    // A pair without second quad has neither word nor MEL symbol for it.
    const auto write_pair = [&](int q, auto has_second) noexcept {
        const unsigned index_1 = row.index[q], index_2 = row.index[q + 1];
        const VlcWord word_1 = words[index_1], word_2 = has_second ? words[index_2] : 0;
        if (HasRuns && index_1 < 0x100) mel.encode(index_1 != 0);
        if (HasRuns && has_second && index_2 < 0x100) mel.encode(index_2 != 0);
        row.facts[q] = static_cast<std::uint16_t>(word_1 >> 16);
        row.facts[q + 1] = static_cast<std::uint16_t>(word_2 >> 16);
        const std::uint32_t quads = (word_1 >> kWordShift & 0x7F) | (word_2 >> kWordShift & 0x7F)
                                                                        << (word_1 & kWordLength);
        const unsigned u_1 = row.u[q], u_2 = row.u[q + 1];
        if (FirstRow && u_1 > 0 && u_2 > 0) mel.encode(u_1 > 2 && u_2 > 2);
        if (HasLongU && (u_1 | u_2) > 31) {
            vlc.append(quads, (word_1 + word_2) & kWordLength);
            write_long_u_pair(vlc, FirstRow, static_cast<int>(u_1), static_cast<int>(u_2));
            return;
        }
        const std::uint32_t u_word = u_words[u_1 << 5 | u_2];
        // All three have 30 bits at most.
        vlc.append(quads | u_word >> kWordShift << ((word_1 + word_2) & kWordLength),
                   (word_1 + word_2 + u_word) & kWordLength);
    };
    row.u[quads_wide] = 0;
    int q = 0;
    for (; q + 1 < quads_wide; q += 2) write_pair(q, std::true_type{});
    if (q < quads_wide) write_pair(q, std::false_type{});
    collector = vlc;
}

inline void copy_reversed(const std::uint8_t* from, std::size_t length, std::uint8_t* to) noexcept {
    for (; length >= 8; length -= 8, to += 8)
        store64(to, __builtin_bswap64(load64(from + length - 8)));
    while (length > 0) *to++ = from[--length];
}

// Puts the three streams together (T.814 7.1.1). Returns the length of the segment.
inline std::uint32_t join_streams(const std::uint8_t* magsgn, std::size_t magsgn_bits,
                                  MelEncoder& mel, const std::uint8_t* vlc, std::size_t vlc_bits,
                                  std::uint8_t* vlc_bytes, std::uint8_t* bytes) noexcept {
    std::size_t length = stuff_forward(magsgn, magsgn_bits, bytes);
    mel.finish();
    const StuffedBytes stuffed_vlc = stuff_backward(vlc, vlc_bits, vlc_bytes);
    std::size_t vlc_length = stuffed_vlc.length;

    // The last byte of MEL and the last of VLC may be one, if their bits leave each other room and
    // the byte triggers no stuffing. The first VLC byte carries Scup and stays alone.
    if (mel.length > 0 && vlc_length > 1) {
        std::uint8_t& last_mel = mel.bytes[mel.length - 1];
        const std::uint8_t last_vlc = vlc_bytes[vlc_length - 1], before = vlc_bytes[vlc_length - 2];
        const std::uint8_t vlc_used = static_cast<std::uint8_t>(0xFF >> stuffed_vlc.free_bits);
        const std::uint8_t joined = last_mel | last_vlc;
        const bool stuffing = joined == 0xFF || (before > 0x8F && (joined & 0x7F) == 0x7F);
        if ((mel.used & vlc_used) == 0 && !stuffing) {
            last_mel = joined;
            --vlc_length;
        }
    }
    std::memcpy(bytes + length, mel.bytes, mel.length);
    length += mel.length;
    copy_reversed(vlc_bytes, vlc_length, bytes + length);
    length += vlc_length;
    const std::size_t suffix = mel.length + vlc_length + 1;
    bytes[length - 1] = static_cast<std::uint8_t>((bytes[length - 1] & 0xF0) | (suffix & 15));
    bytes[length++] = static_cast<std::uint8_t>(suffix >> 4);
    return static_cast<std::uint32_t>(length);
}

// One block. `Lanes` turns a pair of rows into exponents and MagSgn values, and those into bits.
template <class Lanes, class T>
inline void encode_block(CleanupEncodeJob<T>& job, BlockScratch& scratch) noexcept {
    const int quads_wide = (job.width + 1) / 2, quads_high = (job.height + 1) / 2;
    auto& lanes = *reinterpret_cast<Lanes*>(scratch.encoder_rows);
    EncoderRow& row = lanes.row;
    row.start(quads_wide);
    lanes.start(quads_wide);
    MelEncoder mel;
    std::uint8_t* const vlc_dense = scratch.blocks[0].vlc;
    BitCollector vlc(vlc_dense), magsgn(scratch.blocks[0].magsgn);
    vlc.append(15, 4);  // stands for the low nibble of Scup
    for (int y = 0; y < quads_high; ++y) {
        const T* const top = job.samples + 2 * y * job.stride;
        const T* const bottom = 2 * y + 1 < job.height ? top + job.stride : nullptr;
        lanes.load(top, bottom, job.width, y);
        lanes.describe(y, quads_wide);
        constexpr bool kHasLongU = sizeof(T) > 4;
        if (y == 0)
            write_words<true, true, kHasLongU>(row, quads_wide, mel, vlc);
        else if (row.has_runs)
            write_words<false, true, kHasLongU>(row, quads_wide, mel, vlc);
        else
            write_words<false, false, kHasLongU>(row, quads_wide, mel, vlc);
        lanes.write_samples(quads_wide, magsgn);
        lanes.next_kappa(quads_wide);
    }
    // Beyond the limit nothing was written past its memory, but it means nothing.
    if (lanes.peak() > static_cast<std::uint64_t>(kMaxMagnitudeOf<T>)) {
        job.outcome = BlockOutcome::too_large;
        return;
    }
    job.length = join_streams(scratch.blocks[0].magsgn, magsgn.bit_count(), mel, vlc_dense,
                              vlc.bit_count(), scratch.blocks[1].vlc, job.bytes);
}

// Whether any sample differs from zero; most blocks show it in their first row.
template <class T>
inline bool any_sample(const CleanupEncodeJob<T>& job) noexcept {
    for (int y = 0; y < job.height; ++y) {
        const T* const row = job.samples + y * job.stride;
        T all = 0;
        for (int x = 0; x < job.width; ++x) all = static_cast<T>(all | row[x]);
        if (all != 0) return true;
    }
    return false;
}

template <class Lanes, class T>
inline void encode_cleanup(CleanupEncodeJob<T>* jobs, std::size_t count,
                           BlockScratch& scratch) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        jobs[i].length = 0;
        jobs[i].outcome = BlockOutcome::ok;
        if (any_sample(jobs[i])) encode_block<Lanes>(jobs[i], scratch);
    }
}

// Plain C++, for any T; magnitudes up to 2^38.
template <class T>
struct ScalarLanes {
    EncoderRow row;
    std::uint64_t values[kMaxBlockSide / 2 + 2][4];
    std::uint8_t bottom_memory[kMaxBlockSide + 8];  // exponents of the bottom samples

    std::uint8_t* bottom() noexcept { return bottom_memory + 4; }

    void start(int) noexcept {
        std::memset(bottom_memory, 0, sizeof bottom_memory);
        peak_ = 0;
    }
    std::uint64_t peak() const noexcept { return peak_; }

    void describe(int y, int quads_wide) noexcept { describe_row(row, y, quads_wide); }

    void load(const T* top, const T* below, int width, int y) noexcept {
        for (int q = 0; q < (width + 1) / 2; ++q) {
            unsigned rho = 0, eps = 0;
            int exponents[4], highest = 0;
            for (int n = 0; n < 4; ++n) {
                const T* const samples = n & 1 ? below : top;
                const int x = 2 * q + (n >> 1);
                const std::int64_t sample = samples != nullptr && x < width ? samples[x] : 0;
                const std::uint64_t magnitude =
                    static_cast<std::uint64_t>(sample < 0 ? -sample : sample);
                peak_ = std::max(peak_, magnitude);
                const std::uint64_t value = 2 * (magnitude - 1) + (sample < 0 ? 1 : 0);
                values[q][n] = sample == 0 ? 0 : value;
                exponents[n] = sample == 0 ? 0 : bit_length(value | 1);
                highest = std::max(highest, exponents[n]);
                rho |= (sample != 0 ? 1u : 0u) << n;
            }
            for (int n = 0; n < 4; ++n)
                eps |= (exponents[n] != 0 && exponents[n] == highest ? 1u : 0u) << n;
            row.rho(y)[q] = static_cast<std::uint16_t>(rho);
            row.eps[q] = static_cast<std::uint16_t>(eps);
            row.exponent[q] = static_cast<std::uint16_t>(highest);
            bottom()[2 * q] = static_cast<std::uint8_t>(exponents[1]);
            bottom()[2 * q + 1] = static_cast<std::uint8_t>(exponents[3]);
        }
    }

    void write_samples(int quads_wide, BitCollector& magsgn) noexcept {
        for (int q = 0; q < quads_wide; ++q) {
            for (int n = 0; n < 4; ++n) {
                if ((row.facts[q] >> n & 1) == 0) continue;
                const int bits = row.bounds[q] - (row.facts[q] >> (4 + n) & 1);
                magsgn.append(values[q][n] & low_bits(bits), static_cast<std::uint64_t>(bits));
            }
        }
    }

    void next_kappa(int quads_wide) noexcept {
        for (int q = 0; q < quads_wide; ++q) {
            const std::uint8_t* const at = bottom() + 2 * q;
            const int highest = std::max(std::max(at[-1], at[0]), std::max(at[1], at[2]));
            row.kappa[q] = static_cast<std::uint16_t>(std::max(1, highest - 1));
        }
    }

  private:
    std::uint64_t peak_ = 0;  // greatest magnitude so far
};

}  // namespace dicube::jph::DICUBE_SIMD
