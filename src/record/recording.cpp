#include "record/recording.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <utility>

#include "record/overview_reader.hpp"
#include "record/payload.hpp"
#include "record/recording_data.hpp"
#include "record/thinner.hpp"
#include "record/varint.hpp"

namespace pw::record {

struct ThinnedChunks {
  RecordingInfo info;
  std::vector<ChunkInfo> chunks;
  std::unique_ptr<OverviewReader> overview;  // of the file; null: has payloads instead
  std::vector<std::string> payloads;         // with the padding that the decoder wants
};

Recording::Recording(std::shared_ptr<const RecordingData> data,
                     std::shared_ptr<const ThinnedChunks> thinned)
    : data_(std::move(data)), thinned_(std::move(thinned)) {}
Recording::Recording(Recording&&) noexcept = default;
Recording& Recording::operator=(Recording&&) noexcept = default;
Recording::~Recording() = default;

Result<Recording> Recording::open(const std::string& path, Verify verify) {
  auto source = ByteSource::open(path);
  if (!source) return tl::unexpected(source.error());
  auto data = std::make_unique<RecordingData>(std::move(*source));
  if (auto loaded = data->load(verify); !loaded) {
    Error error = loaded.error();
    error.message = path + ": " + error.message;
    return tl::unexpected(std::move(error));
  }
  return Recording(std::move(data));
}

Result<Recording> Recording::from_bytes(std::string_view bytes) {
  auto data = std::make_unique<RecordingData>(ByteSource(bytes));
  PW_TRY(data->load(Verify::All));
  return Recording(std::move(data));
}

const RecordingInfo& Recording::info() const {
  return thinned_ != nullptr ? thinned_->info : data_->info;
}
const std::vector<ProcessInfo>& Recording::processes() const { return data_->processes; }
const std::vector<ChunkInfo>& Recording::chunks() const {
  return thinned_ != nullptr ? thinned_->chunks : data_->chunks;
}
const std::vector<Loss>& Recording::losses() const { return data_->losses; }
std::uint64_t Recording::references() const { return data_->references; }

// With the numbers of images that the file has.
Result<void> Recording::decode_events(std::size_t index, Chunk& out) const {
  if (index >= data_->chunks.size()) return fail(Errno::Range, "no such chunk");
  out.info = chunks()[index];
  if (thinned_ != nullptr && thinned_->overview != nullptr) {
    return thinned_->overview->decode(index, out);
  }
  const BlockRef& block = data_->chunk_blocks[index];
  std::string_view payload;
  if (thinned_ != nullptr) {
    const std::string& padded = thinned_->payloads[index];
    payload = std::string_view(padded).substr(0, padded.size() - kVarintPadding);
  } else {
    auto read = read_block(data_->source, block, out.packed, out.unpacked);
    if (!read) return tl::unexpected(read.error());
    payload = *read;
  }
  PayloadDecoder decoder(thinned_ != nullptr ? thinned_->info.filter_pages
                                             : block.header.filter_pages);
  return decode_block(decoder, payload, block, out);
}

Result<void> Recording::can_be_thinned(std::uint32_t filter_pages) const {
  const RecordingInfo& whole = info();
  if (whole.detail != Detail::Pages || whole.recorder != Recorder::Valgrind ||
      filter_pages <= whole.filter_pages || filter_pages > kMaxFilterPages) {
    return fail(Errno::Invalid, "this recording cannot be thinned");
  }
  if (thinned_ != nullptr) return {};
  const auto differs = [&](const BlockRef& block) {
    return block.header.filter_pages != whole.filter_pages;
  };
  if (std::any_of(data_->chunk_blocks.begin(), data_->chunk_blocks.end(), differs)) {
    return fail(Errno::Invalid, "the chunks are of different filters");
  }
  return {};
}

Result<Recording> Recording::thinned(std::uint32_t filter_pages) const {
  PW_TRY(can_be_thinned(filter_pages));
  const RecordingInfo& whole = info();
  const std::uint32_t known = overview_pages(filter_pages);
  if (known > whole.filter_pages) {
    if (known == filter_pages) return overview(known);
    return overview(known).thinned(filter_pages);
  }
  auto all = std::make_shared<ThinnedChunks>();
  all->info = whole;
  all->info.filter_pages = filter_pages;
  all->chunks = chunks();
  all->payloads.resize(all->chunks.size());
  std::map<std::pair<std::uint32_t, std::uint32_t>, Thinner> of_stream;
  // The next chunk is decoded meanwhile.
  constexpr std::size_t kAhead = 1;
  Chunk decoded[kAhead + 1], thin;
  std::future<Result<void>> coming[kAhead + 1];
  const auto decode_later = [&](std::size_t i) {
    if (i >= all->chunks.size()) return;
    Chunk* const out = &decoded[i % (kAhead + 1)];
    coming[i % (kAhead + 1)] = std::async(std::launch::async,
                                          [this, i, out] { return decode_events(i, *out); });
  };
  decode_later(0);
  for (std::size_t i = 0; i < all->chunks.size(); ++i) {
    PW_TRY(coming[i % (kAhead + 1)].get());
    decode_later(i + kAhead);
    const Chunk& chunk = decoded[i % (kAhead + 1)];
    ChunkInfo& told = all->chunks[i];
    auto& thinner = of_stream.try_emplace({told.pid, told.stream}, filter_pages).first->second;
    told.left_out += thinner.thin(chunk, thin);
    std::vector<std::uint32_t> images;  // as the file numbers them
    for (Event& event : thin.events) {
      if (event.kind != EventKind::Exec) continue;
      images.push_back(std::exchange(event.index, static_cast<std::uint32_t>(images.size())));
    }
    auto payload = encode_payload(thin, filter_pages, images, &thinner.slots());
    if (!payload) return tl::unexpected(payload.error());
    told.events = thin.events.size();
    all->payloads[i] = std::move(*payload);
    all->payloads[i].append(kVarintPadding, '\0');
  }
  return Recording(data_, std::move(all));
}

const std::vector<WaitEnd>* Recording::wait_ends() const {
  return data_->wait_ends ? &*data_->wait_ends : nullptr;
}

std::uint32_t Recording::overview_pages(std::uint32_t most) const {
  const auto above = data_->overviews.upper_bound(most);
  return above == data_->overviews.begin() ? 0 : std::prev(above)->first;
}

Recording Recording::overview(std::uint32_t filter_pages) const {
  auto all = std::make_shared<ThinnedChunks>();
  all->info = data_->info;
  all->info.filter_pages = filter_pages;
  all->chunks = data_->chunks;
  const std::vector<BlockRef>& parts = data_->overviews.at(filter_pages);
  for (std::size_t i = 0; i < all->chunks.size(); ++i) {
    all->chunks[i].events = parts[i].header.count;
    all->chunks[i].left_out = parts[i].header.end_clock;
  }
  all->overview = std::make_unique<OverviewReader>(*data_, filter_pages, all->chunks);
  return Recording(data_, std::move(all));
}

Result<void> Recording::decode(std::size_t index, Chunk& out) const {
  PW_TRY(decode_events(index, out));
  std::vector<std::uint32_t> numbers;  // of out.images
  std::size_t image_bytes = 0;
  for (Event& event : out.events) {
    if (event.kind != EventKind::Exec) continue;
    auto known = std::find(numbers.begin(), numbers.end(), event.index);
    std::uint32_t number = std::exchange(event.index,
                                         static_cast<std::uint32_t>(known - numbers.begin()));
    if (known != numbers.end()) continue;
    auto image = data_->image(number);
    if (image) {
      for (const MappedArea& area : image->maps) image_bytes += sizeof area + area.name.size();
      for (const std::string& word : image->command) image_bytes += sizeof word + word.size();
    }
    if (image_bytes > kMaxSideBytes || numbers.size() > 4096) {
      return fail(Errno::Io, "too many images in the chunk at byte " +
                                 std::to_string(data_->chunk_blocks[index].offset));
    }
    numbers.push_back(number);
    out.images.push_back(image ? std::move(*image) : Image{});
  }
  return {};
}

std::vector<MappedArea> Recording::maps_before(std::size_t index) const {
  if (index >= data_->chunk_blocks.size()) return {};
  auto image = data_->image(data_->chunk_blocks[index].header.maps);
  return image ? std::move(image->maps) : std::vector<MappedArea>{};
}

const FileInfo* Recording::file(std::uint32_t number) const { return data_->files.find(number); }
std::uint32_t Recording::file_count() const { return data_->files.end(); }

std::vector<Symbol> Recording::stack(std::uint32_t index) const {
  std::vector<Symbol> result;
  const StackFrames* frames = data_->stacks.find(index);
  if (frames == nullptr) return result;
  result.reserve(frames->size());
  for (const StackFrame& frame : *frames) {
    auto symbol = data_->symbols.find(frame);
    if (symbol != data_->symbols.end()) {
      result.push_back(symbol->second);
      continue;
    }
    const Module* module = frame.module == 0 ? nullptr : data_->modules.find(frame.module - 1);
    result.push_back(Symbol{{}, module != nullptr ? module->path : std::string(), 0});
  }
  return result;
}

std::uint32_t Recording::stack_count() const { return data_->stacks.end(); }

}  // namespace pw::record
