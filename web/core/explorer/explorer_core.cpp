// What the explorer page calls. `side` is 0 or 1: the page may show two machines next to each
// other. Functions that can fail return 0 and answer a sentence; else 1, or what they say.
#include <array>
#include <memory>
#include <utility>

#include "base/random.hpp"
#include "web/core/explorer/session.hpp"
#include "web/core/explorer/state.hpp"
#include "web/core/page.hpp"

namespace {

using pw::explorer::Session;

constexpr std::uint32_t kSides = 2;

std::unique_ptr<Session>& side_of(std::uint32_t side) {
  static std::array<std::unique_ptr<Session>, kSides> sessions;
  return sessions[side < kSides ? side : 0];
}

std::uint32_t refuse(const std::string& sentence) {
  pw::page::answer(sentence);
  return 0;
}

}  // namespace

// The version of what the explorer page and its core say to each other.
PW_PAGE_EXPORT(pw_page_version) std::uint32_t pw_page_version() { return 2; }

// Opens a script; `settings` are put behind its machine line. If the text has an error the answer
// is its sentence, with line and column in it, and the former script stays.
PW_PAGE_EXPORT(pw_open)
std::uint32_t pw_open(std::uint32_t side, const char* text, std::uint32_t length,
                      const char* settings, std::uint32_t settings_length) {
  auto made = Session::open(pw::page::lent(text, length),
                            pw::page::lent(settings, settings_length));
  if (!made) return refuse(made.error().message);
  side_of(side) = std::move(*made);
  return 1;
}

// What each step is: for the timeline.
PW_PAGE_EXPORT(pw_outline) std::uint32_t pw_outline(std::uint32_t side) {
  Session* session = side_of(side).get();
  if (session == nullptr) return refuse("no script is open");
  auto outline = session->outline();
  if (!outline) return refuse(outline.error().message);
  pw::page::answer(std::move(*outline));
  return 1;
}

PW_PAGE_EXPORT(pw_close) void pw_close(std::uint32_t side) { side_of(side).reset(); }

// Goes to a step and answers the state after it.
PW_PAGE_EXPORT(pw_state) std::uint32_t pw_state(std::uint32_t side, std::uint32_t step) {
  Session* session = side_of(side).get();
  if (session == nullptr) return refuse("no script is open");
  const auto went = session->go(step);
  if (!went) return refuse(went.error().message);
  pw::page::answer(pw::explorer::state_of(*session));
  return 1;
}

// The walk of any address of a process, at the step where the session is.
PW_PAGE_EXPORT(pw_walk)
std::uint32_t pw_walk(std::uint32_t side, std::uint32_t process, std::uint64_t address) {
  Session* session = side_of(side).get();
  if (session == nullptr) return refuse("no script is open");
  pw::Process* found = session->machine().find(session->pid_of(process));
  if (found == nullptr || found->space == nullptr) return refuse("the process has ended");
  pw::explorer::Json json;
  pw::explorer::write_walk(json, *session, *found, pw::VirtAddr(address));
  pw::page::answer(json.take());
  return 1;
}

// The text of `show`, as the command line gives it.
PW_PAGE_EXPORT(pw_show)
std::uint32_t pw_show(std::uint32_t side, const char* what, std::uint32_t length,
                      std::uint32_t process, std::uint64_t address) {
  Session* session = side_of(side).get();
  if (session == nullptr) return refuse("no script is open");
  auto text = session->target().show(pw::page::lent(what, length), process, pw::VirtAddr(address));
  if (!text) return refuse(text.error().message);
  pw::page::answer(std::move(*text));
  return 1;
}

// `count` references to 4,096 pages in no order, on a machine of its own; how many were made. The
// page measures what the core can do.
PW_PAGE_EXPORT(pw_bulk) std::uint32_t pw_bulk(std::uint32_t count) {
  constexpr std::uint64_t kPages = 4'096;
  pw::MachineConfig config;
  config.ram = pw::ByteCount(64ULL << 20);
  config.contents = pw::Contents::MetadataOnly;
  auto machine = pw::Machine::create(config);
  if (!machine) return 0;
  const auto pid = (*machine)->spawn();
  if (!pid) return 0;
  pw::MmapRequest request;
  request.length = pw::ByteCount(kPages * pw::kPageSize);
  request.rights = pw::kReadWrite;
  const auto base = (*machine)->mmap(*pid, request);
  if (!base) return 0;
  pw::Random random(1);
  const auto result = (*machine)->reference_all(
      *(*machine)->find(*pid), count, [&](std::uint64_t) -> pw::Reference {
        return {*base + pw::ByteCount(random.below(kPages) * pw::kPageSize), pw::Access::Write};
      });
  return result.ok() ? count : 0;
}
