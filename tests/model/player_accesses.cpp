#include <algorithm>
#include <cstdio>

#include "model/player.hpp"

namespace pw::model {

namespace {

std::string where(Pid pid, VirtAddr address) {
  char text[64];
  std::snprintf(text, sizeof text, "pid %u at 0x%llx", pid,
                static_cast<unsigned long long>(address.value));
  return text;
}

std::string name_of(Access access) {
  return access == Access::Read ? "read" : access == Access::Write ? "write" : "execute";
}

std::size_t within_page(VirtAddr address, std::size_t left) {
  return std::min<std::size_t>(left, kPageSize - offset_in_page(address));
}

}  // namespace

// How the machine's answer must be, page by page, and what it did to the model. `bytes`: what was
// read or is to be written; null for a touch.
void Player::settle(Proc& process, const AccessResult& got, VirtAddr address, std::size_t length,
                    Access access, std::byte* bytes) {
  Space& space = *process.space;
  const std::string what = name_of(access) + " of " + std::to_string(length) + " bytes, " +
                           where(process.pid, address);
  VirtAddr at = address;
  while (length > 0) {
    const std::uint64_t vpn = page_of(at).value;
    const std::size_t n = within_page(at, length);
    // Of an address that is not canonical no address is told.
    const unsigned sign_bit = scenario_.config.levels == 5 ? 56 : 47;
    const std::uint64_t upper = at.value >> sign_bit;
    const bool canonical = upper == 0 || upper == ~std::uint64_t{0} >> sign_bit;
    const bool failed_here = !got.ok() && (got.address == at || !canonical);
    if (failed_here && got.kind == AccessResult::Kind::Oom) {
      expect(scenario_.tight, what + ": out of memory with swap left");
      return after_failure(process, got);
    }
    const bool refused = failed_here && got.kind == AccessResult::Kind::Segv &&
                         got.code == SignalCode::MapErr;
    const Verdict verdict = canonical
                                ? space.access(vpn, access, refused)
                                : Verdict{AccessResult::Kind::Segv, SignalCode::Kernel, false};
    if (verdict.kind != AccessResult::Kind::Ok) {
      expect(failed_here && got.kind == verdict.kind && got.code == verdict.code,
             what + ": expected " + name_of(verdict.kind) + " code " +
                 std::to_string(static_cast<int>(verdict.code)) + " " + where(process.pid, at) +
                 ", got " + name_of(got.kind) + " code " +
                 std::to_string(static_cast<int>(got.code)) + " " +
                 where(process.pid, got.address));
      return after_failure(process, got);
    }
    expect(!failed_here, what + ": unexpected " + name_of(got.kind) + " " + where(process.pid, at));
    if (access == Access::Write) {  // one without bytes makes a private page all the same
      space.store(vpn, offset_in_page(at), {bytes, bytes == nullptr ? 0 : n});
    }
    if (bytes != nullptr && access == Access::Read) {
      std::byte wanted[kPageSize];
      space.load(vpn, offset_in_page(at), {wanted, n});
      const auto differs = std::mismatch(wanted, wanted + n, bytes);
      const auto first = static_cast<std::uint64_t>(differs.first - wanted);
      expect(first == n, what + ": wrong byte, " + where(process.pid, at + ByteCount(first)));
    }
    if (bytes != nullptr) bytes += n;
    at = at + ByteCount(n);
    length -= n;
  }
  expect(got.ok(), what + ": failed at an address that it did not access, " +
                       where(process.pid, got.address));
}

// A signal ends the process if it is configured to; running out of memory always does.
void Player::after_failure(Proc& process, const AccessResult& got) {
  const bool killed = scenario_.config.signals_kill || got.kind == AccessResult::Kind::Oom;
  const Process* there = machine_->find(process.pid);
  expect(there != nullptr && (there->state == ProcessState::Zombie) == killed,
         "a failed access and the end of its process do not agree");
  if (killed) drop(process);
}

void Player::read_at(Proc& process, VirtAddr address, std::size_t length) {
  Bytes bytes(length, std::byte{0xEE});
  const AccessResult got = machine_->read(process.pid, address, bytes);
  note("read " + where(process.pid, address) + " " + std::to_string(length) + " -> " +
       model::name_of(got.kind));
  settle(process, got, address, length, Access::Read, bytes.data());
}

void Player::read(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr) return;
  const VirtAddr address = any_address(*process->space, random);
  read_at(*process, address, 1 + random.below(random.chance(4) ? 9000 : 200));
}

// Bytes between the end of an object and the end of its last page are not kept anywhere: a program
// that writes them through a shared mapping cannot rely on them. So the access ends before.
std::size_t Player::writable_length(Space& space, VirtAddr address, std::size_t length) {
  std::size_t done = 0;
  while (done < length) {
    const VirtAddr at = address + ByteCount(done);
    const std::size_t n = within_page(at, length - done);
    const PageState* page = space.find(page_of(at).value);
    if (page != nullptr && page->shared && page->object_page < page->object->pages()) {
      const std::uint64_t from = page->object_page * kPageSize + offset_in_page(at);
      const std::uint64_t size = page->object->bytes.size();
      if (from >= size) return done;
      if (from + n > size) return done + static_cast<std::size_t>(size - from);
    }
    done += n;
  }
  return done;
}

void Player::write(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr) return;
  const VirtAddr address = any_address(*process->space, random);
  std::size_t length = 1 + random.below(random.chance(4) ? 9000 : 200);
  length = writable_length(*process->space, address, length);
  if (length == 0) return;
  Bytes bytes(length);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
  const AccessResult got = machine_->write(process->pid, address, bytes);
  note("write " + where(process->pid, address) + " " + std::to_string(length) + " -> " +
       model::name_of(got.kind));
  settle(*process, got, address, length, Access::Write, bytes.data());
}

void Player::touch(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr) return;
  const VirtAddr address = any_address(*process->space, random);
  const auto access = static_cast<Access>(random.below(3));
  const AccessResult got = machine_->touch_run(process->pid, address, access, 1 + random.below(3));
  note("touch " + where(process->pid, address) + " " + name_of(access) + " -> " +
       model::name_of(got.kind));
  settle(*process, got, address, 1, access, nullptr);
}

void Player::wild_access(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr) return;
  VirtAddr address(random.next() >> random.below(64));
  if (random.chance(3)) address = VirtAddr(~address.value);
  const auto access = static_cast<Access>(random.below(3));
  const AccessResult got = machine_->touch(process->pid, address, access);
  note("wild " + where(process->pid, address) + " " + name_of(access) + " -> " +
       model::name_of(got.kind));
  settle(*process, got, address, 1, access, nullptr);
}

// Starts an access as a scheduler does, and goes away while its page is being read.
void Player::wait(Random& random) {
  Proc* process = any_process(random);
  if (process == nullptr || process->space->pages.empty()) return;
  FaultRequest request;
  request.address = any_address(*process->space, random);
  request.access = random.chance(2) ? Access::Write : Access::Read;
  const PageState* page = process->space->find(page_of(request.address).value);
  if (page != nullptr && !page->shared && page->object != nullptr) {
    request.access = Access::Read;  // whether the page is a copy already cannot be seen from Wait
  }
  const Pid pid = process->pid;
  const FaultOutcome outcome = machine_->try_touch(pid, request);
  note("try_touch " + where(pid, request.address) + " " + name_of(request.access) + " -> " +
       std::to_string(static_cast<int>(outcome.kind)));
  AccessResult got;
  got.address = request.address;
  got.code = outcome.code;
  if (outcome.kind == FaultOutcome::Kind::Segv) got.kind = AccessResult::Kind::Segv;
  if (outcome.kind == FaultOutcome::Kind::Bus) got.kind = AccessResult::Kind::Bus;
  if (outcome.kind == FaultOutcome::Kind::Oom) got.kind = AccessResult::Kind::Oom;
  settle(*process, got, request.address, 1, request.access, nullptr);
}

// Every byte of every page that can be read, after what cannot be was opened.
void Player::check_all(Proc& process) {
  const Pid pid = process.pid;
  const std::shared_ptr<Space> space = process.space;
  std::vector<std::uint64_t> closed, all;
  for (const auto& [vpn, page] : space->pages) {
    all.push_back(vpn);
    const bool open = page.rights.read || page.rights.write || page.rights.execute;
    if (!open) closed.push_back(vpn);
  }
  for (const std::uint64_t vpn : closed) {
    expect_ok(machine_->mprotect(pid, address_of(Vpn(vpn)), ByteCount(kPageSize), kReadOnly),
              "mprotect");
    space->protect(vpn, vpn + 1, kReadOnly);
  }
  for (const std::uint64_t vpn : all) {
    const auto it = std::find_if(processes_.begin(), processes_.end(),
                                 [pid](const Proc& p) { return p.pid == pid; });
    if (it == processes_.end()) return;  // killed meanwhile
    const bool bus = space->access(vpn, Access::Read, true).kind != AccessResult::Kind::Ok;
    if (bus && scenario_.config.signals_kill) continue;
    read_at(*it, address_of(Vpn(vpn)), kPageSize);
  }
}

}  // namespace pw::model
