// What the wavelet kernels work on, the same for all instruction sets.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dicube::jph {

// Samples readable and writable on either side of each row that a wavelet kernel gets: vectors run
// over the ends, and the symmetric extension is written there.
constexpr int kRowMargin = 64;

// Rows of a plane. `data` is the first sample; kRowMargin samples lie before and behind each row.
template <class T>
struct PlaneView {
    T* data = nullptr;
    std::ptrdiff_t stride = 0;

    T* row(std::ptrdiff_t y) const noexcept { return data + y * stride; }
};

template <class T>
struct Subbands {
    PlaneView<T> ll, hl, lh, hh;
};

// A resolution, or a window of it: the parities of its first coordinates tell which rows and
// columns are low-pass ones (T.800 F.3).
struct LevelShape {
    int width = 0, height = 0;
    int x_parity = 0, y_parity = 0;

    int low_width() const noexcept { return (width + 1 - x_parity) / 2; }
    int high_width() const noexcept { return width - low_width(); }
    int low_height() const noexcept { return (height + 1 - y_parity) / 2; }
    int high_height() const noexcept { return height - low_height(); }
};

// Where the rows of a resolution come from or go to, top-down, each once.
template <class T>
struct RowSource {
    void* context;
    // Row y, valid until three more rows have been asked for.
    const T* (*row)(void* context, int y);
};
template <class T>
struct RowSink {
    void* context;
    // Where row y shall be written; it is read again until `done` of row y + 1.
    T* (*place)(void* context, int y);
    void (*done)(void* context, int y);
};

// Rows of working memory for one level, each with its margins.
constexpr int kWaveletRows = 5;

}  // namespace dicube::jph
