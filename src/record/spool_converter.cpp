#include "record/spool_converter.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <tuple>
#include <utility>

namespace pw::record {

namespace {

constexpr std::uint32_t kPidStep = 1U << 22;  // above every pid of Linux (PID_MAX_LIMIT)

// Names in `folder` with an ending, sorted. A folder that is gone has none.
std::vector<std::string> names_in(const std::string& folder, std::string_view ending) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.ends_with(ending)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

SpoolConverter::SpoolConverter(std::string folder, Writer& writer, const RecordingInfo& info,
                               const Options& options)
    : folder_(std::move(folder)), info_(info), context_{writer,
                                                        StackTable(options.redact),
                                                        FileTable(options.redact),
                                                        options.redact,
                                                        0,
                                                        {},
                                                        {},
                                                        {}} {
  context_.child_pid = [this](std::uint32_t pid, std::uint64_t ns) { return child_pid(pid, ns); };
}

Result<RecordingInfo> SpoolConverter::inspect(const std::string& folder) {
  RecordingInfo info;
  std::uint64_t earliest = ~std::uint64_t{0};
  for (const std::string& name : names_in(folder, ".spool")) {
    auto source = ByteSource::open(folder + "/" + name);
    if (!source) continue;
    SpoolReader reader(std::move(*source));
    auto header = reader.header();
    if (!header || !*header || (*header)->start_ns >= earliest) continue;
    earliest = (*header)->start_ns;
    info.recorder = static_cast<Recorder>((*header)->recorder);
    info.detail = static_cast<Detail>((*header)->detail);
    info.filter_pages = (*header)->k;
    info.page_shift = (*header)->page_shift;
    auto frame = reader.next(true);
    bool tells = frame && *frame && (*frame)->header.type == PW_FRAME_COMMAND;
    info.command = tells ? split_command((*frame)->payload) : std::vector<std::string>{};
  }
  if (earliest != ~std::uint64_t{0}) return info;
  return fail(Errno::NoEntry, "no spool file can be read in " + folder);
}

Result<void> SpoolConverter::poll() {
  auto found = find_new_spools(false);
  if (!found) return tl::unexpected(found.error());
  for (NewSpool& spool : *found) PW_TRY(attach(std::move(spool)));
  for (SpoolSource& source : sources_) PW_TRY(source.pump(false));
  return {};
}

Result<void> SpoolConverter::finish() {
  auto found = find_new_spools(true);
  if (!found) return tl::unexpected(found.error());
  for (NewSpool& spool : *found) PW_TRY(attach(std::move(spool)));
  for (SpoolSource& source : sources_) PW_TRY(source.pump(true));
  sources_.clear();
  take_logs();
  for (const std::string& note : context_.notes) PW_TRY(context_.writer.add_note(note));
  if (info_.recorder == Recorder::Valgrind && !context_.wakers.too_many()) {
    PW_TRY(context_.writer.add_wait_ends(context_.wakers.ends()));
  }
  PW_TRY(context_.stacks.flush(context_.writer));
  PW_TRY(context_.files.flush(context_.writer));
  return context_.stacks.write_symbols(context_.writer);
}

// In the order in which they were opened: a parent's before its children's.
Result<std::vector<SpoolConverter::NewSpool>> SpoolConverter::find_new_spools(bool at_end) {
  std::vector<NewSpool> found;
  for (const std::string& name : names_in(folder_, ".spool")) {
    if (names_.count(name) != 0) continue;
    auto source = ByteSource::open(folder_ + "/" + name);
    if (!source) {
      names_.insert(name);
      context_.notes.push_back(name + ": cannot be opened");
      continue;
    }
    SpoolReader reader(std::move(*source));
    auto header = reader.header();
    if (header && !*header) {
      if (at_end) context_.notes.push_back(name + ": empty");
      continue;
    }
    names_.insert(name);
    if (!header) {
      context_.notes.push_back(name + ": " + header.error().message);
    } else if ((*header)->detail != static_cast<unsigned>(info_.detail) ||
               (*header)->k != info_.filter_pages) {
      context_.notes.push_back(name + ": recorded with other settings, left out");
    } else {
      found.push_back({name, std::move(reader), **header});
    }
  }
  std::sort(found.begin(), found.end(), [](const NewSpool& a, const NewSpool& b) {
    return std::tie(a.header.start_ns, a.name) < std::tie(b.header.start_ns, b.name);
  });
  return found;
}

Result<void> SpoolConverter::attach(NewSpool spool) {
  // A pid that begins anew has ended before, by exec or by death.
  auto pid = static_cast<std::uint32_t>(spool.header.pid);
  for (auto it = sources_.begin(); it != sources_.end();) {
    if (it->recorder_pid() == pid) {
      PW_TRY(it->pump(true));
      it = sources_.erase(it);
    } else {
      ++it;
    }
  }
  auto process = process_of(spool.header);
  if (!process) return tl::unexpected(process.error());
  sources_.emplace_back(context_, **process, std::move(spool.reader), spool.header);
  return {};
}

// The process that a spool belongs to: a new one, or the one before it under this pid, which has
// called exec.
Result<RecordedProcess*> SpoolConverter::process_of(const pw_spool_header& header) {
  auto pid = static_cast<std::uint32_t>(header.pid);
  std::list<RecordedProcess>& under_pid = processes_[pid];
  bool forked = (header.flags & 1) != 0;
  if (!under_pid.empty() && !forked && !under_pid.back().exited) return &under_pid.back();
  RecordedProcess& process = under_pid.emplace_back();
  process.pid = pid + static_cast<std::uint32_t>(under_pid.size() - 1) * kPidStep;
  process.start_ns = header.start_ns;
  ++process_count_;
  PW_TRY(context_.writer.add_process(process.pid, parent_of(header), header.start_ns));
  return &process;
}

std::uint32_t SpoolConverter::parent_of(const pw_spool_header& header) const {
  auto known = processes_.find(static_cast<std::uint32_t>(header.parent_pid));
  if (header.parent_pid <= 0 || header.parent_pid == header.pid || known == processes_.end()) {
    return 0;
  }
  std::uint32_t parent = 0;
  for (const RecordedProcess& process : known->second) {
    if (process.start_ns <= header.start_ns) parent = process.pid;
  }
  return parent;
}

std::uint32_t SpoolConverter::child_pid(std::uint32_t pid, std::uint64_t ns) {
  // The child's spool may be known already, or come later under the next number of this pid. It was
  // opened about when the fork was, up to a moment before (a parent may tell of it late).
  auto known = processes_.find(pid);
  if (known == processes_.end()) return pid;
  const std::list<RecordedProcess>& under_pid = known->second;
  constexpr std::uint64_t kTolerance = 1'000'000'000;
  for (const RecordedProcess& process : under_pid) {
    if (process.start_ns + kTolerance >= ns) return process.pid;
  }
  if (!under_pid.back().exited) return under_pid.back().pid;
  return pid + static_cast<std::uint32_t>(under_pid.size()) * kPidStep;
}

// What recorders had to say of themselves, in PID.log.
void SpoolConverter::take_logs() {
  for (const std::string& name : names_in(folder_, ".log")) {
    std::string who = "process " + name.substr(0, name.find('.'));
    if (context_.redact) {
      context_.notes.push_back(who + ": its recorder had trouble (the text may hold names)");
      continue;
    }
    std::ifstream in(folder_ + "/" + name);
    std::string line;
    for (int i = 0; i < 100 && std::getline(in, line); ++i) {
      context_.notes.push_back(who + ": " + line);
    }
  }
}

}  // namespace pw::record
