#include "analysis/page_log.hpp"

namespace pw::analysis {
namespace {

bool concerns(const record::Event& touch, std::uint64_t page) {
  if (touch.kind == record::EventKind::Fetch) return touch.page == page;
  if (touch.kind != record::EventKind::Reference) return false;
  const std::uint64_t bytes = touch.size == 0 ? 1 : touch.size;
  return touch.address >> kPageShift <= page && page <= (touch.address + bytes - 1) >> kPageShift;
}

}  // namespace

void PageLog::begin_chunk(std::size_t index, const record::Chunk& chunk) {
  areas_.begin_chunk(index, chunk);
}

void PageLog::event(const record::Chunk& chunk, std::size_t at) {
  const record::Event& event = chunk.events[at];
  if (event.kind != record::EventKind::Stack) {
    areas_.event(chunk, at);
    return;
  }
  if (at == 0 || places_.empty()) return;
  // A page that was seen before, and given back since, may keep its id: then its first stack holds.
  PagePlace& last = places_.back();
  if (last.stack == 0 && concerns(chunk.events[at - 1], last.page)) last.stack = event.index + 1;
}

void PageLog::new_page(PageId id, std::uint32_t pid, std::uint64_t page) {
  areas_.new_page(id, pid, page);
  if (places_.size() <= id) places_.resize(id + std::size_t{1});
  places_[id] = {page, pid, areas_.area_of_page()[id], 0};
}

}  // namespace pw::analysis
