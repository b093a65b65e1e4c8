#include "jxl/ans_writer.hpp"

namespace dicube::jxl {

void AnsEncoder::build(const Frequencies& frequencies, int log_alphabet) {
    AnsTable table;
    table.build(frequencies.values(), log_alphabet);
    const span<const std::uint32_t> values = frequencies.values();
    std::uint32_t start = 0;
    for (std::uint32_t i = 0; i < values.size(); ++i) {
        Symbol& symbol = symbols_[i];
        symbol.frequency = static_cast<std::uint16_t>(values[i]);
        symbol.start = static_cast<std::uint16_t>(start);
        symbol.raw_bits = raw_bits_of(i);
        if (values[i] > 0)
            symbol.reciprocal = ((std::uint64_t{1} << kPrecision) + values[i] - 1) / values[i];
        start += values[i];
    }
    const span<const AnsTable::Bucket> buckets = table.buckets();
    const std::uint32_t size = 1u << table.log_size();
    for (std::uint32_t i = 0; i < buckets.size(); ++i) {
        const AnsTable::Bucket& bucket = buckets[i];
        for (std::uint32_t within = 0; within < size; ++within) {
            const bool is_left = within < bucket.cutoff;
            const std::uint32_t offset =
                is_left ? within : static_cast<std::uint32_t>(bucket.offset) + within;
            slots_[symbols_[is_left ? i : bucket.right].start + offset] =
                static_cast<std::uint16_t>(i * size + within);
        }
    }
}

}  // namespace dicube::jxl
