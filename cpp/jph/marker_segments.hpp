// Marker segments one by one: where they end, and what those that decide about decoding say.
// Order, precedence and what belongs to which header is left to header_reader.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jph/parameters.hpp"

namespace dicube::jph {

// T.800 table A.2, T.814 annex A.
namespace marker {
constexpr std::uint16_t kSoc = 0xFF4F;
constexpr std::uint16_t kCap = 0xFF50;
constexpr std::uint16_t kSiz = 0xFF51;
constexpr std::uint16_t kCod = 0xFF52;
constexpr std::uint16_t kCoc = 0xFF53;
constexpr std::uint16_t kTlm = 0xFF55;
constexpr std::uint16_t kQcd = 0xFF5C;
constexpr std::uint16_t kQcc = 0xFF5D;
constexpr std::uint16_t kRgn = 0xFF5E;
constexpr std::uint16_t kPoc = 0xFF5F;
constexpr std::uint16_t kPpm = 0xFF60;
constexpr std::uint16_t kPpt = 0xFF61;
constexpr std::uint16_t kNlt = 0xFF76;  // T.801 A.3.10
constexpr std::uint16_t kSot = 0xFF90;
constexpr std::uint16_t kSop = 0xFF91;
constexpr std::uint16_t kEph = 0xFF92;
constexpr std::uint16_t kSod = 0xFF93;
constexpr std::uint16_t kEoc = 0xFFD9;
}  // namespace marker

struct MarkerSegment {
    std::uint16_t code = 0;
    std::size_t position = 0;         // of the marker
    std::size_t end = 0;              // of the segment
    span<const std::uint8_t> body{};  // behind the length field
};

// The segment at `position`; a lone marker (SOC, SOD, EOC, 0xFF30 to 0xFF3F) has an empty body.
Status find_segment(span<const std::uint8_t> codestream, std::size_t position,
                    MarkerSegment& segment) noexcept;

Status parse_siz(const MarkerSegment& segment, ImageSize& size) noexcept;
Status parse_cap(const MarkerSegment& segment, std::uint16_t& ht_capabilities) noexcept;
Status parse_cod(const MarkerSegment& segment, PacketParameters& packets,
                 ComponentCoding& coding) noexcept;
Status parse_coc(const MarkerSegment& segment, int components, int& component,
                 ComponentCoding& coding) noexcept;
Status parse_qcd(const MarkerSegment& segment, Quantisation& quantisation) noexcept;
Status parse_qcc(const MarkerSegment& segment, int components, int& component,
                 Quantisation& quantisation) noexcept;

}  // namespace dicube::jph
