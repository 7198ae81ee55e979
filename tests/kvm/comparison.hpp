// Lists of accesses as a guest made them, and whether a walker would have had them in the same way:
// faults, error codes, the address in CR2, and every bit of every table afterwards.
//
// What may differ is A in an entry that no granted access has used: a processor may set it as it
// walks, before it refuses, or on a walk for what it only guesses will be executed (SDM vol. 3A 4.8
// and 4.10.2.3). D is set for writes that are granted, and for nothing else.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kvm/random_tree.hpp"

namespace pw::kvm {

// A guest's memory, in bytes: how far the tables of a list can reach.
inline constexpr std::uint64_t kGuestMemory = 64ULL << 20;

// A list of accesses, and what came of it in the guest.
struct Batch {
  Pfn root;  // and first of the tables, which are one frame after another
  Controls controls;
  Mode mode = Mode::User;
  std::vector<Probe> probes;
  std::vector<Verdict> verdicts;
  std::vector<std::uint64_t> before, after;  // the tables

  // The rules that hold for the accesses of this list.
  x86::WalkRules rules() const {
    x86::WalkRules rules = controls.rules;
    if (controls.alignment_check) rules.smap = false;
    return rules;
  }
};

struct Tally {
  std::uint64_t done = 0, page_faults = 0, keys = 0, protection = 0, large = 0;
  std::uint64_t more_accessed = 0;  // A that only the guest has set
  // Walks that ended at exactly one reserved bit: by level, for large leaves apart, by bit.
  std::array<std::array<std::bitset<64>, 2>, x86::kMaxLevels + 1> reserved{};
  std::uint64_t reserved_faults = 0;

  std::uint64_t checks() const { return done + page_faults + protection; }
  void count(const x86::Walk& walk, std::uint64_t last_entry, const x86::WalkRules& rules);
};

// Tables that remember which of their entries were asked for. A walker that overlooks a reserved
// bit may ask for a table that is none.
struct NotedTables {
  x86::TableMemory memory;
  std::vector<std::uint64_t*>* read;

  std::uint64_t* entry(Pfn table, unsigned index) const {
    if (table.value >= kGuestMemory >> kPageShift) return nullptr;
    read->push_back(memory.entry(table, index));
    return read->back();
  }
};

// Empty if they agree.
std::string compare_verdicts(const Batch& batch, std::size_t n, const x86::Walk& walk);
std::string compare_tables(const Batch& batch, const std::uint64_t* ours,
                           std::vector<std::uint64_t*>& used, Tally* tally);

// Empty if a walker of this kind agrees with the guest. `scratch` is big enough for any table.
template <class Walker>
std::string find_mismatch(const Batch& batch, x86::TableMemory scratch, Tally* tally) {
  std::uint64_t* tables = scratch.table(batch.root);
  std::copy(batch.before.begin(), batch.before.end(), tables);
  Walker walker(batch.rules());
  walker.set_pkru(batch.controls.pkru);
  std::vector<std::uint64_t*> used;  // by granted accesses, and then by the one that goes on
  for (std::size_t n = 0; n < batch.probes.size(); ++n) {
    const std::size_t granted = used.size();
    const Probe& probe = batch.probes[n];
    x86::Walk walk;
    walker.walk(NotedTables{scratch, &used}, {batch.root, batch.controls.rules.levels},
                probe.address, probe.access, batch.mode, walk);
    const std::string difference = compare_verdicts(batch, n, walk);
    if (!difference.empty()) return difference;
    if (tally != nullptr) tally->count(walk, used.empty() ? 0 : *used.back(), batch.rules());
    if (walk.end != x86::WalkEnd::Mapped) used.resize(granted);
  }
  return compare_tables(batch, tables, used, tally);
}

struct Campaign {
  unsigned guests = 1, trees = 1;   // trees for each guest
  unsigned lists = 4, probes = 28;  // lists for each tree, probes for each list
  Emphasis emphasis{};
};

// Plays it until `look`, which sees each list with the guest's memory as it is then, says false.
// The empty string, or why it could not be played. The same seeds give the same run.
std::string play(const Campaign& campaign, const std::function<bool(const Batch&)>& look);

// MAXPHYADDR of the guests of a campaign lies between these, as far as KVM can pretend.
inline constexpr unsigned kSmallestPhysicalBits = 36, kMostPhysicalBits = 52;

}  // namespace pw::kvm
