#include "record/shared_chunks.hpp"

#include <algorithm>

namespace pw::record {

namespace {

// Beside its events a chunk has a place in memory.
std::uint64_t weight_of(const Chunk& chunk) {
  constexpr std::uint64_t kPlace = 64;
  return kPlace + chunk.events.size();
}

// Of chunks that are decoded before they are asked for.
constexpr std::uint64_t kMostAhead = 250'000;

}  // namespace

SharedChunks::SharedChunks(const Recording& recording, const Use& use)
    : recording_(recording), use_(use) {
  PW_CHECK(use.filter_pages == 0 || (use.in_order && recording.can_be_thinned(use.filter_pages)));
  if (use.in_order) decoder_ = std::thread([this] { decode_ahead(); });
}

SharedChunks::~SharedChunks() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (decoder_.joinable()) decoder_.join();
}

void SharedChunks::decode_ahead() {
  for (std::size_t index = 0; index < recording_.chunks().size(); ++index) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopped_ || ahead_ < kMostAhead; });
      if (stopped_) return;
    }
    Result<Shared> chunk = use_.filter_pages != 0 ? thin(index) : decode(index);
    {
      const std::lock_guard lock(mutex_);
      if (chunk) {
        ahead_ += weight_of(**chunk);
        entries_[index] = {std::move(chunk), use_.readers, begun_++};
      } else {
        error_ = chunk.error();
      }
    }
    changed_.notify_all();
    if (error_) return;
  }
}

// Goes back to the pool, which lives as long as any of them.
std::shared_ptr<Chunk> SharedChunks::spare() {
  std::unique_ptr<Chunk> chunk;
  {
    const std::lock_guard lock(pool_->mutex);
    if (!pool_->spare.empty()) {
      chunk = std::move(pool_->spare.back());
      pool_->spare.pop_back();
    }
  }
  if (chunk == nullptr) chunk = std::make_unique<Chunk>();
  return {chunk.release(), [pool = pool_](Chunk* done) {
            std::unique_ptr<Chunk> back(done);
            const std::lock_guard lock(pool->mutex);
            pool->spare.push_back(std::move(back));
          }};
}

Result<SharedChunks::Shared> SharedChunks::decode(std::size_t index) {
  const std::shared_ptr<Chunk> chunk = use_.in_order ? spare() : std::make_shared<Chunk>();
  chunk->wants_filter = false;
  PW_TRY(recording_.decode(index, *chunk));
  if (!use_.in_order) chunk->packed = chunk->unpacked = {};  // many are kept
  chunk->filter.clear();
  chunk->filter_states.clear();
  return chunk;
}

Result<SharedChunks::Shared> SharedChunks::thin(std::size_t index) {
  PW_TRY(recording_.decode(index, whole_));
  const std::pair stream(whole_.info.pid, whole_.info.stream);
  Thinner& thinner = thinners_.try_emplace(stream, use_.filter_pages).first->second;
  const std::shared_ptr<Chunk> thin = spare();
  const std::uint64_t left_out = thinner.thin(whole_, *thin);
  thin->info.left_out += left_out;
  thin->info.events = thin->events.size();
  thin->filter.clear();
  thin->filter_states.clear();
  return thin;
}

// What was begun first goes: those who have not asked for it are far behind, or wait for it and
// begin it again.
void SharedChunks::make_room() {
  const auto events_of = [this](std::size_t index) { return recording_.chunks()[index].events; };
  std::uint64_t events = 0;
  for (const auto& [index, entry] : entries_) events += events_of(index);
  while (events > use_.most_events && !entries_.empty()) {
    const auto first = std::min_element(
        entries_.begin(), entries_.end(),
        [](const auto& a, const auto& b) { return a.second.begun < b.second.begun; });
    if (!first->second.chunk) return;
    events -= events_of(first->first);
    entries_.erase(first);
  }
}

// Out of order only: by the thread that asks first.
void SharedChunks::begin(std::size_t index, std::unique_lock<std::mutex>& lock) {
  make_room();
  entries_[index] = {std::nullopt, use_.readers, begun_++};
  lock.unlock();
  Result<Shared> chunk = decode(index);
  lock.lock();
  entries_[index].chunk = std::move(chunk);
  changed_.notify_all();
}

Result<SharedChunks::Shared> SharedChunks::get(std::size_t index) {
  std::unique_lock lock(mutex_);
  auto place = entries_.find(index);
  while (place == entries_.end() || !place->second.chunk) {
    const bool missing = place == entries_.end();
    if (missing && error_) return tl::unexpected(*error_);
    if (missing && !use_.in_order) {
      begin(index, lock);
    } else {
      changed_.wait(lock);
    }
    place = entries_.find(index);
  }
  Entry& entry = place->second;
  Result<Shared> chunk = *entry.chunk;
  if (use_.in_order && entry.readers == use_.readers) {
    ahead_ -= weight_of(**chunk);
    changed_.notify_all();
  }
  if (--entry.readers == 0) entries_.erase(place);
  return chunk;
}

}  // namespace pw::record
