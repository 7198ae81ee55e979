#include "analysis/formats/input_bytes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace pw::analysis {
namespace {

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

bool is_zstd(std::string_view bytes) {
  if (bytes.size() < 4) return false;
  std::uint32_t magic = 0;
  std::memcpy(&magic, bytes.data(), sizeof magic);
  return magic == ZSTD_MAGICNUMBER ||
         (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

}  // namespace

struct InputBytes::State {
  std::string_view memory;  // what is not read yet, where fd < 0
  int fd = -1;
  bool owns_fd = false;
  std::size_t block = kBlockBytes;
  std::uint64_t file_bytes = 0;
  std::uint64_t file_offset = 0;
  std::vector<char> buffer;

  std::unique_ptr<ZSTD_DCtx, FreeContext> zstd;
  std::vector<char> packed;  // [packed_begin, packed_end) waits to be decompressed
  std::size_t packed_begin = 0, packed_end = 0;
  bool in_frame = false;
  bool file_ended = false;

  ~State() {
    if (owns_fd) ::close(fd);
  }

  // Up to `count` bytes of the file; 0: the end.
  Result<std::size_t> read_file(char* out, std::size_t count) {
    if (fd < 0) {
      count = std::min(count, memory.size());
      if (count != 0) std::memcpy(out, memory.data(), count);
      memory.remove_prefix(count);
      file_offset += count;
      return count;
    }
    for (;;) {
      const ssize_t n = ::read(fd, out, count);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        return fail(Errno::Io,
                    fmt::format("reading at byte {}: {}", file_offset, std::strerror(errno)));
      }
      file_offset += static_cast<std::uint64_t>(n);
      return static_cast<std::size_t>(n);
    }
  }

  Result<void> refill_packed() {
    const Result<std::size_t> got = read_file(packed.data(), packed.size());
    if (!got) return tl::unexpected(got.error());
    packed_begin = 0;
    packed_end = *got;
    file_ended = *got == 0;
    return {};
  }

  // Up to `count` decompressed bytes; 0: the end.
  Result<std::size_t> decompress(char* out, std::size_t count) {
    ZSTD_outBuffer output = {out, count, 0};
    while (output.pos == 0) {
      if (packed_begin == packed_end && !file_ended) PW_TRY(refill_packed());
      if (packed_begin == packed_end && !in_frame) return std::size_t{0};
      ZSTD_inBuffer input = {packed.data(), packed_end, packed_begin};
      const std::size_t left = ZSTD_decompressStream(zstd.get(), &output, &input);
      packed_begin = input.pos;
      const std::uint64_t at = file_offset - (packed_end - packed_begin);
      if (ZSTD_isError(left) != 0) {
        return fail(Errno::Invalid, fmt::format("damaged Zstandard data at or before byte {} of "
                                                "the compressed file: {}",
                                                at, ZSTD_getErrorName(left)));
      }
      in_frame = left != 0;
      if (file_ended && in_frame && output.pos == 0) {
        return fail(Errno::Invalid,
                    fmt::format("the compressed file is cut: it ends at byte {}, within a "
                                "Zstandard frame",
                                at));
      }
    }
    return output.pos;
  }
};

InputBytes::InputBytes(std::unique_ptr<State> state) : state_(std::move(state)) {}
InputBytes::InputBytes(InputBytes&&) noexcept = default;
InputBytes& InputBytes::operator=(InputBytes&&) noexcept = default;
InputBytes::~InputBytes() = default;

Result<InputBytes> InputBytes::open(const std::string& path) {
  auto state = std::make_unique<State>();
  state->owns_fd = path != "-";
  state->fd = state->owns_fd ? ::open(path.c_str(), O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
  struct stat status = {};
  if (state->fd < 0 || ::fstat(state->fd, &status) != 0) {
    const int error = errno;
    state->owns_fd = state->fd >= 0 && state->owns_fd;
    return fail(static_cast<Errno>(error),
                fmt::format("cannot open {}: {}", path, std::strerror(error)));
  }
  if (S_ISDIR(status.st_mode)) return fail(Errno::IsDirectory, path + " is a folder");
  if (S_ISREG(status.st_mode)) state->file_bytes = static_cast<std::uint64_t>(status.st_size);
  InputBytes input(std::move(state));
  PW_TRY(input.detect_compression());
  return input;
}

Result<InputBytes> InputBytes::from_memory(std::string_view bytes, std::size_t block) {
  auto state = std::make_unique<State>();
  state->memory = bytes;
  state->block = std::min(block, std::max<std::size_t>(bytes.size(), 64));
  state->file_bytes = bytes.size();
  InputBytes input(std::move(state));
  PW_TRY(input.detect_compression());
  return input;
}

Result<void> InputBytes::detect_compression() {
  while (bytes().size() < 4) {
    const Result<bool> more = read_more();
    if (!more) return tl::unexpected(more.error());
    if (!*more) return {};
  }
  if (!is_zstd(bytes())) return {};
  state_->zstd.reset(ZSTD_createDCtx());
  if (!state_->zstd) return fail(Errno::NoMemory, "no memory to decompress the input");
  state_->packed.assign(bytes().begin(), bytes().end());
  state_->packed_end = state_->packed.size();
  state_->packed.resize(std::max(state_->packed_end, state_->block));
  begin_ = end_ = state_->buffer.data();
  end_offset_ = 0;
  return {};
}

Result<bool> InputBytes::read_more() {
  State& s = *state_;
  const std::size_t kept = bytes().size();
  // What is kept moves to the front; the buffer doubles where it is more than half full of it.
  if (s.buffer.size() < kept + s.block) {
    std::vector<char> larger(std::max(2 * kept, kept + s.block));
    if (kept != 0) std::memcpy(larger.data(), begin_, kept);
    s.buffer = std::move(larger);
  } else if (kept != 0 && begin_ != s.buffer.data()) {
    std::memmove(s.buffer.data(), begin_, kept);
  }
  begin_ = s.buffer.data();
  end_ = begin_ + kept;
  char* const out = s.buffer.data() + kept;
  const Result<std::size_t> got = s.zstd ? s.decompress(out, s.block) : s.read_file(out, s.block);
  if (!got) return tl::unexpected(got.error());
  end_ += *got;
  end_offset_ += *got;
  return *got != 0;
}

bool InputBytes::compressed() const { return state_->zstd != nullptr; }
std::uint64_t InputBytes::file_bytes() const { return state_->file_bytes; }
std::uint64_t InputBytes::file_offset() const { return state_->file_offset; }

}  // namespace pw::analysis
