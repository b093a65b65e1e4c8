// What a fuzz target promises besides not to crash: a broken promise stops it like a crash.
#pragma once

#include <cstdio>
#include <cstdlib>

#define PROMISE(condition)                                                               \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                \
        }                                                                                \
    } while (false)
