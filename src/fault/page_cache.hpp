// The page cache of one file as MemoryModel::Linux keeps it: which pages are there, and how new
// folios come in.
//
// A folio is added whole or not at all, with its pages pinned until their reading has been
// submitted; pages that are being read are there already, but of no use before that ends (a locked
// folio that is not up to date). Sources: mm/filemap.c, mm/readahead.c, fs/ext4/readpage.c.
#pragma once

#include <span>
#include <vector>

#include "fault/leaves.hpp"

namespace pw {

// When the reading of the folio ends; 0: none of it is being read.
std::uint64_t folio_pending(Core& core, const VmObject& file, FolioSpan folio);

// A page that was in the cache before the machine began has no frame yet: it gets one, as all of
// its folio does. Errors: NoMemory, Io.
Result<void> load_cached_folio(Core& core, VmObject& file, PageOffset at);

// How hard memory is sought: readahead gives up where others try again (__GFP_NORETRY).
enum class Effort : std::uint8_t { Once, Insist };

// Folios that are read together, in ascending order (struct readahead_control). Pages other than
// `wanted` count as prefetched. What lies in a row is one request to the device; requests end
// together as far as one bio would hold them all, since whoever waits for a small one wakes up
// after its neighbours have ended too.
class CacheFill {
 public:
  CacheFill(Core& core, VmObject& file, PageOffset wanted)
      : core_(core), file_(file), wanted_(wanted) {}
  ~CacheFill() { submit(); }
  CacheFill(const CacheFill&) = delete;
  CacheFill& operator=(const CacheFill&) = delete;

  // Errors: Exists (a page of it is there), NoMemory, Io.
  Result<void> add(FolioSpan folio, bool marked, Effort effort = Effort::Once);

 private:
  struct Page {
    FrameGrant grant;
    PageOffset at;
  };

  void submit();
  std::uint64_t request(std::size_t begin, std::size_t end);

  Core& core_;
  VmObject& file_;
  PageOffset wanted_;
  std::vector<Page> pages_;
};

// Keeps reclaim away from folios for a scope, as whoever has them in hand does (folio_get()).
class FolioPins {
 public:
  FolioPins(Core& core, const VmObject& file, std::span<const FolioSpan> folios);
  ~FolioPins();
  FolioPins(const FolioPins&) = delete;
  FolioPins& operator=(const FolioPins&) = delete;

 private:
  FramePool& pool_;
  std::vector<Pfn> pages_;
};

// Adds a folio to the page cache whose pages will be written: no request goes to the device.
// Errors: as CacheFill::add().
Result<void> add_written_folio(Core& core, VmObject& file, FolioSpan folio);

}  // namespace pw
