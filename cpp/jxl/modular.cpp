#include "jxl/modular.hpp"

#include <algorithm>
#include <cstdlib>

namespace dicube::jxl {
namespace {

// Samples around the pixel at x of a row; nothing is seen beyond the edges of the channel.
struct Around : Neighbours {
    Around(const std::int32_t* row, const std::int32_t* above, const std::int32_t* above_that,
           std::uint32_t x, std::uint32_t width) noexcept {
        w = x > 0 ? row[x - 1] : above != nullptr ? above[0] : 0;
        n = above != nullptr ? above[x] : w;
        nw = x > 0 && above != nullptr ? above[x - 1] : w;
        ne = x + 1 < width && above != nullptr ? above[x + 1] : n;
        nn = above_that != nullptr ? above_that[x] : n;
        ww = x > 1 ? row[x - 2] : w;
        nee = x + 2 < width && above != nullptr ? above[x + 2] : ne;
    }
    std::int64_t gradient() const noexcept { return std::int64_t{w} + n - nw; }
    std::int64_t clamped_gradient() const noexcept {
        return std::clamp<std::int64_t>(gradient(), std::min(w, n), std::max(w, n));
    }
};

std::int64_t predict(Predictor predictor, const Around& a, std::int32_t weighted) noexcept {
    const auto mean = [](std::int64_t x, std::int64_t y) { return (x + y) / 2; };
    switch (predictor) {
        case Predictor::zero:
            return 0;
        case Predictor::west:
            return a.w;
        case Predictor::north:
            return a.n;
        case Predictor::mean_west_north:
            return mean(a.w, a.n);
        case Predictor::select: {
            const std::int64_t gradient = a.gradient();
            return std::abs(gradient - a.w) < std::abs(gradient - a.n) ? a.w : a.n;
        }
        case Predictor::gradient:
            return a.clamped_gradient();
        case Predictor::weighted:
            return weighted;
        case Predictor::north_east:
            return a.ne;
        case Predictor::north_west:
            return a.nw;
        case Predictor::west_west:
            return a.ww;
        case Predictor::mean_west_north_west:
            return mean(a.w, a.nw);
        case Predictor::mean_north_north_west:
            return mean(a.nw, a.n);
        case Predictor::mean_north_north_east:
            return mean(a.n, a.ne);
        case Predictor::mean_of_all:
            return (6 * std::int64_t{a.n} - 2 * std::int64_t{a.nn} + 7 * std::int64_t{a.w} + a.ww +
                    a.nee + 3 * std::int64_t{a.ne} + 8) /
                   16;
    }
    return 0;
}

// One channel of a stream. The properties of a pixel are made as far as the tree asks for any.
class ChannelDecoder {
  public:
    ChannelDecoder(EntropyReader& reader, const StreamHeader& header, const TreeCode& code,
                   const ChannelList& list, std::size_t index, std::uint32_t stream)
        : reader_(reader),
          tree_(code.tree),
          properties_(static_cast<std::size_t>(
              std::max<std::int32_t>(code.tree.highest_property + 1, kOwnProperties))),
          weighted_(header.weighted, code.tree.uses_weighted ? list.channels[index].width : 0) {
        properties_[kChannel] = static_cast<std::int32_t>(index);
        properties_[kStream] = static_cast<std::int32_t>(stream);
        for (std::size_t i = index; i-- > 0;) {
            const auto known =
                kOwnProperties + static_cast<std::int32_t>(kPropertiesOfChannel * earlier_.size());
            if (known > code.tree.highest_property) break;
            if (same_shape(list.channels[i], list.channels[index]))
                earlier_.push_back(&list.channels[i]);
        }
    }

    // Rows behind the end of the data stay zero.
    void decode(Channel& channel, const BitReader& bits) {
        for (std::uint32_t y = 0; y < channel.height && !bits.is_beyond_end(); ++y) {
            std::int32_t* const row = channel.row(y);
            const std::int32_t* const above = y > 0 ? channel.row(y - 1) : nullptr;
            const std::int32_t* const above_that = y > 1 ? channel.row(y - 2) : nullptr;
            properties_[kY] = static_cast<std::int32_t>(y);
            std::int32_t gradient_before = 0;
            for (std::uint32_t x = 0; x < channel.width; ++x) {
                const Around around(row, above, above_that, x, channel.width);
                std::int32_t weighted = 0, error = 0;
                if (tree_.uses_weighted) weighted = weighted_.predict(x, around, error);
                if (tree_.highest_property >= 0) {
                    ask(around, x, error, gradient_before);
                    if (!earlier_.empty()) ask_earlier(x, y);
                }
                gradient_before = wrapped(around.gradient());
                const TreeNode& leaf = find_leaf();
                const std::int64_t residual = unpack_signed(reader_.read(leaf.context));
                row[x] = wrapped(residual * leaf.multiplier + leaf.offset +
                                 predict(leaf.predictor, around, weighted));
                if (tree_.uses_weighted) weighted_.update(x, row[x]);
            }
            if (tree_.uses_weighted) weighted_.next_row();
        }
    }

  private:
    const TreeNode& find_leaf() const noexcept {
        const TreeNode* node = tree_.nodes.data();
        while (!node->is_leaf()) {
            const bool is_greater =
                properties_[static_cast<std::size_t>(node->property)] > node->split;
            node = &tree_.nodes[is_greater ? node->greater : node->other];
        }
        return *node;
    }

    void ask(const Around& a, std::uint32_t x, std::int32_t error,
             std::int32_t gradient_before) noexcept {
        const auto difference = [](std::int32_t p, std::int32_t q) {
            return wrapped(std::int64_t{p} - q);
        };
        std::int32_t* const p = properties_.data();
        p[kX] = static_cast<std::int32_t>(x);
        p[kAbsNorth] = wrapped(std::abs(std::int64_t{a.n}));
        p[kAbsWest] = wrapped(std::abs(std::int64_t{a.w}));
        p[kNorth] = a.n;
        p[kWest] = a.w;
        p[kWestLessGradient] = x > 0 ? difference(a.w, gradient_before) : a.w;
        p[kGradient] = wrapped(a.gradient());
        p[kWestLessNorthWest] = difference(a.w, a.nw);
        p[kNorthWestLessNorth] = difference(a.nw, a.n);
        p[kNorthLessNorthEast] = difference(a.n, a.ne);
        p[kNorthLessNorthNorth] = difference(a.n, a.nn);
        p[kWestLessWestWest] = difference(a.w, a.ww);
        p[kWeightedError] = error;
    }

    void ask_earlier(std::uint32_t x, std::uint32_t y) noexcept {
        std::size_t at = kOwnProperties;
        for (const Channel* channel : earlier_) {
            const std::int32_t* const row = channel->row(y);
            const Around around(row, y > 0 ? channel->row(y - 1) : nullptr, nullptr, x,
                                channel->width);
            const std::int64_t value = row[x], error = value - around.clamped_gradient();
            for (const std::int64_t property : {std::abs(value), value, std::abs(error), error})
                if (at < properties_.size()) properties_[at++] = wrapped(property);
        }
    }

    EntropyReader& reader_;
    const Tree& tree_;
    std::vector<std::int32_t> properties_;
    WeightedPredictor weighted_;
    std::vector<const Channel*> earlier_;  // of the same shape, the nearest first
};

}  // namespace

Status StreamHeader::read(BitReader& bits) {
    uses_global_tree = bits.flag();
    weighted.read(bits);
    transforms.resize(bits.u32(constant(0), constant(1), {4, 2}, {8, 18}));
    for (Transform& transform : transforms) {
        if (bits.is_beyond_end()) return damaged("a header is cut short", bits.byte_position());
        if (Status status = transform.read(bits); !status.ok()) return status;
    }
    return success();
}

Status StreamHeader::prepare(ChannelList& list) {
    // Palettes come on top of the samples; no image needs more of them than this.
    constexpr std::size_t kMostChannels = 1 << 12, kMostAdded = 1 << 22;
    const auto samples = [&list] {
        std::size_t sum = 0;
        for (const Channel& channel : list.channels)
            sum += std::size_t{channel.width} * channel.height;
        return sum;
    };
    const std::size_t most = samples() + kMostAdded;
    for (Transform& transform : transforms) {
        if (Status status = transform.prepare(list); !status.ok()) return status;
        if (list.channels.size() > kMostChannels) return unsupported("thousands of channels");
        if (samples() > most) return unsupported("palettes larger than the image");
    }
    return success();
}

Status StreamHeader::undo(ChannelList& list, int bits) const {
    for (auto transform = transforms.rbegin(); transform != transforms.rend(); ++transform)
        if (Status status = transform->undo(list, bits); !status.ok()) return status;
    return success();
}

Status StreamDecoder::open(BitReader& bits, const StreamHeader& header,
                           const StreamContext& context, ChannelList& list) {
    header_ = &header;
    context_ = context;
    list_ = &list;
    bits_ = &bits;
    code_ = nullptr;
    reader_.reset();
    next_ = 0;
    const std::vector<Channel>& channels = list.channels;
    std::uint32_t width = 0;
    std::size_t samples = 0;
    for (end_ = 0; end_ < channels.size(); ++end_) {
        const Channel& channel = channels[end_];
        if (channel.empty()) continue;
        if (end_ >= list.meta && std::max(channel.width, channel.height) > context.largest_side)
            break;
        width = std::max(width, channel.width);
        samples += std::size_t{channel.width} * channel.height;
    }
    if (samples == 0) return success();

    if (!header.uses_global_tree) {
        // libjxl allows as many nodes as there are samples.
        constexpr std::size_t kMostNodes = 1 << 22;
        const std::size_t limit = std::min(kMostNodes, 1024 + samples);
        if (Status status = local_.read(bits, limit); !status.ok()) return status;
        code_ = &local_;
    } else if (context.global_tree == nullptr) {
        return damaged("a stream uses a tree that there is not", bits.byte_position());
    } else {
        code_ = context.global_tree;
    }
    reader_.emplace(code_->residuals, bits, width);
    return success();
}

void StreamDecoder::decode_to(std::size_t end) {
    for (; next_ < end && next_ < end_; ++next_) {
        Channel& channel = list_->channels[next_];
        if (channel.empty()) continue;
        channel.make_room();
        ChannelDecoder(*reader_, *header_, *code_, *list_, next_, context_.stream)
            .decode(channel, *bits_);
    }
}

Status StreamDecoder::finish() {
    decode_to(end_);
    return is_empty() ? success() : reader_->finish();
}

}  // namespace dicube::jxl
