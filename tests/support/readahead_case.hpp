// Programs that read and write one file in every way, and what the page cache and the page tables
// look like after each step: the same for the machine and for a kernel, as text that can be kept.
//
//   file BYTES CHUNK cold|warm WINDOW REQUEST   written CHUNK bytes at a time; readahead's limits
//   map SLOT FD shared|private PROT FIRST PAGES SKEW    at a place of the slot's own, SKEW pages up
//   unmap SLOT
//   r|w|x SLOT PAGE                             an access; pages are the file's
//   read|write FD OFFSET LENGTH                 pread(2), pwrite(2)
//   sync FD                                     fsync(2)
//   fadvise FD ADVICE OFFSET LENGTH
//   madvise SLOT ADVICE FIRST PAGES
//   populate SLOT FIRST PAGES                   MADV_POPULATE_READ
//   = MINOR MAJOR cache RUNS maps SLOT RUNS     faults of the step before; pages that came (+) and
//                                               went (-)
#pragma once

#include <algorithm>
#include <cstdint>
#include <istream>
#include <sstream>
#include <string>
#include <vector>

namespace pw::readahead {

inline constexpr unsigned kSlots = 3, kFiles = 2;
inline constexpr std::uint64_t kPage = 4096;

// Numbered as posix_fadvise(2) and madvise(2) have them in common.
enum class Hint : std::uint8_t { Normal, Random, Sequential, WillNeed, DontNeed };
inline constexpr const char* kHints[] = {"normal", "random", "sequential", "willneed", "dontneed"};

enum class Kind : std::uint8_t {
  Map,
  Unmap,
  Load,
  Store,
  Fetch,
  Read,
  Write,
  Sync,
  Fadvise,
  Madvise,
  Populate
};
inline constexpr const char* kKinds[] = {"map",   "unmap", "r",       "w",       "x",       "read",
                                         "write", "sync",  "fadvise", "madvise", "populate"};

struct Step {
  Kind kind = Kind::Load;
  unsigned which = 0;          // slot or file
  std::uint64_t a = 0, b = 0;  // page; offset and length; first and pages
  Hint hint = Hint::Normal;
  // Map
  unsigned file = 0;
  bool shared = false, write = false, execute = false;
  std::uint64_t skew = 0;
};

struct Case {
  std::uint64_t bytes = 0, chunk = kPage;
  bool cold = true;
  std::uint64_t window = 32, request = 1024;  // pages
  std::vector<Step> steps;

  std::uint64_t pages() const { return (bytes + kPage - 1) / kPage; }
};

using Pages = std::vector<bool>;

struct State {
  std::uint64_t minor = 0, major = 0;
  Pages cached;
  Pages mapped[kSlots];
};

// Plays steps and looks at what has come of them.
class Player {
 public:
  virtual ~Player() = default;
  virtual void play(const Step& step) = 0;
  virtual State look() = 0;                      // after everything that is under way has ended
  virtual bool failed() const { return false; }  // a step could not be done: nothing is proven
};

inline std::string header_text(const Case& c) {
  std::ostringstream out;
  out << "file " << c.bytes << ' ' << c.chunk << (c.cold ? " cold " : " warm ") << c.window << ' '
      << c.request;
  return out.str();
}

inline std::string step_text(const Step& s) {
  std::ostringstream out;
  out << kKinds[static_cast<unsigned>(s.kind)] << ' ' << s.which;
  if (s.kind == Kind::Map) {
    out << ' ' << s.file << (s.shared ? " shared r" : " private r") << (s.write ? "w" : "-")
        << (s.execute ? "x " : "- ") << s.a << ' ' << s.b << ' ' << s.skew;
  } else if (s.kind == Kind::Fadvise || s.kind == Kind::Madvise) {
    out << ' ' << kHints[static_cast<unsigned>(s.hint)] << ' ' << s.a << ' ' << s.b;
  } else if (s.kind == Kind::Read || s.kind == Kind::Write || s.kind == Kind::Populate) {
    out << ' ' << s.a << ' ' << s.b;
  } else if (s.kind != Kind::Unmap && s.kind != Kind::Sync) {
    out << ' ' << s.a;
  }
  return out.str();
}

inline bool at_page(const Pages& pages, std::size_t i) { return i < pages.size() && pages[i]; }

inline void print_runs(std::ostream& out, const Pages& before, const Pages& after) {
  const std::size_t end = std::max(before.size(), after.size());
  for (std::size_t i = 0; i < end;) {
    const int change = static_cast<int>(at_page(after, i)) - static_cast<int>(at_page(before, i));
    std::size_t stop = i + 1;
    while (stop < end &&
           static_cast<int>(at_page(after, stop)) - static_cast<int>(at_page(before, stop)) ==
               change) {
      ++stop;
    }
    if (change != 0) {
      out << (change > 0 ? " +" : " -") << i;
      if (stop - i > 1) out << ':' << stop - i;
    }
    i = stop;
  }
}

inline std::string change_text(const State& before, const State& after) {
  std::ostringstream out;
  out << "= " << after.minor - before.minor << ' ' << after.major - before.major;
  std::ostringstream cache;
  print_runs(cache, before.cached, after.cached);
  if (!cache.str().empty()) out << " cache" << cache.str();
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    std::ostringstream map;
    print_runs(map, before.mapped[slot], after.mapped[slot]);
    if (!map.str().empty()) out << " map " << slot << map.str();
  }
  return out.str();
}

// The whole case with what `player` makes of it.
inline std::string transcript(const Case& c, Player& player) {
  std::string out = header_text(c) + "\n";
  State before = player.look();
  for (const Step& step : c.steps) {
    player.play(step);
    State after = player.look();
    out += step_text(step) + "\n" + change_text(before, after) + "\n";
    before = std::move(after);
  }
  return out;
}

inline bool read_map(std::istream& in, Step& s) {
  std::string how, rights;
  if (!(in >> s.file >> how >> rights >> s.a >> s.b >> s.skew) || rights.size() != 3) return false;
  s.shared = how == "shared";
  s.write = rights[1] == 'w';
  s.execute = rights[2] == 'x';
  return true;
}

inline bool read_step(const std::string& line, Step& s) {
  std::istringstream in(line);
  std::string kind, hint;
  if (!(in >> kind >> s.which)) return false;
  const auto* found = std::find(std::begin(kKinds), std::end(kKinds), kind);
  if (found == std::end(kKinds)) return false;
  s.kind = static_cast<Kind>(found - std::begin(kKinds));
  switch (s.kind) {
    case Kind::Map:
      return read_map(in, s);
    case Kind::Unmap:
    case Kind::Sync:
      return true;
    case Kind::Fadvise:
    case Kind::Madvise: {
      if (!(in >> hint >> s.a >> s.b)) return false;
      const auto* name = std::find(std::begin(kHints), std::end(kHints), hint);
      s.hint = static_cast<Hint>(name - std::begin(kHints));
      return name != std::end(kHints);
    }
    case Kind::Read:
    case Kind::Write:
    case Kind::Populate:
      return static_cast<bool>(in >> s.a >> s.b);
    default:
      return static_cast<bool>(in >> s.a);
  }
}

// The steps of a transcript; what it says of their outcome is left out. False: not one.
inline bool read_case(const std::string& text, Case& c) {
  std::istringstream in(text);
  std::string line, word, cold;
  if (!std::getline(in, line)) return false;
  std::istringstream head(line);
  if (!(head >> word >> c.bytes >> c.chunk >> cold >> c.window >> c.request) || word != "file") {
    return false;
  }
  c.cold = cold == "cold";
  while (std::getline(in, line)) {
    if (line.empty() || line[0] == '=') continue;
    Step step;
    if (!read_step(line, step)) return false;
    c.steps.push_back(step);
  }
  return true;
}

}  // namespace pw::readahead
