#include <fstream>
#include <iterator>

#include "jph/bytes.hpp"
#include "jph/stream_reader.hpp"
#include "jph/volume.hpp"
#include "tests/sample_streams.hpp"

namespace dicube::jph {
namespace {

// Opens a stream and reads all of its tiles.
Status read_all(StreamReader& reader, const Bytes& bytes, int discard_levels = 0) {
    Status status = reader.open(view(bytes));
    for (int index = 0; status.ok() && index < reader.tile_count(); ++index) {
        Tile* tile = nullptr;
        status = reader.read_tile(index, discard_levels, tile);
    }
    return status;
}

Bytes part_of(const Bytes& bytes, std::size_t begin, std::size_t end) {
    return Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                 bytes.begin() + static_cast<std::ptrdiff_t>(end));
}

TEST("a frame is read as it was written") {
    Random random(4);
    StreamReader reader;
    for (int round = 0; round < 40; ++round) {
        EncodeOptions options;
        options.levels = static_cast<int>(random() % 7);
        options.progression = static_cast<Progression>(random() % 5);
        const MainHeader header =
            plain_header(1 + random() % 200, 1 + random() % 200, 1 + round % 3, options);
        const Frame frame = random_frame(header, random, round % 2 == 0);
        CHECK_OK(reader.open(view(frame.bytes)));
        CHECK_EQUAL(reader.levels(), options.levels);
        CHECK_EQUAL(reader.tile_count(), 1);
        Tile* tile = nullptr;
        CHECK_OK(reader.read_tile(0, 0, tile));
        CHECK(segments(*tile) == frame.expected);
        CHECK_FAULT(reader.read_tile(1, 0, tile), Fault::bad_argument);
        CHECK_FAULT(reader.read_tile(0, options.levels + 1, tile), Fault::bad_argument);
    }
}

TEST("frames of one header keep their tile, though TLM differs") {
    Random random(5);
    StreamReader reader;
    Tile* tile = nullptr;
    std::uint64_t generation = 0;
    for (int round = 0; round < 10; ++round) {
        const Frame frame = random_frame(plain_header(100, 90), random);
        CHECK_OK(reader.open(view(frame.bytes)));
        CHECK_OK(reader.read_tile(0, 0, tile));
        CHECK(segments(*tile) == frame.expected);
        if (round == 0) generation = tile->generation();
        CHECK_EQUAL(tile->generation(), generation);
    }
    const Frame other = random_frame(plain_header(100, 91), random);
    CHECK_OK(reader.open(view(other.bytes)));
    CHECK_OK(reader.read_tile(0, 0, tile));
    CHECK(segments(*tile) == other.expected);
    CHECK(tile->generation() != generation);
    // A failure in between leaves nothing behind.
    CHECK_FAULT(reader.open(view({0xFF, 0x4F, 0xFF})), Fault::damaged);
    CHECK_EQUAL(reader.tile_count(), 0);
    CHECK_OK(read_all(reader, other.bytes));
}

TEST("a stream cut anywhere is damaged") {
    Random random(6);
    StreamReader reader;
    const Frame frame = random_frame(plain_header(40, 50, 2), random);
    CHECK_OK(read_all(reader, frame.bytes));
    for (std::size_t keep = 0; keep < frame.bytes.size(); ++keep) {
        const Bytes part = part_of(frame.bytes, 0, keep);
        CHECK_FAULT(read_all(reader, part), Fault::damaged);
        StreamReader fresh;
        CHECK_FAULT(read_all(fresh, part), Fault::damaged);
    }
}

TEST("a stream with any byte changed is read or refused") {
    Random random(7);
    StreamReader reader;
    for (int round = 0; round < 3; ++round) {
        const Frame frame = random_frame(plain_header(20 + round, 70, 1 + round), random);
        for (std::size_t i = 0; i < std::min<std::size_t>(frame.bytes.size(), 400); ++i) {
            for (const int change : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
                Bytes changed = frame.bytes;
                changed[i] = static_cast<std::uint8_t>(changed[i] ^ change);
                (void)read_all(reader, changed);
            }
        }
    }
}

// SOT, its tile-part header and SOD around packets.
Bytes tile_part(std::uint8_t part, std::uint8_t parts, const Bytes& packets,
                bool open_end = false) {
    Bytes bytes = {0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, part, parts, 0xFF, 0x93};
    bytes.insert(bytes.end(), packets.begin(), packets.end());
    if (!open_end) store_u32(&bytes[6], static_cast<std::uint32_t>(bytes.size()));
    return bytes;
}

TEST("tile-parts are put together, in their order only") {
    Random random(8);
    StreamReader reader;
    const Frame frame = random_frame(plain_header(100, 90), random, false);
    const Bytes main_header = part_of(frame.bytes, 0, frame.header_bytes - 14);
    const Bytes packets = part_of(frame.bytes, frame.header_bytes, frame.bytes.size() - 2);
    const auto stream = [&](std::initializer_list<Bytes> parts) {
        Bytes bytes = main_header;
        for (const Bytes& part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
        bytes.insert(bytes.end(), {0xFF, 0xD9});
        return bytes;
    };
    const std::size_t third = packets.size() / 3;
    const Bytes a = part_of(packets, 0, third), b = part_of(packets, third, 2 * third);
    const Bytes c = part_of(packets, 2 * third, packets.size());
    const Bytes none;

    Tile* tile = nullptr;
    for (const Bytes& bytes :
         {stream({tile_part(0, 3, a), tile_part(1, 3, b), tile_part(2, 3, c)}),
          stream({tile_part(0, 0, a), tile_part(1, 0, b), tile_part(2, 3, c, true)}),
          stream({tile_part(0, 0, none), tile_part(1, 0, packets), tile_part(2, 0, none)})}) {
        CHECK_OK(reader.open(view(bytes)));
        CHECK_OK(reader.read_tile(0, 0, tile));
        CHECK(segments(*tile) == frame.expected);
    }
    const auto refused = [&](const Bytes& bytes) {
        CHECK_FAULT(read_all(reader, bytes), Fault::damaged);
    };
    refused(stream({tile_part(1, 2, a), tile_part(0, 2, b)}));  // order
    refused(stream({tile_part(0, 3, a), tile_part(1, 3, b)}));  // one is missing
    refused(stream({tile_part(0, 1, a), tile_part(1, 1, b)}));  // one too many
    refused(stream({tile_part(0, 2, a), tile_part(1, 3, b)}));  // disagreement
    refused(stream({tile_part(0, 1, a)}));                      // packets are missing
    refused(stream({}));
    // Bytes behind the last packet; behind EOC they are someone else's.
    refused(stream({tile_part(0, 2, packets), tile_part(1, 2, {0})}));
    Bytes padded = stream({tile_part(0, 1, packets, true)});
    padded.push_back(0);
    CHECK_OK(read_all(reader, padded));

    // The byte that is complained about is one of the codestream.
    Bytes broken = stream({tile_part(0, 2, a), tile_part(1, 2, b)});
    CHECK_OK(reader.open(view(broken)));
    const Status status = reader.read_tile(0, 0, tile);
    CHECK_FAULT(status, Fault::damaged);
    CHECK(status.position >= main_header.size() + 14 && status.position <= broken.size() - 2);
}

TEST("a frame's info comes from its main header") {
    EncodeOptions options;
    options.levels = 2;
    MainHeader header;
    CHECK_OK(choose_parameters({20, 30, 3, 12, true}, options, header));
    FrameHeader made;
    CHECK_OK(made.build(header, true));
    FrameInfo info;
    CHECK_OK(read_frame_info(made.bytes(), info));
    CHECK_EQUAL(info.rows, 20);
    CHECK_EQUAL(info.columns, 30);
    CHECK_EQUAL(info.samples, 3);
    CHECK_EQUAL(info.bits, 12);
    CHECK(info.is_signed);
    CHECK_EQUAL(info.levels, 2);
    CHECK(info.reversible);
}

TEST(
    "codestreams of the command line are read, whole and at lower resolutions, and refused when "
    "cut") {
    StreamReader reader;
    for (const std::string& path : tests::codestream_files()) {
        std::ifstream file(path, std::ios::binary);
        const Bytes bytes((std::istreambuf_iterator<char>(file)), {});
        const Status whole = read_all(reader, bytes);
        if (!whole.ok())
            std::cerr << path << ": " << whole.what << " at " << whole.position << "\n";
        CHECK(whole.ok());
        for (int discard = 1; discard <= std::min(2, reader.levels()); ++discard) {
            CHECK_OK(read_all(reader, bytes, discard));
        }
        const std::size_t step = 1 + bytes.size() / 50;
        for (std::size_t keep = 0; keep < bytes.size(); keep += step) {
            CHECK_FAULT(read_all(reader, part_of(bytes, 0, keep)), Fault::damaged);
        }
    }
}

}  // namespace
}  // namespace dicube::jph
