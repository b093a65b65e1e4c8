#include "jph/stream_reader.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "jph/bytes.hpp"
#include "jph/marker_segments.hpp"

namespace dicube::jph {
namespace {

constexpr Status no_memory() noexcept {
    return {Fault::out_of_memory, "no memory for the headers or packets of a codestream"};
}

}  // namespace

Status StreamReader::open(span<const std::uint8_t> codestream) noexcept try {
    codestream_ = codestream;
    parts_.clear();
    tiles_.clear();
    if (!header_is_known()) {
        Status status = read_main_header();
        if (!status.ok()) return status;
    }
    return find_tile_parts();
} catch (const std::bad_alloc&) {
    return no_memory();
}

int StreamReader::levels() const noexcept {
    int least = kMaxLevels;
    for (int i = 0; i < header_.size.components; ++i) {
        const auto& component = header_.coding.components[static_cast<std::size_t>(i)];
        least = std::min<int>(least, component.levels);
    }
    return least;
}

// All markers and lengths are in the stretches that are compared, so when those are equal the two
// headers have the same segments at the same places.
bool StreamReader::header_is_known() const noexcept {
    const std::size_t length = known_header_.size();
    if (length == 0 || codestream_.size() < length + 2) return false;
    if (load_u16(&codestream_[length]) != marker::kSot) return false;
    return std::all_of(known_stretches_.begin(), known_stretches_.end(), [this](const auto& known) {
        const auto offset = static_cast<std::size_t>(known.data() - known_header_.data());
        return std::memcmp(known.data(), &codestream_[offset], known.size()) == 0;
    });
}

Status StreamReader::read_main_header() {
    known_header_.clear();
    known_stretches_.clear();
    built_tile_ = -1;
    header_ = MainHeader();
    Status status = parse_main_header(codestream_, header_);
    if (!status.ok()) return status;

    std::vector<std::uint8_t>& copy = known_header_;
    copy.assign(codestream_.begin(), codestream_.begin() + header_.length);
    const span<const std::uint8_t> header(copy.data(), copy.size());
    std::size_t begin = 0;
    MarkerSegment segment;
    for (std::size_t position = 2; position < copy.size(); position = segment.end) {
        status = find_segment(header, position, segment);
        if (!status.ok()) return status;
        if (segment.code != marker::kTlm) continue;
        known_stretches_.push_back(header.subspan(begin, position + 4 - begin));
        begin = segment.end;
    }
    known_stretches_.push_back(header.subspan(begin));
    return success();
}

Status StreamReader::find_tile_parts() {
    // A tile has a tile-part, that SOT and SOD.
    const auto tile_count = static_cast<std::size_t>(header_.size.tile_count());
    if (tile_count > codestream_.size() / 14) {
        return damaged("fewer bytes than tiles", header_.length);
    }
    tiles_.assign(tile_count, TileParts());
    std::size_t position = header_.length;
    for (;;) {
        if (codestream_.size() - position < 2) {
            return damaged("the codestream is cut short: no EOC", position);
        }
        if (load_u16(&codestream_[position]) == marker::kEoc) break;
        TilePart part;
        Status status = parse_tile_part(codestream_, position, header_, part);
        if (status.ok()) status = add_tile_part(part, position);
        if (!status.ok()) return status;
        position = part.end;
    }
    for (const TileParts& tile : tiles_) {
        if (tile.count == 0) return damaged("a tile is missing", position);
        if (tile.declared != 0 && tile.count != tile.declared) {
            return damaged("tile-parts are missing", position);
        }
    }
    return success();
}

// T.800 A.4.2: tile-parts of one tile come in order, with those of others between them.
Status StreamReader::add_tile_part(const TilePart& part, std::size_t position) {
    TileParts& tile = tiles_[part.tile];
    if (part.part != tile.count) return damaged("tile-parts are out of order", position);
    if (part.parts != 0) {
        if (tile.declared != 0 && tile.declared != part.parts) {
            return damaged("tile-parts disagree about their number", position);
        }
        tile.declared = part.parts;
    }
    if (tile.declared != 0 && part.part >= tile.declared) {
        return damaged("more tile-parts than declared", position);
    }
    const auto index = static_cast<std::uint32_t>(parts_.size());
    parts_.push_back({part, kNone});
    if (tile.count == 0) {
        tile.first = index;
    } else {
        parts_[tile.last].next = index;
    }
    tile.last = index;
    ++tile.count;
    return success();
}

Status StreamReader::read_tile(int index, int discard_levels, Tile*& tile) noexcept try {
    if (index < 0 || index >= tile_count()) {
        return {Fault::bad_argument, "there is no tile of this number"};
    }
    const TileParts& parts = tiles_[static_cast<std::size_t>(index)];
    const span<const std::uint8_t> data = tile_data(parts);
    Status status = build_tile(index, data.size());
    if (!status.ok()) return status;
    for (const TileComponent& component : tile_.components()) {
        if (discard_levels < 0 || discard_levels > component.levels) {
            return {Fault::bad_argument, "fewer decompositions than levels to discard"};
        }
    }
    status = packet_reader_.read(data, discard_levels, header_.several_ht_sets(), tile_);
    if (status.position != Status::kNowhere) {
        status.position = stream_position(parts, status.position);
    }
    tile = &tile_;
    return status;
} catch (const std::bad_alloc&) {
    return no_memory();
}

Status StreamReader::build_tile(int index, std::size_t packet_bytes) {
    const TilePart& first = parts_[tiles_[static_cast<std::size_t>(index)].first];
    if (!first.has_overrides && built_tile_ == index) {
        if (tile_.packet_count() > packet_bytes) {
            return damaged("fewer bytes than packets in a tile", first.data_begin);
        }
        tile_.reset();
        return success();
    }
    built_tile_ = -1;
    Status status;
    if (first.has_overrides) {
        CodingParameters coding = header_.coding;
        status = apply_tile_header(codestream_, first, header_.size, coding);
        if (status.ok()) status = tile_.build(header_.size, coding, index, packet_bytes);
    } else {
        status = tile_.build(header_.size, header_.coding, index, packet_bytes);
        if (status.ok()) built_tile_ = index;
    }
    if (!status.ok() && status.position == Status::kNowhere) status.position = first.data_begin;
    return status;
}

// The packets of all tile-parts as one run of bytes.
span<const std::uint8_t> StreamReader::tile_data(const TileParts& parts) {
    const Part& first = parts_[parts.first];
    if (parts.count == 1) {
        return codestream_.subspan(first.data_begin, first.end - first.data_begin);
    }
    joined_.clear();
    for (std::uint32_t i = parts.first; i != kNone; i = parts_[i].next) {
        const Part& part = parts_[i];
        joined_.insert(joined_.end(), codestream_.begin() + part.data_begin,
                       codestream_.begin() + part.end);
    }
    return {joined_.data(), joined_.size()};
}

std::size_t StreamReader::stream_position(const TileParts& parts,
                                          std::size_t data_position) const noexcept {
    std::uint32_t i = parts.first;
    while (parts_[i].next != kNone && data_position >= parts_[i].end - parts_[i].data_begin) {
        data_position -= parts_[i].end - parts_[i].data_begin;
        i = parts_[i].next;
    }
    return parts_[i].data_begin + data_position;
}

}  // namespace dicube::jph
