#include "script/evaluate.hpp"

#include "script/diagnostic.hpp"
#include "script/vocabulary.hpp"
#include "sys/abi.hpp"

namespace pw::script {

tl::unexpected<Error> stopped_at(Place place, const std::string& sentence) {
  const std::string where = place.line == 0 ? "" : "line " + in_decimal(place.line) + ": ";
  return fail(Errno::Invalid, where + sentence);
}

Result<std::uint64_t> Environment::constant(const Expression& expression,
                                            const std::string& process) {
  Constant which{};
  if (!find_constant(expression.name, which)) {
    return stopped_at(expression.place, "nothing has the name " + quoted(expression.name) + " yet");
  }
  if (which == Constant::Page) return kPageSize;
  if (process.empty()) {
    return stopped_at(expression.place, quoted(expression.name) +
                                            " is different in each process: write one before the "
                                            "step, as in A: let ...");
  }
  const Result<ProcessIndex> index = process_of(process, expression.place);
  if (!index) return tl::unexpected(index.error());
  const Result<Layout> layout = target_->layout(*index);
  if (!layout) {
    return stopped_at(expression.place,
                      "process " + process + " has no " + expression.name + ": it has ended");
  }
  switch (which) {
    case Constant::Stack:
      return layout->stack_begin.value;
    case Constant::StackEnd:
      return layout->stack_end.value;
    case Constant::Heap:
      return layout->heap_begin.value;
    case Constant::Top:
      return layout->mmap_top.value;
    case Constant::Lowest:
      return layout->lowest.value;
    case Constant::Page:
      break;
  }
  return kPageSize;
}

Result<std::uint64_t> Environment::value_of(const Expression& expression,
                                            const std::string& process) {
  switch (expression.kind) {
    case Expression::Kind::Number:
      return expression.number;
    case Expression::Kind::Name: {
      const auto it = variables_.find(expression.name);
      if (it != variables_.end()) return it->second;
      return constant(expression, process);
    }
    default:
      break;
  }
  const Result<std::uint64_t> left = value_of(expression.operands[0], process);
  if (!left) return left;
  if (expression.kind == Expression::Kind::Negate) return 0 - *left;
  const Result<std::uint64_t> right = value_of(expression.operands[1], process);
  if (!right) return right;
  switch (expression.kind) {
    case Expression::Kind::Add:
      return *left + *right;
    case Expression::Kind::Subtract:
      return *left - *right;
    default:
      return *left * *right;
  }
}

Result<ProcessIndex> Environment::process_of(const std::string& name, Place place) const {
  const auto it = processes_.find(name);
  if (it != processes_.end()) return it->second;
  return stopped_at(
      place, "there is no process " + quoted(name) + ": the step that was to make it did not");
}

Result<void> Environment::check_size(Place place, std::uint64_t bytes) const {
  if (bytes <= limits_->bytes) return {};
  return stopped_at(place, "a step moves at most " + in_decimal(limits_->bytes) +
                               " bytes; this one wants " + in_decimal(bytes) +
                               " (the limit 'bytes')");
}

Result<std::string> Environment::bytes_of(const Text& text, const std::string& process) {
  if (!text.times) return text.bytes;
  const Result<std::uint64_t> times = value_of(*text.times, process);
  if (!times) return tl::unexpected(times.error());
  if (text.bytes.empty() || *times == 0) return std::string();
  const bool fits = *times <= limits_->bytes / text.bytes.size();
  PW_TRY(check_size(text.place, fits ? text.bytes.size() * *times : ~std::uint64_t{0}));
  std::string bytes;
  bytes.reserve(text.bytes.size() * static_cast<std::size_t>(*times));
  for (std::uint64_t i = 0; i < *times; ++i) bytes += text.bytes;
  return bytes;
}

Result<std::uint64_t> Environment::raw(const Value& value, const std::string& process) {
  switch (value.kind) {
    case Value::Kind::Number:
      return value_of(value.number, process);
    case Value::Kind::Process: {
      const Result<ProcessIndex> index = process_of(value.process, value.place);
      if (!index) return tl::unexpected(index.error());
      return std::uint64_t{*index};
    }
    default:
      return stopped_at(value.place, "this is no number");
  }
}

// MAP_POPULATE and its like take as long as they have pages. Lengths beyond all addresses fail at
// once.
Result<void> Environment::check_populate(Place place, const sys::Request& request) const {
  const bool map = request.call == sys::Call::Mmap && (request.args[3] & sys::kMapPopulate) != 0;
  const bool advice = request.call == sys::Call::Madvise &&
                      (request.args[2] == sys::kAdvisePopulateRead ||
                       request.args[2] == sys::kAdvisePopulateWrite);
  constexpr std::uint64_t kMostAddresses = 1ULL << 56;
  const std::uint64_t bytes = request.args[1];
  if ((!map && !advice) || bytes <= limits_->populate || bytes > kMostAddresses) return {};
  return stopped_at(place, "a step brings in at most " + in_decimal(limits_->populate) +
                               " bytes of memory; this one wants " + in_decimal(bytes) +
                               " (the limit 'populate')");
}

namespace {

// The value of a name among those of its kind.
std::optional<std::uint64_t> flag(sys::ArgKind kind, std::string_view name) {
  for (const sys::NamedValue& known : sys::values_of(kind)) {
    if (known.name == name || (!known.formal.empty() && known.formal == name)) return known.value;
  }
  return std::nullopt;
}

}  // namespace

// Raw arguments in the order of the signature, texts beside them. The arguments of load, store and
// the like are made in the same way.
Result<sys::Request> Environment::request_of(const Step& step) {
  const VerbEntry verb = verb_of(step.verb, step.call);
  sys::Request request;
  request.call = step.call;
  std::size_t next = 0;
  for (std::size_t i = 0; i < verb.arguments.size(); ++i) {
    const sys::Argument& argument = verb.arguments[i];
    const Value value = i < step.arguments.size() ? step.arguments[i] : Value{};
    if (is_text(argument.kind)) {
      if (value.kind == Value::Kind::Absent) continue;
      Result<std::string> bytes = bytes_of(value.text, step.process);
      if (!bytes) return tl::unexpected(bytes.error());
      request.text = std::move(*bytes);
      continue;
    }
    std::uint64_t& raw_value = request.args[next++];
    if (value.kind == Value::Kind::Absent) {
      raw_value = argument.otherwise.value_or(0);
    } else if (value.kind == Value::Kind::Flags) {
      for (const FlagTerm& term : value.flags) {
        const std::optional<std::uint64_t> named = flag(argument.kind, term.name);
        const Result<std::uint64_t> bits = named ? Result<std::uint64_t>(*named)
                                                 : value_of(term.number, step.process);
        if (!bits) return tl::unexpected(bits.error());
        raw_value |= *bits;
      }
    } else {
      const Result<std::uint64_t> number = raw(value, step.process);
      if (!number) return tl::unexpected(number.error());
      raw_value = *number;
    }
    if (argument.kind == sys::ArgKind::Count) PW_TRY(check_size(step.place, raw_value));
  }
  if (step.verb != Verb::Call) return request;
  if (step.call == sys::Call::Mincore) {
    PW_TRY(check_size(step.place, request.args[1] / kPageSize));
  }
  PW_TRY(check_populate(step.place, request));
  return request;
}

Result<Expected> Environment::expected_of(const Expectation& expectation,
                                          const std::string& process) {
  Expected made;
  made.kind = expectation.kind;
  made.error = expectation.error;
  made.signal = expectation.signal;
  made.code = expectation.code;
  made.bytes = expectation.bits;
  if (expectation.kind == Expectation::Kind::Number) {
    const Result<std::uint64_t> number = value_of(expectation.number, process);
    if (!number) return tl::unexpected(number.error());
    made.number = *number;
  }
  if (expectation.kind == Expectation::Kind::Text) {
    Result<std::string> bytes = bytes_of(expectation.text, process);
    if (!bytes) return tl::unexpected(bytes.error());
    made.bytes = std::move(*bytes);
  }
  if (expectation.address) {
    const Result<std::uint64_t> at = value_of(*expectation.address, process);
    if (!at) return tl::unexpected(at.error());
    made.has_address = true;
    made.address = VirtAddr(*at);
  }
  return made;
}

}  // namespace pw::script
