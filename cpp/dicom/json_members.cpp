#include "dicom/json_members.hpp"

#include <cstring>

namespace dicube::dicom {
namespace {

class Walker {
  public:
    Walker(span<const char> text, std::size_t position) noexcept
        : text_(text), position_(position) {}

    std::size_t position() const noexcept { return position_; }

    void skip_space() noexcept {
        while (position_ < text_.size()) {
            const char c = text_[position_];
            if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
            ++position_;
        }
    }
    bool take(char wanted) noexcept {
        if (position_ >= text_.size() || text_[position_] != wanted) return false;
        ++position_;
        return true;
    }
    // Behind the closing quote; the opening one was taken.
    bool skip_string(bool& has_escapes) noexcept {
        has_escapes = false;
        while (position_ < text_.size()) {
            const char c = text_[position_++];
            if (c == '"') return true;
            if (c == '\\') {
                has_escapes = true;
                ++position_;  // whatever is escaped; an escaped quote ends nothing
            }
        }
        return false;
    }
    // Numbers, words, strings, and brackets as deep as they go: they are counted, not remembered.
    bool skip_value() noexcept {
        const std::size_t start = position_;
        std::size_t depth = 0;
        bool ignored = false;
        while (position_ < text_.size()) {
            const char c = text_[position_];
            if (c == '"') {
                ++position_;
                if (!skip_string(ignored)) return false;
            } else if (c == '{' || c == '[') {
                ++depth;
                ++position_;
            } else if (c == '}' || c == ']') {
                if (depth == 0) return position_ > start;
                --depth;
                ++position_;
            } else if (c == ',' && depth == 0) {
                return position_ > start;
            } else {
                ++position_;
            }
        }
        return false;
    }

  private:
    span<const char> text_;
    std::size_t position_;
};

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

bool json_members(span<const char> text, std::size_t start, std::vector<JsonMember>& members,
                  std::size_t& end) {
    Walker walker(text, start);
    members.clear();
    walker.skip_space();
    if (!walker.take('{')) return false;
    walker.skip_space();
    if (walker.take('}')) {
        end = walker.position();
        return true;
    }
    for (;;) {
        JsonMember member{};
        bool has_escapes = false;
        walker.skip_space();
        if (!walker.take('"')) return false;
        member.key_start = walker.position();
        if (!walker.skip_string(has_escapes) || has_escapes) return false;
        member.key_end = walker.position() - 1;
        walker.skip_space();
        if (!walker.take(':')) return false;
        walker.skip_space();
        member.value_start = walker.position();
        if (!walker.skip_value()) return false;
        member.value_end = walker.position();
        while (is_space(text[member.value_end - 1])) --member.value_end;
        members.push_back(member);
        if (walker.take(',')) continue;
        if (!walker.take('}')) return false;
        end = walker.position();
        return true;
    }
}

}  // namespace dicube::dicom
