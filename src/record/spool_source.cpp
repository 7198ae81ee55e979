#include "record/spool_source.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "record/checksum.hpp"
#include "record/redact.hpp"
#include "record/varint.hpp"
#include "recorder/common/encoding.h"

namespace pw::record {

namespace {

// Chunks of about this size compress well and decode in a millisecond; joined only from frames that
// are close in time, so that processes stay in step when replayed.
constexpr std::size_t kChunkBytes = std::size_t{128} << 10;
constexpr std::uint64_t kChunkNs = 200'000'000;

bool parse_number(std::string_view& text, char after, std::uint64_t& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end == text.data() + text.size() || *end != after) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

// Whether the filter as a frame left it is the one that the next begins with.
bool same_filter(std::span<const std::uint64_t> slots, const std::vector<std::uint64_t>& filter) {
  auto next = filter.begin();
  for (std::uint64_t page : slots) {
    if (page == kNoPage) continue;
    if (next == filter.end() || *next != page) return false;
    ++next;
  }
  return next == filter.end();
}

}  // namespace

void ConversionContext::note(std::uint32_t pid, const std::string& what) {
  notes.push_back("process " + std::to_string(pid) + ": " + what);
}

SpoolSource::SpoolSource(ConversionContext& context, RecordedProcess& process, SpoolReader reader,
                         const pw_spool_header& header)
    : context_(context), process_(process), reader_(std::move(reader)), header_(header) {
  bool forked = (header.flags & 1) != 0;
  image_is_new_ = !forked;
  process_.areas = AreaList();
  process_.areas_changed = true;
}

Result<void> SpoolSource::pump(bool at_end) {
  while (!ended_) {
    auto frame = reader_.next(at_end);
    if (!frame) return tl::unexpected(frame.error());
    if (!*frame) break;
    PW_TRY(take(**frame));
  }
  for (; losses_told_ < reader_.losses().size(); ++losses_told_) {
    context_.note(process_.pid, reader_.losses()[losses_told_]);
  }
  if (!at_end || ended_) return {};
  if (image_is_new_ && command_seen_) PW_TRY(write_bare_image());
  PW_TRY(flush_all());
  if (contents_.pages > 0) PW_TRY(context_.writer.add_contents(process_.pid, contents_));
  ended_ = true;
  return {};
}

Result<void> SpoolSource::take(const SpoolFrame& frame) {
  switch (frame.header.type) {
    case PW_FRAME_EVENTS:
      return take_events(frame);
    case PW_FRAME_COMMAND:
      PW_TRY(flush_all());
      take_command(frame.payload);
      break;
    case PW_FRAME_MAPS:
      PW_TRY(flush_all());
      process_.areas.read_maps(frame.payload);
      process_.areas_changed = true;
      break;
    case PW_FRAME_MODULES:
      take_modules(frame.payload);
      break;
    case PW_FRAME_FILE:
      take_file(frame.payload);
      break;
    case PW_FRAME_START:
      take_start(frame.payload);
      break;
    case PW_FRAME_CONTENTS:
      take_contents(frame.payload);
      break;
    case PW_FRAME_END: {
      bool exits = frame.payload.size() >= 4 && structure_at<unsigned>(frame.payload.data()) == 0;
      process_.exited = exits;
      break;
    }
    default:
      break;  // of a later recorder
  }
  return {};
}

void SpoolSource::take_command(std::string_view text) {
  command_ = split_command(text);
  // The first command of a forked child is its parent's: no new image.
  if (command_seen_) image_is_new_ = true;
  command_seen_ = true;
}

// "start-end offset buildid path", numbers in hex; "-" for no build id.
void SpoolSource::take_modules(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    ModuleRange range = {};
    if (!parse_number(line, '-', range.begin) || !parse_number(line, ' ', range.end) ||
        !parse_number(line, ' ', range.offset)) {
      continue;
    }
    std::size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    std::string_view build_id = line.substr(0, space);
    std::string_view path = line.substr(space + 1);
    Module module{std::string(path), build_id == "-" ? std::string() : std::string(build_id)};
    range.module = context_.stacks.module(module);
    modules_.push_back(range);
  }
}

void SpoolSource::take_file(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto number = static_cast<std::uint32_t>(reader.varint());
  FileInfo file;
  file.device = reader.varint();
  file.inode = reader.varint();
  file.birth_ns = reader.varint();
  file.bytes = reader.varint();
  file.cached_pages = reader.varint() - 1;
  file.memory = (reader.varint() & 1) != 0;
  if (!reader.ok()) return;
  file.path = reader.bytes(reader.left());
  files_[number] = context_.files.file(file);
}

void SpoolSource::take_start(std::string_view bytes) {
  ByteReader reader(bytes);
  StartStrings start;
  for (std::uint64_t* number : {&start.arguments, &start.argument_bytes, &start.variables,
                                &start.variable_bytes, &start.program_bytes}) {
    *number = reader.varint();
  }
  if (reader.ok()) start_ = start;
}

void SpoolSource::take_contents(std::string_view bytes) {
  ByteReader reader(bytes);
  Contents contents;
  contents.pages = reader.varint();
  contents.effort = reader.varint();
  if (!reader.ok()) return;
  const std::uint64_t copied = reader.varint();
  contents.copied = reader.ok() ? copied : 0;
  contents_ = contents;
}

// In the recording; kNoFile: what told of it is lost.
std::uint32_t SpoolSource::file_number(std::uint32_t number) const {
  const auto known = files_.find(number);
  return known == files_.end() ? kNoFile : known->second;
}

SpoolSource::Stream& SpoolSource::stream(std::uint32_t recorder_number) {
  auto known = streams_.find(recorder_number);
  if (known == streams_.end()) {
    known = streams_.try_emplace(recorder_number, process_.next_stream++, header_.k, &stacks_)
                .first;
  }
  return known->second;
}

Result<void> SpoolSource::take_events(const SpoolFrame& frame) {
  Stream& to = stream(frame.header.stream);
  const std::vector<std::uint64_t> slots = to.decoder.slots();
  PayloadStart start{frame.header.clock, frame.header.ns, frame.header.count};
  auto decoded = to.decoder.decode(frame.payload, start, decoded_);
  // A filter that has not changed has seen nothing but hits, which are no events: the clock may
  // have gone on.
  bool same = same_filter(slots, decoded_.filter);
  bool hits_only = same && header_.k > 0 && frame.header.clock > to.end_clock;
  bool follows = to.seen && (to.end_clock == frame.header.clock || hits_only);
  bool joins = to.open && follows && same && !image_is_new_ &&
               to.bytes + frame.payload.size() <= kChunkBytes &&
               frame.header.ns - to.chunk.info.begin_ns <= kChunkNs;
  if (!joins) {
    if (follows && to.open) to.chunk.info.end_clock = frame.header.clock;
    PW_TRY(flush(to));
    if (to.seen && !follows) {
      context_.writer.skip_chunk(process_.pid, to.number);
      context_.note(process_.pid, "what came before reference " +
                                      std::to_string(frame.header.clock) + " is lost");
    }
    PW_TRY(begin_chunk(to, frame.header, decoded_));
  } else if (to.tid != frame.header.tid) {
    Event event;
    event.kind = EventKind::Thread;
    event.clock = frame.header.clock;
    event.index = to.tid = frame.header.tid;
    to.chunk.events.push_back(event);
  }
  append(to, decoded_);
  to.bytes += frame.payload.size();
  to.seen = true;
  to.end_clock = to.chunk.info.end_clock = to.decoder.end_clock();
  if (!decoded) {
    context_.note(process_.pid, decoded.error().message);
    stacks_lost_ = true;
    to.end_clock = ~std::uint64_t{0};  // whatever comes does not follow
  }
  bool parts = std::any_of(decoded_.events.begin(), decoded_.events.end(), [](const Event& event) {
    return event.kind == EventKind::Fork || event.kind == EventKind::Exit;
  });
  return parts || !decoded ? flush(to) : Result<void>{};
}

Result<void> SpoolSource::begin_chunk(Stream& to, const pw_frame_header& frame,
                                      const Chunk& decoded) {
  to.open = true;
  to.bytes = 0;
  to.images.clear();
  to.chunk.events.clear();
  to.chunk.syscalls.clear();
  to.chunk.filter = decoded.filter;
  to.chunk.filter_states = decoded.filter_states;
  ChunkInfo& info = to.chunk.info;
  info = ChunkInfo{};
  info.pid = process_.pid;
  info.stream = to.number;
  info.tid = to.tid = frame.tid;
  info.clock = info.end_clock = frame.clock;
  info.begin_ns = frame.ns;
  return write_areas(to, frame.ns);
}

// Makes sure that the list of areas as it is now lies in the file, and says in the chunk when an
// image is new. A list that is longer than a block may be is left out: whoever reads all chunks
// knows the areas by the calls.
Result<void> SpoolSource::write_areas(Stream& to, std::uint64_t ns) {
  if (image_is_new_ || process_.areas_changed) {
    Image image{command_, process_.areas.areas(), start_};
    if (context_.redact) {
      redact(image.command);
      redact(image.maps);
    }
    auto number = image_is_new_ ? context_.writer.add_image(process_.pid, image, ns)
                                : context_.writer.add_maps(process_.pid, image.maps, ns);
    const bool too_long = !number && number.error().code == Errno::FileTooBig && !image_is_new_;
    if (!number && !too_long) return tl::unexpected(number.error());
    process_.maps = too_long ? kNoAreaList : *number;
    process_.areas_changed = false;
  }
  to.maps = process_.maps;
  if (image_is_new_) {
    Event event;
    event.kind = EventKind::Exec;
    event.clock = to.chunk.info.clock;
    to.chunk.events.push_back(event);
    to.images = {process_.maps};
    image_is_new_ = false;
  }
  return {};
}

// An image of which no event came before it went.
Result<void> SpoolSource::write_bare_image() {
  pw_frame_header frame = {};
  frame.ns = header_.start_ns;
  frame.tid = static_cast<unsigned>(header_.pid);
  Stream& to = stream(0);
  PW_TRY(flush(to));
  return begin_chunk(to, frame, Chunk{});
}

void SpoolSource::append(Stream& to, Chunk& decoded) {
  for (std::size_t i = stack_numbers_.size(); i < stacks_.size(); ++i) {
    stack_numbers_.push_back(context_.stacks.stack(locate(stacks_[i])));
    stacks_[i] = {};
  }
  auto first_call = static_cast<std::uint32_t>(to.chunk.syscalls.size());
  to.chunk.events.reserve(to.chunk.events.size() + decoded.events.size());
  for (const Event& event : decoded.events) {
    note_meeting(event, decoded);
    Event& added = to.chunk.events.emplace_back(event);
    switch (event.kind) {
      case EventKind::Syscall:
        added.index += first_call;
        break;
      case EventKind::Fork:
        added.index = context_.child_pid(event.index, event.last_reference);
        break;
      case EventKind::Stack:
        if (stacks_lost_) {
          to.chunk.events.pop_back();
        } else {
          added.index = stack_numbers_[event.index];
        }
        break;
      case EventKind::Transfer:
        added.index = file_number(event.index);
        if (added.index == kNoFile) to.chunk.events.pop_back();
        break;
      case EventKind::Exec:
        to.chunk.events.pop_back();
        break;  // told by the frames that follow
      case EventKind::Thread:
        to.tid = event.index;
        break;
      default:
        break;
    }
  }
  for (SyscallRecord& call : decoded.syscalls) {
    if (process_.areas.apply(call)) process_.areas_changed = true;
    if (call.file != kNoFile) call.file = file_number(call.file);
    if (context_.redact) call.path = redact_path(call.path);
    to.chunk.syscalls.push_back(std::move(call));
  }
}

namespace {

// read, write, readv, writev, sendfile, connect, accept, sendto, recvfrom, sendmsg, recvmsg,
// accept4, recvmmsg, sendmmsg: a wait in such a call is for its own descriptor.
bool moves_data(std::uint32_t number) {
  constexpr std::array kNumbers{0U,  1U,  19U, 20U, 40U,  42U,  43U,
                                44U, 45U, 46U, 47U, 288U, 299U, 307U};
  return std::find(kNumbers.begin(), kNumbers.end(), number) != kNumbers.end();
}

}  // namespace

// That the process waited for others, or did what others may wait for. A call that has done both
// comes as two events, one behind the other.
void SpoolSource::note_meeting(const Event& event, const Chunk& decoded) {
  constexpr std::uint32_t kExit = 60, kExitGroup = 231;
  const std::uint64_t channel = std::exchange(channel_, PW_CHANNEL_ANY);
  if (event.kind == EventKind::Wake) {
    channel_ = event.offset;
    context_.wakers.add_wake(process_.pid, event.last_reference, event.offset, event.length,
                             event.index);
  } else if (event.kind == EventKind::Wait) {
    const bool timed_out = event.size != 0, child_is_known = event.offset != 0;
    if (!timed_out && !child_is_known) {
      context_.wakers.add_wait(process_.pid, event.last_reference,
                               moves_data(event.index) ? channel : PW_CHANNEL_ANY);
    }
  } else if (event.kind == EventKind::Syscall) {
    const SyscallRecord& call = decoded.syscalls[event.index];
    if (call.number == kExit || call.number == kExitGroup) {
      context_.wakers.add_wake(process_.pid, call.ns);
    }
  }
}

Result<void> SpoolSource::flush(Stream& from) {
  if (!from.open) return {};
  from.open = false;
  PW_TRY(context_.stacks.flush(context_.writer));
  PW_TRY(context_.files.flush(context_.writer));
  const ChunkInfo& info = from.chunk.info;
  auto added = context_.writer.add_chunk(from.chunk, from.maps, from.images);
  if (added) {
    context_.references += info.end_clock - info.clock;
    return {};
  }
  if (added.error().code != Errno::Invalid && added.error().code != Errno::FileTooBig) return added;
  context_.note(process_.pid, std::to_string(from.chunk.events.size()) +
                                  " events contradict themselves (" + added.error().message + ")");
  context_.writer.skip_chunk(process_.pid, from.number);
  return {};
}

Result<void> SpoolSource::flush_all() {
  for (auto& [number, each] : streams_) PW_TRY(flush(each));
  return {};
}

// In the modules told last, else in the files that the areas show. What lies in no executable area
// is no call: an unwinder that has lost its way reports such.
StackFrames SpoolSource::locate(const StackAddresses& addresses) {
  StackFrames frames;
  frames.reserve(addresses.size());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    std::uint64_t address = addresses[i] - (i > 0 && addresses[i] > 0 ? 1 : 0);
    StackFrame frame{0, address};
    auto range = std::find_if(modules_.rbegin(), modules_.rend(), [&](const ModuleRange& m) {
      return m.begin <= address && address < m.end;
    });
    if (range != modules_.rend()) {
      frame = {range->module + 1, address - range->begin + range->offset};
    } else {
      const MappedArea* area = process_.areas.find(address);
      if (i > 0 && (area == nullptr || !area->executable)) continue;
      if (area != nullptr && area->name.starts_with('/')) {
        frame = {context_.stacks.module({area->name, {}}) + 1,
                 address - area->begin.value + area->file_offset};
      }
    }
    frames.push_back(frame);
  }
  return frames;
}

}  // namespace pw::record
