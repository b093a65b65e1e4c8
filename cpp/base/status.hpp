// How functions of the codecs say that they failed. No exception crosses a kernel or a thread.
#pragma once

#include <cstddef>

namespace dicube {

enum class Fault {
    none,
    damaged,       // the codestream contradicts its standard or itself
    unsupported,   // it may be right, but is outside the scope of this codec
    unfit,         // it is right, but does not fit the array it has to go to
    bad_argument,  // the caller asked for something impossible
    out_of_memory,
    mismatch,  // the codestream decodes to other samples than it was made of
};

// `what` is a string literal and names no value of the image. `position` is the byte of the
// codestream where the fault was noticed, kNowhere if there is no such byte.
struct [[nodiscard]] Status {
    static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

    Fault fault = Fault::none;
    const char* what = "";
    std::size_t position = kNowhere;

    constexpr bool ok() const noexcept { return fault == Fault::none; }
};

constexpr Status success() noexcept { return {}; }
constexpr Status damaged(const char* what, std::size_t position = Status::kNowhere) noexcept {
    return {Fault::damaged, what, position};
}
constexpr Status unsupported(const char* what, std::size_t position = Status::kNowhere) noexcept {
    return {Fault::unsupported, what, position};
}

}  // namespace dicube
