// Frames shared out to threads. Threads live as long as one call: starting one costs a few
// microseconds, and nothing is left behind that a fork could break.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "volume/types.hpp"

namespace dicube {

// Runs `work(worker, first, last)` for ranges of frames until all are done or one has failed.
// Ranges go out in order, so every frame below the lowest one that failed has been tried.
template <class Work>
void share_out(std::int64_t frames, std::int64_t grain, int threads,
               const std::atomic<std::int64_t>& limit, const Work& work) noexcept {
    std::atomic<std::int64_t> next{0};
    const auto run = [&](int worker) noexcept {
        for (;;) {
            const std::int64_t first = next.fetch_add(grain, std::memory_order_relaxed);
            if (first >= frames || first > limit.load(std::memory_order_relaxed)) return;
            work(worker, first, first + grain < frames ? first + grain : frames);
        }
    };
    std::vector<std::thread> others;
    try {
        for (int i = 1; i < threads; ++i) others.emplace_back(run, i);
    } catch (const std::exception&) {
        // Fewer threads than asked for do the same work.
    }
    run(0);
    for (std::thread& other : others) other.join();
}

// Keeps the report of the lowest frame that failed.
class FailureLog {
  public:
    explicit FailureLog(std::int64_t frames) noexcept : limit_(frames) {}

    void add(std::int64_t frame, const Status& status) noexcept {
        const std::lock_guard<std::mutex> guard(mutex_);
        if (frame >= limit_.load(std::memory_order_relaxed)) return;
        limit_.store(frame, std::memory_order_relaxed);
        report_.status = status;
        report_.frame = frame;
    }
    // A frame that is left to another decoder. False: no memory to remember it.
    bool add_unsupported(std::int64_t frame, const Status& status) noexcept {
        const std::lock_guard<std::mutex> guard(mutex_);
        try {
            report_.unsupported_frames.push_back(frame);
        } catch (const std::bad_alloc&) {
            return false;
        }
        report_.unsupported_reason = status.what;
        return true;
    }
    const std::atomic<std::int64_t>& limit() const noexcept { return limit_; }
    VolumeReport& report() noexcept { return report_; }

  private:
    std::mutex mutex_;
    std::atomic<std::int64_t> limit_;
    VolumeReport report_;
};

}  // namespace dicube
