// Entropy-coded numbers: a set of codes, which of them a context uses, and a reader that goes
// through a stream of them (ISO/IEC 18181-1, Annex C).
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.hpp"
#include "jxl/ans_table.hpp"
#include "jxl/bit_reader.hpp"
#include "jxl/prefix_code.hpp"

namespace dicube::jxl {

// A number as a token, which is entropy coded, and bits, which are not.
struct HybridConfig {
    int split_exponent = 0, msb = 0, lsb = 0;

    Status read(BitReader& bits, int log_alphabet);

    // False: a number of more than 32 bits.
    bool decode(std::uint32_t token, BitReader& bits, std::uint32_t& value) const noexcept {
        const std::uint32_t split = 1u << split_exponent;
        if (token < split) {
            value = token;
            return true;
        }
        const std::uint32_t above = token - split;
        const std::uint32_t width =
            static_cast<std::uint32_t>(split_exponent - msb - lsb) + (above >> (msb + lsb));
        if (width > 31) return false;
        const std::uint32_t low = token & ((1u << lsb) - 1);
        const std::uint32_t high = (token >> lsb & ((1u << msb) - 1)) | 1u << msb;
        const std::uint64_t bits_between = bits.read(static_cast<int>(width));
        const std::uint64_t whole =
            ((static_cast<std::uint64_t>(high) << width | bits_between) << lsb) | low;
        value = static_cast<std::uint32_t>(whole);
        return whole >> 32 == 0;
    }
};

struct EntropyCode {
    bool has_lz77 = false;
    std::uint32_t min_symbol = 0, min_length = 0;
    HybridConfig length_config;
    bool is_prefix = false;
    std::vector<std::uint8_t> clusters;  // of each context; distances of LZ77 are the last one
    std::vector<HybridConfig> configs;   // of each cluster
    std::vector<PrefixCode> prefix_codes;
    std::vector<AnsTable> ans_tables;

    Status read(BitReader& bits, std::size_t contexts) { return read(bits, contexts, true); }

  private:
    Status read(BitReader& bits, std::size_t contexts, bool allows_lz77);
    Status read_clusters(BitReader& bits);
};

// Reads numbers in the order in which they were written.
class EntropyReader {
  public:
    // `width` is that of the widest channel of the stream, 0 where there is no image.
    EntropyReader(const EntropyCode& code, BitReader& bits, std::uint32_t width);

    std::uint32_t read(std::size_t context) {
        if (code_.has_lz77) return read_with_copies(context);
        return read_number(code_.clusters[context]);
    }
    // Whether all numbers were there and the state is what it has to be in the end.
    Status finish() const noexcept;
    // Of ANS.
    std::uint32_t state() const noexcept { return state_; }

  private:
    static constexpr std::uint32_t kWindow = 1u << 20;

    std::uint32_t read_token(std::size_t cluster) noexcept {
        if (code_.is_prefix) return code_.prefix_codes[cluster].decode(bits_);
        const std::uint32_t token = code_.ans_tables[cluster].decode(state_);
        if (state_ < 1u << 16) state_ = state_ << 16 | bits_.read(16);
        return token;
    }
    std::uint32_t read_number(std::size_t cluster) noexcept {
        return finish_number(code_.configs[cluster], read_token(cluster));
    }
    std::uint32_t finish_number(const HybridConfig& config, std::uint32_t token) noexcept {
        std::uint32_t value = 0;
        if (!config.decode(token, bits_, value)) is_damaged_ = true;
        return value;
    }
    std::uint32_t read_with_copies(std::size_t context);
    std::uint32_t read_distance() noexcept;

    const EntropyCode& code_;
    BitReader& bits_;
    std::uint32_t width_;
    std::uint32_t state_ = kAnsFinalState;
    std::vector<std::uint32_t> window_;  // the last kWindow numbers, each at its own number modulo
    std::uint32_t count_ = 0;            // numbers so far
    std::uint32_t copies_ = 0, from_ = 0;
    bool is_damaged_ = false;
};

}  // namespace dicube::jxl
