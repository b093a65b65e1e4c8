#include "jph/marker_segments.hpp"

#include "jph/bytes.hpp"

namespace dicube::jph {
namespace {

// Fields of a marker segment in turn. Reads beyond its end give zeros and are remembered.
class Fields {
  public:
    explicit Fields(const MarkerSegment& segment) noexcept
        : next_(segment.body.begin()), end_(segment.body.end()) {}

    int u8() noexcept { return left() < 1 ? missing() : *next_++; }
    int u16() noexcept {
        if (left() < 2) return missing();
        next_ += 2;
        return load_u16(next_ - 2);
    }
    std::int64_t u32() noexcept {
        if (left() < 4) return missing();
        next_ += 4;
        return load_u32(next_ - 4);
    }
    std::ptrdiff_t left() const noexcept { return end_ - next_; }
    // The length field says exactly what the other fields need.
    bool exhausted() const noexcept { return !short_ && next_ == end_; }

  private:
    int missing() noexcept {
        short_ = true;
        next_ = end_;
        return 0;
    }

    const std::uint8_t* next_;
    const std::uint8_t* end_;
    bool short_ = false;
};

constexpr bool stands_alone(std::uint16_t code) noexcept {
    return code == marker::kSoc || code == marker::kSod || code == marker::kEoc ||
           (code >= 0xFF30 && code <= 0xFF3F);
}

// SPcod and SPcoc, T.800 table A.15; the code-block style is that of T.814 annex A.
Status parse_component_coding(Fields& fields, bool has_precincts, std::size_t position,
                              ComponentCoding& coding) noexcept {
    const int levels = fields.u8();
    const int width_log2 = fields.u8() + 2;
    const int height_log2 = fields.u8() + 2;
    const int style = fields.u8();
    const int transform = fields.u8();
    if (levels > kMaxLevels) return damaged("more than 32 decompositions", position);
    if (width_log2 > 10 || height_log2 > 10 || width_log2 + height_log2 > 12) {
        return damaged("code-blocks are larger than the standard allows", position);
    }
    if ((style & 0x40) == 0) return unsupported("code-blocks are not HT", position);
    if ((style & ~0x48) != 0) return unsupported("code-block style", position);
    if (transform > 1) return unsupported("a wavelet of part 2", position);

    coding.levels = static_cast<std::uint8_t>(levels);
    coding.block_width_log2 = static_cast<std::uint8_t>(width_log2);
    coding.block_height_log2 = static_cast<std::uint8_t>(height_log2);
    coding.vertically_causal = (style & 0x08) != 0;
    coding.reversible = transform == 1;
    coding.precinct_width_log2.fill(15);
    coding.precinct_height_log2.fill(15);
    for (std::size_t r = 0; has_precincts && r <= static_cast<std::size_t>(levels); ++r) {
        const int sizes = fields.u8();
        coding.precinct_width_log2[r] = static_cast<std::uint8_t>(sizes & 15);
        coding.precinct_height_log2[r] = static_cast<std::uint8_t>(sizes >> 4);
        if (r > 0 && ((sizes & 15) == 0 || sizes >> 4 == 0)) {
            return damaged("precincts of one sample above the lowest resolution", position);
        }
    }
    if (!fields.exhausted()) return damaged("COD or COC has the wrong length", position);
    return success();
}

Status parse_quantisation(Fields& fields, std::size_t position,
                          Quantisation& quantisation) noexcept {
    const int style = fields.u8();
    const std::ptrdiff_t entry_bytes = (style & 31) == 0 ? 1 : 2;
    const std::ptrdiff_t entries = fields.left() / entry_bytes;
    if ((style & 31) > 2) return damaged("unknown quantisation style", position);
    if (entries < 1 || entries > kMaxBands || entries * entry_bytes != fields.left()) {
        return damaged("QCD or QCC has the wrong length", position);
    }
    quantisation.style = static_cast<QuantisationStyle>(style & 31);
    quantisation.guard_bits = static_cast<std::uint8_t>(style >> 5);
    quantisation.entries = static_cast<std::uint8_t>(entries);
    for (std::size_t i = 0; i < static_cast<std::size_t>(entries); ++i) {
        const int entry = entry_bytes == 1 ? fields.u8() << 8 : fields.u16();
        quantisation.exponents[i] = static_cast<std::uint8_t>(entry >> 11);
        quantisation.mantissas[i] = static_cast<std::uint16_t>(entry & 0x7FF);
    }
    return success();
}

// Of COC and QCC. One byte, as this codec takes fewer than 257 components.
Status parse_component_index(Fields& fields, int components, std::size_t position,
                             int& component) noexcept {
    component = fields.u8();
    if (component < components) return success();
    return damaged("COC or QCC of a component that does not exist", position);
}

}  // namespace

Status find_segment(span<const std::uint8_t> codestream, std::size_t position,
                    MarkerSegment& segment) noexcept {
    const std::size_t left = codestream.size() - position;
    if (position > codestream.size() || left < 2) {
        return damaged("the codestream is cut short", position);
    }
    segment.code = load_u16(&codestream[position]);
    segment.position = position;
    if (segment.code < 0xFF00) return damaged("no marker where one has to be", position);
    if (stands_alone(segment.code)) {
        segment.end = position + 2;
        segment.body = {};
        return success();
    }
    if (left < 4) return damaged("the codestream is cut short", position);
    const std::size_t length = load_u16(&codestream[position + 2]);
    if (length < 2) return damaged("length of a marker segment below 2", position + 2);
    if (length > left - 2) return damaged("the codestream is cut short", position + 2);
    segment.end = position + 2 + length;
    segment.body = codestream.subspan(position + 4, length - 2);
    return success();
}

Status parse_siz(const MarkerSegment& segment, ImageSize& size) noexcept {
    const std::size_t position = segment.position;
    Fields fields(segment);
    fields.u16();  // Rsiz: what it promises is checked where it matters
    Rect& image = size.image;
    Rect& tile = size.first_tile;
    image.x1 = fields.u32();
    image.y1 = fields.u32();
    image.x0 = fields.u32();
    image.y0 = fields.u32();
    tile.x1 = fields.u32();  // extent so far
    tile.y1 = fields.u32();
    tile.x0 = fields.u32();
    tile.y0 = fields.u32();
    if (tile.x1 == 0 || tile.y1 == 0) return damaged("tiles without samples", position);
    tile.x1 += tile.x0;
    tile.y1 += tile.y0;
    if (image.empty()) return damaged("an image without samples", position);
    if (tile.x0 > image.x0 || tile.y0 > image.y0 || tile.x1 <= image.x0 || tile.y1 <= image.y0) {
        return damaged("the first tile lies beside the image", position);
    }

    size.components = fields.u16();
    if (size.components == 0) return damaged("an image without components", position);
    if (size.components > kMaxComponents) return unsupported("more than 16 components", position);
    if (image.width() > kMaxSamples || image.height() > kMaxSamples ||
        image.width() * image.height() * size.components > kMaxSamples) {
        return unsupported("more than 2^28 samples in a frame", position);
    }
    for (int i = 0; i < size.components; ++i) {
        const int depth = fields.u8();
        const int step_x = fields.u8();
        const int step_y = fields.u8();
        if (i > 0 && ((depth & 0x7F) + 1 != size.bits || (depth >> 7 != 0) != size.is_signed)) {
            return unsupported("components of different depth or sign", position);
        }
        size.bits = (depth & 0x7F) + 1;
        size.is_signed = depth >> 7 != 0;
        if (size.bits > 38) return damaged("more than 38 bits in a sample", position);
        if (step_x != 1 || step_y != 1) {
            if (step_x == 0 || step_y == 0) return damaged("sub-sampling by zero", position);
            return unsupported("sub-sampled components", position);
        }
    }
    if (!fields.exhausted()) return damaged("SIZ has the wrong length", position);
    if (size.tile_count() > 65535) return damaged("more than 65535 tiles", position);
    return success();
}

Status parse_cap(const MarkerSegment& segment, std::uint16_t& ht_capabilities) noexcept {
    Fields fields(segment);
    constexpr std::int64_t kPart15 = 0x20000;  // Pcap15
    const std::int64_t parts = fields.u32();
    if (parts != kPart15) return unsupported("extensions other than part 15", segment.position);
    ht_capabilities = static_cast<std::uint16_t>(fields.u16());
    if (!fields.exhausted()) return damaged("CAP has the wrong length", segment.position);
    return success();
}

Status parse_cod(const MarkerSegment& segment, PacketParameters& packets,
                 ComponentCoding& coding) noexcept {
    const std::size_t position = segment.position;
    Fields fields(segment);
    const int style = fields.u8();
    const int progression = fields.u8();
    const int layers = fields.u16();
    const int colour_transform = fields.u8();
    if ((style & ~7) != 0) return unsupported("a coding style of part 2", position);
    if (progression > 4) return damaged("unknown progression", position);
    if (layers == 0) return damaged("no layers", position);
    if (colour_transform > 1) return unsupported("a colour transform of part 2", position);
    packets.progression = static_cast<Progression>(progression);
    packets.layers = layers;
    packets.colour_transform = colour_transform == 1;
    packets.sop_allowed = (style & 2) != 0;
    packets.eph_required = (style & 4) != 0;
    return parse_component_coding(fields, (style & 1) != 0, position, coding);
}

Status parse_coc(const MarkerSegment& segment, int components, int& component,
                 ComponentCoding& coding) noexcept {
    Fields fields(segment);
    Status status = parse_component_index(fields, components, segment.position, component);
    if (!status.ok()) return status;
    const int style = fields.u8();
    return parse_component_coding(fields, (style & 1) != 0, segment.position, coding);
}

Status parse_qcd(const MarkerSegment& segment, Quantisation& quantisation) noexcept {
    Fields fields(segment);
    return parse_quantisation(fields, segment.position, quantisation);
}

Status parse_qcc(const MarkerSegment& segment, int components, int& component,
                 Quantisation& quantisation) noexcept {
    Fields fields(segment);
    Status status = parse_component_index(fields, components, segment.position, component);
    if (!status.ok()) return status;
    return parse_quantisation(fields, segment.position, quantisation);
}

}  // namespace dicube::jph
