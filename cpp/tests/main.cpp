// Runs all tests: dicube_tests [--only part-of-a-name] [codestream files ...]
#include <cstring>
#include <string>

#include "tests/check.hpp"

int main(int count, char** arguments) {
    std::string only;
    for (int i = 1; i < count; ++i) {
        if (std::strcmp(arguments[i], "--only") == 0 && i + 1 < count) {
            only = arguments[++i];
        } else {
            dicube::tests::codestream_files().push_back(arguments[i]);
        }
    }
    int run = 0;
    for (const auto& test : dicube::tests::all_tests()) {
        if (test.name.find(only) == std::string::npos) continue;
        const int before = dicube::tests::failures();
        test.body();
        ++run;
        if (dicube::tests::failures() != before) std::cerr << "FAILED: " << test.name << "\n";
    }
    std::cout << run << " tests, " << dicube::tests::failures() << " failed checks\n";
    return dicube::tests::failures() == 0 && run > 0 ? 0 : 1;
}
