#include "kvm/comparison.hpp"

#include <bit>
#include <cstdio>

namespace pw::kvm {

namespace {

// MAXPHYADDR of one guest after the other, where KVM can pretend: the processor's own is the most.
constexpr std::array<unsigned, 8> kPhysicalBits{
    kMostPhysicalBits,    kSmallestPhysicalBits, 46, 37, kMostPhysicalBits, 39, 42,
    kSmallestPhysicalBits};

std::string hex(std::uint64_t value) {
  std::array<char, 24> text;
  std::snprintf(text.data(), text.size(), "%llx", static_cast<unsigned long long>(value));
  return text.data();
}

std::string describe(const Batch& batch) {
  const x86::WalkRules& rules = batch.controls.rules;
  std::string text = batch.mode == Mode::User ? "user" : "kernel";
  text += ", levels " + std::to_string(rules.levels) + ", MAXPHYADDR " +
          std::to_string(rules.physical_bits);
  if (rules.write_protect) text += ", WP";
  if (rules.no_execute) text += ", NXE";
  if (rules.smep) text += ", SMEP";
  if (rules.smap) text += batch.controls.alignment_check ? ", SMAP with AC" : ", SMAP";
  if (rules.protection_keys) text += ", PKRU " + hex(batch.controls.pkru);
  return text;
}

std::string describe(Verdict::Kind kind, std::uint32_t error_code, std::uint64_t address) {
  if (kind == Verdict::Kind::Done) return "done";
  if (kind == Verdict::Kind::Strange) return "nothing sensible";
  return (kind == Verdict::Kind::PageFault ? "#PF " : "#GP ") + hex(error_code) +
         (kind == Verdict::Kind::PageFault ? " at " + hex(address) : "");
}

}  // namespace

void Tally::count(const x86::Walk& walk, std::uint64_t last_entry, const x86::WalkRules& rules) {
  if (walk.end == x86::WalkEnd::Mapped) {
    ++done;
    if (walk.level > 1) ++large;
    return;
  }
  if (walk.end == x86::WalkEnd::NonCanonical) {
    ++protection;
    return;
  }
  ++page_faults;
  if ((walk.error_code & x86::kErrorProtectionKey) != 0) ++keys;
  if ((walk.error_code & x86::kErrorReserved) == 0) return;
  ++reserved_faults;
  const bool leaf = (last_entry & x86::kLarge) != 0 &&
                    (walk.level == 2 || (walk.level == 3 && rules.gigabyte_pages));
  const std::uint64_t bits = last_entry & x86::Manual::reserved_bits(walk.level, leaf, rules);
  if (!std::has_single_bit(bits)) return;
  const auto bit = static_cast<std::size_t>(std::countr_zero(bits));
  reserved[static_cast<unsigned>(walk.level)][leaf ? 1 : 0].set(bit);
}

std::string compare_verdicts(const Batch& batch, std::size_t n, const x86::Walk& walk) {
  const Verdict& got = batch.verdicts[n];
  const Probe& probe = batch.probes[n];
  Verdict expected;
  switch (walk.end) {
    case x86::WalkEnd::Mapped:
      expected = {Verdict::Kind::Done, 0, 0};
      break;
    case x86::WalkEnd::PageFault:
      expected = {Verdict::Kind::PageFault, walk.error_code, probe.address.value};
      break;
    case x86::WalkEnd::NonCanonical:
      expected = {Verdict::Kind::GeneralProtection, 0, 0};
      break;
    case x86::WalkEnd::OutOfReach:
      break;  // strange, and never right
  }
  const bool same = got.kind == expected.kind && got.kind != Verdict::Kind::Strange &&
                    got.error_code == expected.error_code &&
                    (got.kind != Verdict::Kind::PageFault || got.address == expected.address);
  if (same) return {};
  constexpr std::array<const char*, 3> kNames{"read", "write", "fetch"};
  return std::string(kNames[static_cast<unsigned>(probe.access)]) + " of " +
         hex(probe.address.value) + " (" + describe(batch) + "): the walker says " +
         describe(expected.kind, expected.error_code, expected.address) + ", the guest " +
         describe(got.kind, got.error_code, got.address);
}

std::string compare_tables(const Batch& batch, const std::uint64_t* ours,
                           std::vector<std::uint64_t*>& used, Tally* tally) {
  std::sort(used.begin(), used.end());
  for (std::size_t i = 0; i < batch.after.size(); ++i) {
    const std::uint64_t theirs = batch.after[i];
    if (theirs == ours[i]) continue;
    const bool may = theirs == (ours[i] | x86::kAccessed) &&
                     !std::binary_search(used.begin(), used.end(), ours + i);
    if (!may) {
      return "entry " + std::to_string(i % x86::kEntriesPerTable) + " of table " +
             std::to_string(i / x86::kEntriesPerTable) + " (" + describe(batch) +
             "): the walker leaves " + hex(ours[i]) + ", the guest " + hex(theirs);
    }
    if (tally != nullptr) ++tally->more_accessed;
  }
  return {};
}

std::string play(const Campaign& campaign, const std::function<bool(const Batch&)>& look) {
  for (unsigned n = 0; n < campaign.guests; ++n) {
    std::string why;
    const unsigned physical_bits = kPhysicalBits[n % kPhysicalBits.size()];
    const auto guest = TinyGuest::create(kGuestMemory, physical_bits, why);
    if (guest == nullptr) return why;
    Random random(n);
    Pfn next_table = kFirstTable;
    for (unsigned t = 0; t < campaign.trees; ++t) {
      RandomTree tree(random, *guest, campaign.emphasis, next_table);
      Batch batch;
      batch.root = tree.root();
      const std::uint64_t* begin = guest->memory().table(tree.root());
      const std::uint64_t* end = guest->memory().table(tree.end());
      batch.after.assign(begin, end);
      for (unsigned i = 0; i < campaign.lists; ++i) {
        batch.before = batch.after;
        batch.controls = tree.controls();
        batch.mode = tree.mode();
        batch.probes.resize(campaign.probes);
        for (Probe& probe : batch.probes) probe = tree.probe();
        batch.verdicts.assign(campaign.probes, Verdict{});
        if (!guest->run(batch.root, batch.controls, batch.mode, batch.probes, batch.verdicts,
                        why)) {
          return why + " (guest " + std::to_string(n) + ", tree " + std::to_string(t) + ", " +
                 describe(batch) + ")";
        }
        batch.after.assign(begin, end);
        if (!look(batch)) return {};
      }
    }
  }
  return {};
}

}  // namespace pw::kvm
