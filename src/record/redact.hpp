// Takes names out of a recording: paths, command lines and function names become short hashes, the
// same for the same name in every recording. What kind of thing it is stays visible: a library, the
// heap, the stack.
//
// The hashes are not secret: who guesses a name can check the guess.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "record/event.hpp"
#include "record/sections.hpp"

namespace pw::record {

std::string redact_path(std::string_view path);  // lib-3f2a..., file-..., memfd-...; "[heap]" stays
std::string redact_word(std::string_view word);  // arg-...
std::string redact_symbol(std::string_view name);  // fn-...

void redact(std::vector<std::string>& command);
void redact(std::vector<MappedArea>& maps);
void redact(Module& module);
void redact(FileInfo& file);  // which file it is, too  // path; the build id goes
void redact(Symbol& symbol);  // function and file; the line goes

}  // namespace pw::record
