// The order of packets in a tile, T.800 B.12.
#pragma once

#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jph/precinct.hpp"
#include "jph/types.hpp"

namespace dicube::jph {

// The precincts of a tile in the order of their first packets. It depends on geometry alone and
// is kept from frame to frame. All packets of a group of precincts come layer by layer before the
// next group starts: the group is the tile (LRCP), a resolution (RLCP) or a single precinct.
class PacketOrder {
  public:
    // May throw std::bad_alloc. `precincts` has to stay in place.
    void build(span<Precinct> precincts, Progression progression);

    // visit(Precinct&, int layer) -> Status, up to the last precinct that is wanted when
    // `discard_levels` highest resolutions are not. Stops at the first fault.
    template <class Visit>
    Status for_each_packet(int layers, int discard_levels, Visit&& visit) const;

    span<Precinct* const> precincts() const noexcept { return {order_.data(), order_.size()}; }

  private:
    std::size_t group_end(std::size_t begin) const noexcept;
    std::size_t wanted_end(int discard_levels) const noexcept;

    Progression progression_ = Progression::rpcl;
    std::vector<Precinct*> order_;
};

template <class Visit>
Status PacketOrder::for_each_packet(int layers, int discard_levels, Visit&& visit) const {
    const std::size_t end = wanted_end(discard_levels);
    for (std::size_t begin = 0, next; begin < end; begin = next) {
        // With one layer all orders are one run over the precincts.
        next = layers == 1 ? order_.size() : group_end(begin);
        for (int layer = 0; layer < layers; ++layer) {
            const bool last = layer + 1 == layers && end < next;
            const std::size_t stop = last ? end : next;
            for (std::size_t i = begin; i < stop; ++i) {
                if (Status status = visit(*order_[i], layer); !status.ok()) return status;
            }
        }
    }
    return success();
}

}  // namespace dicube::jph
