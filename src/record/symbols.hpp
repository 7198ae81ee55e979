// Names for addresses: functions and source lines from an ELF file's symbol tables and debugging
// information, also from separate debug files where those are installed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "record/recording.hpp"
#include "record/sections.hpp"

namespace pw::record {

// Resolves places in the file `module.path`, given as offsets from its start. One symbol for each
// offset; with an empty function where nothing is known. If the file is not the one that was
// recorded (another build id) or cannot be read, all are empty.
std::vector<Symbol> resolve_symbols(const Module& module,
                                    const std::vector<std::uint64_t>& offsets);

}  // namespace pw::record
