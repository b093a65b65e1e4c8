// Runs a fuzz target where there is no libFuzzer: mutates inputs blindly and keeps those that break
// it. Understands the options of libFuzzer that run.sh gives:
//
//   -max_total_time=SECONDS  -timeout=SECONDS  -artifact_prefix=PATH  -seed=N  FILE or FOLDER...
//
// Files alone, without a folder, are run once each: so a finding is reproduced.
#include <sanitizer/common_interface_defs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kLongest = 1 << 16;
constexpr std::size_t kInitialLength = 64;  // where nobody gave an input to start from

std::string artifact_prefix = "./";
Bytes current;  // what the target is working on, for the handlers below

void save_current(const char* kind) {
    const std::string path =
        artifact_prefix + kind + "-" +
        std::to_string(std::hash<std::string>()(std::string(current.begin(), current.end())));
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(current.data()),
               static_cast<std::streamsize>(current.size()));
    std::fprintf(stderr, "the input that did it: %s\n", path.c_str());
}

void on_death() { save_current("crash"); }

// Not clean inside a signal handler, but the process is lost anyway and the input is what counts.
void on_signal(int number) {
    save_current(number == SIGALRM ? "timeout" : "crash");
    std::_Exit(77);
}

void run(unsigned timeout) {
    alarm(timeout);
    LLVMFuzzerTestOneInput(current.data(), current.size());
    alarm(0);
}

class Mutator {
  public:
    Mutator(std::vector<Bytes> corpus, unsigned seed) : corpus_(std::move(corpus)), random_(seed) {}

    Bytes next() {
        Bytes bytes = corpus_[below(corpus_.size())];
        for (std::size_t count = 1 + below(6); count > 0; --count) change(bytes);
        if (bytes.size() > kLongest) bytes.resize(kLongest);
        return bytes;
    }

  private:
    std::size_t below(std::size_t bound) { return bound ? random_() % bound : 0; }

    // Headers are at the front and steer the rest, so half of all changes go there.
    std::size_t place(const Bytes& bytes) {
        return below(2) ? below(bytes.size()) : below(std::min<std::size_t>(bytes.size(), 160));
    }

    void change(Bytes& bytes) {
        static constexpr std::uint8_t kTelling[] = {0, 1, 0x0F, 0x7F, 0x80, 0x8F, 0x90, 0xFE, 0xFF};
        if (bytes.empty()) bytes.push_back(0);
        const std::size_t at = place(bytes);
        switch (below(7)) {
            case 0:
                bytes[at] ^= static_cast<std::uint8_t>(1U << below(8));
                break;
            case 1:
                bytes[at] = static_cast<std::uint8_t>(random_());
                break;
            case 2:
                bytes[at] = kTelling[below(std::size(kTelling))];
                break;
            case 3:  // a small step of what may be a length
                bytes[at] = static_cast<std::uint8_t>(bytes[at] + 1 + below(4) * 127);
                break;
            case 4:
                bytes.resize(below(bytes.size()));
                break;
            case 5: {  // bytes of this or another input over or between those that are there
                const Bytes& other = corpus_[below(corpus_.size())];
                if (other.empty()) break;
                const std::size_t from = below(other.size());
                const std::size_t length =
                    1 + below(std::min<std::size_t>(64, other.size() - from));
                const auto source = other.begin() + static_cast<std::ptrdiff_t>(from);
                const auto target = bytes.begin() + static_cast<std::ptrdiff_t>(at);
                if (below(2)) {
                    bytes.insert(target, source, source + static_cast<std::ptrdiff_t>(length));
                } else {
                    std::copy_n(source, std::min(length, bytes.size() - at), target);
                }
                break;
            }
            default: {
                const std::size_t length = std::min(1 + below(16), bytes.size() - at);
                const auto start = bytes.begin() + static_cast<std::ptrdiff_t>(at);
                bytes.erase(start, start + static_cast<std::ptrdiff_t>(length));
            }
        }
    }

    std::vector<Bytes> corpus_;
    std::mt19937 random_;
};

Bytes read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

int main(int argc, char** argv) {
    double seconds = 60;
    unsigned timeout = 20, seed = std::random_device{}();
    std::vector<Bytes> corpus;
    bool has_folder = false;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        const std::string value = argument.substr(argument.find('=') + 1);
        if (argument.rfind("-max_total_time=", 0) == 0) {
            seconds = std::stod(value);
        } else if (argument.rfind("-timeout=", 0) == 0) {
            timeout = static_cast<unsigned>(std::stoul(value));
        } else if (argument.rfind("-seed=", 0) == 0) {
            seed = static_cast<unsigned>(std::stoul(value));
        } else if (argument.rfind("-artifact_prefix=", 0) == 0) {
            artifact_prefix = value;
        } else if (argument[0] == '-') {
            continue;  // an option of libFuzzer that means nothing here
        } else if (std::filesystem::is_directory(argument)) {
            has_folder = true;
            for (const auto& entry : std::filesystem::directory_iterator(argument)) {
                if (entry.is_regular_file()) corpus.push_back(read(entry.path()));
            }
        } else {
            corpus.push_back(read(argument));
        }
    }
    __sanitizer_set_death_callback(&on_death);
    std::signal(SIGABRT, &on_signal);
    std::signal(SIGALRM, &on_signal);

    for (const Bytes& bytes : corpus) {
        current = bytes;
        run(timeout);
    }
    if (!corpus.empty() && !has_folder) return 0;
    if (corpus.empty()) corpus.emplace_back(kInitialLength);

    std::fprintf(stderr, "%zu inputs to start from, seed %u\n", corpus.size(), seed);
    Mutator mutator(std::move(corpus), seed);
    const auto start = std::chrono::steady_clock::now();
    std::uint64_t runs = 0;
    while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() <
           seconds) {
        current = mutator.next();
        run(timeout);
        ++runs;
    }
    std::fprintf(stderr, "%llu inputs, nothing found\n", static_cast<unsigned long long>(runs));
    return 0;
}
