// IdQueues against plain vectors: the same ids in the same order, whatever is taken out, moved and
// closed up.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/random.hpp"
#include "policy/id_queues.hpp"
#include "support/compare_policies.hpp"

namespace pw::policy {
namespace {

constexpr unsigned kQueues = 3;
constexpr std::uint32_t kIds = 400;
template <Packing kPacking>
using QueuesOf = IdQueues<kQueues, 2, std::uint32_t, kPacking>;
using Queues = QueuesOf<Packing::Fast>;
using Plain = std::array<std::vector<Id>, kQueues>;

template <class Queues>
std::vector<Id> in_line(Queues& queues, unsigned queue) {
  std::vector<Id> ids;
  for (Id id = queues.front(queue); id != kNoPage; id = queues.next(id)) ids.push_back(id);
  return ids;
}

// The extra of a page, and the note on an id in no queue, is three times its flags, plus one.
template <class Queues>
void step(Queues& queues, Plain& plain, std::vector<unsigned>& flags, Random& random) {
  const Id id = static_cast<Id>(random.below(kIds));
  const auto queue = static_cast<unsigned>(random.below(kQueues));
  const bool present = queues.contains(id);
  const std::uint64_t choice = random.below(8);
  if (present) {
    ASSERT_EQ(queues.flags(id), flags[id]);
    ASSERT_EQ(queues.extra(id), 3 * flags[id] + 1);
    std::erase(plain[queues.queue_of(id)], id);
  } else {
    ASSERT_EQ(queues.note(id), 3 * flags[id] + 1);
  }
  flags[id] = static_cast<unsigned>(random.below(4));
  const std::uint32_t extra = 3 * flags[id] + 1;
  if (present && choice == 0) {
    queues.remove(id);
    queues.set_note(id, extra);
  } else if (present) {
    queues.move_to_back(id, queue, flags[id], extra);
    plain[queue].push_back(id);
  } else if (choice < 2) {
    queues.push_front(id, queue, flags[id], extra);
    plain[queue].insert(plain[queue].begin(), id);
  } else {
    queues.push_back(id, queue, flags[id], extra);
    plain[queue].push_back(id);
  }
}

template <Packing kPacking>
void expect_in_line_as_vectors() {
  for (const std::uint32_t frames : {kIds, 1U << 20}) {  // places in 3 bytes, in 4
    QueuesOf<kPacking> queues(test::setup_of(kIds, frames));
    for (Id id = 0; id < kIds; ++id) queues.set_note(id, 1);
    Plain plain;
    std::vector<unsigned> flags(kIds, 0);
    Random random(frames);
    for (int i = 0; i < 40'000; ++i) {
      step(queues, plain, flags, random);
      const unsigned queue = static_cast<unsigned>(i) % kQueues;
      if (i % 16 < 3) {
        ASSERT_EQ(in_line(queues, queue), plain[queue]) << "step " << i;
      }
      ASSERT_EQ(queues.size(queue), plain[queue].size());
    }
    EXPECT_EQ(queues.size(), plain[0].size() + plain[1].size() + plain[2].size());
  }
}
TEST(IdQueues, KeepIdsInLineAsVectorsDo) { expect_in_line_as_vectors<Packing::Fast>(); }
TEST(IdQueues, KeepIdsInLineAsVectorsDoDensely) { expect_in_line_as_vectors<Packing::Dense>(); }
TEST(IdQueues, HaveRoomForNotesAsLargeAsSaid) {
  constexpr std::uint32_t kMost = 5'000'000;
  IdQueues<1, 0, NoExtra, Packing::Dense> queues(test::setup_of(3, 3), kMost);
  for (Id id = 0; id < 3; ++id) queues.set_note(id, kMost - id);
  for (Id id = 0; id < 3; ++id) EXPECT_EQ(queues.note(id), kMost - id);
  EXPECT_EQ(queues.note_bits(), 23U);
}

TEST(IdQueues, MovesTheLastOneInPlace) {
  Queues queues(test::setup_of(8));
  for (Id id = 0; id < 3; ++id) queues.push_back(id, 1);
  queues.move_to_back(2, 1, 3, 7);
  EXPECT_EQ(queues.extra(2), 7U);
  EXPECT_EQ(in_line(queues, 1), (std::vector<Id>{0, 1, 2}));
  EXPECT_EQ(queues.flags(2), 3U);
  queues.move_to_back(2, 0);
  EXPECT_EQ(in_line(queues, 1), (std::vector<Id>{0, 1}));
  EXPECT_EQ(in_line(queues, 0), (std::vector<Id>{2}));
}

}  // namespace
}  // namespace pw::policy
