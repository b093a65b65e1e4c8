// What the JPEG XL encoder writes, read again by the decoder, part by part and as whole volumes.
#include <algorithm>
#include <vector>

#include "jxl/compiled_tree.hpp"
#include "jxl/entropy_writer.hpp"
#include "jxl/tree_writer.hpp"
#include "jxl/volume.hpp"
#include "simd/level.hpp"
#include "tests/check.hpp"
#include "tests/random.hpp"

namespace dicube::jxl {
namespace {

using tests::Random;

BitReader reader_of(const BitWriter& bits) { return BitReader(bits.bytes()); }

// Counts of a few or of many tokens, alike or very different.
Histogram make_histogram(Random& random) {
    Histogram histogram;
    const std::uint32_t length = 1 + random.below(random.below(4) == 0 ? 256 : 40);
    const std::uint32_t skew = random.below(20);
    for (std::uint32_t token = 0; token < length; ++token) {
        if (random.below(3) == 0) continue;
        const std::uint32_t count = random.below(2u << random.below(skew + 1));
        for (std::uint32_t i = 0; i < std::min(count, 3000u); ++i) histogram.add(token);
    }
    return histogram;
}

TEST("frequencies are read as they were written") {
    Random random(1);
    for (int round = 0; round < 500; ++round) {
        const Histogram histogram = make_histogram(random);
        Frequencies frequencies;
        frequencies.fit(histogram);
        BitWriter bits;
        frequencies.write(bits);
        BitReader reader = reader_of(bits);
        AnsTable table;
        CHECK(table.read(reader, 8).ok());
        CHECK(reader.position() == bits.position());
        std::uint32_t sum = 0;
        for (std::uint32_t token = 0; token < 256; ++token) {
            const std::uint32_t expected =
                token < frequencies.values().size() ? frequencies.values()[token] : 0;
            CHECK(table.frequencies()[token] == expected);
            CHECK(expected > 0 || histogram.counts[token] == 0);
            sum += expected;
        }
        CHECK(sum == kAnsTotal);
    }
}

TEST("numbers of several contexts are read as they were written") {
    Random random(2);
    for (int round = 0; round < 200; ++round) {
        const std::uint32_t contexts = 1 + random.below(40);
        std::vector<ContextNumber> numbers(random.below(400));
        for (ContextNumber& number : numbers) {
            number.context = random.below(contexts);
            number.value = static_cast<std::uint32_t>(
                random.bits(static_cast<int>(random.below(1 + number.context % 33))));
        }
        BitWriter bits;
        bits.write(5, static_cast<int>(random.below(4) + 3));  // streams start anywhere in a byte
        const std::size_t start = bits.position();
        write_numbers(numbers, contexts, bits);
        BitReader reader = reader_of(bits);
        reader.skip(start);
        EntropyCode code;
        CHECK(code.read(reader, contexts).ok());
        EntropyReader entropy(code, reader, 0);
        for (const ContextNumber& number : numbers)
            CHECK(entropy.read(number.context) == number.value);
        CHECK(entropy.finish().ok());
        CHECK(reader.position() == bits.position());
    }
}

// A tree of the properties and predictors that the kernels know.
Tree make_tree(Random& random, std::uint32_t leaves) {
    Tree tree;
    std::vector<std::uint32_t> open{0};
    tree.nodes.resize(1);
    for (std::size_t i = 0; i < tree.nodes.size(); ++i) {
        TreeNode node;
        if (tree.nodes.size() + 1 < 2 * leaves && (i == 0 || random.below(4) != 0)) {
            node.property = kWeightedError - static_cast<std::int32_t>(random.below(5));
            node.split = static_cast<std::int32_t>(random.below(4)) * 10 - 15;
            node.greater = static_cast<std::uint32_t>(tree.nodes.size());
            node.other = node.greater + 1;
            tree.highest_property = std::max(tree.highest_property, node.property);
            tree.nodes.resize(tree.nodes.size() + 2);
        } else {
            node.context = tree.leaves++;
            node.predictor = kLanePredictors[random.below(4)];
        }
        tree.nodes[i] = node;
    }
    return tree;
}

TEST("a tree is read as it was written, and its table comes to the same leaves") {
    Random random(3);
    for (int round = 0; round < 100; ++round) {
        const Tree tree = make_tree(random, 1 + random.below(40));
        BitWriter bits;
        write_tree(tree, bits);
        BitReader reader = reader_of(bits);
        Tree read;
        CHECK(read.read(reader, 1000).ok());
        CHECK(read.nodes.size() == tree.nodes.size() && read.leaves == tree.leaves);

        CompiledTree compiled;
        CHECK(compiled.compile(read, 0, 0, {}));
        for (int pixel = 0; pixel < 50; ++pixel) {
            std::int32_t properties[kOwnProperties];
            for (std::int32_t& property : properties)
                property = static_cast<std::int32_t>(random.below(60)) - 30;
            const TreeNode* node = tree.nodes.data();
            while (!node->is_leaf())
                node = &tree.nodes[properties[node->property] > node->split ? node->greater
                                                                            : node->other];
            std::size_t place = 0;
            for (int a = 0; a < compiled.lanes.axes; ++a) {
                const Axis& axis = compiled.lanes.axis[a];
                place *= static_cast<std::size_t>(axis.count) + 1;
                for (std::int32_t i = 0; i < axis.count; ++i)
                    place += properties[axis.property] > axis.thresholds[i] ? 1 : 0;
            }
            const std::int32_t entry = compiled.entries[place];
            CHECK(static_cast<std::uint32_t>(entry >> kPredictorBits) == node->context);
            CHECK(kLanePredictors[entry & 3] == node->predictor);
        }
    }
}

TEST("a tree that the kernels do not know has no table") {
    Tree tree;
    tree.nodes.resize(3);
    tree.nodes[0].property = kY;
    tree.nodes[0].greater = 1;
    tree.nodes[0].other = 2;
    tree.nodes[1].predictor = tree.nodes[2].predictor = Predictor::gradient;
    CompiledTree compiled;
    CHECK(!compiled.compile(tree, 0, 0, {}));
    tree.nodes[0].property = kStream;  // the same for all pixels: only one side counts
    CHECK(compiled.compile(tree, 0, 1, {}));
    tree.nodes[1].multiplier = 3;
    CHECK(!compiled.compile(tree, 0, 1, {}));
    tree.nodes[1] = {};
    tree.nodes[1].predictor = Predictor::select;
    CHECK(!compiled.compile(tree, 0, 1, {}));
}

TEST("threads and SIMD levels write the same volumes and read them") {
    Random random(4);
    constexpr std::int64_t kFrames = 19, kSide = 40;
    std::vector<std::uint8_t> samples(kFrames * kSide * kSide * 2);
    for (std::size_t i = 0; i + 1 < samples.size(); i += 2) {
        samples[i] = static_cast<std::uint8_t>(i / 80 + random.below(9));
        samples[i + 1] = static_cast<std::uint8_t>(i / 3200 % 4);
    }
    const ConstVolume volume =
        dense_volume<const std::uint8_t>(samples.data(), SampleType::u16, kFrames, kSide, kSide, 1);
    const SimdLevel before = simd_level();
    std::vector<std::uint8_t> first;
    for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2}) {
        if (!force_simd_level(level)) continue;
        VolumeModel model;
        CHECK(learn_model(volume, {}, model).ok());
        for (const int threads : {1, 2, 5}) {
            EncodedVolume encoded;
            CHECK(encode_volume(volume, model, true, threads, encoded).ok());
            const span<const std::uint8_t> streams(encoded.bytes.data(), encoded.length);
            if (first.empty()) first.assign(streams.begin(), streams.end());
            CHECK(std::equal(streams.begin(), streams.end(), first.begin(), first.end()));
            std::vector<std::uint8_t> decoded(samples.size());
            const VolumeReport report = decode_volume(
                streams, {encoded.extents.data(), encoded.extents.size()}, false, threads,
                dense_volume(decoded.data(), SampleType::u16, kFrames, kSide, kSide, 1));
            CHECK(report.ok() && report.unsupported_frames.empty());
            CHECK(decoded == samples);
        }
    }
    CHECK(force_simd_level(before));
}

}  // namespace
}  // namespace dicube::jxl
