#include <algorithm>

#include "model/player.hpp"

namespace pw::model {

namespace {
std::string text(const Object& object) {
  return " object " + std::to_string(object.id) + " of " + std::to_string(object.bytes.size());
}
}  // namespace

void Player::open_file(Random& random) {
  const auto open = [](const auto& object) { return object->open; };
  if (std::count_if(objects_.begin(), objects_.end(), open) >= static_cast<int>(kMaxObjects))
    return;
  auto file = std::make_shared<Object>();
  file->file = true;
  file->open = true;
  file->read_only = random.chance(5);
  file->bytes.resize(random.below(20 * kPageSize));
  for (std::byte& byte : file->bytes) byte = static_cast<std::byte>(random.next());
  file->store = std::make_shared<Bytes>(file->bytes);
  file->id = machine_->open_file("file", std::make_unique<test::KeptStore>(file->store),
                                 file->read_only);
  note("open" + text(*file) + (file->read_only ? " read-only" : ""));
  objects_.push_back(std::move(file));
}

// The file stays mapped where it is mapped; what is written there later must still reach the store.
void Player::close_file(Random& random) {
  const auto object = any_object(random, true);
  if (object == nullptr) return;
  note("close" + text(*object));
  expect_ok(machine_->close_file(object->id), "close_file");
  object->open = false;
}

void Player::create_shared(Random& random) {
  const auto open = [](const auto& object) { return object->open; };
  if (std::count_if(objects_.begin(), objects_.end(), open) >= static_cast<int>(kMaxObjects))
    return;
  auto shared = std::make_shared<Object>();
  shared->open = true;
  shared->bytes.resize(random.below(16 * kPageSize));
  shared->id = machine_->create_shared(ByteCount(shared->bytes.size()));
  note("create shared" + text(*shared));
  objects_.push_back(std::move(shared));
}

void Player::read_file(Random& random) {
  const auto object = any_object(random, true);
  if (object == nullptr) return;
  const std::size_t from = random.below(object->bytes.size() + kPageSize);
  Bytes got(random.below(3 * kPageSize), std::byte{0xEE});
  const auto result = machine_->read_file(object->id, ByteCount(from), got);
  note("read_file" + text(*object) + " at " + std::to_string(from));
  if (!result && scenario_.tight) {
    return expect_errno(result.error().code, Errno::NoMemory, "read_file");
  }
  expect_ok(result, "read_file");
  for (std::size_t i = 0; i < got.size(); ++i) {
    const bool inside = from + i < object->bytes.size();
    const std::byte wanted = inside ? object->bytes[from + i] : std::byte{0};
    expect(got[i] == wanted, "read_file: wrong byte at " + std::to_string(from + i));
  }
}

void Player::write_file(Random& random) {
  const auto object = any_object(random, true);
  if (object == nullptr) return;
  const std::size_t from = random.below(22 * kPageSize);
  Bytes bytes(1 + random.below(2 * kPageSize));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
  const auto got = machine_->write_file(object->id, ByteCount(from), bytes);
  note("write_file" + text(*object) + " at " + std::to_string(from) + " " +
       std::to_string(bytes.size()));
  if (object->read_only) {
    expect(!got, "a read-only file was written");
    return expect_errno(got.error().code, Errno::BadFile, "write_file");
  }
  object->bytes.resize(std::max(object->bytes.size(), from + bytes.size()));
  if (!got && scenario_.tight) {
    expect_errno(got.error().code, Errno::NoMemory, "write_file");
    return adopt_partial_write(*object, from, bytes);
  }
  expect_ok(got, "write_file");
  std::copy(bytes.begin(), bytes.end(), object->bytes.begin() + static_cast<std::ptrdiff_t>(from));
}

// A write that ran out of memory has written some of its pages, from the first on, and each of them
// whole.
void Player::adopt_partial_write(Object& object, std::size_t offset, const Bytes& wanted) {
  bool still_new = true;
  for (std::size_t done = 0; done < wanted.size();) {
    const std::size_t n = std::min(wanted.size() - done, kPageSize - (offset + done) % kPageSize);
    Bytes got(n);
    while (!machine_->read_file(object.id, ByteCount(offset + done), got)) {  // no memory for that
      expect(!processes_.empty(), "read_file: no memory in an empty machine");
      expect_ok(machine_->exit(processes_.back().pid, 0), "exit");
      drop(processes_.back());
    }
    const auto old_begin = object.bytes.begin() + static_cast<std::ptrdiff_t>(offset + done);
    const auto new_begin = wanted.begin() + static_cast<std::ptrdiff_t>(done);
    const bool is_new = std::equal(got.begin(), got.end(), new_begin);
    expect(is_new || std::equal(got.begin(), got.end(), old_begin), "write_file: half a page");
    expect(still_new || !is_new, "write_file: a later page was written, an earlier one was not");
    still_new = still_new && is_new;
    std::copy(got.begin(), got.end(), old_begin);
    done += n;
  }
}

void Player::sync_file(Random& random) {
  const auto object = any_object(random, true);
  if (object == nullptr) return;
  note("sync" + text(*object));
  expect_ok(machine_->sync_file(object->id), "sync_file");
  if (object->file) expect(*object->store == object->bytes, "sync_file: the store differs");
}

void Player::truncate(Random& random) {
  const auto object = any_object(random, true);
  if (object == nullptr) return;
  const std::size_t size = random.below(20 * kPageSize);
  const auto got = machine_->truncate_file(object->id, ByteCount(size));
  note("truncate" + text(*object) + " to " + std::to_string(size));
  if (object->read_only) {
    expect(!got, "a read-only file was truncated");
    return expect_errno(got.error().code, Errno::Invalid, "truncate_file");
  }
  expect_ok(got, "truncate_file");
  const bool shrinks = size < object->bytes.size();
  object->bytes.resize(size);
  if (!shrinks) return;
  for (const Proc& process : processes_) process.space->forget_tail(*object, object->pages());
}

}  // namespace pw::model
