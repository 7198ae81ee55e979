// One spool on its way into a recording: its frames become chunks, its stacks are renumbered, its
// process's areas are followed. Inside src/record only; spool_converter.hpp owns these.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "record/area_list.hpp"
#include "record/file_table.hpp"
#include "record/payload.hpp"
#include "record/spool.hpp"
#include "record/stack_table.hpp"
#include "record/wakers.hpp"
#include "record/writer.hpp"

namespace pw::record {

// A process of the recording. Its images (a spool each) follow each other; streams are numbered
// through them, since each image has clocks and filters of its own.
struct RecordedProcess {
  std::uint32_t pid = 0;  // in the recording
  std::uint64_t start_ns = 0;
  bool exited = false;
  std::uint32_t next_stream = 0;
  AreaList areas;
  bool areas_changed = true;  // since the list numbered `maps` was written
  std::uint32_t maps = 0;
};

// What the spools of a recording share.
struct ConversionContext {
  Writer& writer;
  StackTable stacks;
  FileTable files;
  bool redact = false;
  std::uint64_t references = 0;
  Wakers wakers;
  std::vector<std::string> notes;
  // The number in the recording of the child that was forked as `pid` at `ns`.
  std::function<std::uint32_t(std::uint32_t pid, std::uint64_t ns)> child_pid;

  void note(std::uint32_t pid, const std::string& what);
};

class SpoolSource {
 public:
  SpoolSource(ConversionContext& context, RecordedProcess& process, SpoolReader reader,
              const pw_spool_header& header);

  // Converts the frames that are there. `at_end`: no more will come; everything held back is
  // written too.
  Result<void> pump(bool at_end);

  std::uint32_t recorder_pid() const { return static_cast<std::uint32_t>(header_.pid); }
  bool ended() const { return ended_; }  // everything is written

 private:
  // A chunk in the making: frames are joined until they are worth a chunk.
  struct Stream {
    Stream(std::uint32_t own_number, std::uint32_t filter_pages,
           std::vector<StackAddresses>* stacks)
        : number(own_number), decoder(filter_pages, stacks) {}

    std::uint32_t number;  // in the recording
    PayloadDecoder decoder;
    std::uint64_t end_clock = 0;
    bool seen = false;  // a frame of it was
    bool open = false;  // `chunk` is begun
    Chunk chunk;
    std::vector<std::uint32_t> images;  // numbers
    std::uint32_t maps = 0;
    std::uint32_t tid = 0;  // running at the end
    std::size_t bytes = 0;  // of the frames that it is made of
  };
  struct ModuleRange {
    std::uint64_t begin, end, offset;
    std::uint32_t module;
  };

  Result<void> take(const SpoolFrame& frame);
  Result<void> take_events(const SpoolFrame& frame);
  void take_command(std::string_view text);
  void take_modules(std::string_view text);
  void take_file(std::string_view bytes);
  void take_start(std::string_view bytes);
  void take_contents(std::string_view bytes);
  std::uint32_t file_number(std::uint32_t number) const;
  Result<void> begin_chunk(Stream& stream, const pw_frame_header& frame, const Chunk& decoded);
  void append(Stream& stream, Chunk& decoded);
  void note_meeting(const Event& event, const Chunk& decoded);
  Result<void> flush(Stream& stream);
  Result<void> flush_all();
  Result<void> write_areas(Stream& stream, std::uint64_t ns);
  Result<void> write_bare_image();
  StackFrames locate(const StackAddresses& addresses);
  Stream& stream(std::uint32_t recorder_number);

  ConversionContext& context_;
  RecordedProcess& process_;
  std::uint64_t channel_ = 0;  // of the event before, if it was a Wake
  SpoolReader reader_;
  pw_spool_header header_;
  std::map<std::uint32_t, Stream> streams_;
  Chunk decoded_;
  std::vector<StackAddresses> stacks_;        // as the spool numbers them
  std::vector<std::uint32_t> stack_numbers_;  // theirs in the recording
  bool stacks_lost_ = false;  // a frame was unreadable, which may have numbered some
  std::vector<ModuleRange> modules_;
  std::unordered_map<std::uint32_t, std::uint32_t> files_;  // by number in the spool
  std::vector<std::string> command_;
  StartStrings start_;
  Contents contents_;
  bool command_seen_ = false;
  bool image_is_new_ = false;  // the next chunk begins with an Exec event
  std::size_t losses_told_ = 0;
  bool ended_ = false;
};

}  // namespace pw::record
