#include <algorithm>

#include "record/format.hpp"
#include "record/payload.hpp"
#include "record/varint.hpp"
#include "recorder/common/encoding.h"

namespace pw::record {

namespace {

// A page number has 52 bits at most (64-bit addresses); more is damage.
constexpr bool impossible_page(std::uint64_t page) { return (page >> 52) != 0; }

constexpr Event fetch_event(Access access, bool by_kernel) {
  Event event;
  event.kind = EventKind::Fetch;
  event.access = access;
  event.by_kernel = by_kernel;
  return event;
}

constexpr Event kFetches[5] = {
    fetch_event(Access::Read, false),    fetch_event(Access::Write, false),
    fetch_event(Access::Execute, false), fetch_event(Access::Read, true),
    fetch_event(Access::Write, true),
};

constexpr Event first_write_event() {
  Event event;
  event.kind = EventKind::FirstWrite;
  event.access = Access::Write;
  return event;
}
constexpr Event kFirstWrite = first_write_event();

inline const char* read_reference(const unsigned char*& p, std::uint64_t clock,
                                  std::uint64_t address, Event& event) {
  unsigned flags = *p++;
  if ((flags & 3) > 2) return "impossible kind of reference";
  event = Event{};
  event.kind = EventKind::Reference;
  event.clock = clock;
  event.address = address;
  event.access = static_cast<Access>(flags & 3);
  event.by_kernel = (flags & 4) != 0;
  event.size = static_cast<std::uint16_t>(get_varint(p));
  return nullptr;
}

}  // namespace

PayloadDecoder::PayloadDecoder(std::uint32_t filter_pages,
                               std::vector<StackAddresses>* spool_stacks)
    : filter_pages_(std::min(filter_pages, kMaxFilterPages)), spool_stacks_(spool_stacks) {}

Result<void> PayloadDecoder::decode(std::string_view bytes, const PayloadStart& start, Chunk& out,
                                    bool continues) {
  const auto* begin = reinterpret_cast<const unsigned char*>(bytes.data());
  next_ = begin;
  end_ = begin + bytes.size();
  clock_ = start.clock;
  begin_ns_ = start.begin_ns;
  transfer_end_ = 0;
  out_ = &out;
  ++payload_;
  out.filter.clear();
  out.filter_states.clear();
  out.syscalls.clear();
  out.images.clear();

  std::size_t count = 0;
  const char* wrong = continues ? resume() : decode_snapshot();
  if (wrong == nullptr) {
    out.events.resize(
        static_cast<std::size_t>(std::min<std::uint64_t>(start.events, bytes.size())));
    wrong = filter_pages_ > 1 ? decode_events<true>(count) : decode_events<false>(count);
  }
  for (const std::uint32_t slot : written_) stay_of(slots_[slot]).stay(out.events);
  written_.clear();
  out.events.resize(count);
  if (wrong == nullptr) return {};
  std::size_t place = std::min(static_cast<std::size_t>(next_ - begin), bytes.size());
  return fail(Errno::Io,
              std::string(wrong) + " at byte " + std::to_string(place) + " of the chunk's events");
}

std::vector<std::uint64_t> PayloadDecoder::slots() const {
  std::vector<std::uint64_t> pages;
  pages.reserve(slots_.size());
  for (const Slot& slot : slots_) pages.push_back(slot.page);
  return pages;
}

const char* PayloadDecoder::decode_snapshot() {
  slots_.assign(filter_pages_, Slot{});
  if (next_ >= end_) return "no filter snapshot";
  std::uint64_t entries = get_varint(next_);
  if (entries > filter_pages_) return "more pages than the filter holds";
  out_->filter.reserve(static_cast<std::size_t>(entries));
  out_->filter_states.reserve(static_cast<std::size_t>(entries));
  std::uint64_t page = 0;
  std::uint64_t lowest_slot = 0;
  for (std::uint64_t i = 0; i < entries; ++i) {
    if (next_ >= end_) return "filter snapshot cut short";
    std::uint64_t slot = get_varint(next_);
    page += unzigzag(get_varint(next_));
    std::uint64_t state = get_varint(next_);
    std::uint64_t age = state >> 1;
    if (slot < lowest_slot || slot >= filter_pages_) return "impossible slot in the snapshot";
    if (impossible_page(page)) return "impossible page in the snapshot";
    if (age > clock_) return "impossible age in the snapshot";
    lowest_slot = slot + 1;
    slots_[slot].page = page;
    out_->filter.push_back(page);
    out_->filter_states.push_back({clock_ - age, (state & 1) != 0});
  }
  return next_ > end_ ? "filter snapshot cut short" : nullptr;
}

// In place of a snapshot, of which there is none.
const char* PayloadDecoder::resume() {
  if (slots_.size() != filter_pages_) return "nothing to go on from";
  if (next_ >= end_ || get_varint(next_) != 0) return "a filter that was known";
  if (!out_->wants_filter) return nullptr;
  for (const Slot& slot : slots_) {
    if (slot.page != kNoPage) out_->filter.push_back(slot.page);
  }
  return nullptr;
}

// The number of events is not known before (a reset is many): doubling keeps it linear.
inline Event* PayloadDecoder::room_for(std::size_t count) {
  std::vector<Event>& events = out_->events;
  if (count >= events.size()) [[unlikely]] {
    events.resize(std::max<std::size_t>(count + 1, std::max<std::size_t>(64, events.size() * 2)));
  }
  return &events[count];
}

inline const char* PayloadDecoder::decode_first_write(std::uint64_t slot, std::uint64_t clock,
                                                      std::size_t at, Event& event) {
  if (slot >= slots_.size() || slots_[slot].page == kNoPage) return "first write to an empty slot";
  event = kFirstWrite;
  event.clock = clock;
  event.page = slots_[slot].page;
  stay_of(slots_[slot]).written(at, event);
  written_.push_back(static_cast<std::uint32_t>(slot));
  return nullptr;
}

inline PageStay& PayloadDecoder::stay_of(Slot& slot) {
  if (slot.payload != payload_) slot.stay = PageStay();
  slot.payload = payload_;
  return slot.stay;
}

// The slot's page leaves with `leaving`.
inline void PayloadDecoder::leave(Slot& slot, Event& leaving) {
  stay_of(slot).leave(out_->events, leaving);
  slot.page = kNoPage;
}

template <bool kManySlots>
const char* PayloadDecoder::decode_events(std::size_t& count) {
  // An event other than a control takes at most 41 bytes, and the padding is longer: one check
  // each.
  static_assert(kVarintPadding > 4 * kMaxVarintBytes + 1);
  const unsigned char* p = next_;
  const unsigned char* const end = end_;
  std::uint64_t clock = clock_;
  std::uint64_t previous = 0;
  const std::uint64_t slots = slots_.size();
  const char* wrong = nullptr;

  while (p < end) {
    Event* event = room_for(count);
    std::uint64_t head = get_varint(p);
    unsigned kind = head & 7;
    std::uint64_t body = head >> 3;
    if (kind == PW_CONTROL) {
      next_ = p;
      clock_ = clock;
      wrong = decode_control(body, count);
      p = next_;
      clock = clock_;
      if (wrong != nullptr) break;
      continue;
    }
    clock += get_varint(p);
    if (kind <= PW_FETCH_KERNEL_WRITE) [[likely]] {
      previous += unzigzag(body);
      std::uint64_t number = kManySlots ? get_varint(p) : 0;
      if (number >= slots || impossible_page(previous)) {
        wrong = "impossible slot or page";
        break;
      }
      Slot& slot = slots_[number];
      *event = kFetches[kind];
      event->clock = clock;
      event->page = previous;
      if (slot.page != kNoPage) {
        std::uint64_t age = kManySlots ? get_varint(p) : 1;
        if (age > clock) {
          wrong = "impossible age";
          break;
        }
        event->evicted = slot.page;
        event->last_reference = clock - age;
        if (kManySlots) leave(slot, *event);
      }
      slot.page = previous;
      stay_of(slot).fetched(count);
    } else if (kind == PW_FIRST_WRITE) {
      wrong = decode_first_write(body, clock, count, *event);
      if (wrong != nullptr) break;
    } else {
      previous += unzigzag(body);
      wrong = read_reference(p, clock, previous, *event);
      if (wrong != nullptr) break;
    }
    if (p > end) [[unlikely]]
      break;
    ++count;
  }
  next_ = p;
  clock_ = clock;
  if (wrong == nullptr && p > end) wrong = "an event is cut short";
  return wrong;
}

const char* PayloadDecoder::decode_control(std::uint64_t code, std::size_t& count) {
  clock_ += get_varint(next_);
  std::uint64_t length = get_varint(next_);
  if (next_ > end_ || length > static_cast<std::uint64_t>(end_ - next_)) {
    return "an event is cut short";
  }
  std::string_view payload(reinterpret_cast<const char*>(next_), static_cast<std::size_t>(length));
  next_ += length;
  if (code == PW_FILTER_RESET || code == PW_FILTER_DROP) {
    return decode_gone(payload, code == PW_FILTER_RESET, count);
  }
  Event event;
  event.clock = clock_;
  ByteReader reader(payload);
  const char* wrong = nullptr;
  switch (code) {
    case PW_SYSCALL:
    case PW_FILE_CALL:
      wrong = decode_syscall(payload, code == PW_FILE_CALL, event);
      break;
    case PW_TRANSFER:
      wrong = decode_transfer(payload, event);
      break;
    case PW_WAIT:
      wrong = decode_wait(payload, event);
      break;
    case PW_WAKE:
      wrong = decode_wake(payload, event);
      break;
    case PW_STACK:
    case PW_STACK_REF:
      if (code == PW_STACK && spool_stacks_ == nullptr) return "a stack outside the stack table";
      wrong = decode_stack(payload, code == PW_STACK, event);
      break;
    case PW_THREAD:
      event.kind = EventKind::Thread;
      break;
    case PW_THREAD_START:
      event.kind = EventKind::ThreadStart;
      break;
    case PW_THREAD_EXIT:
      event.kind = EventKind::ThreadExit;
      break;
    case PW_FORK:
      event.kind = EventKind::Fork;
      break;
    case PW_EXEC:
      event.kind = EventKind::Exec;
      break;
    case PW_EXIT:
      event.kind = EventKind::Exit;
      break;
    default:
      return nullptr;  // of a later version: its length says how to pass over it
  }
  if (wrong != nullptr) return wrong;
  if (code <= PW_EXIT && code != PW_SYSCALL && code != PW_STACK && code != PW_STACK_REF) {
    // A spool's PW_EXEC has no number: its image is told by the frames that follow.
    bool bare = code == PW_EXEC && payload.empty();
    event.index = bare ? 0 : static_cast<std::uint32_t>(reader.varint());
    if (code == PW_FORK) event.last_reference = begin_ns_ + reader.varint();
    if (!reader.ok()) return "an event is cut short";
  }
  *room_for(count) = event;
  ++count;
  return nullptr;
}

const char* PayloadDecoder::decode_syscall(std::string_view payload, bool of_file, Event& event) {
  ByteReader reader(payload);
  SyscallRecord& call = out_->syscalls.emplace_back();
  if (of_file) call.file = static_cast<std::uint32_t>(reader.varint());
  call.number = static_cast<std::uint32_t>(reader.varint());
  for (std::uint64_t& argument : call.arguments) argument = reader.varint();
  call.result = static_cast<std::int64_t>(unzigzag(reader.varint()));
  call.tid = static_cast<std::uint32_t>(reader.varint());
  call.ns = begin_ns_ + reader.varint();
  if (!reader.ok()) {
    out_->syscalls.pop_back();
    return "a system call is cut short";
  }
  call.path = reader.bytes(reader.left());
  event.kind = EventKind::Syscall;
  event.index = static_cast<std::uint32_t>(out_->syscalls.size() - 1);
  return nullptr;
}

const char* PayloadDecoder::decode_transfer(std::string_view payload, Event& event) {
  ByteReader reader(payload);
  const std::uint64_t file = reader.varint();
  event.kind = EventKind::Transfer;
  event.by_kernel = true;
  event.access = (file & 1) != 0 ? Access::Write : Access::Read;
  event.index = static_cast<std::uint32_t>(file >> 1);
  event.descriptor = reader.varint();
  event.offset = transfer_end_ + unzigzag(reader.varint());
  event.length = reader.varint();
  transfer_end_ = event.offset + event.length;
  if (!reader.ok()) return "a transfer is cut short";
  // A call moves at most MAX_RW_COUNT bytes (include/linux/fs.h), below the largest loff_t.
  constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 31, kEnd = std::uint64_t{1} << 63;
  if (event.length > kMostBytes || event.offset >= kEnd - kMostBytes) {
    return "impossible place in a file";
  }
  return nullptr;
}

const char* PayloadDecoder::decode_wait(std::string_view payload, Event& event) const {
  ByteReader reader(payload);
  event.kind = EventKind::Wait;
  event.by_kernel = true;
  event.index = static_cast<std::uint32_t>(reader.varint());
  event.last_reference = begin_ns_ + reader.varint();
  event.length = reader.varint();
  event.offset = reader.varint();
  if (reader.ok() && !reader.done()) event.size = reader.varint() == 1 ? 1 : 0;
  return reader.ok() ? nullptr : "a wait is cut short";
}

const char* PayloadDecoder::decode_wake(std::string_view payload, Event& event) const {
  ByteReader reader(payload);
  event.kind = EventKind::Wake;
  event.by_kernel = true;
  const std::uint64_t end = begin_ns_ + reader.varint(), took = reader.varint();
  event.length = std::min(took, end);
  event.last_reference = end - event.length;
  event.offset = reader.ok() && !reader.done() ? reader.varint() : 0;
  event.index = reader.ok() && !reader.done() ? static_cast<std::uint32_t>(reader.varint()) : 0;
  return reader.ok() ? nullptr : "a wake is cut short";
}

const char* PayloadDecoder::decode_stack(std::string_view payload, bool is_new, Event& event) {
  ByteReader reader(payload);
  event.kind = EventKind::Stack;
  const std::uint64_t cause = reader.varint();
  if (cause > static_cast<unsigned>(StackCause::WriteAfterFork)) return "a stack of no known cause";
  event.cause = static_cast<StackCause>(cause);
  std::uint64_t number = reader.varint();
  if (!reader.ok()) return "a stack is cut short";
  if (!is_new) {
    if (spool_stacks_ != nullptr && number >= spool_stacks_->size()) return "an unknown stack";
    event.index = static_cast<std::uint32_t>(number);
    return nullptr;
  }
  if (number > reader.left()) return "a stack is cut short";
  StackAddresses& stack = spool_stacks_->emplace_back();
  stack.reserve(static_cast<std::size_t>(number));
  for (std::uint64_t i = 0; i < number; ++i) stack.push_back(reader.varint());
  event.index = static_cast<std::uint32_t>(spool_stacks_->size() - 1);
  return reader.ok() ? nullptr : "a stack is cut short";
}

const char* PayloadDecoder::decode_gone(std::string_view payload, bool all, std::size_t& count) {
  ByteReader reader(payload);
  std::size_t first = 0;
  std::size_t last = slots_.size();
  if (!all) {
    std::uint64_t slot = reader.varint();
    if (!reader.ok() || slot >= slots_.size()) return "impossible slot";
    first = static_cast<std::size_t>(slot);
    last = first + 1;
  }
  for (std::size_t slot = first; slot < last; ++slot) {
    if (slots_[slot].page == kNoPage) continue;
    std::uint64_t age = reader.varint();
    if (!reader.ok() || age > clock_) return "impossible age";
    Event& event = *room_for(count);
    event = Event{};
    event.kind = EventKind::FilterGone;
    event.clock = clock_;
    event.page = slots_[slot].page;
    event.last_reference = clock_ - age;
    leave(slots_[slot], event);
    ++count;
  }
  return nullptr;
}

}  // namespace pw::record
