#include <vector>

#include "jph/header_bits.hpp"
#include "tests/check.hpp"
#include "tests/random.hpp"

namespace dicube::jph {
namespace {

TEST("header bits are read back, with and without 0xFF among the bytes") {
    tests::Random random(2);
    for (int round = 0; round < 500; ++round) {
        std::vector<std::pair<std::uint32_t, int>> fields(random() % 60);
        for (auto& [value, count] : fields) {
            count = 1 + static_cast<int>(random() % 32);
            const std::uint32_t mask = count == 32 ? 0xFFFFFFFF : (1U << count) - 1;
            value = (round % 2 == 0 ? random() : 0xFFFFFFFF) & mask;
            if (random() % 5 == 0) value = 0;
        }
        std::vector<std::uint8_t> out(400, 0xAA);
        HeaderBitWriter put(out.data());
        for (const auto& [value, count] : fields) put.write(value, count);
        const std::uint8_t* const end = put.finish();
        for (const std::uint8_t* byte = out.data(); byte + 1 < end; ++byte) {
            CHECK(byte[0] != 0xFF || byte[1] < 0x80);
        }
        CHECK(end == out.data() || end[-1] != 0xFF);

        // Neither what follows the header nor its absence changes what is read.
        for (const std::uint8_t* limit : {end, static_cast<const std::uint8_t*>(&out[399])}) {
            HeaderBitReader get(out.data(), limit);
            for (const auto& [value, count] : fields) CHECK_EQUAL(get.read(count), value);
            CHECK(get.finish() == end);
        }
        // Cut short, it is noticed.
        if (end == out.data()) continue;
        HeaderBitReader get(out.data(), end - 1);
        for (const auto& [value, count] : fields) (void)get.read(count);
        CHECK(get.finish() == nullptr);
    }
}

TEST("runs stop at the first other bit, at the limit, or not beyond the data") {
    const std::uint8_t bytes[] = {0b00010111, 0xFF, 0b01000000};
    HeaderBitReader bits(bytes, bytes + 3);
    CHECK_EQUAL(bits.run<0>(48), 3);
    CHECK_EQUAL(bits.run<0>(48), 1);
    CHECK_EQUAL(bits.run<1>(5), 5);   // a limit takes no bit behind it
    CHECK_EQUAL(bits.run<1>(48), 6);  // 5 + 6 = 2 + 8 + 1, past the stuffed bit
    CHECK_EQUAL(bits.run<0>(48), 48);
    CHECK(bits.finish() == nullptr);
}

}  // namespace
}  // namespace dicube::jph
