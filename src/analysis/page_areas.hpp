// Which area of memory each page of a trace lay in when it was first referenced, by the names that
// reports give: a file by its path, the heap, a stack, anonymous memory by who asked for it.
//
// Follows a recording beside the DenseTraceBuilder: the areas of each process as images, snapshots,
// forks and memory system calls leave them. Owned by whoever builds the trace.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "analysis/dense_trace.hpp"
#include "record/recording.hpp"
#include "replay/labels.hpp"

namespace pw::analysis {

class PageAreas final : public PageWatcher {
 public:
  explicit PageAreas(const record::Recording& recording)
      : recording_(&recording), call_sites_(recording) {
    (void)number_of("[unknown]");
  }

  // By number; 0 is "[unknown]": a page that no area known holds.
  const std::vector<std::string>& names() const { return names_; }
  // By page id.
  const std::vector<std::uint32_t>& area_of_page() const { return of_page_; }

  void begin_chunk(std::size_t index, const record::Chunk& chunk) override;
  void event(const record::Chunk& chunk, std::size_t at) override;
  void new_page(PageId id, std::uint32_t pid, std::uint64_t page) override;

 private:
  struct Area {
    std::uint64_t end = 0;
    std::uint32_t name = 0;
  };
  struct Space {
    std::map<std::uint64_t, Area> areas;  // by first byte; they don't overlap
    std::uint64_t brk = 0;                // 0: not known yet
    bool seen = false;
  };

  std::uint32_t number_of(const std::string& name);
  static void unmap(Space& space, std::uint64_t begin, std::uint64_t end);
  static void map(Space& space, std::uint64_t begin, std::uint64_t end, std::uint32_t name);
  static void move(Space& space, const record::SyscallRecord& call);
  void set(Space& space, const std::vector<record::MappedArea>& areas);
  void call(Space& space, const record::Chunk& chunk, std::size_t at);
  void map_call(Space& space, const record::Chunk& chunk, std::size_t at);

  const record::Recording* recording_;
  replay::CallSiteNames call_sites_;
  std::unordered_map<std::uint32_t, Space> spaces_;  // by process
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::vector<std::uint32_t> of_page_;
};

}  // namespace pw::analysis
