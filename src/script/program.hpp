// A script as plain values: what parser.cpp makes of text, printer.cpp writes back and runner.cpp
// carries out. Whoever builds a program by hand (generators, shrinkers) fills the same structs.
//
// Invariants of a parsed program: every name used is bound by an earlier step in the order of the
// text; the arguments of a call are in the order of its signature; a step that a process carries
// out names it. What is built by hand may break them; the runner then says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sys/calls.hpp"

namespace pw::script {

// Where something stands in the text, from 1. No part of its meaning: all places are equal.
struct Place {
  std::uint32_t line = 0, column = 0;
  std::uint32_t length = 1;
  friend bool operator==(const Place&, const Place&) { return true; }
};

// A number, 64 bits, arithmetic modulo 2^64.
struct Expression {
  enum class Kind : std::uint8_t { Number, Name, Negate, Add, Subtract, Multiply };
  Kind kind = Kind::Number;
  bool hex = false;          // of a number: how it is written
  char unit = 0;             // K, M, G, T, P (pages of 4 KiB) or none
  std::uint64_t number = 0;  // unit included
  std::string name;          // a variable or a constant
  std::vector<Expression> operands;
  Place place;
  friend bool operator==(const Expression&, const Expression&) = default;
};

Expression number(std::uint64_t value);
Expression address(std::uint64_t value);  // the same, written in hex
Expression name(std::string name);

// Bytes; a unit that may be repeated: "ab"*100.
struct Text {
  std::string bytes;
  std::optional<Expression> times;
  Place place;
  friend bool operator==(const Text&, const Text&) = default;
};

// One of the terms that | joins: a name of the argument's kind, or a number.
struct FlagTerm {
  std::string name;  // the short one; empty: a number
  Expression number;
  friend bool operator==(const FlagTerm&, const FlagTerm&) = default;
};

// An argument. Absent: the signature's own value is taken.
struct Value {
  enum class Kind : std::uint8_t { Absent, Number, Flags, Text, Process };
  Kind kind = Kind::Absent;
  Expression number;
  std::vector<FlagTerm> flags;
  Text text;
  std::string process;
  Place place;
  friend bool operator==(const Value&, const Value&) = default;
};

Value number_value(Expression expression);
Value flags_value(std::uint64_t flags);
Value text_value(std::string bytes);
Value process_value(std::string name);

// What a step must give.
struct Expectation {
  enum class Kind : std::uint8_t { None, Ok, Number, Text, Bits, Errno, Signal };
  Kind kind = Kind::None;
  Expression number;                  // Number
  Text text;                          // Text
  std::string bits;                   // Bits: a 0 or 1 for each page
  int error = 0;                      // Errno
  int signal = 0;                     // Signal
  int code = 0;                       // of the signal; 0: any
  std::optional<Expression> address;  // of the signal; none: any
  Place place;
  friend bool operator==(const Expectation&, const Expectation&) = default;
};

enum class Verb : std::uint8_t { Call, Load, Store, Fetch, SetPkru };

enum class Comparison : std::uint8_t { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual };

struct Step {
  enum class Kind : std::uint8_t {
    Process,  // process A: a new process
    Let,      // let q = p+4P
    Do,       // A: p = mmap ... => ...
    Expect,   // expect A minor = 3
    Mark,     // mark: counters are remembered for `expect A minor = +3`
    Show,     // show A maps
    Repeat,   // repeat 10 { ... }
    For,      // for i = 0..9 { ... }
  };
  Kind kind = Kind::Do;
  Place place;
  std::string process;  // who does it; Process: its name; Expect, Show: empty = the machine
  std::string result;   // Let, Do: the name bound, or none; For: the loop's variable
  // Do
  Verb verb = Verb::Call;
  sys::Call call = sys::Call::Mmap;
  std::vector<Value> arguments;
  Expectation expected;
  // Let: the value. Expect: what is compared with. Show: an address. Repeat: how often. For: from.
  Expression first;
  Expression last;   // For: to, inclusive
  std::string what;  // Expect: the counter. Show: what
  Comparison comparison = Comparison::Equal;
  bool since_mark = false;
  std::vector<Step> body;
  friend bool operator==(const Step&, const Step&) = default;
};

struct Setting {
  std::string key, value;
  Place place;
  friend bool operator==(const Setting&, const Setting&) = default;
};

struct Program {
  std::vector<Setting> machine;
  std::vector<Step> steps;
  friend bool operator==(const Program&, const Program&) = default;
};

}  // namespace pw::script
