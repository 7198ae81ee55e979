#include "diff/duel.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace pw::diff {

using script::AreaView;
using script::Outcome;
using script::ProcessIndex;
using script::ProcessView;

namespace {

MachineConfig machine_like(const script::Layout& layout, bool keys) {
  MachineConfig config;
  config.protection_keys = keys;
  config.ram = ByteCount(256ULL << 20);
  config.overcommit = Overcommit::Heuristic;
  config.anon_names = false;  // CONFIG_ANON_VMA_NAME is off on many kernels: see the tests by name
  config.places = GivenPlaces{layout.mmap_top, layout.heap_begin, layout.stack_begin,
                              layout.stack_end, layout.lowest,
                              // The channel to the host's processes lies in between.
                              VirtAddr(kPwBase + kPwBytes)};
  return config;
}

std::string hex(std::uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  do {
    text.insert(text.begin(), kDigits[value % 16]);
  } while ((value /= 16) != 0);
  return text;
}

std::string line_of(const AreaView& area) {
  return hex(area.begin) + '-' + hex(area.end) + ' ' + area.rights + " offset " + hex(area.offset) +
         " [" + area.name + "] rss " + std::to_string(area.rss) + " sc " +
         std::to_string(area.shared_clean) + " sd " + std::to_string(area.shared_dirty) + " pc " +
         std::to_string(area.private_clean) + " pd " + std::to_string(area.private_dirty) +
         " anon " + std::to_string(area.anonymous) + " locked " + std::to_string(area.locked) +
         " lazy " + std::to_string(area.lazy_free) + " huge " +
         std::to_string(area.anonymous_huge) + " flags " + area.flags;
}

std::string difference(const ProcessView& kernel, const ProcessView& ours) {
  std::string text;
  for (const AreaView& area : kernel.areas) {
    if (std::find(ours.areas.begin(), ours.areas.end(), area) == ours.areas.end()) {
      text += "\n  kernel:  " + line_of(area);
    }
  }
  for (const AreaView& area : ours.areas) {
    if (std::find(kernel.areas.begin(), kernel.areas.end(), area) == kernel.areas.end()) {
      text += "\n  machine: " + line_of(area);
    }
  }
  if (text.empty() && kernel.areas.size() != ours.areas.size()) text = "\n  areas repeated";
  // Which of the faults on pages of files were major depends on marks that readahead leaves in the
  // page cache: without any, minor faults are equal; with some, all together are.
  const bool majors = kernel.major_faults + ours.major_faults > 0;
  const std::uint64_t theirs = kernel.minor_faults + (majors ? kernel.major_faults : 0);
  if (theirs != ours.minor_faults + (majors ? ours.major_faults : 0)) {
    text += "\n  minor faults: kernel " + std::to_string(kernel.minor_faults) + ", machine " +
            std::to_string(ours.minor_faults) + " (major " + std::to_string(kernel.major_faults) +
            ", " + std::to_string(ours.major_faults) + ")";
  }
  return text;
}

// What the program's own stack held before its first step is nobody's business: only where it lies
// is compared.
// Whether a page of a file is dirty also depends on its file system (a hole that truncation cuts is
// not); of shared memory the machine keeps one bit a frame where the kernel has one a translation.
// LazyFree waits in lists of the CPUs until somebody drains them: no program's doing. They also
// decide whether a page that others read since a fork is reused, or copied, which is clean.
void leave_out_stack(ProcessView& view, const script::Layout& layout, bool read_by_others) {
  for (AreaView& area : view.areas) {
    area.lazy_free = 0;
    if (read_by_others) {
      area.private_clean += area.private_dirty;
      area.shared_clean += area.shared_dirty;  // a later fork shares what was copied
      area.private_dirty = area.shared_dirty = 0;
    }
    if (!area.name.empty() && area.name != "[heap]" && area.name != "[stack]") {
      area.private_clean += area.private_dirty;
      area.shared_clean += area.shared_dirty;
      area.private_dirty = area.shared_dirty = 0;
    }
    if (area.begin < layout.stack_begin.value || area.end > layout.stack_end.value) continue;
    AreaView kept;
    kept.begin = area.begin;
    kept.end = area.end;
    kept.rights = area.rights;
    kept.offset = area.offset;
    kept.name = area.name;
    area = kept;
  }
}

constexpr const char* kHugePageSettings = "/sys/kernel/mm/transparent_hugepage/";

bool chosen(const char* setting) {
  std::ifstream file(std::string(kHugePageSettings) + setting);
  std::string text;
  std::getline(file, text);
  return text.find("[madvise]") != std::string::npos;
}

bool host_gives_huge_pages() { return chosen("enabled") && chosen("defrag"); }

// khugepaged comes at once to the first process that asks for huge pages, and to those that ask
// while it has that one to look after only with its next round, 10 s later (mm/khugepaged.c,
// __khugepaged_enter()). So that the programs of a duel are not the first, this process is.
bool be_the_first_for_khugepaged() {
  constexpr std::size_t kBytes = 4 << 20;  // holds a whole huge page wherever it lies
  static void* const area = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return area != MAP_FAILED && ::madvise(area, kBytes, MADV_HUGEPAGE) == 0;
}

}  // namespace

std::unique_ptr<Duel> Duel::create(std::string& why, bool huge) {
  if (huge && !host_gives_huge_pages()) {
    why = "/sys/kernel/mm/transparent_hugepage/enabled is not madvise, with defrag";
    return nullptr;
  }
  if (huge && !be_the_first_for_khugepaged()) {
    why = "no area with huge pages";
    return nullptr;
  }
  host::HostOptions options;
  options.huge_pages = huge;
  auto host = host::HostTarget::create(options);
  if (!host) {
    why = host.error().message;
    return nullptr;
  }
  return std::unique_ptr<Duel>(new Duel(std::move(*host), huge));
}

void Duel::begin() {
  PW_CHECK(host_->reset().has_value());
  PW_CHECK(host_->spawn(0).has_value());
  const auto layout = host_->layout(0);
  PW_CHECK(layout.has_value());
  layout_ = *layout;
  constexpr std::uint32_t kUsual = 0x5555'5554;  // PKRU after exec
  const bool keys = host_->set_pkru(0, kUsual).value == 0;
  MachineConfig config = machine_like(layout_, keys);
  if (huge_) config.linux_options.huge_pages = HugePages::Madvise;
  auto sim = script::SimTarget::create(config);
  PW_CHECK(sim.has_value());
  sim_ = std::move(*sim);
  PW_CHECK(sim_->spawn(0).has_value());
  running_ = {0};
  waiting_.clear();
  read_by_others_ = false;
  vforks_.clear();
  segments_.clear();
}

Outcome Duel::carry_out(script::Target& target, const DuelStep& step) {
  switch (step.kind) {
    case DuelStep::Kind::Spawn: {
      Outcome outcome;
      const Result<void> born = target.spawn(step.who);
      if (!born) outcome.error = born.error().message;
      return outcome;
    }
    case DuelStep::Kind::Call: {
      sys::Request request = step.request;
      const bool by_id = request.call == sys::Call::Shmat || request.call == sys::Call::Shmctl;
      if (&target == host_.get() && by_id) {
        constexpr std::uint64_t kNone = 1U << 30;
        const std::uint64_t id = request.args[0];
        request.args[0] = id < segments_.size() ? segments_[static_cast<std::size_t>(id)] : kNone;
      }
      return target.call(step.who, request, step.child);
    }
    case DuelStep::Kind::Load:
      return target.load(step.who, step.address, step.count);
    case DuelStep::Kind::Store:
      return target.store(step.who, step.address, step.bytes);
    case DuelStep::Kind::Fetch:
      return target.fetch(step.who, step.address);
  }
  return {};
}

std::optional<std::string> Duel::play(const DuelStep& step) {
  answer_ = {};
  answer_.error = "nobody there";
  const bool spawns = step.kind == DuelStep::Kind::Spawn;
  if (!spawns && (running_.count(step.who) == 0 || waiting_.count(step.who) != 0)) return {};
  if (spawns && running_.count(step.who) != 0) return {};
  read_by_others_ = read_by_others_ || (step.kind == DuelStep::Kind::Call &&
                                        step.request.call == sys::Call::ProcessVmReadv);
  answer_ = carry_out(*host_, step);
  if (!answer_.error.empty()) return {};
  const Outcome ours = carry_out(*sim_, step);
  if (step.kind == DuelStep::Kind::Call) warm_files(step.request.call);
  return follow(step, ours);
}

// All pages of files are in memory on both sides: what a device does is not compared. First read in
// large pieces, lest readahead make large folios, which fault-around maps whole; then page by page,
// so that it leaves no marks, which fault-around passes over.
void Duel::warm_files(sys::Call after) {
  if (after != sys::Call::Open && after != sys::Call::Ftruncate && after != sys::Call::Pwrite &&
      after != sys::Call::Fallocate && after != sys::Call::Fadvise && after != sys::Call::Madvise) {
    return;
  }
  for (const char* name : {"a", "b", "c"}) {
    const int fd = ::open((host_->folder() + '/' + name).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    char bytes[1 << 16];
    for (const std::size_t piece : {sizeof bytes, static_cast<std::size_t>(kPageSize)}) {
      ::lseek(fd, 0, SEEK_SET);
      while (::read(fd, bytes, piece) > 0) {
      }
    }
    ::close(fd);
  }
  sim_->machine().core().objects.for_each([](VmObject& object) {
    if (object.kind == ObjectKind::File) object.cached_before = true;
  });
}

// Compares the answers, and keeps track of who runs.
std::optional<std::string> Duel::follow(const DuelStep& step, const Outcome& ours) {
  Outcome kernel = answer_, machine = ours;
  if (gives_birth(step) && kernel.value > 0 && machine.value > 0) machine.value = kernel.value;
  if (step.request.call == sys::Call::Shmget && kernel.value >= 0 && machine.value >= 0) {
    // Ids are numbers of the kernel's choice; steps use the machine's.
    if (segments_.size() <= static_cast<std::uint64_t>(machine.value)) {
      segments_.resize(static_cast<std::size_t>(machine.value) + 1, 1U << 30);
    }
    segments_[static_cast<std::size_t>(machine.value)] = static_cast<std::uint64_t>(kernel.value);
    machine.value = kernel.value;
  }
  if (!(kernel == machine)) {
    return "answer\n  kernel:  " + text_of(kernel) + "\n  machine: " + text_of(machine);
  }
  if (step.kind == DuelStep::Kind::Spawn) running_.insert(step.who);
  if (gives_birth(step) && kernel.value > 0) {
    running_.insert(step.child);
    const bool waits = step.request.call == sys::Call::Vfork;
    if (waits) {
      waiting_.insert(step.who);
      vforks_.emplace_back(step.child, step.who);
    }
  }
  const bool leaves = step.kind == DuelStep::Kind::Call && (step.request.call == sys::Call::Exit ||
                                                            step.request.call == sys::Call::Exec);
  if (leaves && kernel.value >= 0) {
    if (step.request.call == sys::Call::Exit) running_.erase(step.who);
    for (const auto& [child, parent] : vforks_) {
      if (child == step.who) waiting_.erase(parent);
    }
    std::erase_if(vforks_, [&](const auto& pair) { return pair.first == step.who; });
  }
  if (running_.count(step.who) == 0 || waiting_.count(step.who) != 0) return {};
  return compare(step.who);
}

std::optional<std::string> Duel::compare(ProcessIndex process) {
  auto kernel = host_->look(process, script::Detail::Smaps);
  auto machine = sim_->look(process, script::Detail::Smaps);
  if (!kernel || !machine) return "process " + std::to_string(process) + " cannot be looked at";
  leave_out_stack(*kernel, layout_, read_by_others_);
  leave_out_stack(*machine, layout_, read_by_others_);
  const std::string text = difference(*kernel, *machine);
  if (text.empty()) return {};
  return "process " + std::to_string(process) + text;
}

std::optional<std::string> Duel::compare_all() {
  for (const ProcessIndex process : running_) {
    if (waiting_.count(process) != 0) continue;
    if (auto text = compare(process)) return text;
  }
  const Result<void> sound = sim_->machine().verify();
  if (!sound) return "verify: " + sound.error().message;
  return {};
}

const ProcessView& Duel::view(ProcessIndex process) {
  auto view = sim_->look(process, script::Detail::Maps);
  view_ = view ? std::move(*view) : ProcessView{};
  return view_;
}

std::uint64_t khugepaged_visits() {
  std::uint64_t visits = 0;
  for (const char* name : {"pages_collapsed", "full_scans"}) {
    std::ifstream file(std::string(kHugePageSettings) + "khugepaged/" + name);
    std::uint64_t count = 0;
    if (file >> count) visits += count;
  }
  return visits;
}

namespace {

Verdict play_once(Duel& duel, const std::vector<DuelStep>& steps) {
  Verdict verdict;
  duel.begin();
  for (const DuelStep& step : steps) {
    verdict.mismatch = duel.play(step);
    verdict.answers.push_back(duel.answer());
    ++verdict.played;
    if (!verdict.mismatch && verdict.played == steps.size()) verdict.mismatch = duel.compare_all();
    if (verdict.mismatch) break;
  }
  return verdict;
}

}  // namespace

Verdict play_all(Duel& duel, const std::vector<DuelStep>& steps) {
  for (int tries = 20;; --tries) {
    const std::uint64_t before = khugepaged_visits();
    Verdict verdict = play_once(duel, steps);
    if (!verdict.mismatch || tries == 0 || khugepaged_visits() == before) return verdict;
  }
}

std::vector<DuelStep> shrink(Duel& duel, std::vector<DuelStep> steps) {
  for (std::size_t chunk = std::max<std::size_t>(1, steps.size() / 2); chunk > 0; chunk /= 2) {
    for (std::size_t at = 0; at < steps.size();) {
      std::vector<DuelStep> fewer = steps;
      const auto from = fewer.begin() + static_cast<std::ptrdiff_t>(at);
      fewer.erase(from, from + static_cast<std::ptrdiff_t>(std::min(chunk, steps.size() - at)));
      const Verdict verdict = play_all(duel, fewer);
      if (!verdict.mismatch) {
        at += chunk;
        continue;
      }
      fewer.resize(verdict.played);
      steps = std::move(fewer);
    }
  }
  return steps;
}

}  // namespace pw::diff
