// What a page gets from the tool: one block of bytes, a JSON text followed by numbers in arrays.
//
//   u32 bytes of the text | the text, UTF-8 | zeros up to a multiple of 8 | the arrays
//
// All little-endian. The text's member "arrays" names each array with its kind (u8, u32, f64), its
// offset from the first array, a multiple of 8, and its length in elements. In the HTML file the
// block stands as base64 of a zstd frame.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pw::report {

class PagePack {
 public:
  nlohmann::ordered_json meta;

  void add(const std::string& name, const std::vector<std::uint8_t>& values);
  void add(const std::string& name, const std::vector<std::uint32_t>& values);
  void add(const std::string& name, const std::vector<double>& values);
  std::string bytes() const;

 private:
  void add(const std::string& name, const char* kind, const void* values, std::size_t count,
           std::size_t each);

  nlohmann::ordered_json arrays_ = nlohmann::ordered_json::object();
  std::string data_;
};

// Where a built page wants its data.
inline constexpr std::string_view kPageMark = "@PAGEWRIGHT_DATA@";

// The page with the block in it. Error: Invalid if `page` has no mark; NoMemory.
Result<std::string> page_with(std::string_view page, std::string_view block);

std::string base64(std::string_view bytes);

}  // namespace pw::report
