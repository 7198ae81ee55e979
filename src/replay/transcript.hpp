// What a replay asks of its machine, as the steps of a script (docs/SCRIPTS.md): the text form of a
// recording.
//
// Owned by whoever wants the steps; a Replayer tells it of everything that it has done. Addresses
// are those of the recording, areas are mapped at their places, files are opened for as long as it
// takes to map them. What is not said: that pages stay in the recorder's filter, time that passes
// between references, threads.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "machine/machine.hpp"
#include "script/program.hpp"

namespace pw::replay {

class Transcript {
 public:
  using Sink = std::function<void(const script::Step&)>;
  explicit Transcript(Sink sink) : sink_(std::move(sink)) {}

  // --- processes; `recorded` is the pid they had
  void spawned(Pid pid, std::uint32_t recorded);
  void forked(Pid parent, Pid child, std::uint32_t recorded);
  void executed(Pid pid, const std::string& program);
  void exited(Pid pid, int status);

  // --- calls that the machine carries out, well or not
  void mapped(Pid pid, const MmapRequest& request);
  void unmapped(Pid pid, VirtAddr address, ByteCount length);
  void protected_(Pid pid, VirtAddr address, ByteCount length, Rights rights);
  void moved(Pid pid, const MremapRequest& request);
  void break_moved(Pid pid, VirtAddr from, VirtAddr to);
  void discarded(Pid pid, VirtAddr address, ByteCount length);
  void synced(Pid pid, VirtAddr address, ByteCount length);
  // Bytes of a file; its size afterwards is that of the file as it is now.
  void transferred(Pid pid, const VmObject& file, ByteCount offset, ByteCount length, bool written);
  void resized(Pid pid, const VmObject& file);
  void file_synced(Pid pid, const VmObject& file);
  void attached(Pid pid, std::uint64_t segment, const MmapRequest& request);

  // `count` references to an address, which lies at `placed` in the machine, and how they went.
  void touched(Pid pid, VirtAddr address, VirtAddr placed, Access access, std::uint64_t count,
               const AccessResult& result);

  // --- for whoever looks at the machine while it is driven
  struct Touch {
    Pid pid = 0;
    VirtAddr address;  // in the machine
    Access access = Access::Read;
  };
  const Touch& last_touch() const { return touch_; }
  const std::map<Pid, std::string>& process_names() const { return names_; }
  // The replay is to end before its next event.
  void stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

 private:
  script::Step step(Pid pid, sys::Call call, std::vector<script::Value> arguments) const;
  void say(script::Step step) { sink_(step); }
  void without_stack(Pid pid);
  void open(Pid pid, const VmObject& file);
  void close(Pid pid);

  Sink sink_;
  Touch touch_;
  bool stopped_ = false;
  std::map<Pid, std::string> names_;
  std::map<std::string, std::uint64_t> sizes_;            // of files, as the script has made them
  std::map<std::uint64_t, std::uint64_t> segment_bytes_;  // those the script has made
};

}  // namespace pw::replay
