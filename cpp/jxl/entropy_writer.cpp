#include "jxl/entropy_writer.hpp"

#include <algorithm>

namespace dicube::jxl {
namespace {

void write_config(BitWriter& bits, int log_alphabet) {
    const auto field = [&](int value, int most) {
        bits.write(static_cast<std::uint64_t>(value),
                   ceil_log2(static_cast<std::uint32_t>(most) + 1));
    };
    field(kTokenConfig.split_exponent, log_alphabet);
    field(kTokenConfig.msb, kTokenConfig.split_exponent);
    field(kTokenConfig.lsb, kTokenConfig.split_exponent - kTokenConfig.msb);
}

// Which cluster each context belongs to: plain numbers, or entropy coded ones, whatever is shorter.
void write_context_map(const std::vector<std::uint8_t>& clusters, std::size_t count,
                       BitWriter& bits) {
    const int width = ceil_log2(static_cast<std::uint32_t>(count));
    constexpr int kMostPlain = 3;
    BitWriter coded;
    if (width > 0) {
        std::vector<ContextNumber> numbers;
        for (const std::uint8_t cluster : clusters) numbers.push_back({0, cluster});
        coded.flag(false);  // no move to front
        write_numbers(numbers, 1, coded);
    }
    const bool is_plain = width <= kMostPlain &&
                          2 + clusters.size() * static_cast<std::size_t>(width) <= coded.position();
    bits.flag(is_plain || width == 0);
    if (is_plain || width == 0) {
        bits.write(static_cast<std::uint64_t>(width), 2);
        for (const std::uint8_t cluster : clusters) bits.write(cluster, width);
    } else {
        bits.append(coded);
    }
}

}  // namespace

void CodeWriter::write(const Clusters& clusters, BitWriter& bits) {
    const std::size_t count = clusters.histograms.size();
    bits.flag(false);  // no LZ77
    if (clusters.of_context.size() > 1) write_context_map(clusters.of_context, count, bits);
    bits.flag(false);  // ANS
    std::uint32_t tokens = 1;
    for (const Histogram& histogram : clusters.histograms)
        tokens = std::max(tokens, histogram.length);
    constexpr int kLeast = 5;
    const int log_alphabet = std::max(kLeast, ceil_log2(tokens));
    bits.write(static_cast<std::uint64_t>(log_alphabet - kLeast), 2);
    for (std::size_t i = 0; i < count; ++i) write_config(bits, log_alphabet);
    frequencies_.resize(std::max(frequencies_.size(), count));
    encoders_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        frequencies_[i].fit(clusters.histograms[i]);
        frequencies_[i].write(bits);
        encoders_[i].build(frequencies_[i], log_alphabet);
    }
}

void write_numbers(const std::vector<ContextNumber>& numbers, std::size_t contexts,
                   BitWriter& bits) {
    std::vector<Histogram> histograms(contexts);
    for (const ContextNumber& number : numbers)
        histograms[number.context].add(to_token(number.value).token);
    Clusters clusters;
    join_contexts(histograms.data(), contexts, clusters);
    CodeWriter code;
    code.write(clusters, bits);
    // At most 16 bits for the state and 29 raw ones a number.
    std::vector<std::uint8_t> memory(numbers.size() * 6 + 8 + BackwardBits::kSlack);
    BackwardBits backward(memory.data() + memory.size());
    std::uint32_t state = kAnsFinalState;
    for (std::size_t i = numbers.size(); i-- > 0;) {
        const Token token = to_token(numbers[i].value);
        code[clusters.of_context[numbers[i].context]].put(token.token, token.raw, state, backward);
    }
    backward.put(state, 32);
    backward.write_to(bits);
}

}  // namespace dicube::jxl
