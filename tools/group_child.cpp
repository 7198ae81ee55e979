#include "tools/group_child.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pw::tools {
namespace {

bool told(const host::MemoryGroup& group, void* result, std::size_t size,
          const std::function<bool(void*)>& work) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  const pid_t child = fork();
  if (child == 0) {
    if (!host::write_to_file(group.processes_file(), "0") || !work(result)) _exit(1);
    _exit(write(ends[1], result, size) == static_cast<ssize_t>(size) ? 0 : 1);
  }
  close(ends[1]);
  const bool whole = read(ends[0], result, size) == static_cast<ssize_t>(size);
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  return whole;
}

}  // namespace

Result<void> run_in_group(const ChildPlace& place, std::uint64_t limit_bytes, void* result,
                          std::size_t size, const std::function<bool(void*)>& work) {
  const auto path = place.guardian.make_group(place.parent);
  if (!path) return tl::unexpected(path.error());
  const host::MemoryGroup group(place.parent.version, *path);
  std::vector<std::string> ignored;
  PW_TRY(group.set({limit_bytes, 60, true}, ignored));
  const bool whole = told(group, result, size, work);
  (void)place.guardian.remove_group(*path);
  if (!whole) return fail(Errno::Io, "the measuring process told nothing");
  return {};
}

}  // namespace pw::tools
