// What the tests of HostTarget share: a target with one process, and calls by their arguments.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "ports/host/host_target.hpp"
#include "sys/abi.hpp"

namespace pw::host {

class HostTest : public ::testing::Test {
 protected:
  using Outcome = script::Outcome;
  using Args = std::array<std::uint64_t, 6>;

  static constexpr std::uint64_t kRw = sys::kProtRead | sys::kProtWrite;
  static constexpr std::uint64_t kAnonymous = sys::kMapPrivate | sys::kMapAnonymous;

  void SetUp() override {
    auto made = HostTarget::create();
    if (!made) GTEST_SKIP() << made.error().message;
    target_ = std::move(*made);
    const auto born = target_->spawn(0);
    ASSERT_TRUE(born) << born.error().message;
  }

  Outcome call(script::ProcessIndex process, sys::Call which, Args args = {}, std::string text = {},
               script::ProcessIndex child = 0) {
    return target_->call(process, {which, args, std::move(text)}, child);
  }
  // A call that must succeed; its value.
  std::uint64_t value(script::ProcessIndex process, sys::Call which, Args args = {},
                      std::string text = {}, script::ProcessIndex child = 0) {
    const Outcome outcome = call(process, which, args, std::move(text), child);
    EXPECT_GE(outcome.value, 0) << sys::signature(which).name << ": "
                                << sys::errno_name(static_cast<int>(-outcome.value));
    EXPECT_EQ(outcome.error, "") << sys::signature(which).name;
    return static_cast<std::uint64_t>(outcome.value);
  }
  std::uint64_t map(script::ProcessIndex process, std::uint64_t pages, std::uint64_t prot = kRw,
                    std::uint64_t flags = kAnonymous) {
    return value(process, sys::Call::Mmap, {0, pages * kPageSize, prot, flags, ~0ULL, 0});
  }
  void store(script::ProcessIndex process, std::uint64_t address, std::string_view bytes) {
    EXPECT_EQ(target_->store(process, VirtAddr(address), bytes), Outcome{});
  }
  std::string load(script::ProcessIndex process, std::uint64_t address, std::uint64_t count) {
    const Outcome outcome = target_->load(process, VirtAddr(address), count);
    EXPECT_EQ(outcome.signal, 0);
    EXPECT_EQ(outcome.error, "");
    return outcome.bytes;
  }
  script::ProcessView look(script::ProcessIndex process,
                           script::Detail detail = script::Detail::Smaps) {
    const auto view = target_->look(process, detail);
    EXPECT_TRUE(view) << (view ? "" : view.error().message);
    return view ? *view : script::ProcessView{};
  }
  std::uint64_t minor(script::ProcessIndex process) { return look(process).minor_faults; }
  // The area that begins at `address`; an empty one if there is none.
  script::AreaView area(script::ProcessIndex process, std::uint64_t address) {
    for (script::AreaView& area : look(process).areas) {
      if (area.begin == address) return area;
    }
    ADD_FAILURE() << "no area at " << std::hex << address;
    return {};
  }
  static Outcome signal(int number, int code, std::uint64_t address) {
    Outcome outcome;
    outcome.signal = number;
    outcome.code = code;
    outcome.address = VirtAddr(address);
    return outcome;
  }
  static std::int64_t failed(Errno code) { return -static_cast<std::int64_t>(code); }

  std::unique_ptr<HostTarget> target_;
};

}  // namespace pw::host
