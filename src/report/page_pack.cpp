#include "report/page_pack.hpp"

#include <zstd.h>

namespace pw::report {
namespace {

constexpr std::size_t kAlign = 8;
constexpr int kLevel = 12;  // of zstd: beyond it, seconds for a few per cent

void pad(std::string& bytes) { bytes.resize((bytes.size() + kAlign - 1) / kAlign * kAlign, '\0'); }

}  // namespace

void PagePack::add(const std::string& name, const char* kind, const void* values, std::size_t count,
                   std::size_t each) {
  arrays_[name] = {{"kind", kind}, {"offset", data_.size()}, {"length", count}};
  data_.append(static_cast<const char*>(values), count * each);
  pad(data_);
}
void PagePack::add(const std::string& name, const std::vector<std::uint8_t>& values) {
  add(name, "u8", values.data(), values.size(), sizeof values[0]);
}
void PagePack::add(const std::string& name, const std::vector<std::uint32_t>& values) {
  add(name, "u32", values.data(), values.size(), sizeof values[0]);
}
void PagePack::add(const std::string& name, const std::vector<double>& values) {
  add(name, "f64", values.data(), values.size(), sizeof values[0]);
}

std::string PagePack::bytes() const {
  nlohmann::ordered_json all = meta;
  all["arrays"] = arrays_;
  // Names in a recording are bytes of another program: what is not UTF-8 is replaced.
  const std::string text = all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string bytes;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    bytes += static_cast<char>(text.size() >> shift & 0xFF);
  }
  bytes += text;
  pad(bytes);
  return bytes + data_;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view
      kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      word = word << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= count ? kDigits[word >> (18 - 6 * i) & 63] : '=';
    }
  }
  return text;
}

Result<std::string> page_with(std::string_view page, std::string_view block) {
  const std::size_t mark = page.find(kPageMark);
  if (mark == std::string_view::npos) return fail(Errno::Invalid, "the page has no place for data");
  std::string packed(ZSTD_compressBound(block.size()), '\0');
  const std::size_t size = ZSTD_compress(packed.data(), packed.size(), block.data(), block.size(),
                                         kLevel);
  if (ZSTD_isError(size) != 0) return fail(Errno::NoMemory, "no memory to pack the page's data");
  packed.resize(size);
  std::string html(page.substr(0, mark));
  html += base64(packed);
  html += page.substr(mark + kPageMark.size());
  return html;
}

}  // namespace pw::report
