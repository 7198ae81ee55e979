#include "ports/host/host_target_views.hpp"

#include <charconv>
#include <utility>

namespace pw::host {

namespace {

using script::AreaView;

constexpr std::uint64_t kKernelHalf = 1ULL << 63;  // [vsyscall] lies there

bool read_hex(std::string_view& text, char end, std::uint64_t& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || stop == text.data() + text.size() || *stop != end) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
  return true;
}

std::string shown_name(std::string_view name, const ViewNames& names) {
  constexpr std::string_view kShared = "/dev/shm/";
  if (!names.folder.empty() && name.starts_with(names.folder)) {
    return std::string(name.substr(names.folder.size()));
  }
  if (!names.shared_prefix.empty() && name.starts_with(kShared) &&
      name.substr(kShared.size()).starts_with(names.shared_prefix)) {
    return std::string(kShared) +
           std::string(name.substr(kShared.size() + names.shared_prefix.size()));
  }
  return std::string(name);
}

// begin-end rights offset device inode [name]
bool read_head(std::string_view line, const ViewNames& names, AreaView& area) {
  if (!read_hex(line, '-', area.begin) || !read_hex(line, ' ', area.end)) return false;
  if (line.size() < 5 || line[4] != ' ') return false;
  area.rights = line.substr(0, 4);
  line.remove_prefix(5);
  if (!read_hex(line, ' ', area.offset)) return false;
  const std::size_t device = line.find(' ');
  if (device == std::string_view::npos) return false;
  line.remove_prefix(device + 1);
  const std::size_t inode = line.find_first_not_of("0123456789");
  if (inode == 0) return false;
  line.remove_prefix(inode == std::string_view::npos ? line.size() : inode);
  const std::size_t name = line.find_first_not_of(' ');
  if (name != std::string_view::npos) area.name = shown_name(line.substr(name), names);
  return true;
}

// By the key's length first: of some 25 lines for an area few are of use.
std::uint64_t* field_of(AreaView& area, std::string_view key) {
  const auto is = [key](std::string_view name, std::uint64_t& field) {
    return key == name ? &field : nullptr;
  };
  switch (key.size()) {
    case 3:
      return is("Rss", area.rss);
    case 4:
      return is("Swap", area.swap);
    case 6:
      return is("Locked", area.locked);
    case 8:
      return is("LazyFree", area.lazy_free);
    case 9:
      return is("Anonymous", area.anonymous);
    case 12:
      return key == "Shared_Clean" ? &area.shared_clean : is("Shared_Dirty", area.shared_dirty);
    case 13:
      if (key == "AnonHugePages") return &area.anonymous_huge;
      return key == "Private_Clean" ? &area.private_clean : is("Private_Dirty", area.private_dirty);
    default:
      return nullptr;
  }
}

// " rd wr mr ": without soft-dirty, which is the checkpointer's, and the blanks around.
std::string shown_flags(std::string_view list) {
  constexpr std::string_view kSoftDirty = " sd";
  while (list.starts_with(' ')) list.remove_prefix(1);
  while (list.ends_with(' ')) list.remove_suffix(1);
  std::string flags(list);
  const std::size_t at = flags.find(kSoftDirty);
  if (at != std::string::npos) flags.erase(at, kSoftDirty.size());
  return flags;
}

// "      12 kB"
bool read_size(std::string_view text, std::uint64_t& value) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end && *at == ' ') ++at;
  const auto [stop, error] = std::from_chars(at, end, value);
  return error == std::errc() &&
         std::string_view(stop, static_cast<std::size_t>(end - stop)) == " kB";
}

// Key:   value
bool read_detail(std::string_view line, AreaView& area) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view key = line.substr(0, colon), value = line.substr(colon + 1);
  if (key == "VmFlags") {
    area.flags = shown_flags(value);
    return true;
  }
  std::uint64_t* field = field_of(area, key);
  return field == nullptr || read_size(value, *field);
}

}  // namespace

Result<std::vector<AreaView>> parse_areas(std::string_view text, const ViewNames& names) {
  std::vector<AreaView> areas;
  areas.reserve(16);
  AreaView ignored;
  AreaView* area = nullptr;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    bool good = false;
    if (!line.empty() && line[0] >= 'A' && line[0] <= 'Z') {
      good = area != nullptr && read_detail(line, *area);
    } else {
      AreaView next;
      good = read_head(line, names, next);
      const bool own = next.begin < names.own_end && next.end > names.own_begin;
      area = &ignored;
      if (good && !own && next.begin < kKernelHalf) area = &areas.emplace_back(std::move(next));
    }
    if (!good) return fail(Errno::Invalid, "not a line of maps: " + std::string(line));
  }
  return areas;
}

}  // namespace pw::host
