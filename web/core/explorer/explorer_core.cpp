#include <memory>
#include <utility>

#include "machine/machine.hpp"
#include "web/core/page.hpp"

// The version of what the explorer page and its core say to each other.
PW_PAGE_EXPORT(pw_page_version) std::uint32_t pw_page_version() {
  pw::MachineConfig config;
  const auto machine = pw::Machine::create(config);
  return machine ? 1 : 0;
}
