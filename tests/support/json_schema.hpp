// Does a document follow its JSON Schema? The part of draft-07 that the schemas in data/ use.
#pragma once

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pw::test {

using Json = nlohmann::json;

inline bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  return type == "null" && value.is_null();
}

// A keyword beyond those is an error too.
inline void validate(const Json& value, const Json& schema, const std::string& at,
                     std::vector<std::string>& errors) {
  for (const auto& [key, rule] : schema.items()) {
    if (key == "type") {
      const Json types = rule.is_array() ? rule : Json::array({rule});
      bool fits = false;
      for (const Json& type : types) fits = fits || has_type(value, type.get<std::string>());
      if (!fits) errors.push_back(at + ": not of type " + rule.dump());
    } else if (key == "enum") {
      if (std::find(rule.begin(), rule.end(), value) == rule.end()) {
        errors.push_back(at + ": not one of " + rule.dump());
      }
    } else if (key == "minimum") {
      if (value.is_number() && value < rule) errors.push_back(at + ": below " + rule.dump());
    } else if (key == "minItems") {
      if (value.is_array() && value.size() < rule) errors.push_back(at + ": too few items");
    } else if (key == "required") {
      for (const Json& name : rule) {
        if (value.is_object() && !value.contains(name.get<std::string>())) {
          errors.push_back(at + ": lacks " + name.dump());
        }
      }
    } else if (key == "properties") {
      for (const auto& [name, part] : rule.items()) {
        if (value.is_object() && value.contains(name)) {
          validate(value[name], part, at + "/" + name, errors);
        }
      }
    } else if (key == "additionalProperties") {
      if (!value.is_object()) continue;
      for (const auto& [name, part] : value.items()) {
        if (!schema["properties"].contains(name)) errors.push_back(at + ": unknown " + name);
      }
    } else if (key == "items") {
      for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
        validate(value[i], rule, at + "/" + std::to_string(i), errors);
      }
    } else if (key != "$schema" && key != "$id" && key != "title" && key != "description" &&
               key != "$comment") {
      errors.push_back(at + ": the schema uses " + key);
    }
  }
}

// What is wrong with `document` by the schema in data/`file`.
inline std::vector<std::string> schema_errors(const Json& document, const std::string& file) {
  std::ifstream schema(std::string(PW_SOURCE_DIR) + "/data/" + file);
  std::vector<std::string> errors;
  validate(document, Json::parse(schema), "", errors);
  return errors;
}

}  // namespace pw::test
