#include "jxl/frame_encoder.hpp"

#include <algorithm>
#include <cstring>

#include "jxl/header_writer.hpp"
#include "jxl/kernels/dispatch.hpp"
#include "volume/coding.hpp"

namespace dicube::jxl {
namespace {

constexpr std::uint32_t kTokenMask = (1u << Record::kTokenBits) - 1;
constexpr std::uint32_t kLeafMask = (1u << Record::kLeafBits) - 1;

Status append(span<const std::uint8_t> bytes, FrameBytes& out) noexcept {
    if (bytes.empty()) return success();
    if (!out.bytes.reserve(out.length + bytes.size(), out.length)) return kNoMemory;
    std::memcpy(out.bytes.data() + out.length, bytes.data(), bytes.size());
    out.length += bytes.size();
    return success();
}

}  // namespace

void FrameEncoder::prepare(const ConstVolume& volume, const VolumeModel& model) {
    volume_ = &volume;
    model_ = &model;
    kernels_ = &lane_kernels();
    rects_ = group_rects(model.rows, model.columns, model.group_side());
    frames_at_once_ = jxl::frames_at_once(rects_, kernels_->lanes);
    palette_.clear();
    std::int32_t before = 0;
    for (const std::int32_t value : model.mapping.palette) {
        palette_.push_back(to_token(pack_signed(value - before)));
        before = value;
    }
}

Status FrameEncoder::encode(std::int64_t first, std::int64_t last, FrameBytes& out,
                            Extent* extents) {
    const auto frames = static_cast<std::size_t>(last - first);
    counts_.assign(frames * model_->leaves * kMostTokens, 0);
    clusters_.resize(frames);
    codes_.resize(frames);
    code_bits_.resize(frames);
    streams_.resize(frames * rects_.size());
    const std::vector<LaneBatch> batches =
        lane_batches(rects_, last - first, static_cast<std::size_t>(kernels_->lanes));
    batches_.resize(std::max(batches_.size(), batches.size()));
    for (std::size_t i = 0; i < batches.size(); ++i) {
        batches_[i].jobs = batches[i];
        if (Status status = find_residuals(first, batches_[i]); !status.ok()) return status;
    }
    for (std::size_t i = 0; i < frames; ++i) make_code(i);
    for (std::size_t i = 0; i < batches.size(); ++i)
        if (Status status = code_residuals(batches_[i]); !status.ok()) return status;
    for (std::size_t i = 0; i < frames; ++i) {
        const std::size_t start = out.length;
        if (Status status = assemble(i, out); !status.ok()) return status;
        extents[first + static_cast<std::int64_t>(i)].length = out.length - start;
    }
    release_if_large();
    return success();
}

// What large frames needed is not kept for others.
void FrameEncoder::release_if_large() noexcept {
    constexpr std::size_t kKept = std::size_t{1} << 27;
    std::size_t bytes = 0;
    for (const Residuals& residuals : batches_)
        bytes += residuals.records.capacity() * sizeof(std::uint32_t);
    for (const Stream& stream : streams_) bytes += stream.memory.capacity();
    if (bytes <= kKept) return;
    batches_.clear();
    streams_.clear();
}

Status FrameEncoder::find_residuals(std::int64_t first, Residuals& residuals) {
    const GroupRect& shape = rects_[residuals.jobs[0].group];
    residuals.width = static_cast<std::int32_t>(shape.width);
    residuals.height = static_cast<std::int32_t>(shape.height);
    const int lanes = kernels_->lanes;
    const auto padded = static_cast<std::size_t>((residuals.width + kRowPad) * lanes);
    const auto row_records = static_cast<std::size_t>(residuals.width * lanes);
    const std::size_t channels = model_->channels.size();
    if (!residuals.records.reserve(channels * static_cast<std::size_t>(shape.height) * row_records))
        return kNoMemory;
    rows_.resize(3 * padded);
    const PlaneSource source(*volume_, model_->mapping);
    std::uint32_t* records = residuals.records.data();
    for (std::size_t c = 0; c < channels; ++c) {
        const CompiledTree& tree = model_->channels[c];
        errors_.assign(padded * kErrorPlanes, 0);
        for (std::int32_t y = 0; y < residuals.height; ++y, records += row_records) {
            const auto row = [&](std::int32_t number) {
                return rows_.data() + static_cast<std::size_t>(number % 3) * padded;
            };
            for (int lane = 0; lane < lanes; ++lane) {
                // Lanes without a group do what the last one does.
                const GroupJob& job =
                    residuals
                        .jobs[std::min(static_cast<std::size_t>(lane), residuals.jobs.size() - 1)];
                const GroupRect& rect = rects_[job.group];
                source.read(first + job.frame, static_cast<int>(c), rect.y + y, rect.x, rect.width,
                            row(y) + lane, lanes);
            }
            EncodeRow job;
            job.rows = {residuals.width, y, row(y), row(y + 2), y > 1 ? row(y + 1) : row(y + 2),
                        errors_.data()};
            job.table = tree.entries.data();
            job.records = records;
            kernels_->encode[static_cast<int>(tree.lanes.kind)](tree.lanes, job);
            count(residuals, records);
        }
    }
    return success();
}

void FrameEncoder::count(const Residuals& residuals, const std::uint32_t* records) {
    constexpr std::uint32_t kLeafAndToken = (1u << Record::kRawShift) - 1;
    static_assert(kMostTokens == 1 << Record::kLeafShift);
    const auto lanes = static_cast<std::size_t>(kernels_->lanes);
    const std::size_t active = residuals.jobs.size();
    std::uint32_t* counts[kMostLanes];
    for (std::size_t lane = 0; lane < active; ++lane)
        counts[lane] = counts_.data() + static_cast<std::size_t>(residuals.jobs[lane].frame) *
                                            model_->leaves * kMostTokens;
    for (std::int32_t x = 0; x < residuals.width; ++x, records += lanes)
        for (std::size_t lane = 0; lane < active; ++lane)
            ++counts[lane][records[lane] & kLeafAndToken];
}

void FrameEncoder::make_code(std::size_t frame) {
    histograms_.resize(model_->leaves);
    const std::uint32_t* counts = counts_.data() + frame * model_->leaves * kMostTokens;
    for (Histogram& histogram : histograms_) {
        histogram.set(counts);
        counts += kMostTokens;
    }
    for (const Token& token : palette_) histograms_[model_->palette_leaf].add(token.token);
    join_contexts(histograms_.data(), model_->leaves, clusters_[frame]);
    code_bits_[frame].clear();
    codes_[frame].write(clusters_[frame], code_bits_[frame]);
}

void FrameEncoder::put_palette(const CodeWriter& code, std::size_t frame, std::uint32_t& state,
                               BackwardBits& bits) const {
    const AnsEncoder& encoder = code[clusters_[frame].of_context[model_->palette_leaf]];
    for (std::size_t i = palette_.size(); i-- > 0;)
        encoder.put(palette_[i].token, palette_[i].raw, state, bits);
}

Status FrameEncoder::code_residuals(const Residuals& residuals) {
    struct Lane {
        std::uint32_t state = kAnsFinalState;
        BackwardBits bits;
        const AnsEncoder* by_leaf[1 << Record::kLeafBits];
    };
    const std::size_t count = residuals.jobs.size();
    const auto lanes = static_cast<std::size_t>(kernels_->lanes);
    const std::size_t pixels = model_->channels.size() * static_cast<std::size_t>(residuals.width) *
                               static_cast<std::size_t>(residuals.height);
    // At most 16 bits for the state and as many raw ones.
    const std::size_t most_bytes = (pixels + palette_.size()) * 4 + 8 + BackwardBits::kSlack;
    std::vector<Lane> all(count);
    for (std::size_t lane = 0; lane < count; ++lane) {
        const auto frame = static_cast<std::size_t>(residuals.jobs[lane].frame);
        Stream& stream = stream_of(residuals.jobs[lane]);
        if (!stream.memory.reserve(most_bytes)) return kNoMemory;
        all[lane].bits = BackwardBits(stream.memory.data() + most_bytes);
        for (std::uint32_t leaf = 0; leaf < model_->leaves; ++leaf)
            all[lane].by_leaf[leaf] = &codes_[frame][clusters_[frame].of_context[leaf]];
    }
    // Lanes are independent: the steps of one hide how long those of the others take.
    const std::uint32_t* records = residuals.records.data() + pixels * lanes;
    for (std::size_t i = 0; i < pixels; ++i) {
        records -= lanes;
        for (std::size_t lane = 0; lane < count; ++lane) {
            const std::uint32_t record = records[lane];
            Lane& at = all[lane];
            at.by_leaf[record >> Record::kLeafShift & kLeafMask]->put(
                record & kTokenMask, record >> Record::kRawShift, at.state, at.bits);
        }
    }
    for (std::size_t lane = 0; lane < count; ++lane) {
        Lane& at = all[lane];
        const auto frame = static_cast<std::size_t>(residuals.jobs[lane].frame);
        if (model_->is_single_group()) put_palette(codes_[frame], frame, at.state, at.bits);
        at.bits.put(at.state, 32);
        stream_of(residuals.jobs[lane]).bits = at.bits;
    }
    return success();
}

Status FrameEncoder::assemble(std::size_t frame, FrameBytes& out) {
    BitWriter global;
    global.flag(true);  // quantisation as usual
    global.flag(true);  // a global tree
    global.append(model_->tree);
    global.append(code_bits_[frame]);
    write_stream_header(*model_, true, global);

    BitWriter head, groups;
    write_headers(*model_, head);
    const bool is_single = model_->is_single_group();
    const Stream* const streams = streams_.data() + frame * rects_.size();
    std::vector<std::size_t> lengths;
    if (is_single) {
        streams[0].bits.write_to(global);
        global.align();
        lengths.push_back(global.bytes().size());
    } else {
        if (!palette_.empty()) {
            std::vector<std::uint8_t> memory(palette_.size() * 4 + 8 + BackwardBits::kSlack);
            BackwardBits bits(memory.data() + memory.size());
            std::uint32_t state = kAnsFinalState;
            put_palette(codes_[frame], frame, state, bits);
            bits.put(state, 32);
            bits.write_to(global);
        }
        global.align();
        lengths.push_back(global.bytes().size());
        const std::int64_t lf_side = 8 * model_->group_side();
        const auto lf_groups = static_cast<std::size_t>(
            ((model_->rows + lf_side - 1) / lf_side) * ((model_->columns + lf_side - 1) / lf_side));
        lengths.insert(lengths.end(), lf_groups + 1, 0);  // and HfGlobal
        for (std::size_t group = 0; group < rects_.size(); ++group) {
            const std::size_t start = groups.bytes().size();
            write_stream_header(*model_, false, groups);
            streams[group].bits.write_to(groups);
            groups.align();
            lengths.push_back(groups.bytes().size() - start);
        }
    }
    write_table_of_contents(lengths, head);
    for (const BitWriter* part : {&head, &global, &groups})
        if (Status status = append(part->bytes(), out); !status.ok()) return status;
    return success();
}

}  // namespace dicube::jxl
