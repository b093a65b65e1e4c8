// The parts that a JPEG XL stream is made of, each on bits written by hand. Whole streams of other
// encoders are decoded in tests/codecs.
#include <vector>

#include "jxl/entropy_code.hpp"
#include "jxl/frame_header.hpp"
#include "tests/check.hpp"

namespace dicube::jxl {
namespace {

Status read_header(span<const std::uint8_t> codestream, FrameHeader& header) {
    BitReader bits(codestream);
    return header.read(bits);
}

// Bits in the order in which they are read.
class Bits {
  public:
    Bits& add(std::uint64_t value, int count) {
        for (int i = 0; i < count; ++i, ++count_) {
            if (count_ % 8 == 0) bytes_.push_back(0);
            bytes_.back() =
                static_cast<std::uint8_t>(bytes_.back() | (value >> i & 1) << (count_ % 8));
        }
        return *this;
    }
    BitReader reader() const { return BitReader({bytes_.data(), bytes_.size()}); }

  private:
    std::vector<std::uint8_t> bytes_;
    int count_ = 0;
};

TEST("fields of JPEG XL headers have the values of their forms") {
    const Bits bits = Bits()
                          .add(2, 2)
                          .add(5, 4)
                          .add(0, 2)
                          .add(1, 2)
                          .add(9, 4)
                          .add(3, 2)
                          .add(0xABC, 12)
                          .add(1, 1)
                          .add(0xEF, 8)
                          .add(0, 1);
    BitReader reader = bits.reader();
    CHECK_EQUAL(reader.u32(constant(1), constant(2), {4, 3}, {8, 19}), 8u);
    CHECK_EQUAL(reader.u64(), std::uint64_t{0});
    CHECK_EQUAL(reader.u64(), std::uint64_t{10});
    CHECK_EQUAL(reader.u64(), std::uint64_t{0xEFABC});
    CHECK(!reader.is_beyond_end());
    CHECK_EQUAL(reader.read(32), 0u);  // nothing but zeros behind the end
    CHECK(reader.is_beyond_end());
}

TEST("packed numbers alternate in sign") {
    const std::int32_t expected[] = {0, -1, 1, -2, 2};
    for (std::uint32_t i = 0; i < 5; ++i) CHECK_EQUAL(unpack_signed(i), expected[i]);
    CHECK_EQUAL(unpack_signed(~0u), INT32_MIN);
}

TEST("padding has to be zero") {
    const Bits zero = Bits().add(1, 3).add(0, 5).add(1, 1), other = Bits().add(1, 3).add(16, 5);
    BitReader clean = zero.reader(), dirty = other.reader();
    CHECK_EQUAL(clean.read(3), 1u);
    CHECK(clean.align());
    CHECK_EQUAL(clean.byte_position(), std::size_t{1});
    dirty.skip(3);
    CHECK(!dirty.align());
}

TEST("tokens and raw bits make numbers") {
    // Split at 16, two bits below the highest in the token, the lowest too.
    const HybridConfig config{4, 2, 1};
    const BitReader none;
    BitReader bits = none;
    std::uint32_t value = 0;
    for (std::uint32_t token = 0; token < 16; ++token) {
        CHECK(config.decode(token, bits, value));
        CHECK_EQUAL(value, token);
    }
    // Behind the split: 1, the two bits 10, a raw one, and the lowest bit 1.
    const Bits raw = Bits().add(1, 1);
    bits = raw.reader();
    CHECK(config.decode(16 + 0b101, bits, value));
    CHECK_EQUAL(value, 0b11011u);
    CHECK(!config.decode(16 + 8 * 40, bits, value));
}

TEST("a code of one symbol costs nothing") {
    // No LZ77, ANS, alphabet of 32; split 0, then one symbol: 3.
    Bits bits;
    bits.add(0, 1).add(0, 1).add(0, 2).add(5, 3);  // split 5 is the whole alphabet: no raw bits
    bits.add(1, 1).add(0, 1).add(1, 1).add(1, 3).add(1, 1);  // few, one, symbol 2 + 1
    bits.add(kAnsFinalState, 32);
    BitReader reader = bits.reader();
    EntropyCode code;
    CHECK(code.read(reader, 1).ok());
    EntropyReader numbers(code, reader, 0);
    for (int i = 0; i < 100; ++i) CHECK_EQUAL(numbers.read(0), 3u);
    CHECK(numbers.finish().ok());
}

TEST("a simple prefix code gives the shortest word to the symbol named first") {
    Bits bits;
    bits.add(1, 2).add(2, 2).add(6, 3).add(0, 3).add(3, 3);  // simple, three symbols of 0 to 7
    bits.add(0, 1).add(0b01, 2).add(0b11, 2);
    BitReader reader = bits.reader();
    PrefixCode code;
    CHECK(code.read(reader, 8).ok());
    CHECK_EQUAL(code.decode(reader), 6u);
    CHECK_EQUAL(code.decode(reader), 0u);
    CHECK_EQUAL(code.decode(reader), 3u);
    const Bits same = Bits().add(1, 2).add(1, 2).add(5, 3).add(5, 3);
    BitReader twice = same.reader();
    CHECK(!PrefixCode().read(twice, 8).ok());
}

TEST("what is no codestream is told apart from what others may decode") {
    FrameHeader header;
    const std::uint8_t text[] = {'t', 'e', 'x', 't'};
    CHECK(read_header({text, sizeof text}, header).fault == Fault::damaged);
    CHECK(read_header({}, header).fault == Fault::damaged);
    // 8 x 8, all defaults: XYB, which is lossy.
    Bits bits;
    bits.add(0x0AFF, 16).add(1, 1).add(0, 5).add(1, 3).add(1, 1).add(0, 64);
    BitReader reader = bits.reader();
    CHECK(header.read(reader).fault == Fault::unsupported);
}

}  // namespace
}  // namespace dicube::jxl
