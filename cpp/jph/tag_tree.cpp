#include "jph/tag_tree.hpp"

#include <algorithm>

namespace dicube::jph {
namespace {

// The nodes above a leaf, leaf first. 2^32 leaves a side would make 33 levels.
class Path {
  public:
    Path(TagNode* nodes, std::uint32_t width, std::uint32_t height, std::uint32_t x,
         std::uint32_t y) noexcept {
        for (;;) {
            nodes_[count_++] = &nodes[std::size_t{y} * width + x];
            if (width <= 1 && height <= 1) return;
            nodes += std::size_t{width} * height;
            width = (width + 1) / 2;
            height = (height + 1) / 2;
            x /= 2;
            y /= 2;
        }
    }
    int count() const noexcept { return count_; }
    TagNode& operator[](int level) const noexcept { return *nodes_[level]; }

  private:
    TagNode* nodes_[33];
    int count_ = 0;
};

}  // namespace

std::size_t TagTree::node_count(std::uint32_t width, std::uint32_t height) noexcept {
    if (width == 0 || height == 0) return 0;
    std::size_t count = std::size_t{width} * height;
    while (width > 1 || height > 1) {
        width = (width + 1) / 2;
        height = (height + 1) / 2;
        count += std::size_t{width} * height;
    }
    return count;
}

bool TagTree::decode(HeaderBitReader& bits, std::uint32_t x, std::uint32_t y,
                     std::uint32_t threshold, std::uint32_t& value) noexcept {
    const Path path(nodes_, width_, height_, x, y);
    std::uint32_t least = 0;
    for (int level = path.count() - 1; level >= 0; --level) {
        TagNode& node = path[level];
        least = std::max<std::uint32_t>(least, node.value);
        while (!node.told && least < threshold) {
            const int step = static_cast<int>(std::min<std::uint32_t>(threshold - least, 48));
            const int zeros = bits.run<0>(step);
            least += static_cast<std::uint32_t>(zeros);
            if (zeros < step) node.told = 1;
        }
        node.value = static_cast<std::uint16_t>(least);
    }
    value = least;
    return path[0].told != 0 && least < threshold;
}

void TagTree::settle() noexcept {
    TagNode* below = nodes_;
    for (std::uint32_t width = width_, height = height_; width > 1 || height > 1;) {
        TagNode* const above = below + std::size_t{width} * height;
        const std::uint32_t across = (width + 1) / 2;
        for (std::uint32_t y = 0; y < height; ++y) {
            for (std::uint32_t x = 0; x < width; ++x) {
                const std::uint16_t value = below[std::size_t{y} * width + x].value;
                TagNode& parent = above[std::size_t{y / 2} * across + x / 2];
                const bool is_first = x % 2 == 0 && y % 2 == 0;
                parent.value = is_first ? value : std::min(parent.value, value);
            }
        }
        below = above;
        width = across;
        height = (height + 1) / 2;
    }
}

void TagTree::encode(HeaderBitWriter& bits, std::uint32_t x, std::uint32_t y,
                     std::uint32_t threshold) noexcept {
    const Path path(nodes_, width_, height_, x, y);
    std::uint32_t least = 0;
    for (int level = path.count() - 1; level >= 0; --level) {
        TagNode& node = path[level];
        least = std::max<std::uint32_t>(least, node.told);
        const std::uint32_t stop = std::min<std::uint32_t>(threshold, node.value);
        for (std::uint32_t count; least < stop; least += count) {
            count = std::min<std::uint32_t>(stop - least, 32);
            bits.write(0, static_cast<int>(count));
        }
        if (least == node.value && least < threshold) {
            bits.write(1, 1);
            ++least;
        }
        node.told = static_cast<std::uint16_t>(least);
        least = std::min<std::uint32_t>(least, node.value);
    }
}

}  // namespace dicube::jph
