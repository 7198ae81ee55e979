// A table of text: columns as wide as their widest cell, two blanks between them. Owned by whoever
// builds one line of a report after the other.
#pragma once

#include <string>
#include <vector>

namespace pw::report {

enum class Align { Left, Right };

class Table {
 public:
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}

  void row(std::vector<std::string> cells);  // missing cells are empty; never more than columns
  bool empty() const { return rows_.empty(); }
  // Each row is one line, indented by two, without blanks at its end.
  std::string text() const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// `name` in at most `width` characters. A path keeps its beginning and its end around "..."; a call
// chain ("anon: f <- g <- h") keeps its innermost calls.
std::string shortened(const std::string& name, std::size_t width);

// `text` in lines of at most `width` characters, the first behind `first`, the others behind
// blanks.
std::string wrapped(const std::string& text, const std::string& first, std::size_t width);

}  // namespace pw::report
