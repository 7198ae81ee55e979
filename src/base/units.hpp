// Addresses, page numbers and sizes as types that do not mix.
//
// A VirtAddr is never a PhysAddr, a page number never an address, a count of pages never a count of
// bytes: the compiler refuses. Conversions are named. Every quantity is 64 bits wide; 4 KiB is the
// base page size of the whole system (kPageShift).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace pw {

inline constexpr unsigned kPageShift = 12;
inline constexpr std::uint64_t kPageSize = std::uint64_t{1} << kPageShift;

// A strong 64-bit number. Same-tag values compare; arithmetic is given by the derived operators
// below.
template <class Tag>
struct Strong {
  std::uint64_t value = 0;

  constexpr Strong() = default;
  constexpr explicit Strong(std::uint64_t v) : value(v) {}
  friend constexpr auto operator<=>(Strong, Strong) = default;
};

using ByteCount = Strong<struct ByteCountTag>;
using PageCount = Strong<struct PageCountTag>;
using VirtAddr = Strong<struct VirtAddrTag>;
using PhysAddr = Strong<struct PhysAddrTag>;
using Vpn = Strong<struct VpnTag>;            // virtual page number
using Pfn = Strong<struct PfnTag>;            // physical frame number
using PageOffset = Strong<struct OffsetTag>;  // page index inside an object (file, anonymous
                                              // memory)

constexpr PageCount operator+(PageCount a, PageCount b) { return PageCount(a.value + b.value); }
constexpr PageCount operator-(PageCount a, PageCount b) { return PageCount(a.value - b.value); }
constexpr ByteCount operator+(ByteCount a, ByteCount b) { return ByteCount(a.value + b.value); }
constexpr ByteCount operator-(ByteCount a, ByteCount b) { return ByteCount(a.value - b.value); }

constexpr Vpn operator+(Vpn a, PageCount n) { return Vpn(a.value + n.value); }
constexpr Vpn operator-(Vpn a, PageCount n) { return Vpn(a.value - n.value); }
constexpr PageCount operator-(Vpn a, Vpn b) { return PageCount(a.value - b.value); }
constexpr Pfn operator+(Pfn a, PageCount n) { return Pfn(a.value + n.value); }
constexpr PageCount operator-(Pfn a, Pfn b) { return PageCount(a.value - b.value); }
constexpr PageOffset operator+(PageOffset a, PageCount n) { return PageOffset(a.value + n.value); }
constexpr PageCount operator-(PageOffset a, PageOffset b) { return PageCount(a.value - b.value); }
constexpr VirtAddr operator+(VirtAddr a, ByteCount n) { return VirtAddr(a.value + n.value); }
constexpr VirtAddr operator-(VirtAddr a, ByteCount n) { return VirtAddr(a.value - n.value); }
constexpr ByteCount operator-(VirtAddr a, VirtAddr b) { return ByteCount(a.value - b.value); }

constexpr Vpn page_of(VirtAddr a) { return Vpn(a.value >> kPageShift); }
constexpr VirtAddr address_of(Vpn p) { return VirtAddr(p.value << kPageShift); }
constexpr Pfn frame_of(PhysAddr a) { return Pfn(a.value >> kPageShift); }
constexpr PhysAddr address_of(Pfn f) { return PhysAddr(f.value << kPageShift); }
constexpr std::uint64_t offset_in_page(VirtAddr a) { return a.value & (kPageSize - 1); }
constexpr bool page_aligned(VirtAddr a) { return offset_in_page(a) == 0; }
constexpr ByteCount bytes_of(PageCount n) { return ByteCount(n.value << kPageShift); }
// Pages needed to hold n bytes (rounds up; n near 2^64 does not wrap).
constexpr PageCount pages_for(ByteCount n) {
  return PageCount((n.value >> kPageShift) + ((n.value & (kPageSize - 1)) != 0 ? 1 : 0));
}

// A half-open range of virtual pages.
struct VpnRange {
  Vpn begin;
  Vpn end;

  constexpr PageCount pages() const { return end - begin; }
  constexpr bool empty() const { return begin >= end; }
  constexpr bool contains(Vpn p) const { return begin <= p && p < end; }
  constexpr bool contains(VpnRange r) const { return begin <= r.begin && r.end <= end; }
  constexpr bool overlaps(VpnRange r) const { return begin < r.end && r.begin < end; }
  friend constexpr bool operator==(VpnRange, VpnRange) = default;
};
constexpr VpnRange range_of(Vpn begin, PageCount n) { return {begin, begin + n}; }
constexpr VpnRange intersection(VpnRange a, VpnRange b) {
  Vpn begin = a.begin > b.begin ? a.begin : b.begin;
  Vpn end = a.end < b.end ? a.end : b.end;
  return {begin, end < begin ? begin : end};
}

namespace literals {
constexpr ByteCount operator""_KiB(unsigned long long n) { return ByteCount(n << 10); }
constexpr ByteCount operator""_MiB(unsigned long long n) { return ByteCount(n << 20); }
constexpr ByteCount operator""_GiB(unsigned long long n) { return ByteCount(n << 30); }
constexpr ByteCount operator""_TiB(unsigned long long n) { return ByteCount(n << 40); }
}  // namespace literals

}  // namespace pw

template <class Tag>
struct std::hash<pw::Strong<Tag>> {
  std::size_t operator()(pw::Strong<Tag> v) const noexcept {
    return static_cast<std::size_t>(v.value * 0x9E3779B97F4A7C15ULL >> 7);
  }
};
