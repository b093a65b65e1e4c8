#include "jxl/lane_run.hpp"

#include <algorithm>
#include <cstring>

#include "jxl/bit_reader.hpp"
#include "jxl/kernels/dispatch.hpp"
#include "jxl/sample_sink.hpp"
#include "jxl/token.hpp"

namespace dicube::jxl {
namespace {

constexpr int kMostPackedBits = 19;  // of numbers and their sign, with which no kernel overflows

bool is_kernel_code(const EntropyCode& code) noexcept {
    if (code.has_lz77 || code.is_prefix) return false;
    return std::all_of(code.configs.begin(), code.configs.end(), [](const HybridConfig& config) {
        return config.split_exponent == kTokenConfig.split_exponent &&
               config.msb == kTokenConfig.msb && config.lsb == kTokenConfig.lsb;
    });
}

// The tree that all groups of a frame are coded with, if there is one.
const TreeCode* tree_code(const Frame& frame) noexcept {
    if (!frame.is_single_section()) return frame.global_tree();
    return frame.global_stream().is_empty() ? nullptr : &frame.global_stream().code();
}

std::int32_t first_stream(const Frame& frame) noexcept {
    return frame.is_single_section() ? 0 : static_cast<std::int32_t>(frame.group_stream(0));
}

// Whether the kernels know how the groups are coded. `weighted` is the same for all of them.
bool is_for_lanes(const Frame& frame, WeightedParameters& weighted) {
    const TreeCode* const code = tree_code(frame);
    if (code == nullptr || !is_kernel_code(code->residuals)) return false;
    const ChannelList& list = frame.list();
    const FrameHeader& header = frame.header();
    for (std::size_t i = list.meta; i < list.channels.size(); ++i) {
        const Channel& channel = list.channels[i];
        if (channel.width != header.width || channel.height != header.height ||
            channel.hshift != 0 || channel.vshift != 0)
            return false;
    }
    weighted = frame.global_header().weighted;
    if (frame.is_single_section()) return frame.global_stream().end() == list.channels.size();
    if (frame.global_stream().end() != list.meta) return false;
    // All groups have to be on one side of what the tree says about the number of a stream.
    for (const TreeNode& node : code->tree.nodes)
        if (node.property == kStream && node.split >= first_stream(frame)) return false;
    for (std::uint32_t group = 0; group < header.groups(); ++group) {
        BitReader bits(frame.group_section(group));
        StreamHeader stream;
        if (!stream.read(bits).ok() || !stream.uses_global_tree || !stream.transforms.empty())
            return false;
        if (group == 0) weighted = stream.weighted;
        if (!(stream.weighted == weighted)) return false;
    }
    return true;
}

bool are_equal(const TreeNode& a, const TreeNode& b) noexcept {
    return a.property == b.property && a.split == b.split && a.greater == b.greater &&
           a.other == b.other && a.context == b.context && a.multiplier == b.multiplier &&
           a.offset == b.offset && a.predictor == b.predictor;
}

LaneBucket lane_bucket(const AnsTable& table, std::uint32_t symbol) noexcept {
    const AnsTable::Bucket& bucket = table.buckets()[symbol];
    const auto offset = static_cast<std::uint32_t>(bucket.offset) & 0xFFFF;
    return {std::uint32_t{bucket.cutoff} | std::uint32_t{bucket.right} << 8 | offset << 16,
            table.frequencies()[symbol] | table.frequencies()[bucket.right] << 16};
}

}  // namespace

bool LaneRun::add(const FrameTask& task) {
    const Frame& frame = *task.frame;
    WeightedParameters weighted;
    if (!is_for_lanes(frame, weighted)) return false;
    if (!tasks_.empty()) {
        const Frame& other = *tasks_[0].frame;
        const std::vector<TreeNode>& nodes = tree_code(frame)->tree.nodes;
        if (!(weighted == weighted_) || frame.header().group_side != other.header().group_side ||
            frame.list().meta != other.list().meta ||
            !std::equal(nodes.begin(), nodes.end(), tree_.nodes.begin(), tree_.nodes.end(),
                        are_equal))
            return false;
    } else if (!compile(frame, weighted)) {
        return false;
    }
    tasks_.push_back(task);
    return true;
}

bool LaneRun::compile(const Frame& frame, const WeightedParameters& weighted) {
    tree_ = tree_code(frame)->tree;
    weighted_ = weighted;
    const ChannelList& list = frame.list();
    trees_.resize(list.channels.size() - list.meta);
    const std::size_t first = frame.is_single_section() ? list.meta : 0;
    for (std::size_t c = 0; c < trees_.size(); ++c)
        if (!trees_[c].compile(tree_, static_cast<std::int32_t>(first + c), first_stream(frame),
                               weighted))
            return false;
    return true;
}

// Buckets of all codes, and for each place of a tree the code that is used there.
void LaneRun::make_tables() {
    buckets_.clear();
    entries_.clear();
    entry_starts_.clear();
    for (const FrameTask& task : tasks_) {
        const EntropyCode& code = tree_code(*task.frame)->residuals;
        const std::size_t start = buckets_.size(), size = code.ans_tables[0].buckets().size();
        for (const AnsTable& table : code.ans_tables)
            for (std::uint32_t symbol = 0; symbol < size; ++symbol)
                buckets_.push_back(lane_bucket(table, symbol));
        for (const CompiledTree& tree : trees_) {
            entry_starts_.push_back(entries_.size());
            for (const std::int32_t entry : tree.entries) {
                const std::size_t leaf = static_cast<std::size_t>(entry) >> kPredictorBits;
                const std::size_t bucket = start + code.clusters[leaf] * size;
                const std::int32_t predictor = entry & ((1 << kPredictorBits) - 1);
                entries_.push_back(static_cast<std::int32_t>(bucket << kPredictorBits) | predictor);
            }
        }
    }
}

void LaneRun::find_starts() {
    starts_.clear();
    for (const FrameTask& task : tasks_) {
        const Frame& frame = *task.frame;
        if (frame.is_single_section()) {
            starts_.push_back(
                {frame.reader().bytes(), frame.reader().position(), frame.global_stream().state()});
            continue;
        }
        for (std::uint32_t group = 0; group < rects_.size(); ++group) {
            BitReader bits(frame.group_section(group));
            StreamHeader stream;
            static_cast<void>(stream.read(bits));  // was read before
            const std::uint32_t state = bits.read(32);
            starts_.push_back({bits.bytes(), bits.position(), state});
        }
    }
}

void LaneRun::decode(const Volume& volume) {
    rects_ = group_rects(volume.rows, volume.columns, tasks_[0].frame->header().group_side);
    make_tables();
    find_starts();
    for (const FrameTask& task : tasks_) {
        ChannelList& list = task.frame->list();
        if (task.frame->has_transforms())
            for (std::size_t i = list.meta; i < list.channels.size(); ++i)
                list.channels[i].make_room();
    }
    const auto lanes = static_cast<std::size_t>(lane_kernels().lanes);
    for (const LaneBatch& batch :
         lane_batches(rects_, static_cast<std::int64_t>(tasks_.size()), lanes))
        decode(batch, volume);
}

// Brings the sections together in memory. False: they are too long for that.
bool LaneRun::set_up(const LaneBatch& batch, std::size_t lanes, LaneStreams& streams) {
    constexpr std::size_t kSlack = 8, kMostBytes = std::size_t{1} << 28;
    const GroupRect& rect = rects_[batch[0].group];
    // No residual takes more than this; what comes behind is not part of the group.
    const std::size_t most = static_cast<std::size_t>(rect.width * rect.height) * trees_.size() * 6;
    std::size_t total = 0;
    const auto start_of = [&](const GroupJob& job) -> const GroupStart& {
        return starts_[static_cast<std::size_t>(job.frame) * rects_.size() + job.group];
    };
    const auto length_of = [&](const GroupStart& start) {
        return std::min(start.section.size(), start.position / 8 + most + kSlack);
    };
    for (const GroupJob& job : batch) total += length_of(start_of(job)) + kSlack;
    if (total > kMostBytes) return false;
    bytes_.resize(total);
    std::size_t next = 0;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        if (lane >= batch.size()) {  // does what the first one does
            for (std::int32_t* const numbers :
                 {streams.state, streams.position, streams.end, streams.log_size, streams.table})
                numbers[lane] = numbers[0];
            continue;
        }
        const auto frame = static_cast<std::size_t>(batch[lane].frame);
        const GroupStart& start = start_of(batch[lane]);
        const std::size_t length = length_of(start);
        std::memcpy(bytes_.data() + next, start.section.data(), length);
        std::memset(bytes_.data() + next + length, 0, kSlack);
        streams.state[lane] = static_cast<std::int32_t>(start.state);
        // One bit more than there are: nobody stops there but who wanted more.
        const std::size_t end = (next + length) * 8 + 1;
        streams.end[lane] = static_cast<std::int32_t>(end);
        streams.position[lane] =
            static_cast<std::int32_t>(std::min(next * 8 + start.position, end));
        streams.log_size[lane] =
            tree_code(*tasks_[frame].frame)->residuals.ans_tables[0].log_size();
        next += length + kSlack;
    }
    streams.bytes = bytes_.data();
    streams.buckets = buckets_.data();
    return true;
}

void LaneRun::decode(const LaneBatch& batch, const Volume& volume) {
    const LaneKernels& kernels = batch.size() == 1 ? kScalarKernels : lane_kernels();
    const auto lanes = static_cast<std::size_t>(kernels.lanes);
    const GroupRect& rect = rects_[batch[0].group];
    LaneStreams streams{};
    if (!set_up(batch, lanes, streams)) {
        for (const GroupJob& job : batch)
            *tasks_[static_cast<std::size_t>(job.frame)].status =
                unsupported("sections of hundreds of megabytes");
        return;
    }
    const auto width = static_cast<std::int32_t>(rect.width);
    const std::size_t padded = (static_cast<std::size_t>(width) + kRowPad) * lanes;
    rows_.resize(3 * padded);
    const auto row = [&](std::int32_t number) {
        return rows_.data() + static_cast<std::size_t>(number % 3) * padded;
    };
    const auto is_over = [&](std::size_t lane) {
        return streams.position[lane] >= streams.end[lane];
    };
    for (std::size_t c = 0; c < trees_.size(); ++c) {
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            const auto frame =
                static_cast<std::size_t>(batch[lane < batch.size() ? lane : 0].frame);
            streams.table[lane] =
                static_cast<std::int32_t>(entry_starts_[frame * trees_.size() + c]);
        }
        errors_.assign(padded * kErrorPlanes, 0);
        const LaneTree& tree = trees_[c].lanes;
        for (std::int32_t y = 0; y < static_cast<std::int32_t>(rect.height); ++y) {
            DecodeRow job;
            job.rows = {width,         y, row(y), row(y + 2), y > 1 ? row(y + 1) : row(y + 2),
                        errors_.data()};
            job.table = entries_.data();
            job.streams = &streams;
            kernels.decode[static_cast<int>(tree.kind)](tree, job);
            put_row(batch, volume, c, y, row(y), lanes);
            bool all_over = true;
            for (std::size_t lane = 0; lane < batch.size(); ++lane) all_over &= is_over(lane);
            if (all_over) break;
        }
    }
    for (std::size_t lane = 0; lane < batch.size(); ++lane) {
        Status& status = *tasks_[static_cast<std::size_t>(batch[lane].frame)].status;
        const auto state = static_cast<std::uint32_t>(streams.state[lane]);
        if (status.ok() && (is_over(lane) || state != kAnsFinalState))
            status = damaged("a stream does not end as it should");
    }
}

void LaneRun::put_row(const LaneBatch& batch, const Volume& volume, std::size_t channel,
                      std::int32_t y, const std::int32_t* row, std::size_t lanes) {
    for (std::size_t lane = 0; lane < batch.size(); ++lane) {
        const FrameTask& task = tasks_[static_cast<std::size_t>(batch[lane].frame)];
        const GroupRect& rect = rects_[batch[lane].group];
        if (task.frame->has_transforms()) {
            ChannelList& list = task.frame->list();
            std::int32_t* const to =
                list.channels[list.meta + channel].row(static_cast<std::uint32_t>(rect.y + y)) +
                rect.x;
            std::uint32_t seen = 0;
            for (std::int64_t x = 0; x < rect.width; ++x) {
                to[x] = row[static_cast<std::size_t>(x) * lanes + lane];
                seen |= pack_signed(to[x]);
            }
            // What no transform of samples gives, a transform may turn into samples again.
            if (seen >> kMostPackedBits != 0 && task.status->ok())
                *task.status = unsupported("numbers beyond those that the kernels are exact for");
            continue;
        }
        const int bits = task.frame->header().bits;
        const std::uint32_t seen =
            SampleSink(volume, task.number, bits)
                .store(static_cast<std::int64_t>(channel), rect.y + y, rect.x, rect.width,
                       row + lane, static_cast<std::ptrdiff_t>(lanes));
        if (seen >> bits != 0 && task.status->ok())
            *task.status = damaged("a sample is beyond the depth");
    }
}

}  // namespace dicube::jxl
