// Answers of the core as JSON text: objects, arrays, numbers, texts, in the order they are written.
//
// Plain appending, so that a step's answer costs no tree. Numbers are those that a double holds
// exactly; addresses and entries go as hexadecimal texts.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace pw::explorer {

class Json {
 public:
  Json& open(char bracket) {
    separate();
    text_ += bracket;
    first_ = true;
    return *this;
  }
  Json& close(char bracket) {
    text_ += bracket;
    first_ = false;
    return *this;
  }
  Json& key(std::string_view name) {
    write(name);
    text_ += ':';
    first_ = true;
    return *this;
  }
  Json& number(std::uint64_t value) {
    separate();
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    text_.append(digits, static_cast<std::size_t>(end - digits));
    return *this;
  }
  Json& truth(bool value) {
    separate();
    text_ += value ? "true" : "false";
    return *this;
  }
  Json& null() {
    separate();
    text_ += "null";
    return *this;
  }
  // Bytes beyond ASCII go as they are; those that are no UTF-8 are the page's to replace.
  Json& write(std::string_view value);
  Json& hex(std::uint64_t value);

  // Fields of an object.
  Json& field(std::string_view name, std::uint64_t value) { return key(name).number(value); }
  Json& field(std::string_view name, std::string_view value) { return key(name).write(value); }
  Json& field_hex(std::string_view name, std::uint64_t value) { return key(name).hex(value); }
  Json& flag(std::string_view name, bool value) { return key(name).truth(value); }

  std::string take() { return std::move(text_); }

 private:
  void separate() {
    if (!first_) text_ += ',';
    first_ = false;
  }

  std::string text_;
  bool first_ = true;
};

}  // namespace pw::explorer
