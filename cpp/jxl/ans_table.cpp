#include "jxl/ans_table.hpp"

#include <algorithm>

namespace dicube::jxl {
namespace {

constexpr Status kBadFrequencies{Fault::damaged, "the frequencies of a code contradict each other",
                                 Status::kNowhere};

// A number from 0 to 255, mostly small.
std::uint32_t read_small(BitReader& bits) noexcept {
    if (!bits.flag()) return 0;
    const int width = static_cast<int>(bits.read(3));
    return (1u << width) + bits.read(width);
}

// The code of logarithms, by the next seven bits.
struct LogWord {
    std::uint8_t value, length;
};
struct LogWords {
    LogWord by_window[128] = {};

    constexpr LogWords() noexcept {
        for (std::uint8_t value = 0; value < kLogs; ++value)
            for (unsigned window = kLogWords[value]; window < 128;
                 window += 1u << kLogLengths[value])
                by_window[window] = {value, kLogLengths[value]};
    }
};
constexpr LogWords kWordsByWindow;

// One or two symbols.
Status read_few(BitReader& bits, span<std::uint32_t> frequencies) {
    const bool has_two = bits.flag();
    const std::uint32_t first = read_small(bits), second = has_two ? read_small(bits) : first;
    if (std::max(first, second) >= frequencies.size() || (has_two && first == second))
        return kBadFrequencies;
    frequencies[first] = kAnsTotal;
    if (has_two) {
        frequencies[first] = bits.read(kAnsBits);
        frequencies[second] = kAnsTotal - frequencies[first];
    }
    return success();
}

Status read_flat(BitReader& bits, span<std::uint32_t> frequencies) {
    const std::uint32_t count = read_small(bits) + 1;
    if (count > frequencies.size()) return kBadFrequencies;
    for (std::uint32_t i = 0; i < count; ++i)
        frequencies[i] = kAnsTotal / count + (i < kAnsTotal % count ? 1 : 0);
    return success();
}

// Each frequency by its number of bits, and some of the bits below the highest.
Status read_any(BitReader& bits, span<std::uint32_t> frequencies) {
    int width = 0;
    while (width < 3 && bits.flag()) ++width;
    const int shift = static_cast<int>((bits.read(width) | 1u << width) - 1);
    if (shift > kAnsBits + 1) return kBadFrequencies;
    const std::uint32_t count = read_small(bits) + 3;
    if (count > frequencies.size()) return kBadFrequencies;

    std::vector<int> logs(count, 0);
    std::vector<std::uint32_t> repeats(count, 0);
    std::uint32_t omitted = count;
    for (std::uint32_t i = 0; i < count;) {
        const LogWord word = kWordsByWindow.by_window[bits.peek() & 127];
        bits.skip(word.length);
        if (word.value == kRepeatLog) {
            const std::uint32_t more = read_small(bits) + 4;
            if (more > count - i) return kBadFrequencies;
            repeats[i] = more;
            i += more;
            continue;
        }
        logs[i] = word.value;
        if (omitted == count || logs[i] > logs[omitted]) omitted = i;
        ++i;
    }
    // A run right behind the omitted frequency would have nothing to repeat.
    if (omitted == count || (omitted + 1 < count && repeats[omitted + 1] != 0))
        return kBadFrequencies;
    std::uint32_t sum = 0;
    for (std::uint32_t i = 0; i < count;) {
        const std::uint32_t run = repeats[i];
        if (run != 0) {
            const std::uint32_t last = i > 0 ? frequencies[i - 1] : 0;
            std::fill_n(frequencies.begin() + i, run, last);
            sum += last * run;
            i += run;
            continue;
        }
        if (i != omitted && logs[i] > 0) {
            const int low = logs[i] - 1;
            const int known = known_bits(low, shift);
            frequencies[i] = (1u << low) + (bits.read(known) << (low - known));
            sum += frequencies[i];
        }
        ++i;
    }
    if (sum >= kAnsTotal) return kBadFrequencies;
    frequencies[omitted] = kAnsTotal - sum;
    return success();
}

}  // namespace

Status AnsTable::read(BitReader& bits, int log_alphabet) {
    frequencies_.assign(std::size_t{1} << log_alphabet, 0);
    const span<std::uint32_t> frequencies{frequencies_.data(), frequencies_.size()};
    const Status status = bits.flag()   ? read_few(bits, frequencies)
                          : bits.flag() ? read_flat(bits, frequencies)
                                        : read_any(bits, frequencies);
    if (!status.ok()) return status;
    build(log_alphabet);
    return success();
}

void AnsTable::build(span<const std::uint32_t> frequencies, int log_alphabet) {
    frequencies_.assign(std::size_t{1} << log_alphabet, 0);
    std::copy(frequencies.begin(), frequencies.end(), frequencies_.begin());
    build(log_alphabet);
}

// Buckets of one size: a symbol with too few places for its own bucket leaves the rest of it to one
// that has too many. The order in which that happens is part of the standard.
void AnsTable::build(int log_alphabet) {
    const std::uint32_t count = 1u << log_alphabet;
    log_size_ = kAnsBits - log_alphabet;
    const std::uint32_t size = 1u << log_size_;
    buckets_.assign(count, {});

    const auto only = std::find(frequencies_.begin(), frequencies_.end(), kAnsTotal);
    if (only != frequencies_.end()) {
        const auto symbol = static_cast<std::uint16_t>(only - frequencies_.begin());
        for (std::uint32_t i = 0; i < count; ++i)
            buckets_[i] = {0, symbol, static_cast<std::int32_t>(i * size)};
        return;
    }

    std::vector<std::uint32_t> cutoffs(frequencies_), over, under;
    std::uint32_t used = count;  // without the zeros at the end
    while (used > 0 && frequencies_[used - 1] == 0) --used;
    for (std::uint32_t i = 0; i < used; ++i) {
        if (cutoffs[i] > size) over.push_back(i);
        if (cutoffs[i] < size) under.push_back(i);
    }
    for (std::uint32_t i = used; i < count; ++i) under.push_back(i);
    while (!over.empty()) {
        const std::uint32_t from = over.back(), to = under.back();
        over.pop_back();
        under.pop_back();
        const std::uint32_t moved = size - cutoffs[to];
        cutoffs[from] -= moved;
        buckets_[to].right = static_cast<std::uint16_t>(from);
        buckets_[to].offset = static_cast<std::int32_t>(cutoffs[from]);
        if (cutoffs[from] < size) under.push_back(from);
        if (cutoffs[from] > size) over.push_back(from);
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        Bucket& bucket = buckets_[i];
        bucket.cutoff = static_cast<std::uint16_t>(cutoffs[i]);
        bucket.offset -= static_cast<std::int32_t>(cutoffs[i]);
        if (cutoffs[i] == size) bucket = {static_cast<std::uint16_t>(size), 0, 0};
    }
}

}  // namespace dicube::jxl
