// Plays a scenario on a machine and on the model at once, and compares what both say.
//
// Each operation draws its arguments from its own seed and from what the model knows, calls the
// machine, decides what the answer must have been, and changes the model accordingly. The first
// difference is thrown as a Mismatch.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "model/byte_model.hpp"
#include "model/scenario.hpp"

namespace pw::model {

struct Mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Player {
 public:
  using Log = std::function<void(const std::string&)>;
  // `log`: gets a line for each operation, once it is done; may be null.
  Player(const Scenario& scenario, Log log);

  // Plays everything, then compares all bytes, ends all processes and looks for lost frames.
  void play();
  // What the machine did: to judge whether a scenario tested anything.
  const MachineCounters& counters() { return machine_->counters(); }

 private:
  struct Proc {
    Pid pid = 0;
    std::shared_ptr<Space> space;
    unsigned cpu = 0;
  };
  struct PageRun {
    std::uint64_t begin = 0, pages = 0;  // page numbers
    std::uint64_t end() const { return begin + pages; }
    VirtAddr address() const { return VirtAddr(begin << kPageShift); }
    ByteCount length() const { return ByteCount(pages << kPageShift); }
  };

  static constexpr std::size_t kMaxProcesses = 6;
  static constexpr std::size_t kMaxPages = 160;
  static constexpr std::size_t kMaxObjects = 6;

  void step(const Op& op);
  void finish();
  void verify(const char* when);
  void note(const std::string& text);
  static void expect(bool truth, const std::string& what);
  static void expect_errno(Errno got, Errno wanted, const char* call);
  template <class T>
  static void expect_ok(const Result<T>& result, const char* call) {
    expect(result.has_value(),
           std::string(call) + " failed with errno " +
               std::to_string(result ? 0 : static_cast<int>(result.error().code)));
  }

  Proc* any_process(Random& random);
  std::shared_ptr<Object> any_object(Random& random, bool open_only);
  static std::uint64_t any_page(Space& space, Random& random);
  PageRun any_run(Space& space, Random& random, std::uint64_t most);
  std::uint64_t far_page(Space& space, Random& random, std::uint64_t pages) const;
  VirtAddr any_address(Space& space, Random& random);
  bool drop(Proc& process);
  void bury();

  // processes (player_processes.cpp)
  void spawn(Random& random);
  void fork(Random& random);
  void vfork(Random& random);
  void exit(Random& random);
  void reap(Random& random);
  void run_on(Random& random);
  // accesses (player_accesses.cpp)
  void read(Random& random);
  void write(Random& random);
  void touch(Random& random);
  void wild_access(Random& random);
  void wait(Random& random);
  void read_at(Proc& process, VirtAddr address, std::size_t length);
  void settle(Proc& process, const AccessResult& got, VirtAddr address, std::size_t length,
              Access access, std::byte* bytes);
  void after_failure(Proc& process, const AccessResult& got);
  static std::size_t writable_length(Space& space, VirtAddr address, std::size_t length);
  void check_all(Proc& process);
  // memory calls (player_calls.cpp)
  void mmap(Random& random);
  void munmap(Random& random);
  void mprotect(Random& random);
  void mremap(Random& random);
  void brk(Random& random);
  void discard(Random& random);
  void msync(Random& random);
  void bad_call(Random& random);
  void draw_mapping(Random& random, MmapRequest& request, PageState& state);
  void apply_move(Space& space, const MremapRequest& request, const Result<VirtAddr>& got);
  void apply_mremap(Space& space, const MremapRequest& request, const Result<VirtAddr>& got);
  // files (player_files.cpp)
  void open_file(Random& random);
  void close_file(Random& random);
  void create_shared(Random& random);
  void read_file(Random& random);
  void write_file(Random& random);
  void sync_file(Random& random);
  void truncate(Random& random);
  void adopt_partial_write(Object& object, std::size_t offset, const Bytes& wanted);
  // the machine's own doing (player.cpp)
  void advance(Random& random);
  void reclaim(Random& random);
  void add_swap(Random& random);

  const Scenario& scenario_;
  Log log_;
  std::unique_ptr<Machine> machine_;
  std::vector<Proc> processes_;
  std::vector<Pid> zombies_;
  std::vector<std::shared_ptr<Object>> objects_;  // open ones, and closed files for the last
                                                  // comparison
  std::uint64_t next_origin_ = 1;
  std::uint64_t added_swap_ = 0;
};

}  // namespace pw::model
