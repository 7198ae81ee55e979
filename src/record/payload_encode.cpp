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
          std::span<const std::uint32_t> image_numbers, const KnownSlots* known, bool continues)
      : chunk_(chunk),
        image_numbers_(image_numbers),
        known_(known),
        continues_(continues),
        filter_pages_(filter_pages),
        pages_(known == nullptr ? filter_pages : 0, kNoPage),
        slots_(pages_.size()),
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
          PW_TRY(fetch(i, dt));
          break;
        case EventKind::FirstWrite:
          PW_TRY(first_write(i, dt));
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
    if (filter.size() > filter_pages_) return fail(Errno::Invalid, "more pages than the filter");
    resident_ = filter.size();
    if (continues_) {
      put_varint(out_, 0);
      return {};
    }
    put_varint(out_, filter.size());
    std::uint64_t previous = 0;
    for (std::size_t i = 0; i < filter.size(); ++i) {
      FilterState state{clock_, false};
      if (i < chunk_.filter_states.size()) state = chunk_.filter_states[i];
      if (state.last_reference > clock_) return fail(Errno::Invalid, "a reference to come");
      put_varint(out_, known_ != nullptr ? known_->filter[i] : i);
      put_varint(out_, zigzag(filter[i] - previous));
      put_varint(out_, (clock_ - state.last_reference) << 1 | (state.written ? 1 : 0));
      previous = filter[i];
      if (known_ != nullptr) continue;
      pages_[i] = filter[i];
      if (!slots_.insert(filter[i], static_cast<std::uint32_t>(i))) {
        return fail(Errno::Invalid, "a page is twice in the filter");
      }
    }
    return {};
  }

  // The slot that a page gets which comes.
  Result<std::uint32_t> give(const Event& event) {
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
    return slot;
  }

  // The slot that the page of event `i` leaves.
  Result<std::uint32_t> take(std::size_t i) {
    if (known_ != nullptr) return known_->events[i];
    const std::uint32_t slot = slots_.take(chunk_.events[i].page);
    if (slot == PageSlots::kNone) return fail(Errno::Invalid, "a page leaves that was not there");
    pages_[slot] = kNoPage;
    lowest_free_ = std::min<std::ptrdiff_t>(lowest_free_, slot);
    return slot;
  }

  Result<void> fetch(std::size_t i, std::uint64_t dt) {
    const Event& event = chunk_.events[i];
    const Result<std::uint32_t> given = known_ != nullptr ? known_->events[i] : give(event);
    if (!given) return tl::unexpected(given.error());
    const std::uint32_t slot = *given;
    if (event.evicted == kNoPage) ++resident_;
    bool writes = event.access == Access::Write;
    unsigned kind = event.access == Access::Execute ? PW_FETCH_EXECUTE
                    : event.by_kernel ? (writes ? PW_FETCH_KERNEL_WRITE : PW_FETCH_KERNEL_READ)
                                      : (writes ? PW_FETCH_WRITE : PW_FETCH_READ);
    put_varint(out_, zigzag(event.page - previous_) << 3 | kind);
    put_varint(out_, dt);
    previous_ = event.page;
    if (filter_pages_ == 1) return {};
    put_varint(out_, slot);
    if (event.evicted == kNoPage) return {};
    return age(out_, event);
  }

  Result<void> first_write(std::size_t i, std::uint64_t dt) {
    const std::uint32_t slot = known_ != nullptr ? known_->events[i]
                                                 : slots_.find(chunk_.events[i].page);
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
    while (end < events.size() && end - first < resident_ &&
           events[end].kind == EventKind::FilterGone && events[end].clock == clock_) {
      ++end;
    }
    bool all = end - first == resident_ && end != first;
    if (!all) end = first + 1;
    std::vector<std::pair<std::uint32_t, const Event*>> leaving;
    for (std::size_t i = first; i < end; ++i) {
      const Result<std::uint32_t> slot = take(i);
      if (!slot) return tl::unexpected(slot.error());
      leaving.emplace_back(*slot, &events[i]);
      --resident_;
    }
    std::sort(leaving.begin(), leaving.end());
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
        put_varint(payload, since_begin(event.last_reference + event.length));
        put_varint(payload, event.length);
        put_varint(payload, event.offset);
        if (event.index != 0) put_varint(payload, event.index);
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
  const KnownSlots* known_;
  bool continues_;
  std::uint32_t filter_pages_;
  std::size_t resident_ = 0;  // pages in the filter
  // Unless the slots are known:
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
                                   std::span<const std::uint32_t> image_numbers,
                                   const KnownSlots* known, bool continues) {
  return Encoder(chunk, filter_pages, image_numbers, known, continues).run();
}

}  // namespace pw::record
