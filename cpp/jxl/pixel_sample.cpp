#include "jxl/pixel_sample.hpp"

#include <algorithm>
#include <cstdlib>

#include "jxl/bit_reader.hpp"
#include "jxl/histogram.hpp"
#include "jxl/kernels/dispatch.hpp"

namespace dicube::jxl {
namespace {

constexpr std::int64_t kWarmUpRows = 2, kBandRows = 3;
constexpr std::int64_t kMostBandWidth = 512;
constexpr std::int64_t kSmallSide = 96;  // frames up to this height are taken whole
constexpr std::int64_t kMostFrames = 16;

struct Place {
    std::int64_t frame, y, x;
};

// `count` numbers below `end`, evenly spread.
std::int64_t spread(std::int64_t number, std::int64_t count, std::int64_t end) noexcept {
    return (2 * number + 1) * end / (2 * count);
}

}  // namespace

PixelSample::PixelSample(const PlaneSource& source, int channel, std::size_t budget)
    : kernels_(lane_kernels()) {
    const ConstVolume& volume = source.volume();
    const bool takes_whole = volume.rows <= kSmallSide;
    width_ = static_cast<std::int32_t>(std::min(volume.columns, kMostBandWidth));
    height_ = static_cast<std::int32_t>(takes_whole ? volume.rows : kWarmUpRows + kBandRows);
    first_row_ = takes_whole ? 0 : kWarmUpRows;
    const std::int64_t band = std::int64_t{width_} * (height_ - first_row_);
    std::int64_t bands = std::max<std::int64_t>(1, static_cast<std::int64_t>(budget) / band);
    const std::int64_t per_frame = std::clamp<std::int64_t>(
        bands / std::min(volume.frames, kMostFrames), 1, takes_whole ? 1 : volume.rows / height_);
    const std::int64_t frames = std::clamp<std::int64_t>(bands / per_frame, 1, volume.frames);
    std::vector<Place> places;
    for (std::int64_t f = 0; f < frames; ++f) {
        for (std::int64_t b = 0; b < per_frame; ++b) {
            // Bands of neighbouring frames are at different heights.
            const std::int64_t free = volume.rows - height_;
            const std::int64_t y = free * (b * frames + f % frames) /
                                   std::max<std::int64_t>(1, per_frame * frames - 1);
            const std::int64_t x = (volume.columns - width_) * ((f + b) % 3) / 2;
            places.push_back({spread(f, frames, volume.frames), std::min(y, free), x});
        }
    }
    const auto lanes = static_cast<std::size_t>(kernels_.lanes);
    for (std::size_t first = 0; first < places.size(); first += lanes) {
        Batch batch;
        batch.bands = static_cast<int>(std::min(lanes, places.size() - first));
        batch.rows.resize(static_cast<std::size_t>(row_step() * height_));
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            const Place& place = places[std::min(first + lane, places.size() - 1)];
            for (std::int32_t y = 0; y < height_; ++y)
                source.read(place.frame, channel, place.y + y, place.x, width_,
                            batch.rows.data() + row_step() * y + lane, kernels_.lanes);
        }
        batches_.push_back(std::move(batch));
    }
    errors_.resize(static_cast<std::size_t>(row_step() * kErrorPlanes));
    predictions_.resize(static_cast<std::size_t>(row_step()));
    properties_.resize(static_cast<std::size_t>(row_step()));
}

template <class Visit>
void PixelSample::survey(Batch& batch, const WeightedParameters& parameters, const Visit& visit) {
    std::fill(errors_.begin(), errors_.end(), 0);
    for (std::int32_t y = 0; y < height_; ++y) {
        std::int32_t* const row = batch.rows.data() + row_step() * y;
        SurveyRow job;
        job.rows = {width_,        y, row, row - row_step(), row - (y > 1 ? 2 : 1) * row_step(),
                    errors_.data()};
        job.predictions = predictions_.data();
        job.properties = properties_.data();
        kernels_.survey(parameters, job);
        if (y >= first_row_) visit(job.rows);
    }
}

double PixelSample::weighted_cost(const WeightedParameters& parameters) {
    constexpr std::size_t kContexts = 16, kFewPixels = 40000;
    std::vector<Histogram> histograms(kContexts);
    // Bands are tried by eights, so that the choice does not depend on the number of lanes.
    std::size_t bands = 0;
    for (const Batch& batch : batches_) bands += static_cast<std::size_t>(batch.bands);
    const std::size_t pixels =
        bands * static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_ - first_row_);
    const std::size_t step = std::max<std::size_t>(1, pixels / kFewPixels);
    const auto lanes = static_cast<std::size_t>(kernels_.lanes);
    double bits = 0;
    for (std::size_t i = 0; i < batches_.size(); ++i) {
        if (i * lanes / kMostLanes % step != 0) continue;
        Batch& batch = batches_[i];
        survey(batch, parameters, [&](const LaneRows& rows) {
            for (std::int32_t x = 0; x < width_; ++x) {
                for (int lane = 0; lane < batch.bands; ++lane) {
                    const std::ptrdiff_t at = std::ptrdiff_t{x} * kernels_.lanes + lane;
                    const std::uint32_t packed = pack_signed(rows.row[at] - predictions_[at]);
                    const auto context = static_cast<std::size_t>(
                        bit_length(static_cast<std::uint32_t>(std::abs(properties_[at]))));
                    const std::uint32_t token = to_token(packed).token;
                    histograms[std::min(context, kContexts - 1)].add(token);
                    bits += raw_bits_of(token);
                }
            }
        });
    }
    for (const Histogram& histogram : histograms) bits += entropy_bits(histogram);
    return bits;
}

void PixelSample::describe(const WeightedParameters& parameters, SampledPixels& pixels) {
    std::size_t count = 0;
    for (const Batch& batch : batches_)
        count += static_cast<std::size_t>(batch.bands) * static_cast<std::size_t>(width_) *
                 static_cast<std::size_t>(height_ - first_row_);
    pixels.count = count;
    for (auto& property : pixels.properties) property.resize(count);
    for (auto& tokens : pixels.tokens) tokens.resize(count);
    // One band behind the other, however many there are in a batch: what is learned from some of
    // the pixels has to be the same with any number of lanes.
    const std::size_t band =
        static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_ - first_row_);
    std::size_t start = 0;
    for (Batch& batch : batches_) {
        survey(batch, parameters, [&](const LaneRows& rows) {
            const std::ptrdiff_t lanes = kernels_.lanes;
            for (int lane = 0; lane < batch.bands; ++lane) {
                std::size_t next = start + static_cast<std::size_t>(lane) * band +
                                   static_cast<std::size_t>(rows.y - first_row_) *
                                       static_cast<std::size_t>(width_);
                const std::int32_t* const row = rows.row + lane;
                const std::int32_t* const above = rows.above + lane;
                const std::int32_t* const above_that = rows.above_that + lane;
                for (std::int32_t x = 0; x < width_; ++x, ++next) {
                    const std::ptrdiff_t at = x * lanes;
                    // As Around in modular.cpp.
                    const bool is_first = rows.y == 0;
                    const std::int32_t w = x > 0 ? row[at - lanes] : is_first ? 0 : above[0];
                    const std::int32_t n = is_first ? w : above[at];
                    const std::int32_t nw = x > 0 && !is_first ? above[at - lanes] : w;
                    const std::int32_t ne = is_first ? n : above[at + lanes];
                    const std::int32_t nn = is_first ? n : above_that[at];
                    const std::int32_t ww = x > 1 ? row[at - 2 * lanes] : w;
                    const std::int32_t nee = is_first ? n : above[at + 2 * lanes];
                    const std::int32_t gradient = w + n - nw;
                    const std::int32_t properties[kSampledProperties] = {
                        gradient, w - nw, nw - n, n - ne, n - nn, w - ww, properties_[at + lane]};
                    for (int p = 0; p < kSampledProperties; ++p)
                        pixels.properties[p][next] = properties[p];
                    const std::int32_t predictions[kSampledPredictors] = {
                        std::clamp(gradient, std::min(w, n), std::max(w, n)),
                        predictions_[at + lane],
                        (6 * n - 2 * nn + 7 * w + ww + nee + 3 * ne + 8) / 16, (w + n) / 2};
                    for (int p = 0; p < kSampledPredictors; ++p)
                        pixels.tokens[p][next] = static_cast<std::uint8_t>(
                            to_token(pack_signed(row[at] - predictions[p])).token);
                }
            }
        });
        start += static_cast<std::size_t>(batch.bands) * band;
    }
}

}  // namespace dicube::jxl
