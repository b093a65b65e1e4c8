// The elements of each item in the value of a sequence (PS3.5 7.5). What is not plainly right is
// left to dicube/dicom/part10.py, which says what is wrong.
#pragma once

#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "dicom/element_reader.hpp"

namespace dicube::dicom {

using ItemElements = std::vector<Element>;  // in the order of the item; positions are in the value

// False where something is damaged; `items` then has what came before.
bool sequence_items(span<const std::uint8_t> value, Syntax syntax,
                    std::vector<ItemElements>& items);

}  // namespace dicube::dicom
