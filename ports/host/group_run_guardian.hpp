// The process that makes whatever a measurement needs on the host, and takes it away again: memory
// groups, swap, folders, changed settings.
//
// Owned by the measurement. It is a child in a session of its own, deaf to the terminal's signals.
// It does what it is asked for, remembers how to undo it, and undoes all, the latest first, when it
// is told to or when its parent is gone, for whatever reason, SIGKILL included: the parent's end of
// their socket is then closed. Nothing is made before it is remembered, and the parent makes
// nothing itself, so there is no moment at which something would be left behind.
//
// To be started while the caller has one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "ports/host/host_target_channel.hpp"
#include "ports/host/memory_group.hpp"

namespace pw::host {

class Guardian {
 public:
  static Result<std::unique_ptr<Guardian>> start();
  ~Guardian();  // as finish()
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;

  // Lets groups hand out memory below a parent of version 2 that cannot yet.
  Result<void> make_room(const GroupParent& parent);
  // A group with a name that no other has; its path.
  Result<std::string> make_group(const GroupParent& parent);
  // Ends what still runs in it. Error: Busy.
  Result<void> remove_group(const std::string& path);
  void end_processes(const std::string& group);

  // Swap that is turned on before all other; its path.
  Result<std::string> make_zram(std::uint64_t bytes, const std::string& algorithm);
  Result<std::string> make_swap_file(const std::string& folder, std::uint64_t bytes);

  // Changes a setting of the system until the end.
  Result<void> change_setting(const std::string& file, const std::string& value);
  // A private folder that goes with all that is in it.
  Result<std::string> make_folder(const std::string& parent);

  // Undoes everything and ends the guardian. What could not be undone, a sentence each.
  std::vector<std::string> finish();

 private:
  Guardian(OwnedFd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}
  Result<std::string> ask(std::initializer_list<std::string_view> words);

  OwnedFd socket_;
  pid_t pid_ = -1;
};

}  // namespace pw::host
