#include <string>

#include "jph/bytes.hpp"
#include "jph/header_reader.hpp"
#include "jph/marker_segments.hpp"
#include "tests/sample_streams.hpp"

namespace dicube::jph {
namespace {

// SOC to SOD of a frame, then nothing.
Bytes header_bytes(const MainHeader& header, bool tlm = false) {
    FrameHeader made;
    CHECK_OK(made.build(header, tlm));
    return Bytes(made.bytes().begin(), made.bytes().end());
}

std::size_t find_marker(const Bytes& bytes, std::uint16_t code) {
    for (std::size_t i = 2; i + 1 < bytes.size();) {
        const std::uint16_t here = load_u16(&bytes[i]);
        if (here == code) return i;
        i += std::size_t{2} + (here == marker::kSod ? 0 : load_u16(&bytes[i + 2]));
    }
    CHECK(false);
    return 0;
}

void insert(Bytes& bytes, std::uint16_t before, const Bytes& segment) {
    const auto place = static_cast<std::ptrdiff_t>(find_marker(bytes, before));
    bytes.insert(bytes.begin() + place, segment.begin(), segment.end());
}

Status parse(const Bytes& bytes) {
    MainHeader header;
    return parse_main_header(view(bytes), header);
}

TEST("a written header says what was chosen") {
    EncodeOptions options;
    options.levels = 3;
    options.block_width_log2 = 5;
    options.block_height_log2 = 7;
    options.progression = Progression::cprl;
    options.colour_transform = true;
    MainHeader chosen;
    CHECK_OK(choose_parameters({20, 30, 4, 12, true}, options, chosen));
    for (const bool tlm : {false, true}) {
        const Bytes bytes = header_bytes(chosen, tlm);
        MainHeader read;
        CHECK_OK(parse_main_header(view(bytes), read));
        CHECK_EQUAL(read.length, find_marker(bytes, marker::kSot));
        CHECK_EQUAL(read.size.image.x1, 30);
        CHECK_EQUAL(read.size.image.y1, 20);
        CHECK_EQUAL(read.size.components, 4);
        CHECK_EQUAL(read.size.bits, 12);
        CHECK(read.size.is_signed);
        CHECK_EQUAL(read.size.tile_count(), 1);
        CHECK(read.coding.packets.progression == Progression::cprl);
        CHECK(read.coding.packets.colour_transform);
        CHECK_EQUAL(read.coding.packets.layers, 1);
        CHECK_EQUAL(read.ht_capabilities, chosen.ht_capabilities);
        for (std::size_t i = 0; i < 4; ++i) {
            const ComponentCoding& coding = read.coding.components[i];
            CHECK_EQUAL(coding.levels, 3);
            CHECK_EQUAL(coding.block_width_log2, 5);
            CHECK_EQUAL(coding.block_height_log2, 7);
            CHECK(coding.reversible);
            const Quantisation& quantisation = read.coding.quantisation[i];
            CHECK_EQUAL(quantisation.guard_bits, chosen.coding.quantisation[i].guard_bits);
            CHECK(quantisation.exponents == chosen.coding.quantisation[i].exponents);
        }
    }
}

// Mb of each band, lowest resolution first.
std::string planes(int bits, int levels, bool colour_transform) {
    EncodeOptions options;
    options.levels = levels;
    options.colour_transform = colour_transform;
    MainHeader header;
    CHECK_OK(choose_parameters({1, 1, 3, bits, false}, options, header));
    const Quantisation& quantisation = header.coding.quantisation[0];
    std::string text;
    for (std::size_t i = 0; i < quantisation.entries; ++i) {
        text += std::to_string(quantisation.guard_bits + quantisation.exponents[i] - 1) + " ";
    }
    return text + "G" + std::to_string(quantisation.guard_bits);
}

TEST("planes hold the worst case of each band") {
    CHECK_EQUAL(planes(8, 0, false), "8 G1");
    CHECK_EQUAL(planes(8, 0, true), "9 G1");
    CHECK_EQUAL(planes(8, 2, false), "9 10 10 10 9 9 9 G1");
    CHECK_EQUAL(planes(16, 6, false),
                "17 18 18 19 18 18 18 18 18 18 18 18 18 18 18 18 17 17 17 G1");
    CHECK_EQUAL(planes(32, 1, true), "34 34 34 34 G4");
    CHECK_EQUAL(planes(32, 0, false), "32 G2");
}

TEST("capabilities bound the planes") {
    const auto bound = [](int bits) {
        MainHeader header;
        CHECK_OK(choose_parameters({1, 1, 1, bits, false}, EncodeOptions(), header));
        return header.ht_capabilities;
    };
    CHECK_EQUAL(bound(8), 2);
    CHECK_EQUAL(bound(12), 6);
    CHECK_EQUAL(bound(16), 10);
    CHECK_EQUAL(bound(32), 21);
}

TEST("what cannot be written is a bad argument") {
    MainHeader header;
    EncodeOptions options;
    CHECK_FAULT(choose_parameters({0, 1, 1, 8, false}, options, header), Fault::bad_argument);
    CHECK_FAULT(choose_parameters({1, 1, 17, 8, false}, options, header), Fault::bad_argument);
    CHECK_FAULT(choose_parameters({1, 1, 1, 33, false}, options, header), Fault::bad_argument);
    CHECK_FAULT(choose_parameters({1 << 20, 1 << 20, 1, 8, false}, options, header),
                Fault::bad_argument);
    options.colour_transform = true;
    CHECK_FAULT(choose_parameters({1, 1, 1, 8, false}, options, header), Fault::bad_argument);
    options = EncodeOptions();
    options.block_width_log2 = 8;
    CHECK_FAULT(choose_parameters({1, 1, 1, 8, false}, options, header), Fault::bad_argument);
}

TEST("a header cut anywhere is damaged, and none of its bytes can crash the parser") {
    const Bytes whole = header_bytes(plain_header(20, 30, 3), true);
    const std::size_t length = find_marker(whole, marker::kSot);
    for (std::size_t keep = 0; keep < length + 2; ++keep) {
        const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(keep));
        CHECK_FAULT(parse(part), Fault::damaged);
    }
    for (std::size_t i = 0; i < length; ++i) {
        for (int value = 0; value < 256; ++value) {
            Bytes changed = whole;
            changed[i] = static_cast<std::uint8_t>(value);
            (void)parse(changed);
        }
    }
}

TEST("what is outside the scope of this codec is unsupported, not damaged") {
    const Bytes whole = header_bytes(plain_header(20, 30, 3));
    for (const std::uint16_t code : {marker::kRgn, marker::kPoc, marker::kPpm}) {
        Bytes bytes = whole;
        insert(bytes, marker::kSot, {0xFF, static_cast<std::uint8_t>(code), 0, 4, 0, 0});
        CHECK_FAULT(parse(bytes), Fault::unsupported);
    }
    const std::size_t siz = find_marker(whole, marker::kSiz);
    const std::size_t cod = find_marker(whole, marker::kCod);
    const std::size_t cap = find_marker(whole, marker::kCap);
    const auto changed = [&](std::size_t position, std::uint8_t value) {
        Bytes bytes = whole;
        bytes[position] = value;
        return parse(bytes);
    };
    CHECK_FAULT(changed(siz + 41, 2), Fault::unsupported);     // XRsiz of component 0
    CHECK_FAULT(changed(siz + 43, 7), Fault::unsupported);     // Ssiz of component 1
    CHECK_FAULT(changed(cod + 12, 0), Fault::unsupported);     // not HT
    CHECK_FAULT(changed(cod + 12, 0xC0), Fault::unsupported);  // some blocks HT
    CHECK_FAULT(changed(cod + 13, 2), Fault::unsupported);     // a wavelet of part 2
    Bytes without_cap = whole;
    const auto place = without_cap.begin() + static_cast<std::ptrdiff_t>(cap);
    without_cap.erase(place, place + 10);
    CHECK_FAULT(parse(without_cap), Fault::unsupported);
}

TEST("fields that contradict each other are damaged") {
    const Bytes whole = header_bytes(plain_header(20, 30, 3));
    const std::size_t siz = find_marker(whole, marker::kSiz);
    const std::size_t cod = find_marker(whole, marker::kCod);
    const auto changed = [&](std::size_t position, std::uint8_t value) {
        Bytes bytes = whole;
        bytes[position] = value;
        return parse(bytes);
    };
    CHECK_FAULT(changed(siz + 9, 0), Fault::damaged);   // no columns
    CHECK_FAULT(changed(siz + 25, 0), Fault::damaged);  // no columns in a tile
    CHECK_FAULT(changed(siz + 39, 0), Fault::damaged);  // no components
    CHECK_FAULT(changed(siz + 3, 50), Fault::damaged);  // Lsiz
    CHECK_FAULT(changed(cod + 5, 5), Fault::damaged);   // progression
    CHECK_FAULT(changed(cod + 7, 0), Fault::damaged);   // layers
    CHECK_FAULT(changed(cod + 9, 33), Fault::damaged);  // levels
    CHECK_FAULT(changed(cod + 9, 6), Fault::damaged);   // more levels than exponents
    CHECK_FAULT(changed(cod + 10, 5), Fault::damaged);  // 128 x 64 samples in a block
    Bytes twice = whole;
    insert(twice, marker::kSot,
           Bytes(whole.begin() + static_cast<std::ptrdiff_t>(cod),
                 whole.begin() + static_cast<std::ptrdiff_t>(cod) + 14));
    CHECK_FAULT(parse(twice), Fault::damaged);
}

// Levels 1 in COC of the main header, 2 in COD of the tile, 3 in COC of the tile; the same with
// guard bits in QCC, QCD, QCC. The main header says 5 levels and one guard bit.
TEST("a tile's COC outranks its COD, that the main COC, and that the main COD") {
    const auto coc = [](std::uint8_t component, std::uint8_t levels) {
        return Bytes{0xFF, 0x53, 0, 9, component, 0, levels, 4, 4, 0x40, 1};
    };
    const auto qcc = [](std::uint8_t component, std::uint8_t guard_bits) {
        Bytes bytes = {0xFF, 0x5D, 0, 20, component, static_cast<std::uint8_t>(guard_bits << 5)};
        bytes.resize(22, 10 << 3);
        return bytes;
    };
    Bytes bytes = header_bytes(plain_header(20, 30, 3));
    insert(bytes, marker::kCod, coc(1, 1));  // order in a header does not matter
    insert(bytes, marker::kSot, qcc(1, 2));
    Bytes tile_part = {
        bytes.begin() + static_cast<std::ptrdiff_t>(find_marker(bytes, marker::kSot)), bytes.end()};
    MainHeader header;
    CHECK_OK(parse_main_header(view(bytes), header));
    CHECK_EQUAL(header.coding.components[0].levels, 5);
    CHECK_EQUAL(header.coding.components[1].levels, 1);
    CHECK_EQUAL(header.coding.quantisation[0].guard_bits, 1);
    CHECK_EQUAL(header.coding.quantisation[1].guard_bits, 2);

    TilePart part;
    const auto read_tile_part = [&](const Bytes& segments, CodingParameters& coding) {
        Bytes stream(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header.length));
        Bytes tile = tile_part;
        tile.insert(tile.end() - 2, segments.begin(), segments.end());
        store_u32(&tile[6], static_cast<std::uint32_t>(tile.size()));
        stream.insert(stream.end(), tile.begin(), tile.end());
        Status status = parse_tile_part(view(stream), header.length, header, part);
        if (!status.ok()) return status;
        coding = header.coding;
        return apply_tile_header(view(stream), part, header.size, coding);
    };
    CodingParameters coding;
    CHECK_OK(read_tile_part({}, coding));
    CHECK(!part.has_overrides);

    const Bytes cod = {0xFF, 0x52, 0, 12, 0, 0, 0, 7, 0, 2, 4, 4, 0x40, 1};
    Bytes all = coc(2, 3);
    all.insert(all.end(), cod.begin(), cod.end());
    const Bytes qcd = {0xFF, 0x5C, 0, 10, 3 << 5, 80, 80, 80, 80, 80, 80, 80};
    all.insert(all.end(), qcd.begin(), qcd.end());
    Bytes own = qcc(2, 4);
    all.insert(all.end(), own.begin(), own.end());
    CHECK_OK(read_tile_part(all, coding));
    CHECK(part.has_overrides);
    CHECK_EQUAL(coding.packets.layers, 7);
    CHECK_EQUAL(coding.components[0].levels, 2);
    CHECK_EQUAL(coding.components[1].levels, 2);
    CHECK_EQUAL(coding.components[2].levels, 3);
    CHECK_EQUAL(coding.quantisation[1].guard_bits, 3);
    CHECK_EQUAL(coding.quantisation[2].guard_bits, 4);
    // Seven exponents do not do for five levels.
    CHECK_FAULT(read_tile_part(qcd, coding), Fault::damaged);
    // A second tile-part has no say.
    tile_part[10] = 1;
    CHECK_FAULT(read_tile_part(cod, coding), Fault::damaged);
}

TEST("precinct sizes are read lowest resolution first") {
    Bytes bytes = header_bytes(plain_header(20, 30));
    const std::size_t cod = find_marker(bytes, marker::kCod);
    bytes[cod + 3] = 18;
    bytes[cod + 4] = 1;
    const Bytes sizes = {0x21, 0x43, 0x65, 0x87, 0xA9, 0xCB};
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(cod) + 14, sizes.begin(), sizes.end());
    MainHeader header;
    CHECK_OK(parse_main_header(view(bytes), header));
    CHECK_EQUAL(header.coding.components[0].precinct_width_log2[0], 1);
    CHECK_EQUAL(header.coding.components[0].precinct_height_log2[0], 2);
    CHECK_EQUAL(header.coding.components[0].precinct_width_log2[5], 11);
    CHECK_EQUAL(header.coding.components[0].precinct_height_log2[5], 12);
    bytes[cod + 15] = 0x40;  // of one sample, which only resolution 0 may have
    CHECK_FAULT(parse(bytes), Fault::damaged);
}

}  // namespace
}  // namespace dicube::jph
