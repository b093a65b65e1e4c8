// Tests without a framework. TEST("a sentence") { ... } registers itself; CHECK says what failed
// and goes on. main.cpp runs all of them.
#pragma once

#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace dicube::tests {

struct Test {
    std::string name;
    std::function<void()> body;
};

inline std::vector<Test>& all_tests() {
    static std::vector<Test> tests;
    return tests;
}

inline int& failures() {
    static int count = 0;
    return count;
}

// Codestreams given on the command line.
inline std::vector<std::string>& codestream_files() {
    static std::vector<std::string> files;
    return files;
}

struct Registration {
    Registration(const char* name, std::function<void()> body) {
        all_tests().push_back({name, std::move(body)});
    }
};

inline void fail(const char* file, int line, const std::string& what) {
    ++failures();
    std::cerr << file << ":" << line << ": " << what << "\n";
}

}  // namespace dicube::tests

#define DICUBE_JOIN_(a, b) a##b
#define DICUBE_JOIN(a, b) DICUBE_JOIN_(a, b)
#define TEST(name)                                                                        \
    static void DICUBE_JOIN(test_body_, __LINE__)();                                      \
    static const ::dicube::tests::Registration DICUBE_JOIN(test_registration_, __LINE__)( \
        name, DICUBE_JOIN(test_body_, __LINE__));                                         \
    static void DICUBE_JOIN(test_body_, __LINE__)()

#define CHECK(condition)                                                                      \
    do {                                                                                      \
        if (!(condition)) ::dicube::tests::fail(__FILE__, __LINE__, "not true: " #condition); \
    } while (false)

#define CHECK_EQUAL(value, expected)                                                \
    do {                                                                            \
        const auto& value_here = (value);                                           \
        const auto& expected_here = (expected);                                     \
        if (!(value_here == expected_here))                                         \
            ::dicube::tests::fail(__FILE__, __LINE__, #value " is not " #expected); \
    } while (false)

#define CHECK_OK(status)                                                                    \
    do {                                                                                    \
        const ::dicube::Status status_here = (status);                                      \
        if (!status_here.ok()) ::dicube::tests::fail(__FILE__, __LINE__, status_here.what); \
    } while (false)

#define CHECK_FAULT(status, expected)                                               \
    do {                                                                            \
        const ::dicube::Status status_here = (status);                              \
        if (status_here.fault != (expected))                                        \
            ::dicube::tests::fail(                                                  \
                __FILE__, __LINE__,                                                 \
                std::string(#status " is not " #expected ": ") + status_here.what); \
    } while (false)
