// A small recording with everything in it: two processes, three chunks and more, images, areas,
// stacks, symbols. For tests and fuzz targets of the format.
#pragma once

#include <string>
#include <vector>

#include "record/writer.hpp"
#include "support/random_chunks.hpp"
#include "support/temporary_folder.hpp"

namespace pw::record::testing {

struct Sample {
  std::string bytes;          // of the finished file
  std::vector<Chunk> chunks;  // in replay order
};

inline MappedArea area(std::uint64_t begin, std::uint64_t end, std::string name) {
  MappedArea result;
  result.begin = VirtAddr(begin);
  result.end = VirtAddr(end);
  result.readable = result.executable = true;
  result.file_offset = 0x1000;
  result.name = std::move(name);
  return result;
}

inline Image sample_image() {
  return {{"sort", "--parallel=1", "words"},
          {area(0x400000, 0x480000, "/usr/bin/sort"), area(0x7FFF0000, 0x7FFFF000, "[stack]")}};
}

inline FileInfo sample_file(std::string path, std::uint64_t inode) {
  FileInfo file;
  file.path = std::move(path);
  file.device = 0x801;
  file.inode = inode;
  file.birth_ns = 1'700'000'000'000'000'000;
  file.bytes = 100'000 + inode;
  file.cached_pages = inode == 7 ? FileInfo::kNotKnown : 3;
  return file;
}

// Writes the sample to `path`; false if a step fails.
inline bool write_sample(const std::string& path, Detail detail, std::size_t events,
                         std::vector<Chunk>& chunks) {
  RecordingInfo info;
  info.detail = detail;
  info.filter_pages = filter_pages_of(detail);
  info.command = {"sort", "--parallel=1", "words"};
  info.environment_hash = 0x1234567890;
  info.wall_start_ns = 77;
  auto writer = Writer::create(path, info, {});
  if (!writer) return false;
  Random random(5);
  ChunkMaker parent(random, info.filter_pages);
  ChunkMaker child(random, info.filter_pages);
  bool good = writer->add_process(100, 0, 1000).has_value();
  auto image = writer->add_image(100, sample_image(), 1000);
  good = good && writer->add_modules({{"/usr/bin/sort", "abcdef01"}}) &&
         writer->add_files({sample_file("/tmp/words", 7), sample_file("/tmp/sorted", 8)}) &&
         writer->add_stacks({{{1, 0x10}, {1, 0x20}}, {{0, 0x7000}}});
  if (!good || !image) return false;
  parent.stacks = child.stacks = 2;
  parent.files = child.files = 2;
  for (int i = 0; i < 3; ++i) {
    parent.fork_pid = i == 1 ? 101 : 0;
    parent.images = i == 0 ? 1 : 0;
    Chunk chunk = parent.next(100, 0, 2000 + static_cast<std::uint64_t>(i) * 1000, events);
    if (!writer->add_chunk(chunk, *image, {*image})) return false;
    if (i == 0) chunk.images = {sample_image()};
    chunks.push_back(std::move(chunk));
  }
  good = writer->add_process(101, 100, 3500).has_value();
  auto maps = writer->add_maps(101, {area(0x1000, 0x2000, "/tmp/child")}, 3500);
  if (!good || !maps) return false;
  for (int i = 0; i < 2; ++i) {
    Chunk chunk = child.next(101, 0, 3600 + static_cast<std::uint64_t>(i) * 1000, events);
    if (!writer->add_chunk(chunk, *maps)) return false;
    chunks.push_back(std::move(chunk));
  }
  std::swap(chunks[2], chunks[3]);  // the child's first chunk began before its parent's last
  return writer->add_symbols({{{1, 0x10}, {"main", "sort.c", 42}}}) && writer->finish(3);
}

inline Sample make_sample(Detail detail, std::size_t events) {
  pw::testing::TemporaryFolder folder;
  Sample sample;
  std::string path = folder / "sample.pwrec";
  if (write_sample(path, detail, events, sample.chunks)) {
    sample.bytes = pw::testing::read_file(path);
  }
  return sample;
}

}  // namespace pw::record::testing
