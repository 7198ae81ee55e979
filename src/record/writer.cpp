#include "record/writer.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "record/checksum.hpp"
#include "record/overview.hpp"
#include "record/payload.hpp"
#include "record/redact.hpp"

namespace pw::record {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} << 10;

Exactness exactness_of(Detail detail) {
  switch (detail) {
    case Detail::Pages:
      return Exactness::LruFromFilter;
    case Detail::Switches:
      return Exactness::EveryPolicy;
    case Detail::Full:
      break;
  }
  return Exactness::EveryReference;
}

tl::unexpected<Error> system_error(const std::string& what, const std::string& path) {
  int code = errno;
  std::string remedy;
  if (code == ENOSPC || code == EDQUOT) {
    code = ENOSPC;
    remedy = "; free some space or choose another folder with -o";
  }
  return fail(static_cast<Errno>(code),
              "cannot " + what + " " + path + ": " + std::strerror(code) + remedy);
}

struct ZstdFree {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

}  // namespace

struct Writer::Data {
  std::string path;
  std::string part;
  bool replace = false;
  int fd = -1;
  int level = 3;
  FileHeader header;
  std::unique_ptr<ZSTD_CCtx, ZstdFree> zstd{ZSTD_createCCtx()};
  std::string packed;
  std::string buffer;         // not yet written
  std::uint64_t flushed = 0;  // bytes in the file
  std::vector<IndexEntry> index;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> sequences;  // of pid and stream
  std::uint32_t maps_count = 0;
  std::uint32_t module_count = 0;
  std::uint32_t file_count = 0;
  std::uint32_t stack_count = 0;
  std::optional<Overview> overview;
  Result<void> state;  // the first error, for good

  ~Data() {
    if (fd < 0) return;
    if (state) (void)flush();
    ::close(fd);
  }

  std::uint64_t position() const { return flushed + buffer.size(); }

  Result<void> write_at(std::string_view bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
      ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return state = system_error("write", part);
      bytes.remove_prefix(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  Result<void> flush() {
    PW_TRY(state);
    PW_TRY(write_at(buffer, flushed));
    flushed += buffer.size();
    buffer.clear();
    return {};
  }

  Result<void> append(std::string_view bytes) {
    PW_TRY(state);
    buffer.append(bytes);
    return buffer.size() < kBufferBytes ? Result<void>{} : flush();
  }

  // Packs `payload` and appends the block; everything of `block` that depends on it is set here.
  Result<void> add_block(BlockHeader block, std::string_view payload) {
    if (payload.size() > kMaxChunkBytes) {
      return fail(Errno::FileTooBig, "a block of " + std::to_string(payload.size()) + " bytes");
    }
    packed.resize(ZSTD_compressBound(payload.size()));
    std::size_t n = ZSTD_compressCCtx(zstd.get(), packed.data(), packed.size(), payload.data(),
                                      payload.size(), level);
    if (ZSTD_isError(n) != 0) return fail(Errno::NoMemory, ZSTD_getErrorName(n));
    packed.resize(n);
    block.recorder = header.recorder;
    block.detail = header.detail;
    block.page_shift = header.page_shift;
    if (block.type != BlockType::Thinned) block.filter_pages = header.filter_pages;
    block.raw_bytes = static_cast<std::uint32_t>(payload.size());
    block.stored_bytes = static_cast<std::uint32_t>(n);
    block.payload_checksum = checksum(packed);
    seal(block);
    if (block.type != BlockType::Index) index.push_back({position(), block});
    PW_TRY(append(bytes_of(block)));
    return append(packed);
  }

  Result<std::uint32_t> add_areas(BlockType type, std::uint32_t pid, std::uint64_t ns,
                                  std::string_view payload) {
    BlockHeader block;
    block.type = type;
    block.pid = pid;
    block.sequence = maps_count;
    block.begin_ns = ns;
    PW_TRY(add_block(block, payload));
    return maps_count++;
  }

  // Beside the chunk whose header is `block`.
  Result<void> add_overview(BlockHeader block, const Chunk& chunk,
                            const std::vector<std::uint32_t>& images) {
    block.type = BlockType::Thinned;
    for (const Overview::Part& part_of_it : overview->next(chunk, images)) {
      block.filter_pages = part_of_it.filter_pages;
      block.count = part_of_it.events;
      block.end_clock = part_of_it.left_out;
      block.flags = part_of_it.continues ? kFlagContinues : 0;
      PW_TRY(add_block(block, part_of_it.payload));
    }
    return {};
  }

  // Splits `entries` so that no block grows beyond a reader's bounds.
  template <class Entry, class Encode>
  Result<std::uint32_t> add_table(BlockType type, std::uint32_t& next,
                                  const std::vector<Entry>& entries, Encode encode) {
    constexpr std::size_t kEntries = 4096;
    std::uint32_t first = next;
    for (std::size_t i = 0; i < entries.size(); i += kEntries) {
      auto begin = entries.begin() + static_cast<std::ptrdiff_t>(i);
      auto end = begin + static_cast<std::ptrdiff_t>(std::min(kEntries, entries.size() - i));
      std::vector<Entry> part_of_them(begin, end);
      BlockHeader block;
      block.type = type;
      block.sequence = next;
      block.count = part_of_them.size();
      PW_TRY(add_block(block, encode(part_of_them)));
      next += static_cast<std::uint32_t>(part_of_them.size());
    }
    return first;
  }

  Result<void> add_index() {
    Trailer trailer;
    trailer.index_offset = position();
    trailer.blocks = index.size();
    for (std::size_t i = 0; i < index.size(); i += kIndexEntriesPerBlock) {
      std::size_t n = std::min<std::size_t>(kIndexEntriesPerBlock, index.size() - i);
      BlockHeader block;
      block.type = BlockType::Index;
      block.sequence = static_cast<std::uint32_t>(i);
      block.count = n;
      PW_TRY(add_block(block, {reinterpret_cast<const char*>(&index[i]), n * sizeof(IndexEntry)}));
    }
    seal(trailer);
    return append(bytes_of(trailer));
  }

  // The name appears only now, and never over a file that came meanwhile (unless it was to be
  // replaced).
  Result<void> take_name() {
    if (replace) {
      if (::rename(part.c_str(), path.c_str()) != 0) return system_error("create", path);
    } else if (::renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0) {
      if (errno != EINVAL && errno != ENOSYS) return system_error("create", path);
      // Not every file system knows that flag; link() does not replace either.
      if (::link(part.c_str(), path.c_str()) != 0) return system_error("create", path);
      ::unlink(part.c_str());
    }
    std::filesystem::path folder = std::filesystem::path(path).parent_path();
    int dir = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
      ::fsync(dir);  // not every file system can; the file itself is safe
      ::close(dir);
    }
    return {};
  }
};

Writer::Writer(std::unique_ptr<Data> data) : data_(std::move(data)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

Result<Writer> Writer::create(const std::string& path, const RecordingInfo& info,
                              const Options& options) {
  auto data = std::make_unique<Data>();
  data->path = path;
  data->part = path + ".part";
  data->replace = options.replace;
  data->level = options.compression_level;

  if (data->zstd == nullptr) return fail(Errno::NoMemory, "no memory to compress with");

  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode)) return fail(Errno::Invalid, path + " is not a regular file");
    if (!options.replace) {
      return fail(Errno::Exists, path + " exists already; --force replaces it");
    }
  }
  bool over_part = options.replace || options.replace_part;
  int flags = O_RDWR | O_CREAT | O_CLOEXEC | (over_part ? 0 : O_EXCL);
  data->fd = ::open(data->part.c_str(), flags, 0666);
  if (data->fd < 0) {
    if (errno != EEXIST) return system_error("create", data->part);
    return fail(Errno::Exists, data->part +
                                   " is left from a recording that did not end well (it "
                                   "can be read as it is); --force replaces it");
  }
  if (::flock(data->fd, LOCK_EX | LOCK_NB) != 0) {
    return fail(Errno::Busy, data->part + " is being written by another recording");
  }
  if (::ftruncate(data->fd, 0) != 0) return system_error("write", data->part);

  FileHeader& header = data->header;
  header.recorder = static_cast<std::uint8_t>(info.recorder);
  header.detail = static_cast<std::uint8_t>(info.detail);
  header.exactness = static_cast<std::uint8_t>(exactness_of(info.detail));
  header.page_shift = static_cast<std::uint8_t>(info.page_shift);
  header.filter_pages = info.filter_pages;
  header.flags = info.redacted ? kFlagRedacted : 0;
  header.environment_hash = info.redacted ? 0 : info.environment_hash;
  header.wall_start_ns = info.wall_start_ns;
  seal(header);
  if (options.overview && Overview::useful_for(info.recorder, info.detail, info.filter_pages)) {
    data->overview.emplace();
  }
  PW_TRY(data->append(bytes_of(header)));
  std::vector<std::string> command = info.command;
  if (info.redacted) redact(command);
  BlockHeader block;
  block.type = BlockType::Info;
  PW_TRY(data->add_block(block, encode_strings(command)));
  PW_TRY(data->flush());
  return Writer(std::move(data));
}

Result<void> Writer::add_process(std::uint32_t pid, std::uint32_t parent, std::uint64_t start_ns) {
  BlockHeader block;
  block.type = BlockType::Process;
  block.pid = pid;
  block.begin_ns = start_ns;
  block.clock = parent;
  return data_->add_block(block, {});
}

Result<std::uint32_t> Writer::add_image(std::uint32_t pid, const Image& image, std::uint64_t ns) {
  return data_->add_areas(BlockType::Image, pid, ns, encode_image(image));
}

Result<std::uint32_t> Writer::add_maps(std::uint32_t pid, const std::vector<MappedArea>& maps,
                                       std::uint64_t ns) {
  return data_->add_areas(BlockType::Maps, pid, ns, encode_maps(maps));
}

Result<std::uint32_t> Writer::add_modules(const std::vector<Module>& modules) {
  return data_->add_table(BlockType::Modules, data_->module_count, modules, encode_modules);
}

Result<std::uint32_t> Writer::add_files(const std::vector<FileInfo>& files) {
  return data_->add_table(BlockType::Files, data_->file_count, files, encode_files);
}

Result<std::uint32_t> Writer::add_stacks(const std::vector<StackFrames>& stacks) {
  return data_->add_table(BlockType::Stacks, data_->stack_count, stacks, encode_stacks);
}

Result<void> Writer::add_symbols(const std::vector<ModuleSymbol>& symbols) {
  std::uint32_t ignored = 0;
  PW_TRY(data_->add_table(BlockType::Symbols, ignored, symbols, encode_symbols));
  return {};
}

Result<void> Writer::add_wait_ends(const std::vector<WaitEnd>& ends) {
  std::uint32_t next = 0;
  if (!ends.empty()) {
    PW_TRY(data_->add_table(BlockType::WaitEnds, next, ends, encode_wait_ends));
    return {};
  }
  BlockHeader none;
  none.type = BlockType::WaitEnds;
  return data_->add_block(none, {});
}

Result<void> Writer::add_note(std::string_view what_was_lost) {
  BlockHeader block;
  block.type = BlockType::Notes;
  return data_->add_block(block, what_was_lost.substr(0, kMaxChunkBytes));
}

Result<void> Writer::add_contents(std::uint32_t pid, const Contents& contents) {
  BlockHeader block;
  block.type = BlockType::Contents;
  block.pid = pid;
  block.count = contents.pages;
  block.clock = contents.effort;
  block.end_clock = contents.copied;
  return data_->add_block(block, {});
}

Result<void> Writer::add_chunk(const Chunk& chunk, std::uint32_t maps,
                               const std::vector<std::uint32_t>& images) {
  PW_TRY(data_->state);
  auto payload = encode_payload(chunk, data_->header.filter_pages, images);
  if (!payload) return tl::unexpected(payload.error());
  const ChunkInfo& info = chunk.info;
  BlockHeader block;
  block.type = BlockType::Chunk;
  block.pid = info.pid;
  block.stream = info.stream;
  block.tid = info.tid;
  block.maps = maps;
  block.clock = info.clock;
  block.end_clock = chunk.events.empty() ? info.clock : chunk.events.back().clock;
  block.end_clock = std::max(block.end_clock, info.end_clock);
  block.count = chunk.events.size();
  block.flags = std::any_of(chunk.events.begin(), chunk.events.end(),
                            [](const Event& e) { return e.kind == EventKind::Fork; })
                    ? kFlagForks
                    : 0;
  block.begin_ns = info.begin_ns;
  std::uint32_t& sequence = data_->sequences[{info.pid, info.stream}];
  block.sequence = sequence;
  PW_TRY(data_->add_block(block, *payload));
  if (data_->overview) PW_TRY(data_->add_overview(block, chunk, images));
  ++sequence;
  return {};
}

void Writer::skip_chunk(std::uint32_t pid, std::uint32_t stream) {
  ++data_->sequences[{pid, stream}];
  if (data_->overview) data_->overview->skip(pid, stream);
}

Result<void> Writer::finish(std::int32_t exit_status) {
  Data& data = *data_;
  data.header.exit_status = exit_status;
  seal(data.header);
  BlockHeader block;
  block.type = BlockType::Summary;
  PW_TRY(data.add_block(block, bytes_of(data.header)));
  PW_TRY(data.add_index());
  PW_TRY(data.flush());
  PW_TRY(data.write_at(bytes_of(data.header), 0));
  if (::fsync(data.fd) != 0) return data.state = system_error("write", data.part);
  PW_TRY(data.take_name());
  ::close(std::exchange(data.fd, -1));
  return {};
}

std::uint64_t Writer::bytes_written() const { return data_->position(); }
const std::string& Writer::part_path() const { return data_->part; }

}  // namespace pw::record
