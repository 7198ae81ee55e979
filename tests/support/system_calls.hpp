// A machine with a kernel boundary for a test, and calls by name with raw arguments.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>

#include "script/sparse_store.hpp"
#include "sys/abi.hpp"
#include "sys/kernel.hpp"
#include "tests/support/small_machine.hpp"

namespace pw::test {

class SystemCallTest : public ::testing::Test {
 protected:
  void SetUp() override { boot(exact_config(2_MiB)); }

  void boot(MachineConfig config, Overcommit overcommit = Overcommit::Heuristic) {
    kernel.reset();
    config.signals_kill = false;
    config.overcommit = overcommit;
    config.swap = 1_MiB;
    machine = Machine::create(config, std::make_unique<sim::MemoryStore>(config.swap)).value();
    const auto budget = std::make_shared<script::StoreBudget>();
    budget->pages = 1U << 18;  // 1 GiB
    kernel = std::make_unique<sys::Kernel>(*machine, [budget](const std::string&) {
      return Result<std::unique_ptr<BackingStore>>(
          std::make_unique<script::SparseStore>(ByteCount(0), budget));
    });
    pid = *kernel->spawn("program");
  }

  sys::Reply reply(Pid who, sys::Call call, std::initializer_list<std::uint64_t> args,
                   std::string text = {}) {
    sys::Request request;
    request.call = call;
    std::copy(args.begin(), args.end(), request.args.begin());
    request.text = std::move(text);
    return kernel->call(who, request);
  }
  // The value or -errno.
  std::int64_t as(Pid who, sys::Call call, std::initializer_list<std::uint64_t> args,
                  std::string text = {}) {
    return reply(who, call, args, std::move(text)).value;
  }
  std::int64_t call(sys::Call call, std::initializer_list<std::uint64_t> args,
                    std::string text = {}) {
    return as(pid, call, args, std::move(text));
  }
  // The same, for calls whose answer is used as an argument.
  std::uint64_t got(sys::Call call, std::initializer_list<std::uint64_t> args,
                    std::string text = {}) {
    const std::int64_t value = as(pid, call, args, std::move(text));
    EXPECT_GE(value, 0) << sys::signature(call).name;
    return static_cast<std::uint64_t>(value);
  }
  std::uint64_t open(const std::string& name, std::uint64_t flags, std::uint64_t mode = 0600) {
    return got(sys::Call::Open, {flags, mode}, name);
  }
  std::uint64_t map(std::uint64_t length, std::uint64_t prot, std::uint64_t flags,
                    std::uint64_t fd = ~0ULL, std::uint64_t offset = 0) {
    return got(sys::Call::Mmap, {0, length, prot, flags, fd, offset});
  }
  Pid user(std::uint32_t id) {
    const Pid other = *kernel->spawn("user");
    machine->find(other)->user = id;
    return other;
  }
  AccessResult poke(std::uint64_t at, char value, Pid who = 0) {
    return machine->write(who == 0 ? pid : who, VirtAddr(at), std::as_bytes(std::span(&value, 1)));
  }
  // The byte at an address; -1 if it cannot be read.
  int peek(std::uint64_t at, Pid who = 0) {
    unsigned char value = 0;
    const AccessResult result = machine->read(who == 0 ? pid : who, VirtAddr(at),
                                              std::as_writable_bytes(std::span(&value, 1)));
    return result.ok() ? value : -1;
  }
  static std::int64_t error(Errno code) { return -static_cast<std::int64_t>(code); }

  std::unique_ptr<Machine> machine;
  std::unique_ptr<sys::Kernel> kernel;
  Pid pid = 0;
};

}  // namespace pw::test
