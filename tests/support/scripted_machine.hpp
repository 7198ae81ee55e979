// A machine in the state in which a script leaves it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "script/parser.hpp"
#include "script/runner.hpp"
#include "script/settings.hpp"
#include "script/sim_target.hpp"

namespace pw::testing {

inline std::unique_ptr<script::SimTarget> after(const std::string& text,
                                                std::string* shown = nullptr) {
  const auto program = script::parse(text, {});
  EXPECT_TRUE(program) << program.error().message;
  const auto config = script::machine_of(*program);
  EXPECT_TRUE(config) << config.error().message;
  auto target = script::SimTarget::create(*config);
  EXPECT_TRUE(target) << target.error().message;
  const script::RunReport report = script::run(*program, **target, {}, [&](std::string_view part) {
    if (shown != nullptr) *shown += part;
  });
  EXPECT_TRUE(report.good()) << script::summary(report);
  EXPECT_EQ(report.noted, 0U) << script::summary(report);
  return std::move(*target);
}

}  // namespace pw::testing
