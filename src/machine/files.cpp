// Files and shared memory: read and write through the page cache that mappings use too.
#include <algorithm>
#include <cstring>

#include "fault/file_io.hpp"
#include "fault/leaves.hpp"
#include "machine/machine.hpp"
#include "space/translations.hpp"

namespace pw {

FileId Machine::open_file(std::string name, std::unique_ptr<BackingStore> store, bool read_only) {
  VmObject& file = objects_->create(ObjectKind::File);
  file.name = std::move(name);
  file.size = store->size();
  file.store = std::move(store);
  file.queue = std::make_unique<DeviceQueue>(config_.file_device);
  file.read_only = read_only;
  open_files_.push_back(file.id);
  return file.id;
}

FileId Machine::open_file(std::string name, ByteCount size) {
  VmObject& file = objects_->create(ObjectKind::File);
  file.name = std::move(name);
  file.size = size;
  file.queue = std::make_unique<DeviceQueue>(config_.file_device);
  file.cached_before = !config_.cold_page_cache;
  open_files_.push_back(file.id);
  return file.id;
}

FileId Machine::create_shared(ByteCount size) {
  VmObject& shared = objects_->create(ObjectKind::Shared);
  shared.size = size;
  shared.name = "/dev/zero (deleted)";
  open_files_.push_back(shared.id);
  return shared.id;
}

void Machine::hold_file(FileId id) {
  ++objects_->object(id).holders;
  open_files_.push_back(id);
}

Result<void> Machine::close_file(FileId id) {
  const auto it = std::find(open_files_.begin(), open_files_.end(), id);
  if (it == open_files_.end()) return fail(Errno::BadFile);
  VmObject& file = objects_->object(id);
  Result<void> written;
  const bool last = std::count(open_files_.begin(), open_files_.end(), id) == 1;
  if (file.kind == ObjectKind::File && last) {
    written = write_back(*core_, file, PageOffset(0), PageOffset(file.pages().value));
  }
  open_files_.erase(it);
  objects_->release(file);
  checked();
  return written;
}

void Machine::set_cached_folios(FileId id, std::span<const FolioSpan> folios) {
  VmObject& file = objects_->object(id);
  for (const FolioSpan folio : folios) file.folios.add(folio, false);
}

Result<void> Machine::file_read(FileId id, ByteCount offset, ByteCount length,
                                std::uint64_t description) {
  VmObject& file = objects_->object(id);
  Result<void> done;
  if (offset >= file.size) return done;
  if (options_.model == MemoryModel::Linux && file.kind == ObjectKind::File) {
    done = read_through_cache(*core_, file, description, offset, length);
  } else {
    const PageOffset end(pages_for(std::min(offset + length, file.size)).value);
    for (PageOffset at(offset.value >> kPageShift); at < end && done; at = at + PageCount(1)) {
      if (file.kind == ObjectKind::Shared && file.slots.get(at).is_empty()) continue;
      const auto page = require_object_page(*core_, file, at);
      if (!page) done = tl::unexpected(page.error());
    }
  }
  checked();
  return done;
}

Result<void> Machine::file_written(FileId id, ByteCount offset, ByteCount length) {
  VmObject& file = objects_->object(id);
  const ByteCount before = file.size;
  const ByteCount end = offset + length;
  if (end > before) PW_TRY(extend(*core_, file, offset, end));
  Result<void> done;
  if (options_.model == MemoryModel::Linux && file.kind == ObjectKind::File) {
    done = write_through_cache(*core_, file, before, offset, length);
  } else {
    const PageOffset last(pages_for(end).value);
    for (PageOffset at(offset.value >> kPageShift); at < last && done; at = at + PageCount(1)) {
      const auto page = require_object_page(*core_, file, at);
      if (page) {
        mark_dirty(*core_, pool_->frame(*page));
      } else {
        done = tl::unexpected(page.error());
      }
    }
  }
  checked();
  return done;
}

Result<void> Machine::read_file(FileId id, ByteCount offset, std::span<std::byte> out,
                                std::uint64_t description) {
  VmObject& file = objects_->object(id);
  if (options_.model == MemoryModel::Linux && file.kind == ObjectKind::File) {
    PW_TRY(read_through_cache(*core_, file, description, offset, ByteCount(out.size())));
  }
  while (!out.empty() && offset < file.size) {
    const std::uint64_t in_page = offset.value % kPageSize;
    const std::size_t n = std::min({out.size(), static_cast<std::size_t>(kPageSize - in_page),
                                    static_cast<std::size_t>(file.size.value - offset.value)});
    const PageOffset at(offset.value >> kPageShift);
    if (file.kind == ObjectKind::Shared && file.slots.get(at).is_empty()) {
      std::fill_n(out.begin(), n, std::byte{0});  // a hole stays one (shmem_file_read_iter())
    } else {
      const auto pfn = require_object_page(*core_, file, at);
      if (!pfn) return tl::unexpected(pfn.error());
      std::memcpy(out.data(), pool_->bytes(*pfn) + in_page, n);
    }
    out = out.subspan(n);
    offset = offset + ByteCount(n);
  }
  std::fill(out.begin(), out.end(), std::byte{0});
  checked();
  return {};
}

Result<void> Machine::write_file(FileId id, ByteCount offset, std::span<const std::byte> bytes) {
  VmObject& file = objects_->object(id);
  if (file.read_only) return fail(Errno::BadFile);
  const std::uint64_t end = offset.value + bytes.size();
  const ByteCount before = file.size;
  if (end > file.size.value) PW_TRY(extend(*core_, file, offset, ByteCount(end)));
  if (options_.model == MemoryModel::Linux && file.kind == ObjectKind::File) {
    PW_TRY(write_through_cache(*core_, file, before, offset, ByteCount(bytes.size())));
  }
  while (!bytes.empty()) {
    const std::uint64_t in_page = offset.value % kPageSize;
    const std::size_t n = std::min(bytes.size(), static_cast<std::size_t>(kPageSize - in_page));
    const auto pfn = require_object_page(*core_, file, PageOffset(offset.value >> kPageShift));
    if (!pfn) return tl::unexpected(pfn.error());
    std::memcpy(pool_->bytes(*pfn) + in_page, bytes.data(), n);
    mark_dirty(*core_, pool_->frame(*pfn));
    bytes = bytes.subspan(n);
    offset = offset + ByteCount(n);
  }
  checked();
  return {};
}

Result<void> Machine::sync_file(FileId id) {
  VmObject& file = objects_->object(id);
  PW_TRY(write_back_and_wait(*core_, file, PageOffset(0), PageOffset(file.pages().value)));
  checked();
  return file.store == nullptr ? Result<void>() : file.store->sync();
}

// ksys_sync_file_range() and sync_file_range() in fs/sync.c: pages that the range touches.
Result<void> Machine::sync_file_range(FileId id, std::uint64_t offset, std::uint64_t length,
                                      SyncRange how) {
  VmObject& file = objects_->object(id);
  const std::uint64_t most = file.pages().value;
  const bool open_end = length == 0 || offset + length < length;
  const std::uint64_t last = open_end ? most : (offset + length - 1) / kPageSize + 1;
  const PageOffset begin(std::min(offset / kPageSize, most)), end(std::min(last, most));
  Result<void> written;
  if (begin < end) {
    if (how.wait_before) wait_for_writes(*core_, file, begin, end);
    if (how.write) written = write_back(*core_, file, begin, end);
    if (how.wait_after) wait_for_writes(*core_, file, begin, end);
  }
  checked();
  return written;
}

Result<void> Machine::truncate_file(FileId id, ByteCount size) {
  const Result<void> done = truncate(*core_, objects_->object(id), size);
  checked();
  return done;
}

Result<void> Machine::extend_file(FileId id, ByteCount size) {
  const Result<void> done = extend(*core_, objects_->object(id), size, size);
  checked();
  return done;
}

Result<void> Machine::punch_file(FileId id, ByteCount begin, ByteCount end) {
  const Result<void> done = punch_hole(*core_, objects_->object(id), begin, end);
  checked();
  return done;
}

}  // namespace pw
