// Something that is done and timed in a memory group of its own: by a child of this process, which
// must have one thread only. Part of the verb calibrate.
#pragma once

#include <functional>
#include <type_traits>

#include "ports/host/group_run_guardian.hpp"
#include "ports/host/memory_group.hpp"

namespace pw::tools {

struct ChildPlace {
  host::Guardian& guardian;  // makes the group and takes it away
  const host::GroupParent& parent;
};

// `work` writes its result to the address; false: it has none. Errors: those of the group, Io (the
// child has told nothing).
Result<void> run_in_group(const ChildPlace& place, std::uint64_t limit_bytes, void* result,
                          std::size_t size, const std::function<bool(void*)>& work);

// The same for a value. `work` returns whether there is one.
template <class T>
Result<T> in_group(const ChildPlace& place, std::uint64_t limit_bytes,
                   const std::function<bool(T&)>& work) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value{};
  PW_TRY(run_in_group(place, limit_bytes, &value, sizeof value,
                      [&](void* into) { return work(*static_cast<T*>(into)); }));
  return value;
}

}  // namespace pw::tools
