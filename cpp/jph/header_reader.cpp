#include "jph/header_reader.hpp"

#include "jph/bytes.hpp"
#include "jph/marker_segments.hpp"

namespace dicube::jph {
namespace {

constexpr std::size_t kSotBytes = 12;
constexpr std::size_t kMinTilePartBytes = kSotBytes + 2;  // SOT and SOD, T.800 A.4.2

// COD, COC, QCD and QCC of one header, as found. They may come in any order, so precedence is
// applied when all are known.
struct CodingSegments {
    bool has_cod = false, has_qcd = false;
    std::array<bool, kMaxComponents> has_coc{}, has_qcc{};
    PacketParameters packets;
    ComponentCoding cod;
    std::array<ComponentCoding, kMaxComponents> coc;
    Quantisation qcd;
    std::array<Quantisation, kMaxComponents> qcc;
};

constexpr bool is_coding_segment(std::uint16_t code) noexcept {
    return code == marker::kCod || code == marker::kCoc || code == marker::kQcd ||
           code == marker::kQcc;
}

// Segments that decide about decoding and are not read here.
Status refuse_unsupported(const MarkerSegment& segment) noexcept {
    switch (segment.code) {
        case marker::kPoc:
            return unsupported("changes of progression order (POC)", segment.position);
        case marker::kPpm:
        case marker::kPpt:
            return unsupported("packed packet headers (PPM, PPT)", segment.position);
        case marker::kRgn:
            return unsupported("regions of interest (RGN)", segment.position);
        case marker::kNlt:
            return unsupported("non-linear point transforms (NLT)", segment.position);
        default:
            return success();
    }
}

Status only_once(bool& seen, const MarkerSegment& segment) noexcept {
    if (seen) return damaged("a marker segment comes twice in a header", segment.position);
    seen = true;
    return success();
}

Status take(const MarkerSegment& segment, int components, CodingSegments& found) noexcept {
    Status status;
    int component = 0;
    if (segment.code == marker::kCod) {
        status = only_once(found.has_cod, segment);
        return status.ok() ? parse_cod(segment, found.packets, found.cod) : status;
    }
    if (segment.code == marker::kQcd) {
        status = only_once(found.has_qcd, segment);
        return status.ok() ? parse_qcd(segment, found.qcd) : status;
    }
    if (segment.code == marker::kCoc) {
        ComponentCoding coding;
        status = parse_coc(segment, components, component, coding);
        if (!status.ok()) return status;
        const auto i = static_cast<std::size_t>(component);
        found.coc[i] = coding;
        return only_once(found.has_coc[i], segment);
    }
    Quantisation quantisation;
    status = parse_qcc(segment, components, component, quantisation);
    if (!status.ok()) return status;
    const auto i = static_cast<std::size_t>(component);
    found.qcc[i] = quantisation;
    return only_once(found.has_qcc[i], segment);
}

// T.800 A.6.1 to A.6.5: a header's COC outranks its COD, which outranks all of the header above;
// the same for QCC and QCD.
void apply(const CodingSegments& found, CodingParameters& coding) noexcept {
    if (found.has_cod) {
        coding.packets = found.packets;
        coding.components.fill(found.cod);
    }
    if (found.has_qcd) coding.quantisation.fill(found.qcd);
    for (std::size_t i = 0; i < kMaxComponents; ++i) {
        if (found.has_coc[i]) coding.components[i] = found.coc[i];
        if (found.has_qcc[i]) coding.quantisation[i] = found.qcc[i];
    }
}

Status check_coding(const CodingParameters& coding, int components, std::size_t position) noexcept {
    for (std::size_t i = 0; i < static_cast<std::size_t>(components); ++i) {
        const ComponentCoding& component = coding.components[i];
        const Quantisation& quantisation = coding.quantisation[i];
        const bool is_derived = quantisation.style == QuantisationStyle::derived;
        if (quantisation.entries < (is_derived ? 1 : 3 * component.levels + 1)) {
            return damaged("fewer quantisation entries than sub-bands", position);
        }
        if (component.reversible != (quantisation.style == QuantisationStyle::none)) {
            return unsupported("the wavelet and the quantisation style do not go together",
                               position);
        }
    }
    if (!coding.packets.colour_transform) return success();
    const auto& wavelet = coding.components;
    if (components < 3 || wavelet[0].reversible != wavelet[1].reversible ||
        wavelet[0].reversible != wavelet[2].reversible) {
        return damaged("a colour transform without three components of one kind", position);
    }
    return success();
}

}  // namespace

Status parse_main_header(span<const std::uint8_t> codestream, MainHeader& header) noexcept {
    MarkerSegment segment;
    if (codestream.size() < 2 || load_u16(codestream.data()) != marker::kSoc) {
        return damaged("this is not a codestream: no SOC marker", 0);
    }
    Status status = find_segment(codestream, 2, segment);
    if (!status.ok()) return status;
    if (segment.code != marker::kSiz) return damaged("SIZ has to follow SOC", 2);
    if (status = parse_siz(segment, header.size); !status.ok()) return status;

    CodingSegments found;
    bool has_cap = false;
    for (;;) {
        status = find_segment(codestream, segment.end, segment);
        if (!status.ok()) return status;
        if (segment.code == marker::kSot) break;
        if (segment.code == marker::kCap) {
            status = only_once(has_cap, segment);
            if (status.ok()) status = parse_cap(segment, header.ht_capabilities);
        } else if (is_coding_segment(segment.code)) {
            status = take(segment, header.size.components, found);
        } else if (segment.code == marker::kSiz || segment.code == marker::kSoc ||
                   segment.code == marker::kSod || segment.code == marker::kEoc) {
            status = damaged("a marker that has no place in the main header", segment.position);
        } else {
            status = refuse_unsupported(segment);
        }
        if (!status.ok()) return status;
    }
    header.length = segment.position;
    if (!has_cap) return unsupported("no CAP: not a codestream of part 15", header.length);
    if (!found.has_cod || !found.has_qcd) {
        return damaged("the main header has no COD or no QCD", header.length);
    }
    apply(found, header.coding);
    return check_coding(header.coding, header.size.components, header.length);
}

Status parse_tile_part(span<const std::uint8_t> codestream, std::size_t position,
                       const MainHeader& header, TilePart& part) noexcept {
    MarkerSegment segment;
    Status status = find_segment(codestream, position, segment);
    if (!status.ok()) return status;
    if (segment.code != marker::kSot) return damaged("no SOT where one has to be", position);
    if (segment.body.size() != kSotBytes - 4) return damaged("SOT has the wrong length", position);
    part.tile = load_u16(&segment.body[0]);
    part.part = segment.body[6];
    part.parts = segment.body[7];
    part.header_begin = segment.end;
    part.has_overrides = false;
    if (part.tile >= header.size.tile_count()) {
        return damaged("a tile-part of a tile that does not exist", position);
    }

    const std::size_t length = load_u32(&segment.body[2]);
    if (length == 0) {  // T.800 A.4.2: the last tile-part, up to EOC
        // An encapsulated frame of odd length is padded by a zero byte, PS3.5 A.4.
        std::size_t end = codestream.size();
        if (codestream[end - 1] == 0) --end;
        if (end < position + kMinTilePartBytes + 2 ||
            load_u16(&codestream[end - 2]) != marker::kEoc) {
            return damaged("the codestream is cut short: no EOC", codestream.size());
        }
        part.end = end - 2;
    } else {
        if (length < kMinTilePartBytes) return damaged("Psot is too small", position + 6);
        if (length > codestream.size() - position) {
            return damaged("the codestream is cut short", codestream.size());
        }
        part.end = position + length;
    }

    for (;;) {
        status = find_segment(codestream.first(part.end), segment.end, segment);
        if (!status.ok()) return status;
        if (segment.code == marker::kSod) break;
        if (is_coding_segment(segment.code)) {
            if (part.part != 0) {
                return damaged("coding parameters behind the first tile-part", segment.position);
            }
            part.has_overrides = true;
        } else if (segment.code == marker::kSiz || segment.code == marker::kSoc ||
                   segment.code == marker::kSot || segment.code == marker::kEoc ||
                   segment.code == marker::kCap) {
            return damaged("a marker that has no place in a tile-part header", segment.position);
        }
        if (status = refuse_unsupported(segment); !status.ok()) return status;
    }
    part.data_begin = segment.end;
    return success();
}

Status apply_tile_header(span<const std::uint8_t> codestream, const TilePart& part,
                         const ImageSize& size, CodingParameters& coding) noexcept {
    CodingSegments found;
    MarkerSegment segment;
    for (std::size_t position = part.header_begin; position < part.data_begin;
         position = segment.end) {
        Status status = find_segment(codestream, position, segment);
        if (status.ok() && is_coding_segment(segment.code)) {
            status = take(segment, size.components, found);
        }
        if (!status.ok()) return status;
    }
    apply(found, coding);
    return check_coding(coding, size.components, part.header_begin);
}

}  // namespace dicube::jph
