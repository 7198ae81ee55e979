// IdLists: doubly linked lists over dense ids, the building block of most replacement policies.
//
// Owned by a policy. kLists lists share one array of links, 8 bytes an id, so that an id is in one
// list at most and moves between lists without allocation. The array is zero memory that the host
// supplies where it is touched: a policy over 16 million ids pays for those that came into use.
//
// Link n < kLists is the sentinel of list n (its `next` is the front, its `prev` the back), link
// kLists + id belongs to `id`. Invariant: a link is in a list if and only if its predecessor points
// to it; this makes all zero bytes mean "in no list", and membership a question of two loads.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/check.hpp"
#include "policy/policy.hpp"

namespace pw::policy {

// An array of zero elements, taken from the host as they are touched.
template <class T>
class ZeroedArray {
 public:
  explicit ZeroedArray(std::size_t size)
      : data_(static_cast<T*>(std::calloc(size == 0 ? 1 : size, sizeof(T)))) {
    PW_CHECK_MSG(data_ != nullptr, "out of host memory for a replacement policy");
  }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const { return data_.get()[i]; }

 private:
  struct Release {
    void operator()(T* data) const { std::free(data); }
  };
  std::unique_ptr<T, Release> data_;
};

template <unsigned kLists = 1>
class IdLists {
 public:
  explicit IdLists(std::uint32_t ids) : ids_(ids), links_(std::size_t{ids} + kLists) {
    PW_CHECK(ids <= kNoPage - kLists);
    for (std::uint32_t list = 0; list < kLists; ++list) links_[list] = {list, list};
  }

  std::uint32_t size(unsigned list = 0) const { return sizes_[list]; }
  Id front(unsigned list = 0) const { return id_of(links_[list].next); }
  Id back(unsigned list = 0) const { return id_of(links_[list].prev); }
  // The neighbour towards the back (front); kNoPage at the end.
  Id next(Id id) const { return id_of(links_[link_of(id)].next); }
  Id prev(Id id) const { return id_of(links_[link_of(id)].prev); }
  bool contains(Id id) const {
    return id < ids_ && links_[links_[link_of(id)].prev].next == link_of(id);
  }

  void push_back(Id id, unsigned list = 0) { link_before(id, list, list); }
  void push_front(Id id, unsigned list = 0) { link_before(id, links_[list].next, list); }
  // Puts `id` in front of `place`, which is in the same list.
  void insert_before(Id id, Id place, unsigned list = 0) { link_before(id, link_of(place), list); }
  // Takes `id` out of the list it is in, which is `list`.
  void remove(Id id, unsigned list = 0) {
    PW_CHECK_MSG(contains(id), "the page is not resident in this policy");
    unlink(link_of(id));
    links_[link_of(id)] = {};
    --sizes_[list];
  }
  // As remove() and push_back(), for an id that stays in its list.
  void move_to_back(Id id, unsigned list = 0) {
    PW_CHECK_MSG(contains(id), "the page is not resident in this policy");
    unlink(link_of(id));
    put_before(link_of(id), list);
  }

 private:
  struct Link {
    std::uint32_t prev;
    std::uint32_t next;
  };

  static std::uint32_t link_of(Id id) { return id + kLists; }
  static Id id_of(std::uint32_t link) { return link < kLists ? kNoPage : link - kLists; }

  void unlink(std::uint32_t link) {
    const Link old = links_[link];
    links_[old.prev].next = old.next;
    links_[old.next].prev = old.prev;
  }
  void put_before(std::uint32_t link, std::uint32_t place) {
    const std::uint32_t before = links_[place].prev;
    links_[link] = {before, place};
    links_[before].next = link;
    links_[place].prev = link;
  }
  void link_before(Id id, std::uint32_t place, unsigned list) {
    PW_CHECK_MSG(id < ids_ && !contains(id),
                 "the page is resident already, or no id of this policy");
    put_before(link_of(id), place);
    ++sizes_[list];
  }

  std::uint32_t ids_;
  std::array<std::uint32_t, kLists> sizes_{};
  ZeroedArray<Link> links_;
};

}  // namespace pw::policy
