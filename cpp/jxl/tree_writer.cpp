#include "jxl/tree_writer.hpp"

#include "jxl/entropy_writer.hpp"

namespace dicube::jxl {

void write_tree(const Tree& tree, BitWriter& bits) {
    std::vector<ContextNumber> numbers;
    for (const TreeNode& node : tree.nodes) {
        numbers.push_back({kTreeProperty, static_cast<std::uint32_t>(node.property + 1)});
        if (node.is_leaf()) {
            numbers.push_back({kTreePredictor, static_cast<std::uint32_t>(node.predictor)});
            for (const std::uint32_t context :
                 {kTreeOffset, kTreeMultiplierLog, kTreeMultiplierBits})
                numbers.push_back({context, 0});
        } else {
            numbers.push_back({kTreeSplit, pack_signed(node.split)});
        }
    }
    write_numbers(numbers, kTreeContexts, bits);
}

}  // namespace dicube::jxl
