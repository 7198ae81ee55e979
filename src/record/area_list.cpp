#include "record/area_list.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace pw::record {

namespace {

// mremap(2); not in every libc's headers.
constexpr std::uint64_t kRemapDontUnmap = 4;

constexpr std::uint64_t page_up(std::uint64_t address) {
  return pages_for(ByteCount(address)).value << kPageShift;
}

bool take_hex(std::string_view& line, std::uint64_t& value) {
  auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, 16);
  if (error != std::errc()) return false;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  return true;
}

bool take(std::string_view& line, char c) {
  if (line.empty() || line.front() != c) return false;
  line.remove_prefix(1);
  return true;
}

// "begin-end rwxp offset major:minor inode   name"
bool parse_line(std::string_view line, MappedArea& area) {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  if (!take_hex(line, begin) || !take(line, '-') || !take_hex(line, end)) return false;
  if (!take(line, ' ') || line.size() < 5 || begin >= end) return false;
  area.begin = VirtAddr(begin);
  area.end = VirtAddr(end);
  area.readable = line[0] == 'r';
  area.writable = line[1] == 'w';
  area.executable = line[2] == 'x';
  area.shared = line[3] == 's';
  line.remove_prefix(4);
  if (!take(line, ' ') || !take_hex(line, area.file_offset)) return false;
  for (int field = 0; field < 2; ++field) {  // device, inode
    while (take(line, ' ')) {
    }
    std::size_t length = line.find(' ');
    line.remove_prefix(length == std::string_view::npos ? line.size() : length);
  }
  while (take(line, ' ')) {
  }
  area.name = line;
  return true;
}

bool of_file(const MappedArea& area) { return !area.name.empty() && area.name.front() == '/'; }

bool same_kind(const MappedArea& a, const MappedArea& b) {
  bool alike = a.readable == b.readable && a.writable == b.writable &&
               a.executable == b.executable && a.shared == b.shared && a.name == b.name;
  return alike && (!of_file(a) || a.file_offset + (a.end - a.begin).value == b.file_offset);
}

void set_rights(MappedArea& area, std::uint64_t protection) {
  area.readable = (protection & PROT_READ) != 0;
  area.writable = (protection & PROT_WRITE) != 0;
  area.executable = (protection & PROT_EXEC) != 0;
}

// False for ranges that a program cannot have.
bool sane(std::uint64_t begin, std::uint64_t length) {
  return length != 0 && length <= std::numeric_limits<std::uint64_t>::max() - kPageSize - begin;
}

}  // namespace

void AreaList::read_maps(std::string_view text) {
  areas_.clear();
  heap_end_ = 0;
  while (!text.empty()) {
    std::size_t length = std::min(text.find('\n'), text.size());
    MappedArea area;
    if (parse_line(text.substr(0, length), area)) {
      if (area.name == "[heap]") heap_end_ = area.end.value;
      erase(area.begin.value, area.end.value);
      areas_.emplace(area.begin.value, std::move(area));
    }
    text.remove_prefix(std::min(length + 1, text.size()));
  }
}

bool AreaList::apply(const SyscallRecord& call) {
  if (call.result < 0) return false;
  switch (call.number) {
    case SYS_mmap:
      return map(call);
    case SYS_munmap:
      if (!sane(call.arguments[0], call.arguments[1])) return false;
      erase(call.arguments[0], call.arguments[0] + page_up(call.arguments[1]));
      return true;
    case SYS_mprotect:
    case SYS_pkey_mprotect:
      return protect(call);
    case SYS_mremap:
      return move(call);
    case SYS_brk:
      return set_break(call);
    default:
      return false;
  }
}

std::vector<MappedArea> AreaList::areas() const {
  std::vector<MappedArea> result;
  result.reserve(areas_.size());
  for (const auto& [begin, area] : areas_) result.push_back(area);
  return result;
}

const MappedArea* AreaList::find(std::uint64_t address) const {
  auto after = areas_.upper_bound(address);
  if (after == areas_.begin()) return nullptr;
  const MappedArea& area = std::prev(after)->second;
  return address < area.end.value ? &area : nullptr;
}

void AreaList::split_at(std::uint64_t address) {
  auto after = areas_.lower_bound(address);
  if (after == areas_.begin()) return;
  MappedArea& left = std::prev(after)->second;
  if (left.end.value <= address) return;
  MappedArea right = left;
  right.begin = left.end = VirtAddr(address);
  if (of_file(right)) right.file_offset += (left.end - left.begin).value;
  areas_.emplace(address, std::move(right));
}

void AreaList::erase(std::uint64_t begin, std::uint64_t end) {
  split_at(begin);
  split_at(end);
  areas_.erase(areas_.lower_bound(begin), areas_.lower_bound(end));
}

void AreaList::insert(MappedArea area) {
  std::uint64_t begin = area.begin.value;
  std::uint64_t end = area.end.value;
  erase(begin, end);
  areas_.emplace(begin, std::move(area));
  merge_around(begin, end);
}

// Joins equal neighbours that meet within [begin, end], both ends included.
void AreaList::merge_around(std::uint64_t begin, std::uint64_t end) {
  auto it = areas_.lower_bound(begin);
  if (it != areas_.begin()) --it;
  while (it != areas_.end() && it->first <= end) {
    auto next = std::next(it);
    if (next == areas_.end()) break;
    if (it->second.end == next->second.begin && same_kind(it->second, next->second)) {
      it->second.end = next->second.end;
      areas_.erase(next);
    } else {
      it = next;
    }
  }
}

bool AreaList::map(const SyscallRecord& call) {
  auto begin = static_cast<std::uint64_t>(call.result);
  if (!sane(begin, call.arguments[1])) return false;
  MappedArea area;
  area.begin = VirtAddr(begin);
  area.end = VirtAddr(begin + page_up(call.arguments[1]));
  set_rights(area, call.arguments[2]);
  area.shared = (call.arguments[3] & MAP_TYPE) != MAP_PRIVATE;
  if ((call.arguments[3] & MAP_ANONYMOUS) == 0) {
    area.file_offset = call.arguments[5];
    area.name = call.path;
  }
  insert(std::move(area));
  return true;
}

bool AreaList::protect(const SyscallRecord& call) {
  std::uint64_t begin = call.arguments[0];
  if (!sane(begin, call.arguments[1])) return false;
  std::uint64_t end = begin + page_up(call.arguments[1]);
  split_at(begin);
  split_at(end);
  for (auto it = areas_.lower_bound(begin); it != areas_.end() && it->first < end; ++it) {
    set_rights(it->second, call.arguments[2]);
  }
  merge_around(begin, end);
  return true;
}

bool AreaList::move(const SyscallRecord& call) {
  std::uint64_t from = call.arguments[0];
  std::uint64_t old_length = page_up(call.arguments[1]);
  std::uint64_t new_length = page_up(call.arguments[2]);
  auto to = static_cast<std::uint64_t>(call.result);
  const MappedArea* source = find(from);
  if (source == nullptr || !sane(to, new_length) || !sane(from, old_length + 1)) return false;
  MappedArea area = *source;
  if (of_file(area)) area.file_offset += from - area.begin.value;
  area.begin = VirtAddr(to);
  area.end = VirtAddr(to + new_length);
  // An old length of 0 duplicates a shared area; kRemapDontUnmap leaves an empty one behind.
  bool stays = old_length == 0 || (call.arguments[3] & kRemapDontUnmap) != 0;
  if (!stays) erase(from, from + old_length);
  insert(std::move(area));
  return true;
}

bool AreaList::set_break(const SyscallRecord& call) {
  std::uint64_t end = page_up(static_cast<std::uint64_t>(call.result));
  std::uint64_t before = std::exchange(heap_end_, end);
  if (before == 0 || before == end) return false;
  if (end < before) {
    erase(end, before);
    return true;
  }
  MappedArea area;
  area.begin = VirtAddr(before);
  area.end = VirtAddr(end);
  area.readable = area.writable = true;
  area.name = "[heap]";
  insert(std::move(area));
  return true;
}

}  // namespace pw::record
