#include "jxl/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "jxl/ans_table.hpp"

namespace dicube::jxl {
namespace {

// Logarithms of the middle between two numbers with a mantissa of 11 bits.
struct MantissaLogs {
    static constexpr int kBits = 11;
    double logs[1 << kBits];

    MantissaLogs() noexcept {
        for (int i = 0; i < 1 << kBits; ++i) logs[i] = std::log2(1 + (i + 0.5) / (1 << kBits));
    }
};
const MantissaLogs kMantissaLogs;

double log2_of(std::uint32_t count) noexcept {
    const double value = count;
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const int exponent = static_cast<int>(bits >> 52) - 1023;
    const auto index = bits >> (52 - MantissaLogs::kBits) & ((1u << MantissaLogs::kBits) - 1);
    return exponent + kMantissaLogs.logs[index];
}

// Shorter runs are not worth their word.
constexpr std::uint32_t kLeastRun = 5;

// The nearest frequency that can be written.
std::uint32_t rounded(double wanted, int shift) noexcept {
    if (wanted <= 1) return 1;
    const auto whole = static_cast<std::uint32_t>(wanted);
    const int low = floor_log2(whole);
    const std::uint32_t step = 1u << (low - known_bits(low, shift));
    return static_cast<std::uint32_t>(wanted / step + 0.5) * step;
}

void write_small(BitWriter& bits, std::uint32_t value) {
    bits.flag(value != 0);
    if (value == 0) return;
    const int width = floor_log2(value);
    bits.write(static_cast<std::uint64_t>(width), 3);
    bits.write(value - (1u << width), width);
}

}  // namespace

CountLogs::CountLogs() noexcept {
    values[0] = 0;
    for (std::uint32_t i = 1; i < kCount; ++i) values[i] = i * std::log2(double(i));
}
const CountLogs kCountLogs;

double CountLogs::of_many(std::uint32_t count) noexcept { return count * log2_of(count); }

void Histogram::add(const Histogram& other) noexcept {
    for (std::uint32_t i = 0; i < other.length; ++i) counts[i] += other.counts[i];
    total += other.total;
    length = std::max(length, other.length);
}

void Histogram::set(const std::uint32_t* all) noexcept {
    std::copy_n(all, kMostTokens, counts);
    total = length = 0;
    for (std::uint32_t i = 0; i < kMostTokens; ++i) {
        total += counts[i];
        if (counts[i] > 0) length = i + 1;
    }
}

double entropy_bits(const Histogram& histogram) noexcept {
    double bits = count_log_count(histogram.total);
    for (std::uint32_t i = 0; i < histogram.length; ++i)
        bits -= count_log_count(histogram.counts[i]);
    return bits;
}

double entropy_bits(const Histogram& a, const Histogram& b) noexcept {
    double bits = count_log_count(a.total + b.total);
    const std::uint32_t length = std::max(a.length, b.length);
    for (std::uint32_t i = 0; i < length; ++i) bits -= count_log_count(a.counts[i] + b.counts[i]);
    return bits;
}

namespace {
constexpr double kBitsPerFrequency = 5.5;
}

double table_bits(const Histogram& histogram) noexcept {
    return kBitsPerFrequency * (histogram.length + 2);
}
double table_bits(const Histogram& a, const Histogram& b) noexcept {
    return kBitsPerFrequency * (std::max(a.length, b.length) + 2);
}

void Frequencies::fit(const Histogram& histogram) {
    std::fill_n(values_, length_, 0u);
    length_ = histogram.length;
    omitted_ = 0;
    if (histogram.total == 0) {  // never asked for
        length_ = 1;
        values_[0] = kAnsTotal;
        return;
    }
    for (std::uint32_t i = 1; i < length_; ++i)
        if (histogram.counts[i] > histogram.counts[omitted_]) omitted_ = i;
    if (histogram.counts[omitted_] == histogram.total) {
        values_[omitted_] = kAnsTotal;
        return;
    }
    constexpr int kFinest = kAnsBits + 1, kCoarsest = 4;
    double least = 0;
    int best = -1;
    for (int shift = kCoarsest; shift <= kFinest; ++shift) {
        if (!round(histogram, shift)) continue;
        const double bits = cost(histogram);
        if (best >= 0 && bits >= least) continue;
        least = bits;
        best = shift;
    }
    round(histogram, best);
}

bool Frequencies::round(const Histogram& histogram, int shift) noexcept {
    shift_ = shift;
    const double scale = double(kAnsTotal) / histogram.total;
    constexpr int kLow = kAnsBits - 2;  // of frequencies below half
    const std::uint32_t below_half = kAnsTotal / 2 - (1u << (kLow - known_bits(kLow, shift)));
    std::uint32_t sum = 0;
    for (std::uint32_t i = 0; i < length_; ++i) {
        values_[i] = 0;
        if (i == omitted_ || histogram.counts[i] == 0) continue;
        // Below half of all, so that the omitted frequency can have the longest logarithm.
        values_[i] = std::min(rounded(histogram.counts[i] * scale, shift), below_half);
        sum += values_[i];
    }
    if (shift > kAnsBits) {
        // Rare tokens were all rounded up: at full precision those that have more can give.
        for (std::uint32_t i = 0; sum >= kAnsTotal; i = (i + 1) % length_) {
            if (values_[i] <= 1 || i == omitted_) continue;
            --values_[i];
            --sum;
        }
    }
    if (sum >= kAnsTotal) return false;
    values_[omitted_] = kAnsTotal - sum;
    return true;
}

double Frequencies::cost(const Histogram& histogram) const noexcept {
    double bits = 0;
    for (std::uint32_t i = 0; i < length_; ++i) {
        if (values_[i] == 0) continue;
        bits += histogram.counts[i] * (kAnsBits - log2_of(values_[i]));
        if (i != omitted_) bits += known_bits(floor_log2(values_[i]), shift_);
    }
    return bits;
}

void Frequencies::write(BitWriter& bits) const {
    std::uint32_t used[3], count = 0;
    for (std::uint32_t i = 0; i < length_ && count < 3; ++i)
        if (values_[i] != 0) used[count++] = i;
    if (count < 3) {
        bits.flag(true);
        bits.flag(count == 2);
        for (std::uint32_t i = 0; i < count; ++i) write_small(bits, used[i]);
        if (count == 2) bits.write(values_[used[0]], kAnsBits);
        return;
    }
    bits.flag(false);
    bits.flag(false);
    const int width = floor_log2(static_cast<std::uint32_t>(shift_) + 1);
    bits.write((1u << width) - 1, width);
    if (width < 3) bits.flag(false);
    bits.write(static_cast<std::uint32_t>(shift_) + 1 - (1u << width), width);
    write_small(bits, length_ - 3);

    // The omitted one is told apart as the first with the longest logarithm.
    int longest = 0;
    for (std::uint32_t i = 0; i < length_; ++i)
        if (i != omitted_)
            longest = std::max(longest, bit_length(values_[i]) + (i < omitted_ ? 1 : 0));
    const auto run_from = [&](std::uint32_t i) {
        if (i == 0 || i == omitted_ + 1) return 0u;
        std::uint32_t run = 0;
        while (i + run < length_ && i + run != omitted_ && values_[i + run] == values_[i - 1])
            ++run;
        return run < kLeastRun ? 0u : run;
    };
    const auto write_log = [&](int log) { bits.write(kLogWords[log], kLogLengths[log]); };
    for (std::uint32_t i = 0; i < length_;) {
        const std::uint32_t run = run_from(i);
        if (run > 0) {
            write_log(kRepeatLog);
            write_small(bits, run - 4);
            i += run;
        } else {
            write_log(i == omitted_ ? longest : bit_length(values_[i]));
            ++i;
        }
    }
    for (std::uint32_t i = 0; i < length_;) {
        const std::uint32_t run = run_from(i);
        if (run == 0 && i != omitted_ && values_[i] > 1) {
            const int low = floor_log2(values_[i]), known = known_bits(low, shift_);
            bits.write((values_[i] - (1u << low)) >> (low - known), known);
        }
        i += std::max(run, 1u);
    }
}

}  // namespace dicube::jxl
