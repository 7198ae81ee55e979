// A machine with several processes that want far more memory than it has, played from one seed:
// reads, writes, forks, moves between CPUs, shared memory, a file, exits, in random order. Every
// word that is read is compared with what was written last.
//
// Owned by whoever plays it; uses nothing but itself, so that several may be played at once in
// threads of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "machine/machine.hpp"

namespace pw::stress {

// All that a run did: every counter, the clock, and a hash of every word read.
struct Outcome {
  std::string wrong;  // the first difference; empty: none
  std::vector<std::uint64_t> numbers;
  MachineCounters counters;
};

struct CrowdOptions {
  std::uint64_t seed = 1;
  std::uint64_t operations = 20'000;  // each a dozen references and more
  std::uint64_t verify_every = 5'000;
};

class CrowdedMachine {
 public:
  explicit CrowdedMachine(const CrowdOptions& options);

  Outcome play();

 private:
  using Words = std::vector<std::uint64_t>;  // what each page of a region must hold
  struct Region {
    VirtAddr begin;
    std::shared_ptr<Words> words;  // of a shared region: one for all who map it
    bool shared = false;
  };
  struct Member {
    Pid pid = 0;
    std::vector<Region> regions;
    std::uint64_t hot = 0;  // where its window begins
  };

  MachineConfig random_config();
  bool begin();
  void step();
  void finish();

  Member& any() { return members_[random_.below(members_.size())]; }
  std::uint64_t any_page(Member& member, const Region& region);
  bool add_region(Member& member, std::uint64_t pages, FileId backing,
                  std::shared_ptr<Words> words);
  void use(Member& member);
  void write(Member& member, Region& region, std::uint64_t page);
  void read(Member& member, const Region& region, std::uint64_t page);
  void fork();
  void leave();
  void forget(Member& member);
  void move_region(Member& member);
  void truth(bool holds, const char* what);
  void wrong(const std::string& what);
  void check(const Result<void>& result, const char* what);

  CrowdOptions options_;
  Random random_;
  std::unique_ptr<Machine> machine_;
  std::vector<Member> members_;
  FileId file_{};
  FileId shared_{};
  std::shared_ptr<Words> file_words_, shared_words_;
  std::uint64_t hash_ = 0;
  Outcome outcome_;
};

}  // namespace pw::stress
