#include <algorithm>

#include "record/page_slots.hpp"
#include "record/payload.hpp"
#include "record/varint.hpp"
#include "recorder/common/encoding.h"

namespace pw::record {

namespace {

// Encodes in one pass, playing the filter: slots are given out here, the lowest free one first.
class Encoder {
 public:
  Encoder(const Chunk& chunk, std::uint32_t filter_pages,
          std::span<const std::uint32_t> image_numbers)
      : chunk_(chunk),
        image_numbers_(image_numbers),
        pages_(filter_pages, kNoPage),
        slots_(filter_pages),
        clock_(chunk.info.clock) {}

  Result<std::string> run() {
    PW_TRY(snapshot());
    const std::vector<Event>& events = chunk_.events;
    for (std::size_t i = 0; i < events.size();) {
      const Event& event = events[i];
      if (event.clock < clock_) return fail(Errno::Invalid, "the clock goes back");
      std::uint64_t dt = event.clock - clock_;
      clock_ = event.clock;
      std::size_t used = 1;
      switch (event.kind) {
        case EventKind::Fetch:
          PW_TRY(fetch(event, dt));
          break;
        case EventKind::FirstWrite:
          PW_TRY(first_write(event, dt));
          break;
        case EventKind::Reference:
          reference(event, dt);
          break;
        case EventKind::FilterGone:
          PW_TRY(gone(i, dt, used));
          break;
        default:
          PW_TRY(control(event, dt));
          break;
      }
      i += used;
    }
    return std::move(out_);
  }

 private:
  Result<void> snapshot() {
    const auto& filter = chunk_.filter;
    if (filter.size() > pages_.size()) return fail(Errno::Invalid, "more pages than the filter");
    put_varint(out_, filter.size());
    std::uint64_t previous = 0;
    for (std::size_t slot = 0; slot < filter.size(); ++slot) {
      FilterState state{clock_, false};
      if (slot < chunk_.filter_states.size()) state = chunk_.filter_states[slot];
      if (state.last_reference > clock_) return fail(Errno::Invalid, "a reference to come");
      put_varint(out_, slot);
      put_varint(out_, zigzag(filter[slot] - previous));
      put_varint(out_, (clock_ - state.last_reference) << 1 | (state.written ? 1 : 0));
      previous = filter[slot];
      pages_[slot] = filter[slot];
      if (!slots_.insert(filter[slot], static_cast<std::uint32_t>(slot))) {
        return fail(Errno::Invalid, "a page is twice in the filter");
      }
    }
    return {};
  }

  Result<void> fetch(const Event& event, std::uint64_t dt) {
    std::uint32_t slot = 0;
    if (event.evicted != kNoPage) {
      slot = slots_.take(event.evicted);
      if (slot == PageSlots::kNone) {
        return fail(Errno::Invalid, "a page leaves that was not there");
      }
    } else {
      auto free = std::find(pages_.begin() + lowest_free_, pages_.end(), kNoPage);
      if (free == pages_.end()) return fail(Errno::Invalid, "a page enters a full filter");
      lowest_free_ = free - pages_.begin() + 1;
      slot = static_cast<std::uint32_t>(free - pages_.begin());
    }
    if (!slots_.insert(event.page, slot)) {
      return fail(Errno::Invalid, "a page enters that is in the filter");
    }
    pages_[slot] = event.page;
    bool writes = event.access == Access::Write;
    unsigned kind = event.access == Access::Execute ? PW_FETCH_EXECUTE
                    : event.by_kernel ? (writes ? PW_FETCH_KERNEL_WRITE : PW_FETCH_KERNEL_READ)
                                      : (writes ? PW_FETCH_WRITE : PW_FETCH_READ);
    put_varint(out_, zigzag(event.page - previous_) << 3 | kind);
    put_varint(out_, dt);
    previous_ = event.page;
    if (pages_.size() == 1) return {};
    put_varint(out_, slot);
    if (event.evicted == kNoPage) return {};
    return age(out_, event);
  }

  Result<void> first_write(const Event& event, std::uint64_t dt) {
    std::uint32_t slot = slots_.find(event.page);
    if (slot == PageSlots::kNone) return fail(Errno::Invalid, "first write outside the filter");
    put_varint(out_, std::uint64_t{slot} << 3 | PW_FIRST_WRITE);
    put_varint(out_, dt);
    return {};
  }

  void reference(const Event& event, std::uint64_t dt) {
    put_varint(out_, zigzag(event.address - previous_) << 3 | PW_REFERENCE);
    put_varint(out_, dt);
    auto flags = static_cast<unsigned>(event.access) | (event.by_kernel ? 4U : 0U);
    out_.push_back(static_cast<char>(flags));
    put_varint(out_, event.size);
    previous_ = event.address;
  }

  // A run of pages that leave together is a reset if it empties the filter.
  Result<void> gone(std::size_t first, std::uint64_t dt, std::size_t& used) {
    const std::vector<Event>& events = chunk_.events;
    std::size_t end = first;
    while (end < events.size() && end - first < slots_.size() &&
           events[end].kind == EventKind::FilterGone && events[end].clock == clock_) {
      ++end;
    }
    bool all = end - first == slots_.size() && end != first;
    if (!all) end = first + 1;
    std::vector<std::pair<std::uint32_t, const Event*>> leaving;
    for (std::size_t i = first; i < end; ++i) {
      std::uint32_t slot = slots_.take(events[i].page);
      if (slot == PageSlots::kNone) {
        return fail(Errno::Invalid, "a page leaves that was not there");
      }
      leaving.emplace_back(slot, &events[i]);
      pages_[slot] = kNoPage;
    }
    std::sort(leaving.begin(), leaving.end());
    lowest_free_ = std::min<std::ptrdiff_t>(lowest_free_, leaving.front().first);
    std::string payload;
    if (!all) put_varint(payload, leaving.front().first);
    for (const auto& [slot, event] : leaving) PW_TRY(age(payload, *event));
    put_control(all ? PW_FILTER_RESET : PW_FILTER_DROP, dt, payload);
    used = end - first;
    return {};
  }

  Result<void> control(const Event& event, std::uint64_t dt) {
    std::string payload;
    put_varint(payload, event.index);
    switch (event.kind) {
      case EventKind::Syscall:
        return syscall(event, dt);
      case EventKind::Transfer:
        transfer(event, dt);
        break;
      case EventKind::Wait:
        put_varint(payload, since_begin(event.last_reference));
        put_varint(payload, event.length);
        put_varint(payload, event.offset);
        put_varint(payload, event.size);
        put_control(PW_WAIT, dt, payload);
        break;
      case EventKind::Wake:
        payload.clear();
        put_varint(payload, since_begin(event.last_reference));
        put_varint(payload, 0);
        put_control(PW_WAKE, dt, payload);
        break;
      case EventKind::Thread:
        put_control(PW_THREAD, dt, payload);
        break;
      case EventKind::ThreadStart:
        put_control(PW_THREAD_START, dt, payload);
        break;
      case EventKind::ThreadExit:
        put_control(PW_THREAD_EXIT, dt, payload);
        break;
      case EventKind::Exit:
        put_control(PW_EXIT, dt, payload);
        break;
      case EventKind::Fork:
        put_varint(payload, since_begin(event.last_reference));
        put_control(PW_FORK, dt, payload);
        break;
      case EventKind::Stack:
        payload.clear();
        put_varint(payload, static_cast<unsigned>(event.cause));
        put_varint(payload, event.index);
        put_control(PW_STACK_REF, dt, payload);
        break;
      default:  // Exec
        if (event.index >= image_numbers_.size()) return fail(Errno::Invalid, "unknown image");
        payload.clear();
        put_varint(payload, image_numbers_[event.index]);
        put_control(PW_EXEC, dt, payload);
        break;
    }
    return {};
  }

  Result<void> syscall(const Event& event, std::uint64_t dt) {
    if (event.index >= chunk_.syscalls.size()) return fail(Errno::Invalid, "unknown call");
    const SyscallRecord& call = chunk_.syscalls[event.index];
    std::string payload;
    if (call.file != kNoFile) put_varint(payload, call.file);
    put_varint(payload, call.number);
    for (std::uint64_t argument : call.arguments) put_varint(payload, argument);
    put_varint(payload, zigzag(static_cast<std::uint64_t>(call.result)));
    put_varint(payload, call.tid);
    put_varint(payload, since_begin(call.ns));
    payload += call.path;
    put_control(call.file == kNoFile ? PW_SYSCALL : PW_FILE_CALL, dt, payload);
    return {};
  }

  void transfer(const Event& event, std::uint64_t dt) {
    std::string payload;
    put_varint(payload, std::uint64_t{event.index} << 1 | (event.access == Access::Write ? 1 : 0));
    put_varint(payload, event.descriptor);
    put_varint(payload, zigzag(event.offset - transfer_end_));
    put_varint(payload, event.length);
    transfer_end_ = event.offset + event.length;
    put_control(PW_TRANSFER, dt, payload);
  }

  void put_control(unsigned code, std::uint64_t dt, std::string_view payload) {
    put_varint(out_, std::uint64_t{code} << 3 | PW_CONTROL);
    put_varint(out_, dt);
    put_string(out_, payload);
  }

  Result<void> age(std::string& out, const Event& event) const {
    if (event.last_reference > event.clock) return fail(Errno::Invalid, "a reference to come");
    put_varint(out, event.clock - event.last_reference);
    return {};
  }

  std::uint64_t since_begin(std::uint64_t ns) const {
    return ns > chunk_.info.begin_ns ? ns - chunk_.info.begin_ns : 0;
  }

  const Chunk& chunk_;
  std::span<const std::uint32_t> image_numbers_;
  std::vector<std::uint64_t> pages_;
  PageSlots slots_;
  std::ptrdiff_t lowest_free_ = 0;  // no free slot lies below
  std::uint64_t clock_;
  std::uint64_t previous_ = 0;
  std::uint64_t transfer_end_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> encode_payload(const Chunk& chunk, std::uint32_t filter_pages,
                                   std::span<const std::uint32_t> image_numbers) {
  return Encoder(chunk, filter_pages, image_numbers).run();
}

}  // namespace pw::record
