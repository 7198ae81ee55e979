// What read(2) and write(2) do to the page cache under MemoryModel::Linux; bytes are the caller's.
#pragma once

#include "space/core.hpp"

namespace pw {

// Brings in what [offset, offset + length) has of the file, advancing the clock over waits, and
// says of each folio that it was used (filemap_read(), mm/filemap.c). `description`: of the open
// file. Errors: NoMemory, Io.
Result<void> read_through_cache(Core& core, VmObject& file, std::uint64_t description,
                                ByteCount offset, ByteCount length);

// The bytes become dirty pages, in folios as large as the write lets them be
// (generic_perform_write(), mm/filemap.c). `old_size`: of the file before the write; `file.size` is
// what it is after it. Errors: NoMemory, Io.
Result<void> write_through_cache(Core& core, VmObject& file, ByteCount old_size, ByteCount offset,
                                 ByteCount length);

}  // namespace pw
