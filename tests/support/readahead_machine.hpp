// Plays cases of readahead_case.hpp on a machine with MemoryModel::Linux.
#pragma once

#include <memory>

#include "machine/machine.hpp"
#include "support/readahead_case.hpp"

namespace pw::readahead {

class MachinePlayer final : public Player {
 public:
  explicit MachinePlayer(const Case& c) {
    MachineConfig config;
    config.ram = ByteCount(256ULL << 20);
    config.contents = Contents::MetadataOnly;
    config.model = MemoryModel::Linux;
    config.cold_page_cache = true;
    // Faster than anybody who does not wait: what is read meanwhile is there at the next fault.
    config.file_device = {"quick", 0, 500, 500, 0, 1};
    config.dirty_expire_ns = ~std::uint64_t{0} >> 1;
    config.prefetch.file_readahead_pages = static_cast<std::uint32_t>(c.window);
    config.prefetch.file_request_pages = static_cast<std::uint32_t>(c.request);
    machine_ = std::move(*Machine::create(config));
    pid_ = *machine_->spawn("reader");
    file_ = machine_->open_file("file", ByteCount(0));
    for (std::uint64_t at = 0; at < c.bytes; at += c.chunk) {
      (void)machine_->file_written(file_, ByteCount(at),
                                   ByteCount(std::min(c.chunk, c.bytes - at)));
    }
    (void)machine_->sync_file(file_);
    settle();
    if (c.cold) machine_->advise_file(file_, 0, 0, Machine::FileAdvice::DontNeed);
    settle();
  }

  void play(const Step& s) override {
    const ByteCount offset(s.a), length(s.b);
    switch (s.kind) {
      case Kind::Map:
        return map(s);
      case Kind::Unmap:
        (void)machine_->munmap(pid_, slots_[s.which].address, slots_[s.which].length);
        slots_[s.which] = {};
        return;
      case Kind::Load:
        return touch(s, Access::Read);
      case Kind::Store:
        return touch(s, Access::Write);
      case Kind::Fetch:
        return touch(s, Access::Execute);
      case Kind::Read:
        (void)machine_->file_read(file_, offset, length, s.which + 1);
        return;
      case Kind::Write:
        (void)machine_->file_written(file_, offset, length);
        return;
      case Kind::Sync:
        (void)machine_->sync_file(file_);
        return;
      case Kind::Fadvise:
        machine_->advise_file(file_, s.a, s.b, static_cast<Machine::FileAdvice>(s.hint),
                              s.which + 1);
        return;
      case Kind::Madvise:
        (void)machine_->madvise(pid_, at(slots_[s.which], s.a), ByteCount(s.b * kPage),
                                static_cast<Advice>(s.hint));
        return;
      case Kind::Populate:
        (void)machine_->madvise(pid_, at(slots_[s.which], s.a), ByteCount(s.b * kPage),
                                Advice::PopulateRead);
        return;
    }
  }

  State look() override {
    settle();
    State state;
    state.minor = machine_->counters().faults.minor;
    state.major = machine_->counters().faults.major;
    const VmObject& file = machine_->object(file_);
    state.cached.resize(file.pages().value);
    for (std::uint64_t i = 0; i < state.cached.size(); ++i) {
      state.cached[i] = file.cached(PageOffset(i));
    }
    AddressSpace& space = *machine_->find(pid_)->space;
    for (unsigned n = 0; n < kSlots; ++n) {
      const Slot& slot = slots_[n];
      const std::uint64_t pages = slot.length.value / kPage;
      if (pages == 0) continue;
      state.mapped[n].resize(slot.first + pages);
      for (std::uint64_t i = 0; i < pages; ++i) {
        const x86::Pte* entry = space.tables().find(page_of(slot.address) + PageCount(i));
        state.mapped[n][slot.first + i] = entry != nullptr && entry->present();
      }
    }
    return state;
  }

  Machine& machine() { return *machine_; }
  VmObject& file() { return machine_->object(file_); }

 private:
  struct Slot {
    VirtAddr address;
    ByteCount length;
    std::uint64_t first = 0;
  };

  static VirtAddr at(const Slot& slot, std::uint64_t page) {
    return slot.address + ByteCount((page - slot.first) * kPage);
  }

  void map(const Step& s) {
    MmapRequest request;
    request.address = VirtAddr((0x2000ULL + s.which) << 32 | s.skew * kPage);
    request.length = ByteCount(s.b * kPage);
    request.rights = {true, s.write, s.execute};
    request.shared = s.shared;
    request.fixed = true;
    request.backing = &machine_->object(file_);
    request.backing_page = PageOffset(s.a);
    request.file = s.file + 1;
    (void)machine_->mmap(pid_, request);
    slots_[s.which] = {request.address, request.length, s.a};
  }

  void touch(const Step& s, Access access) {
    (void)machine_->touch(pid_, at(slots_[s.which], s.a), access);
  }

  // Long enough for all that devices have to do.
  void settle() { machine_->advance(20'000'000'000); }

  std::unique_ptr<Machine> machine_;
  Pid pid_{};
  FileId file_{};
  Slot slots_[kSlots];
};

}  // namespace pw::readahead
