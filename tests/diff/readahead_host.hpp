// Plays cases of readahead_case.hpp on the running kernel: a file of its own in a folder on ext4,
// mapped into this very process.
#pragma once

#include <memory>
#include <string>

#include "support/readahead_case.hpp"

namespace pw::readahead {

// What decides whether the kernel's page cache can be compared with the machine's.
struct Host {
  std::string folder;         // on ext4; empty: none was found
  std::string why_not;        // for people
  std::uint64_t window = 0;   // of the device, in pages (read_ahead_kb)
  std::uint64_t request = 0;  // what it takes at once (max_sectors_kb)
};

// The folder is PW_EXT4_FOLDER, or one of the usual ones. Looks whether files there have large
// folios that a fault maps as a whole.
Host look_at_host();

// Null: the file could not be made, or does not leave the page cache.
std::unique_ptr<Player> make_host_player(const Host& host, const Case& c);

}  // namespace pw::readahead
