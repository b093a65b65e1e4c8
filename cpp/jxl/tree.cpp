#include "jxl/tree.hpp"

#include <algorithm>

namespace dicube::jxl {
namespace {

constexpr std::uint32_t kMostProperties = 1 << 12;  // many more than any encoder has channels for

Status read_leaf(EntropyReader& reader, TreeNode& leaf) {
    const std::uint32_t predictor = reader.read(kTreePredictor);
    if (predictor >= kPredictors) return damaged("a tree names a predictor that there is not");
    leaf.predictor = static_cast<Predictor>(predictor);
    leaf.offset = unpack_signed(reader.read(kTreeOffset));
    const std::uint32_t log = reader.read(kTreeMultiplierLog);
    if (log > 30) return damaged("a tree has too large a multiplier");
    const std::uint32_t bits = reader.read(kTreeMultiplierBits);
    if (bits >= (1u << (31 - log)) - 1) return damaged("a tree has too large a multiplier");
    leaf.multiplier = (bits + 1) << log;
    return success();
}

}  // namespace

Status Tree::read(BitReader& bits, std::size_t limit) {
    EntropyCode code;
    if (Status status = code.read(bits, kTreeContexts); !status.ok()) return status;
    EntropyReader reader(code, bits, 0);
    nodes.assign(1, {});
    leaves = 0;
    highest_property = -1;
    uses_weighted = false;
    // Breadth first: the children of a node come behind all that were announced before.
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (bits.is_beyond_end()) return damaged("a tree is cut short", bits.byte_position());
        TreeNode node;
        const std::uint32_t property = reader.read(kTreeProperty);
        if (property > kMostProperties)
            return damaged("a tree asks for a property that there is not");
        node.property = static_cast<std::int32_t>(property) - 1;
        if (node.is_leaf()) {
            if (Status status = read_leaf(reader, node); !status.ok()) return status;
            node.context = leaves++;
            uses_weighted |= node.predictor == Predictor::weighted;
        } else {
            node.split = unpack_signed(reader.read(kTreeSplit));
            node.greater = static_cast<std::uint32_t>(nodes.size());
            node.other = node.greater + 1;
            highest_property = std::max(highest_property, node.property);
            uses_weighted |= node.property == kWeightedError;
            if (nodes.size() + 2 > limit) return damaged("a tree has too many nodes");
            nodes.resize(nodes.size() + 2);
        }
        nodes[i] = node;
    }
    return reader.finish();
}

Status TreeCode::read(BitReader& bits, std::size_t limit) {
    if (Status status = tree.read(bits, limit); !status.ok()) return status;
    return residuals.read(bits, tree.leaves);
}

}  // namespace dicube::jxl
