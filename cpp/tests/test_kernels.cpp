// Every kernel of every instruction set against its scalar twin.
#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "jph/kernels/dispatch.hpp"
#include "jph/plane.hpp"
#include "simd/level.hpp"
#include "tests/check.hpp"
#include "tests/random.hpp"

namespace dicube::jph {
namespace {

using tests::Random;

std::vector<const Kernels*> simd_kernels() {
    std::vector<const Kernels*> found;
#ifdef DICUBE_HAVE_AVX2
    if (simd_level_available(SimdLevel::avx2)) found.push_back(&kAvx2Kernels);
    if (simd_level_available(SimdLevel::avx2_bmi2)) found.push_back(&kAvx2Bmi2Kernels);
#endif
    return found;
}

struct BlockSize {
    int width, height;
};
constexpr BlockSize kSizes[] = {{64, 64}, {1, 1},   {2, 2},  {1024, 4}, {4, 1024}, {63, 33},
                                {5, 7},   {32, 32}, {1, 9},  {17, 1},   {3, 1023}, {16, 16},
                                {8, 8},   {33, 2},  {7, 64}, {9, 5},    {128, 32}};

// Coefficients of a block: some share of zeros, magnitudes of up to `bits` bits.
template <class T>
std::vector<T> coefficients(Random& random, const BlockSize& size, int bits) {
    std::vector<T> samples(static_cast<std::size_t>(size.width * size.height));
    const std::uint32_t zeros = random.below(5);
    for (T& sample : samples) {
        if (random.below(4) < zeros) continue;
        const int width = 1 + static_cast<int>(random.below(static_cast<std::uint32_t>(bits)));
        const std::int64_t magnitude = static_cast<std::int64_t>(random.bits(width));
        sample = static_cast<T>(random.below(2) != 0 ? -magnitude : magnitude);
    }
    return samples;
}

template <class T>
std::vector<std::uint8_t> encode(const Kernels& kernels, const BlockSize& size,
                                 const std::vector<T>& samples, BlockScratch& scratch) {
    std::vector<std::uint8_t> bytes(kMaxSegmentBytes);
    CleanupEncodeJob<T> job;
    job.samples = samples.data();
    job.stride = size.width;
    job.width = static_cast<std::uint16_t>(size.width);
    job.height = static_cast<std::uint16_t>(size.height);
    job.bytes = bytes.data();
    kernels.of<T>().encode_cleanup(&job, 1, scratch);
    CHECK(job.outcome == BlockOutcome::ok);
    bytes.resize(job.length);
    return bytes;
}

template <class T>
CleanupDecodeJob<T> decode_job(const std::vector<std::uint8_t>& bytes, const BlockSize& size,
                               std::vector<T>& to) {
    to.assign(static_cast<std::size_t>(size.width * size.height), T{77});
    CleanupDecodeJob<T> job;
    job.bytes = bytes.data();
    job.length = static_cast<std::uint32_t>(bytes.size());
    job.width = static_cast<std::uint16_t>(size.width);
    job.height = static_cast<std::uint16_t>(size.height);
    job.max_exponent = 60;
    job.samples = to.data();
    job.stride = size.width;
    return job;
}

template <class T>
void check_block_coder(int bits) {
    Random random(7);
    const auto scratch = std::make_unique<BlockScratch>();
    for (int round = 0; round < 12; ++round) {
        for (const BlockSize& size : kSizes) {
            const std::vector<T> samples = coefficients<T>(random, size, bits);
            const std::vector<std::uint8_t> expected =
                encode(kScalarKernels, size, samples, *scratch);
            if (expected.empty()) continue;
            std::vector<const Kernels*> all = simd_kernels();
            for (const Kernels* kernels : all)
                CHECK_EQUAL(encode(*kernels, size, samples, *scratch), expected);
            all.push_back(&kScalarKernels);
            for (const Kernels* kernels : all) {
                // Several at once take another way than one alone.
                std::vector<T> decoded[4];
                CleanupDecodeJob<T> jobs[4];
                for (int i = 0; i < 4; ++i) jobs[i] = decode_job(expected, size, decoded[i]);
                kernels->of<T>().decode_cleanup(jobs, 4, *scratch);
                std::int64_t peak = 0;
                for (const T sample : samples)
                    peak =
                        std::max<std::int64_t>(peak, sample < 0 ? -std::int64_t{sample} : sample);
                for (int i = 0; i < 4; ++i) {
                    CHECK(jobs[i].outcome == BlockOutcome::ok);
                    CHECK_EQUAL(jobs[i].peak, peak);
                    CHECK_EQUAL(decoded[i], samples);
                }
            }
        }
    }
}

TEST("blocks of 16-bit coefficients are the same bytes and samples with all kernels") {
    check_block_coder<std::int16_t>(14);
}
TEST("blocks of 32-bit coefficients are the same bytes and samples with all kernels") {
    check_block_coder<std::int32_t>(30);
}
TEST("blocks of 64-bit coefficients are the same bytes and samples with all kernels") {
    check_block_coder<std::int64_t>(37);
}

TEST("a block of too large coefficients is refused, not cut") {
    const auto scratch = std::make_unique<BlockScratch>();
    std::vector<const Kernels*> all = simd_kernels();
    all.push_back(&kScalarKernels);
    for (const Kernels* kernels : all) {
        std::vector<std::uint8_t> bytes(kMaxSegmentBytes);
        const std::int16_t sample = 16385;
        CleanupEncodeJob<std::int16_t> job;
        job.samples = &sample;
        job.stride = job.width = job.height = 1;
        job.bytes = bytes.data();
        kernels->narrow.encode_cleanup(&job, 1, *scratch);
        CHECK(job.outcome == BlockOutcome::too_large);
    }
}

TEST("segments cut short or changed never make kernels disagree about damage") {
    Random random(3);
    const auto scratch = std::make_unique<BlockScratch>();
    const BlockSize size{32, 32};
    const std::vector<std::int32_t> samples = coefficients<std::int32_t>(random, size, 12);
    const std::vector<std::uint8_t> whole = encode(kScalarKernels, size, samples, *scratch);
    for (int round = 0; round < 400; ++round) {
        std::vector<std::uint8_t> bytes = whole;
        if (round % 2 == 0)
            bytes.resize(random.below(static_cast<std::uint32_t>(bytes.size())));
        else
            bytes[random.below(static_cast<std::uint32_t>(bytes.size()))] ^=
                static_cast<std::uint8_t>(1 + random.below(255));
        std::vector<std::int32_t> expected, decoded;
        CleanupDecodeJob<std::int32_t> reference = decode_job(bytes, size, expected);
        reference.max_exponent = 20;
        kScalarKernels.wide.decode_cleanup(&reference, 1, *scratch);
        for (const Kernels* kernels : simd_kernels()) {
            // Between two whole blocks, which go through the decoder in step with it.
            std::vector<std::int32_t> before, after;
            CleanupDecodeJob<std::int32_t> jobs[] = {decode_job(whole, size, before),
                                                     decode_job(bytes, size, decoded),
                                                     decode_job(whole, size, after)};
            for (auto& job : jobs) job.max_exponent = 20;
            kernels->wide.decode_cleanup(jobs, 3, *scratch);
            CHECK(jobs[1].outcome == reference.outcome);
            if (jobs[1].outcome == BlockOutcome::ok) CHECK_EQUAL(decoded, expected);
            CHECK(jobs[0].outcome == BlockOutcome::ok);
            CHECK(jobs[2].outcome == BlockOutcome::ok);
            CHECK_EQUAL(before, samples);
            CHECK_EQUAL(after, samples);
        }
    }
}

// The rows of a plane, in order, with a working memory of their own.
template <class T>
struct Level {
    Plane<T> whole, ll, hl, lh, hh, work;

    Level(const LevelShape& shape) {
        const bool has_memory = whole.resize(shape.width, shape.height) &&
                                ll.resize(shape.low_width(), shape.low_height()) &&
                                hl.resize(shape.high_width(), shape.low_height()) &&
                                lh.resize(shape.low_width(), shape.high_height()) &&
                                hh.resize(shape.high_width(), shape.high_height()) &&
                                work.resize(shape.width, kWaveletRows);
        CHECK(has_memory);
    }
    Subbands<T> bands() { return {ll.view(), hl.view(), lh.view(), hh.view()}; }
};

template <class T>
std::vector<T> dense(Plane<T>& plane) {
    std::vector<T> samples;
    for (std::int64_t y = 0; y < plane.height(); ++y)
        samples.insert(samples.end(), plane.row(y), plane.row(y) + plane.width());
    return samples;
}

template <class T>
void analyse(const Kernels& kernels, const LevelShape& shape, Level<T>& level) {
    const RowSource<T> source{&level.whole, [](void* plane, int y) -> const T* {
                                  return static_cast<Plane<T>*>(plane)->row(y);
                              }};
    kernels.of<T>().analyse(source, shape, level.bands(), level.work.row(0), level.work.stride());
}

template <class T>
std::vector<T> synthesise(const Kernels& kernels, const LevelShape& shape, Level<T>& level) {
    Plane<T> out;
    CHECK(out.resize(shape.width, shape.height));
    const RowSink<T> sink{
        &out, [](void* plane, int y) -> T* { return static_cast<Plane<T>*>(plane)->row(y); },
        [](void*, int) {}};
    kernels.of<T>().synthesise(level.bands(), shape, sink, level.work.row(0), level.work.stride());
    return dense(out);
}

template <class T>
void check_wavelet(std::int64_t reach) {
    Random random(11);
    std::vector<const Kernels*> all = simd_kernels();
    all.push_back(&kScalarKernels);
    for (int round = 0; round < 300; ++round) {
        LevelShape shape;
        shape.width = 1 + static_cast<int>(random.below(round % 3 == 0 ? 5 : 150));
        shape.height = 1 + static_cast<int>(random.below(round % 4 == 0 ? 4 : 40));
        shape.x_parity = static_cast<int>(random.below(2));
        shape.y_parity = static_cast<int>(random.below(2));
        Level<T> reference(shape);
        for (std::int64_t y = 0; y < shape.height; ++y)
            for (int x = 0; x < shape.width; ++x) {
                const std::int64_t extreme = random.below(2) != 0 ? reach : -reach;
                const std::int64_t any = static_cast<std::int64_t>(random.below(
                                             static_cast<std::uint32_t>(2 * reach + 1))) -
                                         reach;
                reference.whole.row(y)[x] = static_cast<T>(round % 2 == 0 ? extreme : any);
            }
        const std::vector<T> samples = dense(reference.whole);
        analyse(kScalarKernels, shape, reference);
        for (const Kernels* kernels : all) {
            Level<T> level(shape);
            for (std::int64_t y = 0; y < shape.height; ++y)
                std::memcpy(level.whole.row(y), reference.whole.row(y),
                            static_cast<std::size_t>(shape.width) * sizeof(T));
            analyse(*kernels, shape, level);
            CHECK_EQUAL(dense(level.ll), dense(reference.ll));
            CHECK_EQUAL(dense(level.hl), dense(reference.hl));
            CHECK_EQUAL(dense(level.lh), dense(reference.lh));
            CHECK_EQUAL(dense(level.hh), dense(reference.hh));
            CHECK_EQUAL(synthesise(*kernels, shape, level), samples);
        }
    }
}

TEST("the wavelet of 16-bit lanes is exact as far as the encoder uses it") {
    check_wavelet<std::int16_t>(8191);
}
TEST("the wavelet of 32-bit lanes is exact") { check_wavelet<std::int32_t>(1 << 24); }
TEST("the wavelet of 64-bit lanes is exact") { check_wavelet<std::int64_t>(1 << 30); }

// T.800 F.4.8.1 for one row, worked by hand: high 4 - floor((1 + 9) / 2) = -1 and 2 - 9 = -7; low
// 1 + floor((-1 - 1 + 2) / 4) = 1 and 9 + floor((-1 - 7 + 2) / 4) = 7.
TEST("a row splits as the standard says") {
    for (const Kernels* kernels : {&kScalarKernels, &kernels()}) {
        const LevelShape shape{4, 1, 0, 0};
        Level<std::int16_t> level(shape);
        const std::int16_t row[] = {1, 4, 9, 2};
        std::memcpy(level.whole.row(0), row, sizeof row);
        analyse(*kernels, shape, level);
        CHECK_EQUAL(dense(level.ll), (std::vector<std::int16_t>{1, 7}));
        CHECK_EQUAL(dense(level.hl), (std::vector<std::int16_t>{-1, -7}));
    }
}

template <class T>
void check_stores(int sample_bytes) {
    Random random(5);
    const int index = sample_bytes == 4 ? 2 : sample_bytes - 1;
    for (int round = 0; round < 200; ++round) {
        const int count = 1 + static_cast<int>(random.below(90));
        const int bits =
            1 + static_cast<int>(random.below(static_cast<std::uint32_t>(8 * sample_bytes)));
        const std::int64_t half = std::int64_t{1} << (bits - 1);
        const StoreRule rule{
            sizeof(T) == 2 ? static_cast<std::int64_t>(random.below(60000)) - 30000 : 0, -half,
            half - 1, random.below(2) != 0 ? half : 0};
        std::vector<T> row(static_cast<std::size_t>(count) + kRowMargin);
        for (T& sample : row) sample = static_cast<T>(random.bits(sizeof(T) == 2 ? 16 : 31));
        const std::ptrdiff_t step = sample_bytes * (1 + static_cast<int>(random.below(3)));
        std::vector<std::uint8_t> expected(static_cast<std::size_t>(count * step) + 8, 0xAB);
        kScalarKernels.of<T>().store_row[index](row.data(), count, rule, expected.data(), step);
        for (const Kernels* kernels : simd_kernels()) {
            std::vector<std::uint8_t> stored(expected.size(), 0xAB);
            kernels->of<T>().store_row[index](row.data(), count, rule, stored.data(), step);
            CHECK_EQUAL(stored, expected);  // nothing behind the last sample either
        }
    }
}

TEST("rows are stored alike by all kernels, and not a byte further") {
    for (const int bytes : {1, 2, 4}) {
        check_stores<std::int16_t>(bytes);
        check_stores<std::int32_t>(bytes);
        check_stores<std::int64_t>(bytes);
    }
}

TEST("rows are loaded and measured alike by all kernels") {
    Random random(6);
    for (int round = 0; round < 200; ++round) {
        const int count = 1 + static_cast<int>(random.below(90));
        for (int type = 0; type < 6; ++type) {
            const int bytes = 1 << type / 2;
            const std::ptrdiff_t step = bytes * (1 + static_cast<int>(random.below(3)));
            std::vector<std::uint8_t> samples(static_cast<std::size_t>(count * step));
            for (std::uint8_t& byte : samples) byte = static_cast<std::uint8_t>(random.below(256));
            const auto centre = static_cast<std::int64_t>(random.below(5000));
            SampleRange expected_range;
            kScalarKernels.sample_range[type](samples.data(), step, count, expected_range);
            std::vector<std::int32_t> expected(static_cast<std::size_t>(count)),
                loaded(expected.size());
            kScalarKernels.wide.load_row[type](samples.data(), step, count, centre,
                                               expected.data());
            for (const Kernels* kernels : simd_kernels()) {
                SampleRange range;
                kernels->sample_range[type](samples.data(), step, count, range);
                CHECK_EQUAL(range.low, expected_range.low);
                CHECK_EQUAL(range.high, expected_range.high);
                kernels->wide.load_row[type](samples.data(), step, count, centre, loaded.data());
                CHECK_EQUAL(loaded, expected);
            }
        }
    }
}

template <class T>
void check_plane_range() {
    Random random(16);
    for (int round = 0; round < 300; ++round) {
        const int width = 1 + static_cast<int>(random.below(40)),
                  height = 1 + static_cast<int>(random.below(4));
        Plane<T> plane;
        CHECK(plane.resize(width, height));
        for (int y = 0; y < height; ++y)  // with margins that would show
            std::fill_n(plane.row(y) - kRowMargin, plane.stride(), T{-30000});
        for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x)
                plane.row(y)[x] = static_cast<T>(static_cast<int>(random.below(40000)) - 20000);
        const std::vector<T> all = dense(plane);
        const auto ends = std::minmax_element(all.begin(), all.end());
        std::vector<const Kernels*> tables = simd_kernels();
        tables.push_back(&kScalarKernels);
        for (const Kernels* kernels : tables) {
            SampleRange range;
            kernels->of<T>().plane_range(plane.view(), width, height, range);
            CHECK_EQUAL(range.low, std::int64_t{*ends.first});
            CHECK_EQUAL(range.high, std::int64_t{*ends.second});
        }
    }
}

TEST("the range of a plane is that of its samples, without the margins") {
    check_plane_range<std::int16_t>();
    check_plane_range<std::int32_t>();
    check_plane_range<std::int64_t>();
}

TEST("the 9/7 synthesis of all kernels agrees to the last digits") {
    Random random(12);
    for (int round = 0; round < 100; ++round) {
        LevelShape shape;
        shape.width = 1 + static_cast<int>(random.below(70));
        shape.height = 1 + static_cast<int>(random.below(20));
        shape.x_parity = static_cast<int>(random.below(2));
        shape.y_parity = static_cast<int>(random.below(2));
        Level<float> level(shape);
        for (Plane<float>* plane : {&level.ll, &level.hl, &level.lh, &level.hh})
            for (std::int64_t y = 0; y < plane->height(); ++y)
                for (std::int64_t x = 0; x < plane->width(); ++x)
                    plane->row(y)[x] = static_cast<float>(random.below(2000)) - 1000.F;
        kScalarKernels.synthesise_97(level.bands(), shape, level.whole.view(), level.work.row(0),
                                     level.work.stride());
        const std::vector<float> expected = dense(level.whole);
        for (const Kernels* kernels : simd_kernels()) {
            kernels->synthesise_97(level.bands(), shape, level.whole.view(), level.work.row(0),
                                   level.work.stride());
            const std::vector<float> made = dense(level.whole);
            for (std::size_t i = 0; i < made.size(); ++i)
                CHECK(made[i] - expected[i] < 0.01F && expected[i] - made[i] < 0.01F);
        }
    }
}

// Three rows of five samples, Mb = 8: nine bytes that two other encoders write as well.
TEST("a small block is the bytes that were worked out by hand") {
    const auto scratch = std::make_unique<BlockScratch>();
    const std::vector<std::int16_t> samples = {5, -1, 0, 0, 0, 0, 2, 0, -3, 1, 0, 0, 7, 0, 0};
    const std::vector<std::uint8_t> bytes = {0x08, 0x09, 0x40, 0x27, 0x66, 0x63, 0xB4, 0x77, 0x00};
    CHECK_EQUAL(encode(kScalarKernels, {5, 3}, samples, *scratch), bytes);
    std::vector<std::int16_t> decoded;
    CleanupDecodeJob<std::int16_t> job = decode_job(bytes, {5, 3}, decoded);
    kScalarKernels.narrow.decode_cleanup(&job, 1, *scratch);
    CHECK_EQUAL(decoded, samples);
}

}  // namespace
}  // namespace dicube::jph
