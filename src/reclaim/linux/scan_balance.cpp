#include "reclaim/linux/scan_balance.hpp"

namespace pw {

namespace {
constexpr std::uint64_t kMaxSwappiness = 200;
}

ScanChoice choose_scan(const ScanBalance& balance, int swappiness, int priority, bool can_swap,
                       bool trim_cache) {
  ScanChoice choice;
  if (!can_swap || swappiness == 0) {
    choice.kind = ScanChoice::Kind::FileOnly;
    return choice;
  }
  if (priority == 0) {
    choice.kind = ScanChoice::Kind::Equal;
    return choice;
  }
  if (trim_cache) {
    choice.kind = ScanChoice::Kind::FileOnly;
    return choice;
  }
  // calculate_pressure_balance(), mm/vmscan.c.
  const std::uint64_t sum = balance.anon() + balance.file();
  const std::uint64_t anon_cost = sum + balance.anon();
  const std::uint64_t file_cost = sum + balance.file();
  const std::uint64_t total = anon_cost + file_cost;
  const auto weight = static_cast<std::uint64_t>(swappiness);
  choice.anon = weight * (total + 1) / (anon_cost + 1);
  choice.file = (kMaxSwappiness - weight) * (total + 1) / (file_cost + 1);
  choice.all = choice.anon + choice.file;
  return choice;
}

std::uint64_t scan_target(const ScanChoice& choice, Lru list, std::uint64_t size, int priority) {
  const std::uint64_t part = size >> priority;
  switch (choice.kind) {
    case ScanChoice::Kind::Equal:
      return part;
    case ScanChoice::Kind::FileOnly:
      return is_file(list) ? part : 0;
    case ScanChoice::Kind::Fraction:
      return part * (is_file(list) ? choice.file : choice.anon) / choice.all;
  }
  return 0;
}

}  // namespace pw
