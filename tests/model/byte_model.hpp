// What memory should look like: the naive model that the machine is compared with.
//
// A space is a map from page number to what the page is and, if it was written privately, its
// bytes. Objects (files and shared memory) are flat arrays of bytes. No frames, no tables, no
// reclaim: only what a program can see. fork copies the whole map. Areas do not exist; where the
// machine's answer depends on where one area ends and the next begins, pages carry the `origin`
// they were made by, and the model says "either".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "machine/machine.hpp"
#include "support/stores.hpp"

namespace pw::model {

using Bytes = std::vector<std::byte>;

struct Object {
  FileId id = 0;
  bool file = false;
  bool read_only = false;
  bool open = false;
  Bytes bytes;              // as programs see them; its size is the object's
  test::SharedBytes store;  // of a file: where the machine keeps them

  std::uint64_t pages() const { return pages_for(ByteCount(bytes.size())).value; }
};

struct PageState {
  Rights rights;
  Rights may{true, true, true};
  bool shared = false;
  bool grows_down = false;
  std::shared_ptr<Object> object;
  std::uint64_t object_page = 0;
  std::uint64_t origin = 0;        // the call that made the page,
  std::uint64_t origin_index = 0;  // and its place there
  Bytes own;                       // the private page's bytes; empty: as the object, or zeros

  // True if `next`, which lies right above, may belong to the same area; and if it must.
  bool continues(const PageState& next) const;
  bool surely_continues(const PageState& next) const {
    return continues(next) && origin == next.origin && origin_index + 1 == next.origin_index;
  }
};

// How an access of one page ends.
struct Verdict {
  AccessResult::Kind kind = AccessResult::Kind::Ok;
  SignalCode code = SignalCode::MapErr;
  bool either = false;  // a stack whose limit depends on where its area ends: MapErr or growth
};

struct Space {
  std::map<std::uint64_t, PageState> pages;
  std::uint64_t lowest = 0, user_end = 0;  // page numbers
  std::uint64_t heap_begin = 0, brk = 0;   // addresses
  std::uint64_t stack_limit_pages = 0, guard_pages = 0;
  bool moved = false;  // mremap moved something: stacks may grow in pieces
  // What was one area may lie in pieces that differ in what this model doesn't know (whose pages
  // are accounted, which fork they come from): the comparison with the kernel looks at these.
  bool torn = false;
  std::uint64_t next_growth = 1ULL << 40;  // origins of pages that stacks grew by on their own

  PageState* find(std::uint64_t vpn);
  bool free(std::uint64_t begin, std::uint64_t end) const;
  void erase(std::uint64_t begin, std::uint64_t end);
  // What an access of the page does; a stack grows if it may and `refused` does not decide an open
  // question.
  Verdict access(std::uint64_t vpn, Access access, bool refused);
  // Bytes of one accessible page.
  void load(std::uint64_t vpn, std::size_t offset, std::span<std::byte> out);
  void store(std::uint64_t vpn, std::size_t offset, std::span<const std::byte> bytes);
  // Private pages of [begin, end) are forgotten; true if there was no hole.
  bool discard(std::uint64_t begin, std::uint64_t end);
  // As mprotect(2), page by page; the errno, or 0.
  int protect(std::uint64_t begin, std::uint64_t end, Rights rights);
  // True if [begin, end) is mapped and may be one area; `surely` is set if it must be.
  bool one_area(std::uint64_t begin, std::uint64_t end, bool& surely);
  // Moves [from, from + n) to `to`.
  void move(std::uint64_t from, std::uint64_t n, std::uint64_t to);
  // Continues the page below `at` by `n` fresh pages at `at`, as mremap grows an area.
  void extend(const PageState& last, std::uint64_t at, std::uint64_t n, std::uint64_t origin);
  // The object's pages from `first` on go, private copies too.
  void forget_tail(const Object& object, std::uint64_t first);

 private:
  Verdict grow(std::uint64_t vpn, bool refused);
};

std::string name_of(AccessResult::Kind kind);

}  // namespace pw::model
