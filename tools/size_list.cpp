#include "tools/size_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "analysis/memory_need.hpp"
#include "tools/options.hpp"

namespace pw::tools {
namespace {

constexpr std::uint64_t kMostPages = 1ULL << 31;
constexpr std::size_t kMostSizes = 10'000;

tl::unexpected<Error> wrong(std::string_view text) {
  return fail(Errno::Invalid,
              fmt::format("'{}': write sizes such as 64M (bytes) or 1000p (pages), or ranges such "
                          "as 1M..1G or 1M..1G/20, up to 8T",
                          text));
}

bool parse_number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

Result<std::uint64_t> parse_pages(std::string_view text) {
  std::uint64_t pages = 0;
  const bool suffixed = !text.empty() && text.back() == 'p';
  if (!parse_number(suffixed ? text.substr(0, text.size() - 1) : text, pages)) {
    const Result<ByteCount> size = parse_size(text);
    if (!size || size->value % kPageSize != 0) return wrong(text);
    pages = size->value / kPageSize;
  }
  if (pages == 0 || pages > kMostPages) return wrong(text);
  return pages;
}

Result<std::vector<std::uint64_t>> parse_item(std::string_view item) {
  const std::size_t dots = item.find("..");
  if (dots == std::string_view::npos) {
    const Result<std::uint64_t> pages = parse_pages(item);
    if (!pages) return tl::unexpected(pages.error());
    return std::vector{*pages};
  }
  std::string_view end = item.substr(dots + 2);
  std::uint64_t count = 14;
  if (const std::size_t slash = end.find('/'); slash != std::string_view::npos) {
    if (!parse_number(end.substr(slash + 1), count) || count < 2 || count > kMostSizes) {
      return wrong(item);
    }
    end = end.substr(0, slash);
  }
  const Result<std::uint64_t> from = parse_pages(item.substr(0, dots));
  if (!from) return tl::unexpected(from.error());
  const Result<std::uint64_t> to = parse_pages(end);
  if (!to) return tl::unexpected(to.error());
  if (*from > *to) return wrong(item);
  return analysis::sizes_to_show(*from, *to, count);
}

}  // namespace

Result<std::vector<std::uint64_t>> parse_sizes(std::string_view text) {
  std::vector<std::uint64_t> sizes;
  while (true) {
    const std::size_t comma = text.find(',');
    const auto item = parse_item(text.substr(0, comma));
    if (!item) return tl::unexpected(item.error());
    sizes.insert(sizes.end(), item->begin(), item->end());
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  if (sizes.size() > kMostSizes) return wrong(text);
  return sizes;
}

}  // namespace pw::tools
