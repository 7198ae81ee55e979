// Chunks in the order in which they are replayed, and the processes that they belong to.
//
// Chunks of a stream keep their sequence; streams and processes are merged by time. A child's
// chunks sort with its start at the earliest, which lies after the start of the chunk that its
// parent forked in, so the fork always comes first.
#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "record/payload.hpp"
#include "record/recording_data.hpp"

namespace pw::record {

namespace {

constexpr unsigned kMaxDepth = 10'000;  // of ancestors; more is a forged circle

struct Ordered {
  std::uint64_t ns = 0;
  unsigned depth = 0;  // generation of the process
  const BlockRef* block = nullptr;
  bool gap = false;

  auto key() const {
    const BlockHeader& h = block->header;
    return std::tuple(ns, depth, h.pid, h.stream, h.sequence, block->offset);
  }
};

struct Family {
  std::map<std::uint32_t, ProcessInfo> by_pid;
  std::map<std::uint32_t, unsigned> depths;

  unsigned depth(std::uint32_t pid) {
    std::vector<std::uint32_t> path;
    unsigned depth = 0;
    while (path.size() < kMaxDepth) {
      auto known = depths.find(pid);
      if (known != depths.end()) {
        depth = known->second + 1;
        break;
      }
      path.push_back(pid);
      auto process = by_pid.find(pid);
      if (process == by_pid.end() || process->second.parent == 0) break;
      pid = process->second.parent;
    }
    for (auto it = path.rbegin(); it != path.rend(); ++it) depths[*it] = depth++;
    return depths[path.empty() ? pid : path.front()];
  }
};

Family find_family(const std::vector<BlockRef>& blocks) {
  Family family;
  for (const BlockRef& block : blocks) {
    if (block.header.type != BlockType::Process) continue;
    ProcessInfo info;
    info.pid = block.header.pid;
    info.parent = static_cast<std::uint32_t>(block.header.clock);
    info.start_ns = block.header.begin_ns;
    family.by_pid.emplace(info.pid, std::move(info));
  }
  for (const BlockRef& block : blocks) {  // those whose own block is lost
    if (block.header.type != BlockType::Chunk) continue;
    ProcessInfo info;
    info.pid = block.header.pid;
    info.start_ns = block.header.begin_ns;
    family.by_pid.emplace(info.pid, std::move(info));
  }
  return family;
}

// Pids that readable Fork events tell of.
std::set<std::uint32_t> forked_pids(const RecordingData& data,
                                    const std::vector<BlockRef>& blocks) {
  std::set<std::uint32_t> pids;
  Chunk chunk;
  for (const BlockRef& block : blocks) {
    if (block.header.type != BlockType::Chunk || (block.header.flags & kFlagForks) == 0) continue;
    auto payload = read_block(data.source, block, chunk.packed, chunk.unpacked);
    if (!payload) continue;
    PayloadDecoder decoder(block.header.filter_pages);
    if (!decoder.decode(*payload, {block.header.clock, 0, block.header.count}, chunk)) continue;
    for (const Event& event : chunk.events) {
      if (event.kind == EventKind::Fork) pids.insert(event.index);
    }
  }
  return pids;
}

// The command each process ran last; a child that never started another image has its parent's.
void find_commands(const std::vector<BlockRef>& blocks, RecordingData& data) {
  std::map<std::uint32_t, std::map<std::uint64_t, std::uint32_t>> images;  // pid: ns: number
  for (const BlockRef& block : blocks) {
    if (block.header.type == BlockType::Image) {
      images[block.header.pid][block.header.begin_ns] = block.header.sequence;
    }
  }
  std::map<std::uint32_t, std::vector<std::string>> inherited;
  std::size_t bytes = 0;
  auto command_at = [&](std::uint32_t pid, std::uint64_t ns) -> std::vector<std::string> {
    auto own = images.find(pid);
    if (own != images.end()) {
      auto after = own->second.upper_bound(ns);
      if (after != own->second.begin()) {
        auto image = data.image(std::prev(after)->second);
        if (image) return std::move(image->command);
      }
    }
    auto before = inherited.find(pid);
    return before != inherited.end() ? before->second : std::vector<std::string>{};
  };
  for (ProcessInfo& process : data.processes) {
    if (bytes > kMaxSideBytes) break;
    inherited[process.pid] = command_at(process.parent, process.start_ns);
    process.command = command_at(process.pid, std::numeric_limits<std::uint64_t>::max());
    for (const std::string& word : process.command) bytes += sizeof word + word.size();
    for (const std::string& word : inherited[process.pid]) bytes += sizeof word + word.size();
  }
}

// By stream and sequence, with times that never go back within a stream and gaps where numbers are
// missing.
std::vector<Ordered> chunks_by_stream(const std::vector<BlockRef>& blocks, Family& family,
                                      const std::set<std::uint32_t>& forked) {
  std::vector<Ordered> chunks;
  for (const BlockRef& block : blocks) {
    if (block.header.type == BlockType::Chunk) chunks.push_back({0, 0, &block, false});
  }
  std::sort(chunks.begin(), chunks.end(), [](const Ordered& a, const Ordered& b) {
    const BlockHeader& x = a.block->header;
    const BlockHeader& y = b.block->header;
    return std::tuple(x.pid, x.stream, x.sequence, a.block->offset) <
           std::tuple(y.pid, y.stream, y.sequence, b.block->offset);
  });
  const BlockHeader* before = nullptr;
  std::uint64_t ns = 0;
  for (Ordered& chunk : chunks) {
    const BlockHeader& header = chunk.block->header;
    const ProcessInfo& process = family.by_pid.at(header.pid);
    bool same_process = before != nullptr && before->pid == header.pid;
    bool same_stream = same_process && before->stream == header.stream;
    ns = std::max({header.begin_ns, process.start_ns, same_stream ? ns : 0});
    chunk.ns = ns;
    chunk.depth = family.depth(header.pid);
    chunk.gap = header.sequence != (same_stream ? before->sequence + 1 : 0);
    bool orphan = process.parent != 0 && family.by_pid.count(process.parent) != 0 &&
                  forked.count(header.pid) == 0;
    if (!same_process && orphan) chunk.gap = true;
    before = &header;
  }
  return chunks;
}

// Those of which no part is missing; others are of no use.
void find_overviews(const std::vector<BlockRef>& blocks, RecordingData& data) {
  const auto key = [](const BlockHeader& header) {
    return std::tuple(header.pid, header.stream, header.sequence);
  };
  using Key = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;
  std::map<std::uint32_t, std::map<Key, const BlockRef*>> levels;
  for (const BlockRef& block : blocks) {
    const BlockType type = block.header.type;
    if (type != BlockType::Overview && type != BlockType::Thinned) continue;
    levels[block.header.filter_pages].emplace(key(block.header), &block);
  }
  for (const auto& [pages, parts] : levels) {
    std::vector<BlockRef> all;
    for (const BlockRef& chunk : data.chunk_blocks) {
      const auto part = parts.find(key(chunk.header));
      if (part == parts.end()) break;
      all.push_back(*part->second);
    }
    if (all.size() == data.chunk_blocks.size()) data.overviews.emplace(pages, std::move(all));
  }
}

}  // namespace

void arrange_chunks(const std::vector<BlockRef>& blocks, RecordingData& data) {
  Family family = find_family(blocks);
  std::vector<Ordered> order = chunks_by_stream(blocks, family, forked_pids(data, blocks));
  std::sort(order.begin(), order.end(),
            [](const Ordered& a, const Ordered& b) { return a.key() < b.key(); });
  for (const Ordered& chunk : order) {
    const BlockHeader& header = chunk.block->header;
    ChunkInfo info;
    info.pid = header.pid;
    info.tid = header.tid;
    info.stream = header.stream;
    info.clock = header.clock;
    info.end_clock = header.end_clock;
    info.events = header.count;
    info.begin_ns = header.begin_ns;
    info.gap = chunk.gap;
    data.chunks.push_back(info);
    data.chunk_blocks.push_back(*chunk.block);
    std::uint64_t references = header.end_clock - header.clock;
    family.by_pid.at(header.pid).references += references;
    data.references += references;
  }
  find_overviews(blocks, data);
  for (auto& [pid, process] : family.by_pid) data.processes.push_back(std::move(process));
  std::sort(data.processes.begin(), data.processes.end(),
            [&](const ProcessInfo& a, const ProcessInfo& b) {
              return std::tuple(a.start_ns, family.depth(a.pid), a.pid) <
                     std::tuple(b.start_ns, family.depth(b.pid), b.pid);
            });
  find_commands(blocks, data);
}

}  // namespace pw::record
