#include "proc/exec.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "fault/leaves.hpp"
#include "space/operations.hpp"

namespace pw {

namespace {

struct ElfHeader {  // Elf64_Ehdr
  unsigned char ident[16];
  std::uint16_t type, machine;
  std::uint32_t version;
  std::uint64_t entry, program_headers, section_headers;
  std::uint32_t flags;
  std::uint16_t header_size, program_header_size, program_header_count;
  std::uint16_t section_header_size, section_header_count, section_names;
};
static_assert(sizeof(ElfHeader) == 64);

struct ElfProgramHeader {  // Elf64_Phdr
  std::uint32_t type, flags;
  std::uint64_t offset, virtual_address, physical_address, file_size, memory_size, alignment;
};
static_assert(sizeof(ElfProgramHeader) == 56);

constexpr std::uint16_t kExecutable = 2, kShared = 3, kX86_64 = 62;
constexpr std::uint32_t kLoad = 1, kInterpreter = 3;
constexpr std::uint32_t kFlagExecute = 1, kFlagWrite = 2, kFlagRead = 4;
constexpr std::uint16_t kMostHeaders = 64;

Result<void> read_bytes(Core& core, VmObject& file, std::uint64_t offset,
                        std::span<std::byte> out) {
  if (offset > file.size.value || out.size() > file.size.value - offset) {
    return fail(Errno::NotExecutable);
  }
  while (!out.empty()) {
    const std::uint64_t in_page = offset % kPageSize;
    const std::size_t n = std::min(out.size(), static_cast<std::size_t>(kPageSize - in_page));
    const auto pfn = require_object_page(core, file, PageOffset(offset >> kPageShift));
    if (!pfn) return tl::unexpected(pfn.error());
    std::memcpy(out.data(), core.pool.bytes(*pfn) + in_page, n);
    out = out.subspan(n);
    offset += n;
  }
  return {};
}

// One PT_LOAD: addresses congruent to file offsets, sizes that do not wrap, inside the user half.
Result<ElfSegment> segment_of(const ElfProgramHeader& header) {
  constexpr std::uint64_t kHighest = 1ULL << 47;
  const bool aligned = header.virtual_address % kPageSize == header.offset % kPageSize;
  const bool sized = header.file_size <= header.memory_size && header.memory_size < kHighest &&
                     header.virtual_address < kHighest && header.offset < kHighest;
  if (!aligned || !sized) return fail(Errno::NotExecutable);
  ElfSegment segment;
  segment.address = VirtAddr(header.virtual_address);
  segment.file_offset = ByteCount(header.offset);
  segment.file_size = ByteCount(header.file_size);
  segment.memory_size = ByteCount(header.memory_size);
  segment.rights = {(header.flags & kFlagRead) != 0, (header.flags & kFlagWrite) != 0,
                    (header.flags & kFlagExecute) != 0};
  return segment;
}

}  // namespace

Result<ElfImage> read_elf(Core& core, VmObject& file) {
  ElfHeader header;
  PW_TRY(read_bytes(core, file, 0, std::as_writable_bytes(std::span(&header, 1))));
  constexpr unsigned char kMagic[6] = {0x7f, 'E', 'L', 'F', 2, 1};  // 64-bit, little-endian
  const bool ours = std::memcmp(header.ident, kMagic, sizeof kMagic) == 0 &&
                    header.machine == kX86_64 &&
                    (header.type == kExecutable || header.type == kShared) &&
                    header.program_header_size == sizeof(ElfProgramHeader) &&
                    header.program_header_count <= kMostHeaders;
  if (!ours) return fail(Errno::NotExecutable);
  ElfImage image;
  image.position_independent = header.type == kShared;
  image.entry = VirtAddr(header.entry);
  for (std::uint16_t i = 0; i < header.program_header_count; ++i) {
    ElfProgramHeader part;
    const std::uint64_t at = header.program_headers + i * sizeof part;
    PW_TRY(read_bytes(core, file, at, std::as_writable_bytes(std::span(&part, 1))));
    if (part.type == kInterpreter && part.file_size > 1 && part.file_size <= 4096) {
      image.interpreter.resize(part.file_size - 1);
      PW_TRY(read_bytes(core, file, part.offset,
                        std::as_writable_bytes(std::span(image.interpreter))));
    }
    if (part.type != kLoad || part.memory_size == 0) continue;
    const Result<ElfSegment> segment = segment_of(part);
    if (!segment) return tl::unexpected(segment.error());
    if (!image.segments.empty() && segment->address < image.segments.back().address) {
      return fail(Errno::NotExecutable);
    }
    image.segments.push_back(*segment);
  }
  if (image.segments.empty()) return fail(Errno::NotExecutable);
  return image;
}

namespace {

// Maps one segment: pages of the file, then anonymous pages for what the file does not hold.
Result<void> map_segment(AddressSpace& space, const ElfSegment& segment, VmObject& file,
                         VirtAddr base, LoadedProgram& loaded) {
  const VirtAddr start = base + (segment.address - VirtAddr(0));
  const VirtAddr page_start(start.value & ~(kPageSize - 1));
  const std::uint64_t lead = start.value - page_start.value;
  const PageCount file_pages = pages_for(ByteCount(lead + segment.file_size.value));
  const PageCount all_pages = pages_for(ByteCount(lead + segment.memory_size.value));
  MmapRequest request;
  request.address = page_start;
  request.rights = segment.rights;
  request.fixed = true;
  if (segment.file_size.value > 0) {
    request.length = bytes_of(file_pages);
    request.backing = &file;
    request.backing_page = PageOffset((segment.file_offset.value - lead) >> kPageShift);
    const auto mapped = mmap(space, request);
    if (!mapped) return tl::unexpected(mapped.error());
  }
  const PageCount done = segment.file_size.value > 0 ? file_pages : PageCount(0);
  if (all_pages > done) {
    request.address = page_start + bytes_of(done);
    request.length = bytes_of(all_pages - done);
    request.backing = nullptr;
    request.backing_page = PageOffset(0);
    const auto mapped = mmap(space, request);
    if (!mapped) return tl::unexpected(mapped.error());
  }
  const VirtAddr data_end = start + segment.file_size;
  if (segment.memory_size > segment.file_size && segment.file_size.value > 0 &&
      segment.rights.write && !page_aligned(data_end)) {
    const std::uint64_t rest = kPageSize - offset_in_page(data_end);
    loaded.zero_tails.push_back({data_end, ByteCount(rest)});
  }
  const Vpn end = page_of(page_start) + all_pages;
  loaded.heap_begin = std::max(loaded.heap_begin, end);
  return {};
}

}  // namespace

Result<LoadedProgram> map_program(AddressSpace& space, const ElfImage& image, VmObject& file,
                                  VirtAddr base) {
  LoadedProgram loaded;
  loaded.base = image.position_independent ? base : VirtAddr(0);
  loaded.entry = loaded.base + (image.entry - VirtAddr(0));
  for (const ElfSegment& segment : image.segments) {
    PW_TRY(map_segment(space, segment, file, loaded.base, loaded));
  }
  return loaded;
}

}  // namespace pw
