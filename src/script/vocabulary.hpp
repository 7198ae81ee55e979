// The words of scripts that are neither names of the kernel's interface (sys/calls.hpp) nor the
// user's own: verbs, constants, what can be shown.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "script/program.hpp"
#include "sys/calls.hpp"

namespace pw::script {

// A verb with the arguments it takes: a system call, or an access.
struct VerbEntry {
  std::string_view name;
  Verb verb = Verb::Call;
  sys::Call call = sys::Call::Mmap;
  std::span<const sys::Argument> arguments;
  sys::ReplyKind reply = sys::ReplyKind::Nothing;
};

// False: there is no such verb.
bool find_verb(std::string_view name, VerbEntry& out);
VerbEntry verb_of(Verb verb, sys::Call call);
std::vector<std::string_view> verb_names();

constexpr bool is_text(sys::ArgKind kind) {
  return kind == sys::ArgKind::Text || kind == sys::ArgKind::Bytes;
}
// Whether a call may leave the n-th argument out: it has a value of its own, or is a text behind
// one that has.
bool may_be_absent(std::span<const sys::Argument> arguments, std::size_t n);
// "ADDRESS LENGTH PROT FLAGS [FD] [OFFSET]"
std::string usage(const VerbEntry& verb);
// What an argument of this kind looks like: "rights such as rw".
std::string_view describe(sys::ArgKind kind);

// Names of numbers that each process has: where its parts lie.
enum class Constant : std::uint8_t { Stack, StackEnd, Heap, Top, Lowest, Page };
bool find_constant(std::string_view name, Constant& out);
std::vector<std::string_view> constant_names();

struct Showable {
  std::string_view name;
  bool of_process;
  bool takes_address;
};
std::span<const Showable> showables();
const Showable* find_showable(std::string_view name);

// Words that can name neither a variable nor a process.
bool is_reserved(std::string_view word);
inline constexpr std::string_view kKeywords[] = {"machine", "process", "expect", "show", "mark",
                                                 "repeat",  "for",     "let",    "ok"};

inline constexpr std::string_view kMachine = "machine";

// Signals and their codes: SIGSEGV, MAPERR. 0: there is none of that name.
int signal_of(std::string_view name);
int signal_code_of(int signal, std::string_view name);
std::string signal_name(int signal);
std::string signal_code_name(int signal, int code);

}  // namespace pw::script
