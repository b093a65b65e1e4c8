// Workers that keep their memory: one for each thread, borrowed for the time of a call.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace dicube {

// Decoders and encoders that are not in use, with their working memory: a training loader asks for
// one slice after the other, and making room anew would take longer than decoding it.
template <class Worker>
class Spares {
  public:
    static constexpr std::size_t kMost = 16;

    std::unique_ptr<Worker> take() noexcept {
        // Another thread may have held the lock when this process was forked, so nobody waits for
        // it.
        const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
        if (lock.owns_lock())
            for (std::unique_ptr<Worker>& spare : spares_)
                if (spare != nullptr) return std::move(spare);
        return std::unique_ptr<Worker>(new (std::nothrow) Worker);
    }
    void give(std::unique_ptr<Worker> worker) noexcept {
        const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
        if (!lock.owns_lock()) return;
        for (std::unique_ptr<Worker>& spare : spares_) {
            if (spare != nullptr) continue;
            spare = std::move(worker);
            return;
        }
    }

  private:
    std::mutex mutex_;
    std::unique_ptr<Worker> spares_[kMost];
};

template <class Worker>
Spares<Worker>& spares() noexcept {
    static Spares<Worker> all;
    return all;
}

// A worker for each thread, borrowed as long as this lives; incomplete without memory.
template <class Worker>
class Crew {
  public:
    explicit Crew(int size) : workers_(static_cast<std::size_t>(size)) {
        for (std::unique_ptr<Worker>& worker : workers_) worker = spares<Worker>().take();
    }
    ~Crew() {
        for (std::unique_ptr<Worker>& worker : workers_)
            if (worker != nullptr) spares<Worker>().give(std::move(worker));
    }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    bool complete() const noexcept {
        return std::all_of(workers_.begin(), workers_.end(),
                           [](const auto& worker) { return worker != nullptr; });
    }
    int size() const noexcept { return static_cast<int>(workers_.size()); }
    Worker& operator[](int index) noexcept { return *workers_[static_cast<std::size_t>(index)]; }

  private:
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace dicube
