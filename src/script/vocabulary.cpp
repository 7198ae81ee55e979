#include "script/vocabulary.hpp"

#include <algorithm>

#include "script/target.hpp"

namespace pw::script {

namespace {

using sys::ArgKind;
using sys::Argument;
using sys::ReplyKind;

constexpr Argument kTimes{"times", ArgKind::Number, 1};
constexpr Argument kLoadArgs[] = {{"address", ArgKind::Address}, {"count", ArgKind::Count}, kTimes};
constexpr Argument kStoreArgs[] = {
    {"address", ArgKind::Address}, {"bytes", ArgKind::Bytes}, kTimes};
constexpr Argument kFetchArgs[] = {{"address", ArgKind::Address}, kTimes};
constexpr Argument kPkruArgs[] = {{"value", ArgKind::Number}};

constexpr VerbEntry kAccesses[] = {
    {"load", Verb::Load, {}, kLoadArgs, ReplyKind::Bytes},
    {"store", Verb::Store, {}, kStoreArgs, ReplyKind::Nothing},
    {"fetch", Verb::Fetch, {}, kFetchArgs, ReplyKind::Nothing},
    {"wrpkru", Verb::SetPkru, {}, kPkruArgs, ReplyKind::Nothing},
};

VerbEntry entry_of(const sys::Signature& call) {
  return {call.name, Verb::Call, call.call, call.arguments, call.reply};
}

struct NamedConstant {
  std::string_view name;
  Constant constant;
};
constexpr NamedConstant kConstants[] = {
    {"stack", Constant::Stack}, {"stack_end", Constant::StackEnd}, {"heap", Constant::Heap},
    {"top", Constant::Top},     {"lowest", Constant::Lowest},      {"page", Constant::Page},
};

constexpr Showable kShowables[] = {
    {"maps", true, false},         {"smaps", true, false},         {"status", true, false},
    {"smaps_rollup", true, false}, {"statm", true, false},         {"numa_maps", true, false},
    {"walk", true, true},          {"tlb", false, false},          {"frames", false, false},
    {"cache", false, false},       {"swap", false, false},         {"slabs", false, false},
    {"meminfo", false, false},     {"vmstat", false, false},       {"swaps", false, false},
    {"buddyinfo", false, false},   {"pagetypeinfo", false, false},
};

struct NamedCode {
  std::string_view name;
  int signal, code;
};
constexpr NamedCode kCodes[] = {{"MAPERR", kSigSegv, kMapErr},
                                {"ACCERR", kSigSegv, kAccErr},
                                {"PKUERR", kSigSegv, kPkuErr},
                                {"KERNEL", kSigSegv, kSentByKernel},
                                {"ADRERR", kSigBus, kAdrErr}};
constexpr std::string_view kFormal[] = {"SEGV_", "BUS_", "SI_"};

}  // namespace

bool find_verb(std::string_view name, VerbEntry& out) {
  for (const VerbEntry& entry : kAccesses) {
    if (entry.name != name) continue;
    out = entry;
    return true;
  }
  const sys::Signature* call = sys::find_call(name);
  if (call == nullptr) return false;
  out = entry_of(*call);
  return true;
}

VerbEntry verb_of(Verb verb, sys::Call call) {
  for (const VerbEntry& entry : kAccesses) {
    if (entry.verb == verb) return entry;
  }
  return entry_of(sys::signature(call));
}

std::vector<std::string_view> verb_names() {
  std::vector<std::string_view> names;
  for (const VerbEntry& entry : kAccesses) names.push_back(entry.name);
  for (const sys::Signature& call : sys::all_calls()) names.push_back(call.name);
  return names;
}

bool may_be_absent(std::span<const Argument> arguments, std::size_t n) {
  if (arguments[n].otherwise) return true;
  return is_text(arguments[n].kind) && n > 0 && arguments[n - 1].otherwise.has_value();
}

std::string usage(const VerbEntry& verb) {
  std::string text(verb.name);
  for (std::size_t i = 0; i < verb.arguments.size(); ++i) {
    const bool absent = may_be_absent(verb.arguments, i);
    text += absent ? " [" : " ";
    for (const char c : verb.arguments[i].name) {
      text += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    if (absent) text += ']';
  }
  return text;
}

std::string_view describe(ArgKind kind) {
  switch (kind) {
    case ArgKind::Address:
      return "an address such as p+1P";
    case ArgKind::Length:
      return "a length such as 4P or 64K";
    case ArgKind::Offset:
      return "an offset such as 0 or 1P";
    case ArgKind::Fd:
      return "a descriptor, as open gives it";
    case ArgKind::Pid:
      return "a process's name";
    case ArgKind::Text:
      return "a name in quotes, such as \"data.bin\"";
    case ArgKind::Bytes:
      return "bytes in quotes, such as \"hello\" or \"x\"*100";
    case ArgKind::Protection:
      return "rights such as rw, r or none";
    case ArgKind::MapFlags:
      return "flags such as private|anonymous";
    case ArgKind::Advice:
      return "advice such as dontneed";
    case ArgKind::OpenFlags:
      return "flags such as rdwr|creat";
    default:
      return sys::values_of(kind).empty() ? "a number" : "flags";
  }
}

bool find_constant(std::string_view name, Constant& out) {
  for (const NamedConstant& constant : kConstants) {
    if (constant.name != name) continue;
    out = constant.constant;
    return true;
  }
  return false;
}

std::vector<std::string_view> constant_names() {
  std::vector<std::string_view> names;
  for (const NamedConstant& constant : kConstants) names.push_back(constant.name);
  return names;
}

std::span<const Showable> showables() { return kShowables; }

const Showable* find_showable(std::string_view name) {
  for (const Showable& showable : kShowables) {
    if (showable.name == name) return &showable;
  }
  return nullptr;
}

bool is_reserved(std::string_view word) {
  VerbEntry verb;
  Constant constant{};
  return std::find(std::begin(kKeywords), std::end(kKeywords), word) != std::end(kKeywords) ||
         find_verb(word, verb) || find_constant(word, constant) || signal_of(word) != 0 ||
         sys::errno_of(word) != 0;
}

int signal_of(std::string_view name) {
  if (name == "SIGSEGV") return kSigSegv;
  if (name == "SIGBUS") return kSigBus;
  return name == "SIGKILL" ? kSigKill : 0;
}

int signal_code_of(int signal, std::string_view name) {
  for (const std::string_view formal : kFormal) {
    if (name.substr(0, formal.size()) == formal) name.remove_prefix(formal.size());
  }
  for (const NamedCode& code : kCodes) {
    if (code.signal == signal && code.name == name) return code.code;
  }
  return 0;
}

std::string signal_name(int signal) {
  switch (signal) {
    case kSigSegv:
      return "SIGSEGV";
    case kSigBus:
      return "SIGBUS";
    case kSigKill:
      return "SIGKILL";
    default:
      return "signal " + std::to_string(signal);
  }
}

std::string signal_code_name(int signal, int code) {
  for (const NamedCode& known : kCodes) {
    if (known.signal == signal && known.code == code) return std::string(known.name);
  }
  return std::to_string(code);
}

}  // namespace pw::script
