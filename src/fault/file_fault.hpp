// Faults on pages of files as MemoryModel::Linux takes them.
#pragma once

#include "fault/leaves.hpp"

namespace pw {

// Whether this model's rules are for the fault's area.
inline bool follows_linux(const PageFault& fault) {
  return fault.core.options.model == MemoryModel::Linux && fault.area.backing != nullptr &&
         fault.area.backing->kind == ObjectKind::File;
}

// A fault on a page of a file that has no translation; a private page is copied. Mapped, Again (the
// fault begins anew), Wait, Bus (the file cannot be read), NoMemory.
LeafResult fault_on_file(PageFault& fault);

// Maps what the page cache has around the page, in whole folios where it may (filemap_map_pages()).
// True: the page itself too.
bool map_around(PageFault& fault);

// Where the folio lies in the area; empty if it does not lie there as a whole and in one page
// table.
VpnRange folio_pages(const Vma& area, FolioSpan folio);

}  // namespace pw
