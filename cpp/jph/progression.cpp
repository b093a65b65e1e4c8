#include "jph/progression.hpp"

#include <algorithm>
#include <tuple>

namespace dicube::jph {
namespace {

// Precincts come in the order in which the loops of T.800 B.12.1 meet them. The loops over the
// reference grid are a sort by position: each precinct is met once, at (x, y), and two precincts
// of one resolution never share a point.
bool comes_before(const Precinct& a, const Precinct& b, Progression progression) noexcept {
    const auto resolution_first = [](const Precinct& p) {
        return std::make_tuple(p.resolution, p.component, p.index);
    };
    const auto resolution_position = [](const Precinct& p) {
        return std::make_tuple(p.resolution, p.y, p.x, p.component);
    };
    const auto position_first = [](const Precinct& p) {
        return std::make_tuple(p.y, p.x, p.component, p.resolution);
    };
    const auto component_first = [](const Precinct& p) {
        return std::make_tuple(p.component, p.y, p.x, p.resolution);
    };
    switch (progression) {
        case Progression::rpcl:
            return resolution_position(a) < resolution_position(b);
        case Progression::pcrl:
            return position_first(a) < position_first(b);
        case Progression::cprl:
            return component_first(a) < component_first(b);
        case Progression::lrcp:
        case Progression::rlcp:
            break;
    }
    return resolution_first(a) < resolution_first(b);
}

}  // namespace

void PacketOrder::build(span<Precinct> precincts, Progression progression) {
    progression_ = progression;
    order_.clear();
    order_.reserve(precincts.size());
    for (Precinct& precinct : precincts) order_.push_back(&precinct);
    const auto before = [progression](const Precinct* a, const Precinct* b) {
        return comes_before(*a, *b, progression);
    };
    // With one component most tiles are in order already.
    if (!std::is_sorted(order_.begin(), order_.end(), before)) {
        std::sort(order_.begin(), order_.end(), before);
    }
}

std::size_t PacketOrder::group_end(std::size_t begin) const noexcept {
    std::size_t end = begin + 1;
    if (progression_ == Progression::lrcp) return order_.size();
    if (progression_ != Progression::rlcp) return end;
    while (end < order_.size() && order_[end]->resolution == order_[begin]->resolution) ++end;
    return end;
}

std::size_t PacketOrder::wanted_end(int discard_levels) const noexcept {
    std::size_t end = order_.size();
    while (end > 0 && order_[end - 1]->discarded <= discard_levels) --end;
    return end;
}

}  // namespace dicube::jph
