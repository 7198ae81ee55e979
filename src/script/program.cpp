#include "script/program.hpp"

#include <utility>

namespace pw::script {

Expression number(std::uint64_t value) {
  Expression made;
  made.number = value;
  return made;
}

Expression address(std::uint64_t value) {
  Expression made = number(value);
  made.hex = true;
  return made;
}

Expression name(std::string name) {
  Expression made;
  made.kind = Expression::Kind::Name;
  made.name = std::move(name);
  return made;
}

Value number_value(Expression expression) {
  Value made;
  made.kind = Value::Kind::Number;
  made.number = std::move(expression);
  return made;
}

Value flags_value(std::uint64_t flags) {
  Value made;
  made.kind = Value::Kind::Flags;
  made.flags.push_back({{}, address(flags)});
  return made;
}

Value text_value(std::string bytes) {
  Value made;
  made.kind = Value::Kind::Text;
  made.text.bytes = std::move(bytes);
  return made;
}

Value process_value(std::string name) {
  Value made;
  made.kind = Value::Kind::Process;
  made.process = std::move(name);
  return made;
}

}  // namespace pw::script
