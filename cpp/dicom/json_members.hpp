// Where the members of a JSON object lie in its text, so that one can be read without the others.
#pragma once

#include <cstdint>
#include <vector>

#include "base/span.hpp"

namespace dicube::dicom {

struct JsonMember {
    std::size_t key_start, key_end;      // between the quotes
    std::size_t value_start, value_end;  // without space around it
};

// The members of the object that begins at `start` (behind white space), in their order; `end` is
// set behind it. False: this is no object, or a key has escapes. Values are only followed to their
// end: what is wrong inside of one shows when it is read.
bool json_members(span<const char> text, std::size_t start, std::vector<JsonMember>& members,
                  std::size_t& end);

}  // namespace dicube::dicom
