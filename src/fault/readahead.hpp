// How far to read: the windows of mm/readahead.c (6.18), for MemoryModel::Linux.
//
// A read or fault that finds no page reads a window around or behind it at once (synchronous); the
// first folio of the window's later part carries a mark, and whoever gets to the mark has the next
// window read meanwhile (asynchronous). Windows grow while they are met in order: by a factor of
// four while they are small, of two after that, up to the device's limit; so do the folios they are
// read into, by two orders each time. State belongs to the open file, marks to the page cache, so
// that several readers of one file find each other's traces.
#pragma once

#include "fault/page_cache.hpp"

namespace pw {

// Who reads a file on (struct readahead_control): page `wanted` is what the access is about.
struct CacheReader {
  Core& core;
  VmObject& file;
  ReadaheadState& state;
  PageOffset wanted;

  std::uint64_t most_pages() const;  // of a window (file_ra_state::ra_pages); 0: no readahead
};

// `description`: of the open file, 0 if nobody cares.
CacheReader cache_reader(Core& core, VmObject& file, std::uint64_t description, PageOffset wanted);

// The page is not there, and `pages` are asked for from it on (page_cache_sync_ra()).
void read_ahead_sync(CacheReader& reader, std::uint64_t pages);
// The page is there, and its folio carries the mark, which goes (page_cache_async_ra()). `index`:
// the page as the caller sees it, the folio's first or the one that faulted.
void read_ahead_async(CacheReader& reader, FolioSpan folio, PageOffset index, std::uint64_t pages);
// Reads the window that the state tells (page_cache_ra_order()).
void read_window(CacheReader& reader, PageOffset index);
// Reads what is missing of `pages` from `index` on, page by page (force_page_cache_ra()).
void read_ahead_forced(CacheReader& reader, PageOffset index, std::uint64_t pages);

}  // namespace pw
