#include "web/core/explorer/event_log.hpp"

#include <iterator>
#include <map>

#include "web/core/explorer/state.hpp"

namespace pw::explorer {

void EventLog::add(LoggedEvent event) {
  ++count_;
  if (events_.size() == kMost) events_.pop_front();
  events_.push_back(std::move(event));
}

void EventLog::add_fault(std::uint64_t step, std::uint64_t ns, const FaultRequest& request) {
  LoggedEvent fault;
  fault.step = step;
  fault.ns = ns;
  fault.is_fault = true;
  fault.event.space = request.space->id();
  fault.address = request.address;
  fault.access = request.access;
  fault.major = request.major;
  add(std::move(fault));
}

void EventLog::fault_is_major() {
  for (auto at = events_.rbegin(); at != events_.rend(); ++at) {
    if (!at->is_fault) continue;
    at->major = true;
    return;
  }
}

void EventLog::name(const NameOf& name_of) {
  std::map<SpaceId, std::string> known;
  const auto find = [&](SpaceId space) -> const std::string& {
    const auto [at, fresh] = known.try_emplace(space);
    if (fresh && space != kNoSpace) at->second = name_of(space);
    return at->second;
  };
  for (auto at = events_.rbegin(); at != events_.rend() && !at->named; ++at) {
    at->named = true;
    const MemoryEvent& event = at->event;
    const bool of_page = !at->is_fault && (event.kind == MemoryEvent::Kind::Evicted ||
                                           event.kind == MemoryEvent::Kind::SwapWrite);
    if (!of_page) {
      at->who = find(event.space);
    } else if (event.page.kind == FrameKind::Anon) {
      at->who = find(event.page.space);
    }
    if (event.kind == MemoryEvent::Kind::Switch) at->before = find(event.from);
  }
}

namespace {

constexpr const char* kAccesses[] = {"read", "write", "execute"};
constexpr const char* kTo[] = {"swap", "file", "nowhere"};
constexpr const char* kReasons[] = {"unmap",   "protect",       "copy-on-write", "reclaim",
                                    "migrate", "write-protect", "fork"};
static_assert(std::size(kReasons) == kFlushReasons);

void write_memory_event(Json& json, const MemoryEvent& event) {
  const bool file = event.page.kind != FrameKind::Anon;
  const auto write_page = [&] {
    json.field("frame", event.page.frame.value).flag("file", file);
    json.field_hex("page", event.page.index << kPageShift);
    if (event.slot.valid()) json.field("slot", event.slot.value);
  };
  switch (event.kind) {
    case MemoryEvent::Kind::Evicted:
      json.field("kind", "evicted");
      write_page();
      json.field("to", kTo[static_cast<unsigned>(event.to)]).flag("dirty", event.written);
      break;
    case MemoryEvent::Kind::SwapWrite:
      json.field("kind", "swap-write");
      write_page();
      break;
    case MemoryEvent::Kind::Switch:
      json.field("kind", "switch").field("cpu", event.cpu);
      break;
    case MemoryEvent::Kind::Shootdown:
      json.field("kind", "shootdown").field("cpu", event.cpu).field("cpus", event.cpus);
      json.field_hex("address", address_of(event.range.begin).value);
      json.field("pages", event.range.pages().value);
      json.field("reason", kReasons[static_cast<unsigned>(event.reason)]);
      break;
  }
}

}  // namespace

void write_events(Json& json, Scene& scene) {
  scene.name_events();
  json.open('{').field("count", scene.log().count()).key("list").open('[');
  for (const LoggedEvent& each : scene.log().events()) {
    json.open('{').field("step", each.step).field("ns", each.ns).field("who", each.who);
    if (each.is_fault) {
      json.field("kind", each.major ? "major" : "minor");
      json.field_hex("address", each.address.value);
      json.field("access", kAccesses[static_cast<unsigned>(each.access)]);
    } else {
      if (each.event.kind == MemoryEvent::Kind::Switch) json.field("before", each.before);
      write_memory_event(json, each.event);
    }
    json.close('}');
  }
  json.close(']').close('}');
}

}  // namespace pw::explorer
