#include "fault/readahead.hpp"

#include <algorithm>
#include <bit>

#include "fault/cache_walk.hpp"

namespace pw {

std::uint64_t CacheReader::most_pages() const {
  const std::uint64_t pages = core.options.prefetch.file_readahead_pages;
  if (pages <= 1) return 0;
  return state.doubled ? 2 * pages : pages;
}

CacheReader cache_reader(Core& core, VmObject& file, std::uint64_t description, PageOffset wanted) {
  return {core, file, file.readers[description], wanted};
}

namespace {

// The window's limit; a larger request may have what the device takes at once (ractl_max_pages()).
std::uint64_t window_limit(const CacheReader& reader, std::uint64_t request) {
  const std::uint64_t most = reader.most_pages();
  const std::uint64_t device = reader.core.options.prefetch.file_request_pages;
  return request > most && device > most ? std::min(request, device) : most;
}

// get_init_ra_size()
std::uint64_t first_size(std::uint64_t request, std::uint64_t most) {
  const std::uint64_t size = std::bit_ceil(request);
  if (size <= most / 32) return size * 4;
  if (size <= most / 4) return size * 2;
  return most;
}

// get_next_ra_size()
std::uint64_t next_size(std::uint64_t size, std::uint64_t most) {
  if (size < most / 16) return 4 * size;
  if (size <= most / 2) return 2 * size;
  return most;
}

// Page by page, passing over those that are there (page_cache_ra_unbounded()). The page `lookahead`
// before the end gets the mark, unless it is there already.
void read_singly(CacheReader& reader, CacheFill& fill, PageOffset index, std::uint64_t pages,
                 std::uint64_t lookahead) {
  const std::uint64_t size = reader.file.pages().value;
  if (index.value >= size) return;
  // do_page_cache_ra(): the mark goes by the shortened length.
  pages = std::min(pages, size - index.value);
  const PageOffset end = index + PageCount(pages);
  const bool marks = lookahead > 0 && lookahead <= pages;
  for (PageOffset at = index; at < end; at = at + PageCount(1)) {
    const bool marked = marks && at + PageCount(lookahead) == end;
    if (!reader.file.cached(at) && !fill.add({at, 0}, marked)) return;
  }
}

void read_singly(CacheReader& reader, PageOffset index, std::uint64_t pages) {
  CacheFill fill(reader.core, reader.file, reader.wanted);
  read_singly(reader, fill, index, pages, 0);
}

void begin_window(CacheReader& reader, std::uint64_t start, std::uint64_t size,
                  std::uint64_t async_size) {
  ReadaheadState& state = reader.state;
  state.start = start;
  state.size = size;
  state.async_size = async_size;
  state.order = 0;
  read_window(reader, PageOffset(start));
}

}  // namespace

void read_window(CacheReader& reader, PageOffset index) {
  ReadaheadState& state = reader.state;
  const std::uint64_t start = index.value;
  const std::uint64_t limit = std::min(reader.file.pages().value, start + state.size);
  if (start >= limit) return;
  const std::uint64_t mark = start + state.size - state.async_size;
  const auto log_size = static_cast<unsigned>(std::bit_width(state.size)) - 1;
  state.order = std::min({kMostFolioOrder, state.order, log_size});
  CacheFill fill(reader.core, reader.file, reader.wanted);
  for (std::uint64_t at = start; at < limit;) {
    unsigned order = state.order;
    if (at % (1ULL << order) != 0) order = static_cast<unsigned>(std::countr_zero(at));
    while (order > 0 && at + (1ULL << order) > limit) --order;
    const bool marked = (mark & ~((1ULL << order) - 1)) == at;
    if (!fill.add({PageOffset(at), order}, marked)) {
      // Something of it is there, or memory is short: the rest page by page.
      return read_singly(reader, fill, PageOffset(at), start + state.size - at, state.async_size);
    }
    at += 1ULL << order;
  }
}

void read_ahead_forced(CacheReader& reader, PageOffset index, std::uint64_t pages) {
  const std::uint64_t device = reader.core.options.prefetch.file_request_pages;
  read_singly(reader, index, std::min(pages, std::max(device, reader.most_pages())));
}

void read_ahead_sync(CacheReader& reader, std::uint64_t pages) {
  const std::uint64_t index = reader.wanted.value;
  if (reader.most_pages() == 0) return read_ahead_forced(reader, reader.wanted, 1);
  if (reader.state.random) return read_ahead_forced(reader, reader.wanted, pages);
  const std::uint64_t most = window_limit(reader, pages);
  const std::uint64_t before = reader.state.read_end >> kPageShift;
  // The start of the file, more than a window, or on from the last read: a stream begins.
  if (index == 0 || pages > most || index - before <= 1) {
    const std::uint64_t size = first_size(pages, most);
    return begin_window(reader, index, size, size > pages ? size - pages : size / 2);
  }
  // The traces that a stream leaves: pages right before this one, perhaps from the file's start on.
  const std::uint64_t miss = previous_miss(reader.file, index - 1, most);
  std::uint64_t traces = index - miss - 1;
  if (traces <= pages) return read_singly(reader, reader.wanted, pages);
  if (miss == kBeforeFile) traces *= 2;
  begin_window(reader, index, std::min(traces + pages, most), 1);
}

void read_ahead_async(CacheReader& reader, FolioSpan folio, PageOffset index, std::uint64_t pages) {
  if (reader.most_pages() == 0) return;
  ReadaheadState& state = reader.state;
  reader.file.folios.clear_mark(folio.first);
  const std::uint64_t most = window_limit(reader, pages);
  const std::uint64_t mark = state.start + state.size - state.async_size;
  if (index.value == (mark & ~(folio.pages().value - 1))) {
    state.start += state.size;
    state.size = std::max(state.size, next_size(state.size, most));
  } else {  // somebody else's mark: what lies behind it tells the stream's window
    const std::uint64_t start = next_miss(reader.file, index.value + 1, most);
    if (start - index.value > most) return;
    state.start = start;
    state.size = next_size(start - index.value + pages, most);
  }
  state.order += 2;
  // The window ends where its folios do.
  const unsigned most_order = static_cast<unsigned>(std::countr_zero(most));
  const std::uint64_t align = 1ULL << std::min(state.order, most_order);
  const std::uint64_t end = state.start + state.size;
  const std::uint64_t aligned_end = end & ~(align - 1);
  if (aligned_end > state.start) state.size = aligned_end - state.start;
  state.async_size = state.size;
  read_window(reader, PageOffset(state.start));
}

}  // namespace pw
